package resolver

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"rootwalk/upstream"
	"rootwalk/wire"
)

// askZone asks the servers of a zone until one gives a reply that is of use, and
// says what it means. final is false for a minimised question: its refusal says
// nothing about the server, and it is not insisted on.
func (w *walk) askZone(cut *zoneCut, q wire.Question, final bool) (meaning, error) {
	s := w.serversOf(cut)
	up := w.r.o.Upstream
	trouble := complaints{}
	var spare *meaning // in doubt, and better than nothing
	giveUp := func(f *Failure) (meaning, error) {
		if spare == nil || f.moved && cut.movable() {
			return meaning{}, f
		}
		return *spare, nil
	}
	for {
		if w.ctx.Err() != nil {
			return giveUp(&Failure{EDE: wire.EDENoReachable, Text: fmt.Sprintf("no answer from %s in time%s", cut.Zone, trouble.text()), wide: cut.wide(), partial: w.hurried()})
		}
		if !final && trouble.silent >= maxSilentMinimised { // the whole name may fare better (RFC 9156 section 4)
			f := s.failure(cut, &trouble)
			f.replied = true
			return meaning{}, f
		}
		i := up.Pick(cut.Zone, s.list)
		if i < 0 || s.list[i].Tries > 1 { // a packet may get lost once: known addresses get a second try first
			more, err := w.moreAddresses(s)
			if err != nil {
				return meaning{}, err
			}
			if more {
				continue
			}
			if i < 0 {
				return giveUp(s.failure(cut, &trouble))
			}
		}
		c := &s.list[i]
		c.Tries++
		reply, err := up.Exchange(w.ctx, upstream.Ask{Server: c.Addr, Question: q, Retry: c.Tries > 1, Tries: c.Tries - 1, Others: len(s.list) - 1, Silent: trouble.silent, Last: upstream.Last(s.list), Zone: cut.Zone,
			Trusted: cut.conf != nil, RD: cut.forwards(), TCP: w.tcp, Signed: func() bool { return w.signed(cut.Zone) }, Spend: w.spend})
		if err != nil {
			var f *Failure
			if errors.As(err, &f) {
				return meaning{}, f
			}
			if errors.Is(err, upstream.ErrZoneCrowded) {
				return meaning{}, &Failure{EDE: wire.EDEOther, Text: err.Error() + ": " + cut.Zone.String(), limit: true, crowded: true}
			}
			trouble.crowded = trouble.crowded || errors.Is(err, upstream.ErrServerCrowded) || errors.Is(err, upstream.ErrOwnTrouble)
			c.Out = !errors.Is(err, upstream.ErrTimeout) || w.depth > 0 && c.Tries >= maxAddressTries
			trouble.failed(c.Addr.Addr(), err)
			w.traceError(cut, q, s.owner[i], c.Addr, err)
			continue
		}
		if err := w.budget.receive(reply.Octets); err != nil {
			return meaning{}, err
		}
		res := classify(cut.Zone, cut.forwards(), q, reply.Message)
		w.traceReply(cut, q, s.owner[i], c.Addr, &res, reply)
		for _, l := range res.over {
			w.budget.hit(l)
		}
		res.zone, res.from, res.odd = cut.Zone, c.Addr.Addr(), reply.Message.OddAnswers > 0
		if res.doubt == empty && (!final || spare != nil && spare.doubt == empty) { // a second one says the same
			res.doubt = noDoubt
		}
		if res.kind == isLame || res.kind == isBroken || res.doubt != noDoubt {
			c.Out = true
			trouble.useless(c.Addr.Addr(), &res)
			if (res.kind == isLame || res.doubt == fromCache) && final {
				up.MarkLame(c.Addr.Addr(), cut.Zone, lameFor)
			}
			if res.doubt != noDoubt && spare == nil {
				spare = &res
			}
			continue
		}
		if final && q.Type != wire.TypeANY {
			for _, a := range trouble.broken { // another server did better
				up.MarkLame(a, cut.Zone, brokenFor)
			}
		}
		w.r.troubled.end(cut.Zone)
		if cut.known {
			w.learnBehind(s, reply.RTT)
		}
		return res, nil
	}
}

const (
	// maxSilentMinimised is how many tries a minimised question may go without a
	// reply before the whole name is asked for: some servers drop what they do not
	// expect.
	maxSilentMinimised = 3
	// maxAddressTries is how often one server is asked for another server's address.
	maxAddressTries = 2
	// lameFor is how long a server that does not serve the zone is asked last.
	lameFor = 10 * time.Minute
	// brokenFor is the same for one that failed where another did not.
	brokenFor = 30 * time.Second
)

func (w *walk) spend() error { return w.budget.spend(w.depth > 0) }

func (w *walk) traceError(cut *zoneCut, q wire.Question, owner wire.Name, a netip.AddrPort, err error) {
	if w.trace != nil {
		w.trace.add(Step{Kind: StepAsk, Outcome: err.Error(), raw: raw{question: q, zone: cut.Zone, server: owner, addr: a}})
	}
}

func (w *walk) traceReply(cut *zoneCut, q wire.Question, owner wire.Name, a netip.AddrPort, res *meaning, reply *upstream.Reply) {
	if w.trace == nil {
		return
	}
	step := Step{Kind: StepAsk, Network: reply.Network, RTT: reply.RTT, Outcome: res.kind.String(),
		raw: raw{question: q, zone: cut.Zone, server: owner, addr: a}}
	switch res.kind {
	case isReferral:
		step.name, step.cut = res.cut.Zone, res.cut.Servers
	case isLame, isBroken:
		step.Outcome += ": " + res.reason
	case isAlias:
		step.name = res.next
	}
	if res.doubt != noDoubt {
		step.Outcome += ", in doubt: " + res.reason
	}
	if reply.Joined {
		step.Text = strings.TrimPrefix(step.Text+", asked by another walk", ", ")
	}
	if reply.Plain {
		step.Text = strings.TrimPrefix(step.Text+", without EDNS", ", ")
	}
	w.trace.add(step)
}

// complaints gathers why servers were of no use.
type complaints struct {
	list    []string     // for the failure's text
	broken  []netip.Addr // that replied with an error
	silent  int          // tries without a reply
	replied bool
	crowded bool // some were not asked since too many others are asking
	lame    int  // servers that do not serve the zone
}

func (t *complaints) failed(a netip.Addr, err error) {
	if errors.Is(err, upstream.ErrTimeout) {
		t.silent++
	}
	t.note(a, err.Error())
}

func (t *complaints) useless(a netip.Addr, res *meaning) {
	t.replied = true
	switch {
	case res.kind == isLame || res.doubt == fromCache:
		t.lame++
	case res.kind == isBroken:
		t.broken = append(t.broken, a)
	}
	t.note(a, res.reason)
}

func (t *complaints) note(a netip.Addr, why string) {
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

// failure says why a zone could not be asked.
func (s *servers) failure(cut *zoneCut, t *complaints) *Failure {
	f := &Failure{EDE: wire.EDENoReachable, replied: t.replied, wide: cut.wide(), partial: s.partial,
		crowded: t.crowded, limit: t.crowded,
		moved: t.lame > 0 && t.lame == len(s.list)}
	switch {
	case t.replied:
		f.EDE = wire.EDENetworkError
		f.Text = fmt.Sprintf("no server of %s gave a usable answer%s", cut.Zone, t.text())
	case len(s.list) == 0:
		f.Text = fmt.Sprintf("no server of %s has an address that can be asked", cut.Zone)
	default: // of a bound of our own, the complaints say so
		if !s.partial && !t.crowded {
			f.silent = cut.Zone
		}
		f.Text = fmt.Sprintf("no server of %s answers%s", cut.Zone, t.text())
	}
	return f
}
