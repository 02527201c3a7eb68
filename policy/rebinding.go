package policy

import (
	"net/netip"

	"rootwalk/wire"
)

// Rebinding says which addresses public names may not have: somebody's web page
// could otherwise make the visitor's browser talk to the visitor's own network
// under the page's name (DNS rebinding). The zero value allows all.
type Rebinding struct {
	private *ACL
	exempt  map[wire.Name]bool
}

// NewRebinding forbids the prefixes to all names but those in the exempt domains.
func NewRebinding(prefixes []netip.Prefix, exempt []wire.Name) *Rebinding {
	r := &Rebinding{private: NewACL(prefixes), exempt: map[wire.Name]bool{}}
	for _, n := range exempt {
		r.exempt[n] = true
	}
	return r
}

// Forbids tells whether the name may not have the address.
func (r *Rebinding) Forbids(name wire.Name, a netip.Addr) bool {
	if r == nil || len(r.private.rules) == 0 || !r.private.Has(a) {
		return false
	}
	for n := name; ; n = n.Parent() {
		if r.exempt[n] {
			return false
		}
		if n == wire.Root {
			return true
		}
	}
}
