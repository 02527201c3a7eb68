package resolver

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"rootwalk/upstream"
	"rootwalk/wire"
)

// servers are the servers of one zone during one question: addresses to ask,
// and names whose address would have to be found first.
type servers struct {
	cut     *zoneCut
	list    []upstream.Candidate
	owner   []wire.Name     // the server name of each candidate
	unknown []wire.Question // addresses of names that have none yet, in the order in which they are looked for
	doubt   []wire.Question // other addresses of names that have some: glue may be out of date, one family dead
	missing []wire.Question // addresses that were never asked for, of names elsewhere
	failed  int             // names that turned out to have no address
	partial bool            // some were not looked for because of where the walk stands
	parents bool            // those who delegate to the names were asked, too
}

// serversOf lists the addresses that are known: the glue, and what the cache
// has of server names elsewhere.
func (w *walk) serversOf(cut *zoneCut) *servers {
	if cut.conf != nil {
		s := &servers{cut: cut}
		for _, a := range cut.conf.Servers {
			s.list = append(s.list, upstream.Candidate{Addr: a, Out: w.liars[a.Addr()]})
			s.owner = append(s.owner, "")
		}
		return s
	}
	s := &servers{cut: cut, list: make([]upstream.Candidate, 0, 2*len(cut.Servers)), owner: make([]wire.Name, 0, 2*len(cut.Servers))}
	for _, ns := range cut.Servers {
		if len(ns.Glue) > 0 {
			s.add(w, ns.Name, ns.Glue)
			if !ns.Name.In(cut.Zone) {
				for _, t := range w.addressTypes() {
					s.doubt = append(s.doubt, wire.Question{Name: ns.Name, Type: t, Class: wire.ClassIN})
				}
			}
			continue
		}
		var found []netip.Addr
		first := len(s.missing)
		for _, t := range w.addressTypes() {
			q := wire.Question{Name: ns.Name, Type: t, Class: wire.ClassIN}
			if p := w.cached(q, q); p != nil {
				found = p.addresses(found)
			} else {
				s.missing = append(s.missing, q)
			}
		}
		if s.add(w, ns.Name, found) {
			s.doubt = append(s.doubt, s.missing[first:]...)
		} else {
			s.unknown = append(s.unknown, s.missing[first:]...)
		}
		if ns.Name.In(cut.Zone) { // only its own servers could say
			s.missing = s.missing[:first]
		}
	}
	shuffleNames(s.unknown)
	return s
}

// shuffleNames puts the questions into a random order of names, in which those
// of one name stay together.
func shuffleNames(qs []wire.Question) {
	order := map[wire.Name]uint64{}
	for _, q := range qs {
		if _, ok := order[q.Name]; !ok {
			order[q.Name] = rand.Uint64()
		}
	}
	slices.SortStableFunc(qs, func(a, b wire.Question) int { return cmp.Compare(order[a.Name], order[b.Name]) })
}

func (w *walk) addressTypes() []wire.Type {
	switch {
	case w.r.o.IPv4 && w.r.o.IPv6:
		return []wire.Type{wire.TypeA, wire.TypeAAAA}
	case w.r.o.IPv6:
		return []wire.Type{wire.TypeAAAA}
	}
	return []wire.Type{wire.TypeA}
}

// addresses appends the addresses of a piece's final set.
func (p *piece) addresses(to []netip.Addr) []netip.Addr {
	for i := range p.final {
		for _, d := range p.final[i].Data {
			if a, ok := address(wire.Record{Type: p.final[i].Type, Data: d}); ok && len(to) < 2*maxGlue {
				to = append(to, a)
			}
		}
	}
	return to
}

// add adds addresses that may be asked and were not there yet: many names may
// lead to one address (CVE-2026-3592).
func (s *servers) add(w *walk, name wire.Name, addrs []netip.Addr) (added bool) {
next:
	for _, a := range addrs {
		ap := netip.AddrPortFrom(a.Unmap(), w.r.o.Upstream.Port())
		if !w.r.o.Upstream.Usable(ap) {
			continue
		}
		for i := range s.list {
			if s.list[i].Addr == ap {
				continue next
			}
		}
		s.list = append(s.list, upstream.Candidate{Addr: ap, Out: w.liars[ap.Addr()]})
		s.owner = append(s.owner, name)
		added = true
	}
	return added
}

// moreAddresses looks for the address of one more server name, and reports
// whether there is anything new to ask.
func (w *walk) moreAddresses(s *servers) (bool, error) {
	more, err := w.searchNames(s)
	if more || err != nil || s.parents || s.cut.conf != nil || len(s.list) > 0 && len(w.liars) == 0 {
		return more, err
	}
	s.parents = true
	if len(s.list) > 0 {
		return w.searchFamilies(s)
	}
	return w.searchParents(s)
}

// tooDeep tells whether this walk may begin none below it.
func (w *walk) tooDeep() bool {
	return w.depth >= maxDepth && (!w.budget.allow(limitDepth) || w.depth >= recordDepth)
}

// looksFor tells whether the address of the name is what some walk above this
// one is looking for: zones whose servers live in each other.
func (w *walk) looksFor(name wire.Name) bool {
	for _, n := range w.above {
		if n == name {
			return true
		}
	}
	return false
}

// addressTime is the least time that a walk for a server's address gets, as long
// as the question has any: dead servers take that long to be known as such.
const addressTime = 2 * time.Second

// part is a context with a part of the time that is left: a server name whose
// zone is dead must not use up the time for those that are alive.
func (w *walk) part() (context.Context, context.CancelFunc) {
	d, ok := w.ctx.Deadline()
	if !ok {
		return context.WithCancel(w.ctx)
	}
	return context.WithTimeout(w.ctx, max(time.Until(d)/3, addressTime))
}

// hurried tells whether the time that ran out was less than what any question
// gets, so that more of it might have helped.
func (w *walk) hurried() bool {
	d, ok := w.ctx.Deadline()
	return ok && w.began.Add(addressTime).After(d)
}
