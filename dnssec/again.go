package dnssec

import (
	"slices"

	"rootwalk/wire"
)

// This file spares signature checks that were made already. Sets that come with
// many answers, the SOA record and the denials of a zone, are remembered anyway:
// what is the same to the last octet is as good as it was, while its TTL lasts.

// verify is VerifyRRset for a set of the secure zone p.
func (c *check) verify(set *wire.RRset, p *state) Signed {
	if r, ok := c.again(set, p); ok {
		return r
	}
	return VerifyRRset(set, p.zone, p.keys, c.now, c.b)
}

// again finds the set among those that are remembered. Everything about it is
// judged anew but the cryptography: the time, and that the zone still has the
// key. Of several signatures it is not known which one was good.
func (c *check) again(set *wire.RRset, p *state) (Signed, bool) {
	if set.Type != wire.TypeSOA && !isDenial(set) || len(set.Sigs) != 1 || !c.v.ranges.has(p.zone, set, c.v.o.Clock().Seconds()) {
		return Signed{}, false
	}
	s, ok := parseSignature(set.Sigs[0])
	if !ok {
		return Signed{}, false
	}
	_, ok = s.check(set, p.zone, c.now)
	if !ok || !slices.ContainsFunc(p.keys, func(k *Key) bool { return k.Tag == s.tag && k.Algorithm == s.algorithm }) {
		return Signed{}, false
	}
	return s.accept(set, c.now), true
}

// has tells whether this very set is remembered.
func (r *ranges) has(zone wire.Name, set *wire.RRset, now int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.lru.Get(zone)
	if !ok {
		return false
	}
	s := c.soa
	if set.Type != wire.TypeSOA {
		list := c.nsec
		if set.Type == wire.TypeNSEC3 {
			list = c.nsec3
		}
		i, found := search(list, set.Name)
		if !found {
			return false
		}
		s = list[i]
	}
	return s != "" && s.until() > now && s.is(set)
}

// is tells whether the span is of the set, without regard to its TTL.
func (s span) is(set *wire.RRset) bool {
	rest := string(s[spanHead:])
	if len(rest) < len(set.Name) || rest[:len(set.Name)] != string(set.Name) {
		return false
	}
	rest = rest[len(set.Name):]
	for _, list := range [...][]string{set.Data, set.Sigs} {
		for _, d := range list {
			if len(rest) < 2+len(d) || int(be16(rest)) != len(d) || rest[2:2+len(d)] != d {
				return false
			}
			rest = rest[2+len(d):]
		}
	}
	return rest == ""
}
