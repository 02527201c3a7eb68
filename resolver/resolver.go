package resolver

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	roothints "rootwalk/rootHints"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/upstream"
	"rootwalk/wire"
)

// Options are the settings of a Resolver.
type Options struct {
	Cache    *cache.Cache
	Upstream *upstream.Upstream
	Hints    []roothints.Server // the root servers to begin with (RFC 9609)
	Clock    clock.Clock        // nil is the boot clock
	Log      *slog.Logger       // nil is silent

	MaxAliases int  // links of CNAME and DNAME that are followed; 0 is DefaultMaxAliases
	FullNames  bool // send the whole name to every server: no QNAME minimisation
	IPv4, IPv6 bool // which addresses of name servers are looked for

	MinTTL, MaxTTL                 time.Duration // bounds of positive answers; MaxTTL 0 is DefaultMaxTTL
	MinNegativeTTL, MaxNegativeTTL time.Duration // bounds of negative ones; 0 is DefaultMaxNegativeTTL
}

// The defaults of Options, and what bounds every question beside its budget.
const (
	DefaultMaxAliases     = 10
	DefaultMaxTTL         = 24 * time.Hour
	DefaultMaxNegativeTTL = time.Hour

	// QuestionTime is how long a question may take; stubs give up after 5 s or ask again.
	QuestionTime = 7 * time.Second
	// MaxInFlight is the most walks at the same time.
	MaxInFlight = 2048
)

// Resolver answers questions by walking the DNS from the root, and remembers
// what it learned. It is safe for use by many goroutines.
type Resolver struct {
	o       Options
	hints   cache.Cut
	places  chan struct{} // one for each walk that may run
	flights flights
	learn   learning
	priming atomic.Bool
	primed  atomic.Bool
	behind  sync.WaitGroup // work that no client waits for
	stats   counters
}

// New makes a resolver. It sends nothing before Prime or the first Lookup.
func New(o Options) *Resolver {
	if o.Clock == nil {
		o.Clock = clock.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxAliases == 0 {
		o.MaxAliases = DefaultMaxAliases
	}
	if o.MaxTTL == 0 {
		o.MaxTTL = DefaultMaxTTL
	}
	if o.MaxNegativeTTL == 0 {
		o.MaxNegativeTTL = DefaultMaxNegativeTTL
	}
	r := &Resolver{o: o, places: make(chan struct{}, MaxInFlight)}
	r.flights.m = map[cache.Key]*flight{}
	r.learn.m = map[wire.Question]bool{}
	r.hints.Zone = wire.Root
	for _, s := range o.Hints {
		if n, err := wire.ParseName(s.Name); err == nil {
			r.hints.Servers = append(r.hints.Servers, cache.NameServer{Name: n.Lower(), Glue: s.Addrs})
		}
	}
	return r
}

// Close waits until the work that no client waits for has ended; it takes
// QuestionTime at the most.
func (r *Resolver) Close() { r.behind.Wait() }

// Request is a question and how to answer it.
type Request struct {
	wire.Question
	CD    bool   // checking disabled (RFC 4035 section 3.2.2)
	Trace *Trace // where the story is written down; nil for none. A traced question joins no other's walk.
}

// Result is the answer to a question: a packed reply and its age. Its bytes are
// the caller's own.
type Result struct {
	Reply  wire.Packed
	Header cache.Header
	Cached bool // found, not walked for
}

// Lookup answers a question from the cache or by a walk. The error is always a
// *Failure. Name errors and empty answers are answers, not errors.
func (r *Resolver) Lookup(ctx context.Context, req Request) (Result, error) {
	var key cache.Key
	key.Set(cache.Answer, cache.Question{Name: []byte(req.Name), Type: req.Type, Class: req.Class, CD: req.CD})
	req.Name = req.Name.Lower()
	now := r.o.Clock().Seconds()
	if h, b, ok := r.o.Cache.Get(&key, nil); ok && h.Fresh(now) {
		req.Trace.add(Step{Kind: StepCached, Question: req.Question.String(), Outcome: describe(wire.Packed(b)), Text: remaining(h, now)})
		return Result{Reply: b, Header: h, Cached: true}, nil
	}
	if f := r.failed(req.Question, now); f != nil {
		req.Trace.add(Step{Kind: StepFailed, Text: f.Text + "; remembered"})
		return Result{}, f
	}
	if req.Trace != nil {
		return r.walk(ctx, req)
	}
	return r.flights.fly(ctx, &key, func() (Result, error) {
		// The walk goes on when the client that began it leaves: others wait for it.
		return r.walk(context.WithoutCancel(ctx), req)
	})
}

// walk resolves a question under the bounds of time, concurrency and budget, and
// stores the outcome.
func (r *Resolver) walk(ctx context.Context, req Request) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, QuestionTime)
	defer cancel()
	select {
	case r.places <- struct{}{}:
		defer func() { <-r.places }()
	case <-ctx.Done():
		r.stats.shed.Add(1)
		return Result{}, &Failure{EDE: wire.EDEOther, Text: "too many questions at once", limit: true}
	}
	r.stats.walks.Add(1)
	b := new(budget)
	child, done := req.Trace.below(Step{Kind: StepQuestion, Question: req.Question.String()})
	defer done()
	w := &walk{r: r, ctx: ctx, budget: b, trace: child, client: req.Question}
	rep, ttl, err := w.resolve(req.Question)
	r.stats.packets.Add(uint64(b.packets.Load()))
	if err != nil {
		f := asFailure(err)
		r.stats.failures.Add(1)
		child.add(Step{Kind: StepFailed, Text: f.Text})
		r.remember(req.Question, f)
		r.o.Log.Debug("failed", "question", req.Question.String(), "reason", f.Text, "packets", b.packets.Load())
		return Result{}, f
	}
	r.forgive(req.Question)
	return r.store(req.Question, rep, ttl)
}

// Primed tells whether the root's own list of its servers has been learned.
func (r *Resolver) Primed() bool { return r.primed.Load() }
