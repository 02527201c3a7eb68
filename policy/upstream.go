package policy

import "net/netip"

// neverAsked are addresses at which no authoritative server can be, whatever a
// delegation says: multicast and reserved space, "this network", link-local
// addresses (RFC 6890).
var neverAsked = []netip.Prefix{
	netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("::/128"),
	netip.MustParsePrefix("ff00::/8"),
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("100::/64"),
}

// Upstreams decides which addresses may be sent a query.
type Upstreams struct {
	never, refuse *ACL
	own           map[netip.AddrPort]bool
}

// NewUpstreams refuses the prefixes, the addresses at which no server can be,
// and the addresses and ports that this process listens on itself.
func NewUpstreams(refuse []netip.Prefix, own []netip.AddrPort) *Upstreams {
	u := &Upstreams{never: NewACL(neverAsked), refuse: NewACL(refuse), own: map[netip.AddrPort]bool{}}
	for _, o := range own {
		u.own[netip.AddrPortFrom(o.Addr().Unmap(), o.Port())] = true
	}
	return u
}

// Allowed tells whether a query may be sent to the server.
func (u *Upstreams) Allowed(server netip.AddrPort) bool {
	ip := server.Addr().Unmap()
	return server.Port() != 0 && !u.never.Has(ip) && !u.refuse.Has(ip) && !u.own[netip.AddrPortFrom(ip, server.Port())]
}
