package resolver

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	roothints "rootwalk/rootHints"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/dnssec"
	"rootwalk/policy"
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

	Local         *policy.Local     // names that are answered here; nil is none
	Zones         []Zone            // zones with servers of their own
	Validator     *dnssec.Validator // judges what is found; nil: nothing is validated
	Rebinding     *policy.Rebinding // addresses that public names may not have; nil allows all
	Stale         Stale             // serving data whose TTL has run out
	Prefetch      bool              // renew popular answers before they run out
	FullResponses bool              // add name servers and addresses that are known anyway
	Record        bool              // count what goes beyond the limits on packets, but let it
	Walks         int               // the most at the same time, for good; 0 is MaxInFlight

	MinTTL, MaxTTL                 time.Duration // bounds of positive answers; MaxTTL 0 is DefaultMaxTTL
	MinNegativeTTL, MaxNegativeTTL time.Duration // bounds of negative ones; 0 is DefaultMaxNegativeTTL
}

// The defaults of Options, and what bounds every question beside its budget.
const (
	// DefaultMaxAliases is how many links of CNAME and DNAME are followed.
	//
	//limit:aliases PowerDNS 10; BIND, Unbound 11; Knot 13
	DefaultMaxAliases = 10
	NoAliases         = -1 // follow none
	// DefaultMaxTTL is the longest that an answer is kept.
	//
	//bound:ttl Unbound, PowerDNS 24 h
	DefaultMaxTTL = 24 * time.Hour
	// DefaultMaxNegativeTTL is the same for answers that something does not exist.
	//
	//bound:negative_ttl Unbound, PowerDNS 1 h
	DefaultMaxNegativeTTL = time.Hour

	// QuestionTime is how long a question may take; stubs give up after 5 s or ask again.
	//
	//limit:time PowerDNS 7 s; BIND, Knot 10 s
	QuestionTime = 7 * time.Second
	// MaxInFlight is the most walks at the same time, each of which takes some 30 KiB. Where
	// memory is limited it is one for each 256 KiB of it.
	//
	//limit:walks BIND 1,000 clients; PowerDNS 2,048 per thread
	MaxInFlight = 2048
	// PlaceTime is how long a question waits for one of these places. Whoever waited
	// longer has asked again by now, and an answer would come too late.
	//
	//bound:waiting_for_a_walk none
	PlaceTime = 2 * time.Second
)

// Resolver answers questions by walking the DNS from the root, and remembers
// what it learned. It is safe for use by many goroutines.
type Resolver struct {
	o     *Options
	hints cache.Cut
	zones map[wire.Name]*Zone
	// Questions join no walk that goes by other settings, or that began before a flush.
	flights flights
	*living
}

// living is what goes on and what was counted; it outlives settings.
type living struct {
	places   places                   // of walks
	newest   atomic.Pointer[Resolver] // whose settings are in force, since the last flush
	learn    learning
	troubled *troubled
	priming  atomic.Bool
	primed   atomic.Bool
	behind   sync.WaitGroup // work that no client waits for
	stats    counters
	recent   recent
	asked    asked
}

// New makes a resolver. It sends nothing before Prime or the first Lookup.
func New(o Options) *Resolver {
	l := &living{places: places{most: cmp.Or(o.Walks, MaxInFlight)}, asked: asked{seed: maphash.MakeSeed()}}
	l.troubled = newTroubled()
	l.learn.m = map[wire.Question]bool{}
	return l.with(o)
}

// With is the same resolver with other settings: it shares what goes on and what
// was counted, and the cache where that is given. Walks under way end by the
// settings that they began with, and what they find is not kept.
func (r *Resolver) With(o Options) *Resolver {
	next := r.with(o)
	if !reflect.DeepEqual(next.hints, r.hints) { // another root
		next.primed.Store(false)
		next.dropCut(wire.Root)
	}
	return next
}

func (l *living) with(o Options) *Resolver {
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
	r := &Resolver{o: &o, living: l, flights: flights{m: map[cache.Key]*flight{}}}
	r.hints.Zone = wire.Root
	r.zones = make(map[wire.Name]*Zone, len(o.Zones))
	for i := range o.Zones {
		r.zones[o.Zones[i].Name] = &o.Zones[i]
	}
	if z := r.zones[wire.Root]; z != nil { // nothing to prime: the root is asked for elsewhere
		r.primed.Store(true)
	}
	for _, s := range o.Hints {
		if n, err := wire.ParseName(s.Name); err == nil {
			r.hints.Servers = append(r.hints.Servers, cache.NameServer{Name: n.Lower(), Glue: s.Addrs})
		}
	}
	l.newest.Store(r)
	return r
}

// again is the same resolver for what begins from now on: what is under way is not
// kept, and joined by nobody.
func (r *Resolver) again() *Resolver {
	return &Resolver{o: r.o, hints: r.hints, zones: r.zones, flights: flights{m: map[cache.Key]*flight{}}, living: r.living}
}

// current is the resolver as it is after the last flush. One whose settings are not
// in force any more is left as it is.
func (r *Resolver) current() *Resolver {
	if n := r.newest.Load(); n.o == r.o {
		return n
	}
	return r
}

// Close waits until the work that no client waits for has ended; it takes
// QuestionTime at the most.
func (r *Resolver) Close() { r.behind.Wait() }

// goBehind runs f where no client waits for it. A panic costs what f was about,
// not the process.
func (r *Resolver) goBehind(f func()) {
	r.behind.Add(1)
	go func() {
		defer r.behind.Done()
		defer func() {
			if p := recover(); p != nil {
				r.stats.panics.Add(1)
				r.o.Log.Error("panic behind the scenes", "panic", p)
			}
		}()
		f()
	}()
}

// walk resolves a question as soon as there is a place for it.
func (r *Resolver) walk(ctx context.Context, req Request, stale bool) (Result, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, QuestionTime)
	defer cancel()
	if !r.places.enter(ctx) {
		return r.shed()
	}
	defer r.places.leave()
	return r.walkInPlace(ctx, began, req, stale)
}

// shed is what becomes of a question for which there was no place.
func (r *Resolver) shed() (Result, error) {
	r.stats.shed.Add(1)
	return Result{}, &Failure{EDE: wire.EDEOther, Text: "limit: questions at once", limit: true}
}

// walkInPlace resolves a question that has a place, under the bounds of time and budget,
// and stores the outcome. stale tells that there is old data to fall back on, so that a
// failure need not be looked at again so soon.
func (r *Resolver) walkInPlace(ctx context.Context, began time.Time, req Request, stale bool) (Result, error) {
	r.stats.walks.Add(1)
	b := &budget{stats: &r.stats, record: r.o.Record, crypto: dnssec.NewBudget(r.o.Record)}
	trace := req.Trace
	if trace == nil {
		trace = lentTrace()
		defer trace.giveBack()
	}
	child, done := trace.below(Step{Kind: StepQuestion, raw: raw{question: req.Question}})
	defer done()
	w := &walk{r: r, ctx: ctx, began: began, budget: b, trace: child, client: req.Question, cd: req.CD, refresh: req.refresh, anew: req.Anew}
	rep, ttl, err := w.resolve(req.Question)
	r.stats.packets.Add(uint64(b.packets.Load()))
	r.stats.judged(b.crypto)
	if err != nil {
		f := asFailure(err)
		r.stats.failures.Add(1)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && !w.hurried() {
			b.hit(limitTime)
		}
		child.add(Step{Kind: StepFailed, Text: f.Text, Outcome: f.code()})
		if !f.crowded && (ctx.Err() == nil || !w.hurried()) { // a caller's own impatience says nothing about the question
			r.remember(req.Question, f, stale)
		}
		done()
		r.recent.add(Past{When: clock.Wall(), Question: req.Question.String(), EDE: f.EDE, Text: f.Text, Took: time.Since(began),
			Packets: int(b.packets.Load()), Bogus: f.bogus, Steps: trace.Steps})
		r.o.Log.Debug("failed", "question", req.Question.String(), "reason", f.Text, "packets", b.packets.Load())
		return Result{}, f
	}
	if !req.CD { // what a client judges by itself may fail for all others
		r.forgive(req.Question)
	}
	w.decorate(rep)
	if w.fleeting {
		ttl = 0
	}
	return r.store(req.Question, rep, ttl, w.note())
}

// Primed tells whether the root's own list of its servers has been learned.
func (r *Resolver) Primed() bool { return r.primed.Load() }
