package resolver

import (
	"net/netip"

	"rootwalk/cache"
	"rootwalk/wire"
)

// Zone sends the questions of one zone to servers that the configuration names,
// instead of those that the public DNS knows.
type Zone struct {
	Name     wire.Name // lower case
	Forward  bool      // the servers are recursive: they are asked for whole answers; else they are authoritative
	Servers  []netip.AddrPort
	FallBack bool // walk like for any other zone when they give no answer
}

// zoneCut is the place where a walk stands: a delegation, or a configured zone.
type zoneCut struct {
	cache.Cut
	conf  *Zone // nil for a delegation
	known bool  // before this walk
	until int64 // boot clock, seconds: what is learned from its servers about cuts below ends then; 0 is never
}

// lease bounds the lifetime of a cut below by what is left of this one: else the
// servers of a zone that its parent has removed could go on delegating in it
// (phoenix domains, CVE-2022-30699).
func (c *zoneCut) lease(ttl uint32, now int64) uint32 {
	if c.until == 0 {
		return ttl
	}
	return min(ttl, uint32(max(0, c.until-now)))
}

// wide tells whether many names depend on these very servers.
func (c *zoneCut) wide() bool { return c.Zone == wire.Root || c.conf != nil }

// movable tells whether the parent may say by now that other servers have the zone.
func (c *zoneCut) movable() bool { return c.known && c.conf == nil && c.Zone != wire.Root }

func (c *zoneCut) forwards() bool { return c.conf != nil && c.conf.Forward }

// closestCut finds the deepest zone cut at or above the name: a configured zone,
// or a delegation in the cache. A forward zone has no cuts below it: its servers
// answer for all of it. The root is always known: from its own list of servers,
// or from the hints.
func (w *walk) closestCut(n wire.Name) *zoneCut {
	if z := w.forwarder(n); z != nil {
		return &zoneCut{Cut: cache.Cut{Zone: z.Name}, conf: z, known: true}
	}
	for {
		if z := w.r.zones[n]; z != nil && !w.given(z) {
			return &zoneCut{Cut: cache.Cut{Zone: n}, conf: z, known: true}
		}
		if c, until := w.r.cut(n); c != nil {
			if n == wire.Root { // nobody is above it
				until = 0
			}
			return &zoneCut{Cut: *c, known: true, until: until}
		}
		if n == wire.Root {
			w.r.primeBehind()
			return &zoneCut{Cut: w.r.hints, known: true}
		}
		n = n.Parent()
	}
}

// forwarder finds the deepest configured zone at or above the name, if it is a
// forward zone that was not given up.
func (w *walk) forwarder(n wire.Name) *Zone {
	if len(w.r.zones) == 0 {
		return nil
	}
	for {
		if z := w.r.zones[n]; z != nil && !w.given(z) {
			if z.Forward {
				return z
			}
			return nil
		}
		if n == wire.Root {
			return nil
		}
		n = n.Parent()
	}
}

// given tells whether the zone's servers were given up in this walk.
func (w *walk) given(z *Zone) bool {
	for _, g := range w.givenUp {
		if g == z {
			return true
		}
	}
	return false
}
