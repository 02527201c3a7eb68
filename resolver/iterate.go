package resolver

import (
	"errors"
	"strings"

	"rootwalk/cache"
	"rootwalk/wire"
)

// iterate walks from the closest known zone cut to the servers that answer the
// question, descending by one referral at a time (RFC 1034 section 5.3.3). It
// returns what their reply means.
func (w *walk) iterate(q wire.Question) (meaning, error) {
	start := q.Name
	if q.Type == wire.TypeDS { // the parent's side of the cut has it (RFC 4035 section 3.1.4.1)
		start = start.Parent()
	}
	cut := w.closestCut(start)
	w.trace.add(Step{Kind: StepCut, raw: raw{zone: cut.Zone}})
	steps := minimiser{q: q, off: w.r.o.FullNames}
	if res, ok := w.denied(cut, q); ok { // further down there is nothing more to know
		return res, nil
	}
	for {
		ask := q
		if !cut.forwards() {
			ask = steps.next(cut.Zone)
		}
		if ask != q {
			if p := w.cached(ask, ask); p != nil && !w.doubtful(p) {
				if len(p.links) > 0 { // the code is that of the name at the end; this one exists
					p.rcode = wire.NoError
				}
				if p.rcode == wire.NXDomain && trustsNXDomain(cut.Zone) && p.flags&compactFlag == 0 { // that would be about one name
					w.trace.add(Step{Kind: StepCached, Outcome: "NXDOMAIN", raw: raw{question: ask}})
					return meaning{kind: isNXDomain, zone: cut.Zone, soa: p.soa, proofs: p.proofs}, nil
				}
				steps.answered(ask.Name, p.rcode)
				continue
			}
		}
		res, err := w.askZone(cut, ask, ask == q)
		if err != nil {
			if ask != q && replied(err) { // servers that choke on minimised names (RFC 9156 section 2.3)
				w.trace.add(Step{Kind: StepNote, Text: "minimised name not answered: asking for the whole name"})
				steps.off = true
				continue
			}
			if moved(err) && cut.movable() {
				w.trace.add(Step{Kind: StepNote, Text: "no server serves " + cut.Zone.String() + " any more: asking its parent again"})
				w.r.dropCut(cut.Zone)
				cut = w.closestCut(start)
				continue
			}
			if cut.conf != nil && cut.conf.FallBack && !spent(err) {
				w.trace.add(Step{Kind: StepNote, Text: "the servers of the zone give no answer: walking to it"})
				w.givenUp = append(w.givenUp, cut.conf)
				cut = w.closestCut(start)
				steps.off, steps.depth = w.r.o.FullNames, 0 // others are asked now
				continue
			}
			return meaning{}, err
		}
		switch {
		case res.kind == isReferral:
			now := w.r.o.Clock().Seconds()
			ttl := cut.lease(min(res.cutTTL, seconds(w.r.o.MaxTTL)), now)
			w.r.keepCut(&res.cut, ttl)
			w.r.keepReferred(res.cut.Zone, res.proofs, ttl)
			cut = &zoneCut{Cut: res.cut, until: now + int64(ttl)}
		case ask == q:
			return res, nil
		default:
			rcode := wire.NoError
			if res.kind == isNXDomain && len(res.links) == 0 {
				rcode = wire.NXDomain
			}
			w.keepStep(ask, &res)
			if rcode == wire.NXDomain && (trustsNXDomain(cut.Zone) || w.proves(q, ask, &res)) {
				return res, nil
			}
			steps.answered(ask.Name, rcode)
		}
	}
}

// doubtful tells whether a piece is a name error that nobody has judged: one lying
// server must not take away a whole domain for as long as it likes.
func (w *walk) doubtful(p *piece) bool {
	return p.rcode == wire.NXDomain && p.status == cache.Unchecked && w.validating()
}

// keepStep stores the answer to a minimised question, which is an answer like
// any other.
func (w *walk) keepStep(ask wire.Question, res *meaning) {
	p := &piece{links: res.links, next: res.next, final: res.final, soa: res.soa, proofs: res.proofs}
	switch res.kind {
	case isNXDomain:
		p.rcode = wire.NXDomain
	case isYXDomain:
		return
	}
	w.r.bound(p, res.kind)
	w.dropForbidden(p, "")
	w.keep(ask, p)
}

// trustsNXDomain tells whether a name error for an ancestor ends the matter (RFC
// 8020) whoever says it. The root and top-level domains are known to answer rightly
// for empty non-terminals; the servers of other zones have to prove it, or are asked
// for the whole name.
func trustsNXDomain(zone wire.Name) bool { return zone.Labels() <= 1 }

// spent tells whether one of our own bounds ended it.
func spent(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.limit
}

// moved tells whether every server says that it does not serve the zone.
func moved(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.moved
}

// replied tells whether servers did reply, though with nothing of use.
func replied(err error) bool {
	var f *Failure
	return errors.As(err, &f) && f.replied
}

// minimiser decides how much of a name the next server gets to see (RFC 9156).
type minimiser struct {
	q     wire.Question
	off   bool
	steps int
	depth int // labels that are known not to be a zone cut
}

// next is the question for the servers of the zone: one label more than they
// serve, as long as that is not the whole name.
func (m *minimiser) next(zone wire.Name) wire.Question {
	have, total := max(zone.Labels(), m.depth), m.q.Name.Labels()
	left := total - have
	if m.off || left <= 1 || m.steps >= maxMinimised {
		return m.q
	}
	more := 1
	if m.steps >= maxOneLabel { // RFC 9156 section 2.3: the rest in equal parts
		more = (left + maxMinimised - m.steps - 1) / (maxMinimised - m.steps)
	}
	if more >= left {
		return m.q
	}
	n := m.q.Name.Last(have + more)
	if strings.HasPrefix(string(n[1:]), "_") { // no zone is cut at a service label
		return m.q
	}
	m.steps++
	return wire.Question{Name: n, Type: wire.TypeA, Class: m.q.Class}
}

// answered takes note of a reply to a minimised question that was no referral.
func (m *minimiser) answered(n wire.Name, rcode wire.Rcode) {
	if rcode != wire.NoError { // broken for empty non-terminals, or the truth: the whole name will tell
		m.off = true
		return
	}
	m.depth = n.Labels()
}
