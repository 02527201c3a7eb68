package resolver

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	"rootwalk/cache"
	"rootwalk/upstream"
	"rootwalk/wire"
)

// visit is why a zone is asked.
type visit struct {
	final bool // for the question itself, not for a minimised one, whose refusal says nothing about the server
	again bool // the zone was known before this walk
}

// askZone asks the servers of a zone until one gives a reply that is of use, and
// says what it means.
func (w *walk) askZone(cut *cache.Cut, v visit, q wire.Question) (meaning, error) {
	s := w.serversOf(cut)
	up := w.r.o.Upstream
	var trouble complaints
	for {
		if err := w.ctx.Err(); err != nil {
			return meaning{}, &Failure{EDE: wire.EDENoReachable, Text: fmt.Sprintf("no answer from %s in time%s", cut.Zone, trouble.text()), root: cut.Zone == wire.Root}
		}
		i := up.Pick(cut.Zone, s.list)
		if i < 0 || s.list[i].Tries > 0 && len(s.unknown) > 0 {
			more, err := w.moreAddresses(s)
			if err != nil {
				return meaning{}, err
			}
			if more {
				continue
			}
			if i < 0 {
				return meaning{}, s.failure(cut, &trouble)
			}
		}
		c := &s.list[i]
		c.Tries++
		reply, err := up.Exchange(w.ctx, upstream.Ask{Server: c.Addr, Question: q, Retry: c.Tries > 1, Spend: w.spend})
		step := Step{Kind: StepAsk, Question: q.String(), Zone: cut.Zone.String(), Server: serverText(s.name(i), c.Addr)}
		if err != nil {
			var f *Failure
			if errors.As(err, &f) {
				return meaning{}, f
			}
			c.Out = !errors.Is(err, upstream.ErrTimeout)
			trouble.add(c.Addr.Addr(), err.Error(), false)
			step.Outcome = err.Error()
			w.trace.add(step)
			continue
		}
		if err := w.budget.receive(reply.Octets); err != nil {
			return meaning{}, err
		}
		res := classify(cut.Zone, q, reply.Message)
		w.traceReply(step, &res, reply)
		switch res.kind {
		case isLame:
			if v.final {
				up.MarkLame(c.Addr.Addr(), cut.Zone)
			}
			fallthrough
		case isBroken:
			c.Out = true
			trouble.add(c.Addr.Addr(), res.reason, true)
			continue
		}
		if v.again {
			w.learnBehind(s, reply.RTT)
		}
		return res, nil
	}
}

func (w *walk) spend() error { return w.budget.spend(w.depth > 0) }

func (w *walk) traceReply(step Step, res *meaning, reply *upstream.Reply) {
	if w.trace == nil {
		return
	}
	step.Network, step.RTT, step.Outcome = reply.Network, reply.RTT, res.kind.String()
	switch res.kind {
	case isReferral:
		step.Outcome += " to " + res.cut.Zone.String()
		names := make([]string, 0, len(res.cut.Servers))
		for _, s := range res.cut.Servers {
			names = append(names, s.Name.String())
		}
		step.Text = "servers " + strings.Join(names, " ")
	case isLame, isBroken:
		step.Outcome += ": " + res.reason
	case isAlias:
		step.Outcome += " to " + res.next.String()
	}
	if reply.Joined {
		step.Text = strings.TrimPrefix(step.Text+", asked by another walk", ", ")
	}
	if reply.Plain {
		step.Text = strings.TrimPrefix(step.Text+", without EDNS", ", ")
	}
	w.trace.add(step)
}

// complaints gathers why servers were of no use, for the failure's text.
type complaints struct {
	list    []string
	replied bool
}

func (t *complaints) add(a netip.Addr, why string, replied bool) {
	t.replied = t.replied || replied
	if len(t.list) < 4 {
		t.list = append(t.list, a.String()+" "+why)
	}
}

func (t *complaints) text() string {
	if len(t.list) == 0 {
		return ""
	}
	return ": " + strings.Join(t.list, ", ")
}

// servers are the servers of one zone during one question: addresses to ask,
// and names whose address would have to be found first.
type servers struct {
	cut     *cache.Cut
	list    []upstream.Candidate
	owner   []wire.Name     // the server name of each candidate
	unknown []wire.Name     // names without an address, in the order in which they are looked for
	doubt   []wire.Name     // names whose glue may be out of date
	missing []wire.Question // addresses that were never asked for, of names elsewhere
	failed  int             // names that turned out to have no address
}

// serversOf lists the addresses that are known: the glue, and what the cache
// has of server names elsewhere.
func (w *walk) serversOf(cut *cache.Cut) *servers {
	s := &servers{cut: cut, list: make([]upstream.Candidate, 0, 2*len(cut.Servers)), owner: make([]wire.Name, 0, 2*len(cut.Servers))}
	for _, ns := range cut.Servers {
		if len(ns.Glue) > 0 {
			s.add(w, ns.Name, ns.Glue)
			if !ns.Name.In(cut.Zone) {
				s.doubt = append(s.doubt, ns.Name)
			}
			continue
		}
		var found []netip.Addr
		for _, t := range w.addressTypes() {
			q := wire.Question{Name: ns.Name, Type: t, Class: wire.ClassIN}
			if p := w.cached(q, q); p != nil {
				found = p.addresses(found)
			} else if !ns.Name.In(cut.Zone) {
				s.missing = append(s.missing, q)
			}
		}
		if len(found) == 0 {
			s.unknown = append(s.unknown, ns.Name)
		}
		s.add(w, ns.Name, found)
	}
	rand.Shuffle(len(s.unknown), func(i, j int) { s.unknown[i], s.unknown[j] = s.unknown[j], s.unknown[i] })
	return s
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
		s.list = append(s.list, upstream.Candidate{Addr: ap})
		s.owner = append(s.owner, name)
		added = true
	}
	return added
}

func (s *servers) name(i int) wire.Name { return s.owner[i] }

// moreAddresses looks for the address of one more server name, and reports
// whether there is anything new to ask.
func (w *walk) moreAddresses(s *servers) (bool, error) {
	for len(s.unknown) > 0 || len(s.doubt) > 0 {
		from := &s.unknown
		if len(s.unknown) == 0 {
			from = &s.doubt
		}
		name := (*from)[0]
		*from = (*from)[1:]
		if s.failed >= maxUnknownServers || w.depth >= maxDepth {
			return false, nil
		}
		if name.In(s.cut.Zone) || w.looksFor(name) {
			s.failed++
			continue
		}
		found, err := w.findAddresses(name)
		if err != nil {
			return false, err
		}
		if s.add(w, name, found) {
			return true, nil
		}
		s.failed++
	}
	return false, nil
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

// findAddresses resolves the address of a server: IPv4 if there is one, else
// IPv6. Only a spent budget is an error.
func (w *walk) findAddresses(name wire.Name) ([]netip.Addr, error) {
	for _, t := range w.addressTypes() {
		found, err := w.findAddress(wire.Question{Name: name, Type: t, Class: wire.ClassIN})
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

// findAddress resolves one server name and address type by a walk below this
// one. A failure is remembered like a client's (RFC 9520 section 3.1), unless it
// is this question's own budget that ended it.
func (w *walk) findAddress(q wire.Question) ([]netip.Addr, error) {
	trace, done := w.trace.below(Step{Kind: StepAddress, Server: q.Name.String(), Text: q.Type.String()})
	defer done()
	if f := w.r.failed(q, w.r.o.Clock().Seconds()); f != nil {
		trace.add(Step{Kind: StepFailed, Text: f.Text + "; remembered"})
		return nil, nil
	}
	below := &walk{r: w.r, ctx: w.ctx, budget: w.budget, trace: trace, depth: w.depth + 1, above: append(w.above[:len(w.above):len(w.above)], q.Name)}
	rep, _, err := below.resolve(q)
	if err != nil {
		f := asFailure(err)
		trace.add(Step{Kind: StepFailed, Text: f.Text})
		switch {
		case !f.limit && w.ctx.Err() == nil:
			w.r.remember(q, f)
		case w.budget.packets.Load() > maxPackets:
			return nil, f
		}
		return nil, nil
	}
	p := piece{final: rep.Answer}
	return p.addresses(nil), nil
}

// failure says why a zone could not be asked.
func (s *servers) failure(cut *cache.Cut, t *complaints) error {
	f := &Failure{EDE: wire.EDENoReachable, replied: t.replied, root: cut.Zone == wire.Root}
	switch {
	case t.replied:
		f.EDE = wire.EDENetworkError
		f.Text = fmt.Sprintf("no server of %s gave a usable answer%s", cut.Zone, t.text())
	case len(s.list) == 0:
		f.Text = fmt.Sprintf("no server of %s has an address that can be asked", cut.Zone)
	default:
		f.Text = fmt.Sprintf("no server of %s answers%s", cut.Zone, t.text())
	}
	return f
}
