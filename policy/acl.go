// Package policy is what may be asked and answered: rules that are made once,
// never changed, and swapped whole when the configuration is read again. Every
// decision here is a pure function of the rule set and the packet.
package policy

import "net/netip"

// ACL is a set of client addresses. The zero value allows nobody.
type ACL struct{ prefixes []netip.Prefix }

// NewACL makes the set of the addresses in the prefixes. An IPv4 prefix also
// holds the IPv4-mapped IPv6 addresses of it.
func NewACL(prefixes []netip.Prefix) *ACL {
	a := &ACL{prefixes: make([]netip.Prefix, 0, len(prefixes))}
	for _, p := range prefixes {
		a.prefixes = append(a.prefixes, p.Masked())
	}
	return a
}

// Has tells whether the address is in the set.
func (a *ACL) Has(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	for _, p := range a.prefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
