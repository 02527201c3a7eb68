package resolver

import (
	"rootwalk/cache"
	"rootwalk/wire"
)

// decorate adds to a positive answer what a client may find useful and is known
// already: the name servers of its zone, and the addresses of the names that the
// answer and they point to (RFC 1034 section 3.7). It sends nothing. Only where
// the configuration asks for full responses; a client that needs more can ask.
func (w *walk) decorate(rep *wire.Reply) {
	if !w.r.o.FullResponses || len(rep.Answer) == 0 || len(rep.Authority) > 0 {
		return
	}
	last := &rep.Answer[len(rep.Answer)-1]
	if last.Type != rep.Question.Type {
		return
	}
	names := pointedTo(last)
	if ns := w.zoneServers(last.Name); ns != nil && w.status != cache.Secure && !(last.Type == wire.TypeNS && last.Name == ns.Name) {
		rep.Authority = []wire.RRset{*ns}
		names = append(names, pointedTo(ns)...)
	}
	seen := map[wire.Name]bool{}
	for _, n := range names {
		if n = n.Lower(); seen[n] || len(seen) >= maxServers {
			continue
		}
		seen[n] = true
		for _, t := range w.addressTypes() {
			q := wire.Question{Name: n, Type: t, Class: wire.ClassIN}
			if p := w.cached(q, q); p != nil && len(p.links) == 0 && (p.status != cache.Unchecked || !w.validating()) {
				rep.Additional = append(rep.Additional, p.final...)
			}
		}
	}
}

// zoneServers is the NS set of the delegation that the name is in.
func (w *walk) zoneServers(n wire.Name) *wire.RRset {
	for ; n != wire.Root; n = n.Parent() {
		c, until := w.r.cut(n)
		if c == nil {
			continue
		}
		set := &wire.RRset{Name: c.Zone, Type: wire.TypeNS, Class: wire.ClassIN, TTL: uint32(until - w.r.o.Clock().Seconds())}
		for _, s := range c.Servers {
			set.Data = append(set.Data, string(s.Name))
		}
		return set
	}
	return nil
}

// pointedTo lists the names that the records of a set point to, where they are
// hosts whose addresses the client will want next.
func pointedTo(s *wire.RRset) []wire.Name {
	at := 0
	switch s.Type {
	case wire.TypeNS:
	case wire.TypeMX:
		at = 2
	case 33: // SRV
		at = 6
	default:
		return nil
	}
	var out []wire.Name
	for _, d := range s.Data {
		if n := wire.NameAt(d, at); n != "" && n != wire.Root {
			out = append(out, n)
		}
	}
	return out
}
