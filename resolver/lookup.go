package resolver

import (
	"context"
	"sync"
	"time"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file takes questions in: what is known is answered at once, and who has to
// wait for a walk waits together with all who ask the same.

// Request is a question and how to answer it.
type Request struct {
	wire.Question
	CD        bool   // checking disabled (RFC 4035 section 3.2.2)
	CacheOnly bool   // answer from what is known, walk for nothing
	Anew      bool   // what is known of the names asked for does not count: their servers are asked
	Trace     *Trace // where the story is written down; nil for none. A traced question joins no other's walk.

	refresh bool // answers that are about to run out do not count
}

// Result is the answer to a question: a packed reply and its age.
type Result struct {
	Reply  wire.Packed
	Header cache.Header
	Cached bool // found, not walked for
	Stale  bool // its TTL has run out; it is served because there is nothing better (RFC 8767)
}

// copy gives a caller bytes of its own.
func (r Result) copy() Result {
	r.Reply = append(wire.Packed(nil), r.Reply...)
	return r
}

// Lookup answers a question from the cache or by a walk. The error is always a
// *Failure. Name errors and empty answers are answers, not errors. A caller waits
// until its deadline, or for QuestionTime at the most; the walk goes on without it.
// The bytes of the result are the caller's own.
func (r *Resolver) Lookup(ctx context.Context, req Request) (Result, error) {
	r = r.current()
	s := r.begin(&req)
	switch {
	case s.done:
		return s.res, s.err
	case req.Trace != nil || req.Anew:
		return r.walk(ctx, req, false)
	}
	type outcome struct {
		res Result
		err error
	}
	landed := make(chan outcome, 1)
	r.await(req, &s, func(res Result, err error) { landed <- outcome{res, err} })
	select {
	case o := <-landed:
		return o.res.copy(), o.err
	case <-ctx.Done():
		if s.stale {
			return s.old, nil
		}
		return Result{}, asFailure(ctx.Err())
	}
}

// Ask is Lookup for who does not want to wait, nor to have a goroutine that does: then
// gets the outcome, once, and before Ask returns where it is known already. It must
// not panic, take long, or change the bytes, which others get as well. A trace and
// Anew are for Lookup alone.
func (r *Resolver) Ask(req Request, then func(Result, error)) {
	r = r.current()
	if s := r.begin(&req); s.done {
		then(s.res, s.err)
	} else {
		r.await(req, &s, then)
	}
}

// start is where a question stands before anybody walks for it.
type start struct {
	key   cache.Key
	done  bool // with res or err
	res   Result
	err   error
	stale bool // there is old data to fall back on
	old   Result
}

// begin looks for what is known of a question.
func (r *Resolver) begin(req *Request) (s start) {
	req.Name = req.Name.Lower()
	s.key.SetName(cache.Answer, req.Name, req.Type, req.Class)
	now := r.o.Clock().Seconds()
	h, b, found := r.o.Cache.GetAnswer(&s.key, nil, now)
	if req.CD && !(found && h.Fresh(now)) { // what was not judged, or judged bogus, has a place of its own
		s.key.Set(cache.Answer, cache.Question{Name: []byte(req.Name), Type: req.Type, Class: req.Class, CD: true})
		if hc, bc, ok := r.o.Cache.GetAnswer(&s.key, nil, now); ok && (!found || hc.Fresh(now)) {
			h, b, found = hc, bc, true
		}
	}
	found = found && r.Serves(h, req.CD)
	if found && h.Fresh(now) && !req.Anew {
		req.Trace.add(Step{Kind: StepCached, raw: raw{question: req.Question}, Outcome: describe(b), Text: remaining(h, now)})
		s.res, s.done = Result{Reply: b, Header: h, Cached: true}, true
		return s
	}
	if s.res, s.done = r.local(*req); s.done {
		return s
	}
	if req.CacheOnly {
		s.err, s.done = &Failure{EDE: wire.EDENotAuthoritative, Text: "not in the cache, and recursion is not desired"}, true
		return s
	}
	s.old = Result{Reply: b, Header: h, Cached: true, Stale: true}
	s.stale = found && r.o.Stale.usable(h, now) && req.Trace == nil && !req.Anew
	if f := r.failed(req.Question, now); f != nil && !req.Anew && !(req.CD && f.judged) {
		req.Trace.add(Step{Kind: StepFailed, Text: f.Text + "; remembered", Outcome: f.code()})
		if s.done = true; s.stale && r.ServesStale(&s.key, h, now) {
			s.res = s.old
		} else {
			s.err = f
		}
	}
	return s
}

// await has then called when the walk for the question ends, which is begun unless
// one is under way, or earlier with stale data.
func (r *Resolver) await(req Request, s *start, then func(Result, error)) {
	if s.stale {
		if !r.learn.full() && (r.o.Stale.ClientTimeout == 0 || r.failedBefore(req.Question)) { // one client has waited; nobody else has to
			r.Refresh(req.Question)
			then(s.old, nil)
			return
		}
		then = orStale(s.old, r.o.Stale.ClientTimeout, then)
	}
	f, first := r.flights.join(&s.key, then)
	if !first {
		return
	}
	stale, began := s.stale, time.Now()
	r.behind.Add(1)
	r.places.want(func(ok bool) {
		defer r.behind.Done()
		r.goBehind(func() {
			r.flights.fly(f, func() (Result, error) {
				if !ok {
					return r.shed()
				}
				defer r.places.leave()
				if res, err, ok := r.landed(&f.key, req); ok {
					return res, err
				}
				ctx, cancel := context.WithDeadline(context.Background(), began.Add(QuestionTime))
				defer cancel()
				return r.walkInPlace(ctx, began, req, stale)
			})
		})
	})
}

// orStale answers with fresh data if that comes in time, else with what there is.
func orStale(old Result, patience time.Duration, then func(Result, error)) func(Result, error) {
	var once sync.Once
	answer := func(res Result, err error) { once.Do(func() { then(res, err) }) }
	timer := time.AfterFunc(patience, func() { answer(old, nil) })
	return func(res Result, err error) {
		timer.Stop()
		if err != nil && !asFailure(err).bogus { // what is stale was true once; what is bogus never was, and somebody wants it believed
			res, err = old, nil
		}
		answer(res, err)
	}
}

// landed looks for what another flight has brought between a client's look into the
// cache and the beginning of its own flight.
func (r *Resolver) landed(key *cache.Key, req Request) (Result, error, bool) {
	now := r.o.Clock().Seconds()
	if h, b, ok := r.o.Cache.GetAnswer(key, nil, now); ok && h.Fresh(now) && r.Serves(h, req.CD) {
		return Result{Reply: b, Header: h, Cached: true}, nil, true
	}
	if f := r.failed(req.Question, now); f != nil && !(req.CD && f.judged) {
		return Result{}, f, true
	}
	return Result{}, nil, false
}

// local answers a question about a name that is nobody else's business.
func (r *Resolver) local(req Request) (Result, bool) {
	if r.o.Local == nil {
		return Result{}, false
	}
	rep, ok := r.o.Local.Answer(req.Question)
	if !ok {
		return Result{}, false
	}
	req.Trace.add(Step{Kind: StepNote, Text: req.Name.String() + answeredHere})
	res, err := r.store(req.Question, rep, localLifetime, standing{status: cache.Insecure})
	return res, err == nil
}

const answeredHere = " is answered here: it is a name of special use or of a private network"

// localLifetime is how long an answer about a local name stays in the cache, in
// seconds; it is made anew after that.
const localLifetime = 3600
