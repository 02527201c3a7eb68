// Package policy is what may be asked and answered: rules that are made once,
// never changed, and swapped whole when the configuration is read again. Every
// decision here is a pure function of the rule set and the packet.
package policy

import (
	"cmp"
	"net/netip"
	"slices"
)

// Action is what becomes of a client's query.
type Action uint8

// What may become of it; the zero value is the one for strangers.
const (
	Refuse Action = iota // REFUSED with EDE 18
	Allow
	Deny // no reply: whoever sends forged queries in a client's name gets nothing
)

// Rule is what holds for the clients of a prefix.
type Rule struct {
	Prefix netip.Prefix
	Action Action
}

// ACL says what becomes of a client's query by its address. The zero value allows
// nobody.
type ACL struct{ rules []Rule } // the longest prefix first

// NewACL allows the addresses in the prefixes, and makes exceptions by rules. The
// longest prefix that has an address decides; of equal ones a rule, and of rules
// the first. An IPv4 prefix also holds the IPv4-mapped IPv6 addresses of it.
func NewACL(prefixes []netip.Prefix, rules ...Rule) *ACL {
	all := slices.Clone(rules)
	for _, p := range prefixes {
		all = append(all, Rule{p, Allow})
	}
	for i := range all {
		all[i].Prefix = all[i].Prefix.Masked()
	}
	slices.SortStableFunc(all, func(a, b Rule) int { return cmp.Compare(b.Prefix.Bits(), a.Prefix.Bits()) })
	return &ACL{all}
}

// Judge says what becomes of a query from the address.
func (a *ACL) Judge(ip netip.Addr) Action {
	ip = ip.Unmap().WithZone("")
	for i := range a.rules {
		if a.rules[i].Prefix.Contains(ip) {
			return a.rules[i].Action
		}
	}
	return Refuse
}

// Has tells whether the address is allowed.
func (a *ACL) Has(ip netip.Addr) bool { return a.Judge(ip) == Allow }
