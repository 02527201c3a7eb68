package resolver

import (
	"net/netip"
	"slices"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file owns the last resort for the address of a server: what the zones
// above say of it, where its own says nothing. Glue may be out of date, and it is
// all that keeps some zones alive.

// maxParents is how many server names a parent is asked for when it gave a
// delegation without any glue.
const maxParents = 2

// searchParents takes the addresses that delegations in the cache have for the
// names, whatever zone they delegate. If there are none, the parent is asked
// for servers that lie in the zone itself: it may have left the glue out for
// want of room (RFC 9471 section 3.1).
func (w *walk) searchParents(s *servers) (bool, error) {
	found := false
	for _, ns := range s.cut.Servers {
		for n := ns.Name; ; n = n.Parent() {
			if c, _ := w.r.cut(n); c != nil && s.add(w, ns.Name, w.awake(glueOf(c, ns.Name))) {
				found = true
			}
			if n == wire.Root {
				break
			}
		}
	}
	if found {
		return true, nil
	}
	inside := slices.DeleteFunc(slices.Clone(s.cut.Servers), func(ns cache.NameServer) bool { return !ns.Name.In(s.cut.Zone) || len(ns.Glue) > 0 })
	for i, ns := range inside {
		if i == maxParents || w.depth >= maxDepth || s.cut.Zone == wire.Root {
			break
		}
		if more, err := w.askParent(s, wire.Question{Name: ns.Name, Type: w.addressTypes()[0], Class: wire.ClassIN}); more || err != nil {
			return more, err
		}
	}
	return false, nil
}

// askParent asks the servers above the zone for the address of one of its own.
func (w *walk) askParent(s *servers, q wire.Question) (bool, error) {
	if !w.budget.lookup() {
		s.partial = true
		return false, nil
	}
	trace, done := w.trace.below(Step{Kind: StepAddress, Server: q.Name.String(), Text: q.Type.String() + ", of the parent"})
	defer done()
	ctx, cancel := w.part()
	defer cancel()
	below := &walk{r: w.r, ctx: ctx, began: w.began, budget: w.budget, trace: trace, depth: w.depth + 1, raw: true, above: append(w.above[:len(w.above):len(w.above)], q.Name)}
	m, err := below.askZone(below.closestCut(s.cut.Zone.Parent()), q, false)
	switch {
	case err != nil && w.budget.spent():
		return false, err
	case err != nil:
		return false, nil
	case m.kind == isReferral:
		return s.add(w, q.Name, glueOf(&m.cut, q.Name)), nil
	}
	p := piece{final: m.final}
	return s.add(w, q.Name, p.addresses(nil)), nil
}

// searchFamilies looks for addresses of the family that the glue has none of, where
// all that are known gave bogus answers: their own servers may know them, and what
// is there may be in better order.
func (w *walk) searchFamilies(s *servers) (bool, error) {
	for _, ns := range s.cut.Servers {
		if len(ns.Glue) == 0 || !ns.Name.In(s.cut.Zone) || w.depth >= maxDepth || w.looksFor(ns.Name) {
			continue
		}
		for _, t := range w.addressTypes() {
			if slices.ContainsFunc(ns.Glue, func(a netip.Addr) bool { return a.Is4() == (t == wire.TypeA) }) {
				continue
			}
			r, err := w.findAddress(wire.Question{Name: ns.Name, Type: t, Class: wire.ClassIN})
			if err != nil || s.add(w, ns.Name, r.found) {
				return err == nil, err
			}
		}
	}
	return false, nil
}

// awake leaves out what has just been silent: it was asked often enough.
func (w *walk) awake(addrs []netip.Addr) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(addrs), w.r.o.Upstream.Silent)
}

func glueOf(c *cache.Cut, name wire.Name) []netip.Addr {
	for _, ns := range c.Servers {
		if ns.Name == name {
			return ns.Glue
		}
	}
	return nil
}
