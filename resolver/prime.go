package resolver

import (
	"context"
	"time"

	"rootwalk/dnssec"
	"rootwalk/wire"
)

// Prime asks the root servers of the hints for the root's own list of its servers
// (RFC 9609), and returns when the first attempt has ended, well or not. A failed
// one is repeated as soon as a walk needs the root again.
func (r *Resolver) Prime(ctx context.Context) {
	if r = r.current(); r.zones[wire.Root] == nil && r.priming.CompareAndSwap(false, true) {
		r.primeOnce(ctx)
	}
}

// primeOnce makes one attempt, and lets the next one begin a while later.
func (r *Resolver) primeOnce(ctx context.Context) {
	if err := r.prime(ctx); err != nil {
		r.o.Log.Warn("priming failed", "reason", err)
		time.AfterFunc(primeAgain, func() { r.priming.Store(false) })
		return
	}
	r.priming.Store(false)
}

// prime asks the hints' servers, so that an old list of hints does no harm.
func (r *Resolver) prime(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, QuestionTime)
	defer cancel()
	w := &walk{r: r, ctx: ctx, began: time.Now(), budget: &budget{crypto: dnssec.NewBudget(false)}, raw: true}
	q := wire.Question{Name: wire.Root, Type: wire.TypeNS, Class: wire.ClassIN}
	res, err := w.askHints(q)
	if err != nil {
		return err
	}
	if res.kind != isAnswer || len(res.cut.Servers) == 0 {
		return &Failure{EDE: wire.EDENotReady, Text: "the root servers have no list of root servers: " + res.kind.String()}
	}
	known := 0
	for i := range res.cut.Servers { // a reply of 1232 octets may leave addresses out
		s := &res.cut.Servers[i]
		for _, h := range r.hints.Servers {
			if h.Name == s.Name && len(s.Glue) == 0 {
				s.Glue = h.Glue
			}
		}
		known += len(s.Glue)
	}
	if known == 0 {
		return &Failure{EDE: wire.EDENotReady, Text: "the root servers' list of root servers has no addresses"}
	}
	r.keepCut(&res.cut, res.cutTTL)
	p := &piece{final: res.final}
	r.bound(p, isAnswer)
	w.keep(q, p)
	r.primed.Store(true)
	return nil
}

// askHints asks for the list of root servers over TCP, which a stranger cannot forge: no
// letter case protects a name without letters, addresses are not signed, and a false
// list would lead all questions astray for as long as it is kept (RFC 9609 section 3).
// Where no root server can be asked so in a quarter of the time, it is a question like
// any other.
func (w *walk) askHints(q wire.Question) (meaning, error) {
	cut := &zoneCut{Cut: w.r.hints}
	early, cancel := context.WithTimeout(w.ctx, QuestionTime/4)
	defer cancel()
	over := *w
	over.ctx, over.tcp = early, true
	if res, err := over.askZone(cut, q, true); err == nil {
		return res, nil
	}
	return w.askZone(cut, q, true)
}

// primeAgain is how long after a failed priming the next one may begin.
const primeAgain = 5 * time.Second

// primeBehind begins priming unless it is going on already; the walk that
// noticed goes on with the hints.
func (r *Resolver) primeBehind() {
	if len(r.hints.Servers) == 0 || !r.priming.CompareAndSwap(false, true) {
		return
	}
	r.goBehind(func() { r.primeOnce(context.Background()) })
}
