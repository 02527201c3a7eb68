package dnssec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/wire"
)

// This file owns the validator's doors: what it is told, what it is asked, and
// what it says. The chain of trust is in chain.go, answers are in answer.go.

// Fetcher gets DS and DNSKEY sets with their signatures and proofs, from a cache
// or by a walk. DS sets are asked of the parent's servers. What it brings is not
// validated: that is for the validator to do.
type Fetcher interface {
	Fetch(ctx context.Context, q wire.Question) (Fetched, error)
}

// Rejecter is a Fetcher that can be told that what it brought is bogus. If
// Reject reports true, the next Fetch of the question asks another server; that
// is tried at most twice.
type Rejecter interface {
	Reject(q wire.Question, reason string) bool
}

// Fetched is a reply, sections grouped and nothing dropped but what the server
// has no say in.
type Fetched struct {
	Rcode     wire.Rcode
	Answer    []wire.RRset
	Authority []wire.RRset
	// Zone is the zone whose server answered, a hint that saves questions; "" where
	// it is not known.
	Zone wire.Name
}

// Anchor is a record that trust begins with (RFC 4033 section 2). Several of
// one zone are alternatives.
type Anchor struct {
	Zone wire.Name // lower case
	Type wire.Type // DS or DNSKEY
	Data string    // RDATA
}

// AnchorOf makes an anchor of a *dns.DS or a *dns.DNSKEY.
func AnchorOf(rr dns.RR) (Anchor, error) {
	t := wire.Type(rr.Header().Rrtype)
	if t != wire.TypeDS && t != wire.TypeDNSKEY {
		return Anchor{}, fmt.Errorf("a %s record is no trust anchor", t)
	}
	zone, err := wire.ParseName(rr.Header().Name)
	if err != nil {
		return Anchor{}, fmt.Errorf("trust anchor: %w", err)
	}
	buf := make([]byte, dns.Len(rr)+1)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return Anchor{}, fmt.Errorf("trust anchor of %s: %w", zone, err)
	}
	return Anchor{Zone: zone.Lower(), Type: t, Data: string(buf[len(zone)+10 : end])}, nil
}

// NegativeAnchor is a name at and below which nothing is validated (RFC 7646).
type NegativeAnchor struct {
	Name wire.Name
	Left time.Duration // until it ends; 0 is never
}

// NegativeAnchors makes the function of Options that finds the closest negative
// trust anchor at or above a name. Each ends at an instant of the clock now, the
// zero time being never.
func NegativeAnchors(until map[wire.Name]time.Time, now func() time.Time) func(wire.Name) (NegativeAnchor, bool) {
	if len(until) == 0 {
		return nil
	}
	return func(n wire.Name) (NegativeAnchor, bool) {
		for ; ; n = n.Parent() {
			if end, ok := until[n]; ok && end.IsZero() {
				return NegativeAnchor{Name: n}, true
			} else if ok && now().Before(end) {
				return NegativeAnchor{Name: n, Left: end.Sub(now())}, true
			}
			if n == wire.Root {
				return NegativeAnchor{}, false
			}
		}
	}
}

// Options are the settings of a validator.
type Options struct {
	Anchors []Anchor
	// NegativeAnchors finds the negative trust anchor that a name is at or below (RFC
	// 7646); nil for none.
	NegativeAnchors func(wire.Name) (NegativeAnchor, bool)
	SHA1            bool // algorithms 5 and 7 count
	MaxIterations   int  // of NSEC3; above, a proof is insecure (RFC 9276)
	// Now is the wall clock that signatures are judged by; it may stand still.
	Now func() time.Time
	// Earliest is a time that has passed: a clock that shows an earlier one is wrong.
	// Where it is zero the clock is not doubted.
	Earliest time.Time
	Log      *slog.Logger // nil is silent
	// Clock is the boot clock that remembered zones age by.
	Clock     clock.Clock
	CacheSize int // bytes of remembered zones; 0 is 8 MiB
	// Aggressive makes the validator remember what NSEC and NSEC3 records deny, for
	// Deny (RFC 8198).
	Aggressive bool
}

// Answer is one piece of an answer: aliases, then the set asked for or its
// denial, as one zone's server gave it. Check lowers the TTL of each verified set to what its signature
// allows (RFC 4035 section 5.3.3).
type Answer struct {
	Question wire.Question
	Zone     wire.Name // whose server answered, a hint that saves questions
	Rcode    wire.Rcode
	Links    []wire.RRset // CNAME, or DNAME followed by the CNAME that it stands for, in order
	Next     wire.Name    // the name that the aliases lead to, where the piece ends with them
	Final    []wire.RRset // the set asked for
	SOA      []wire.RRset
	Proofs   []wire.RRset // NSEC and NSEC3 sets
}

// Verdict is what an answer is worth.
type Verdict struct {
	Status cache.Status // Secure, Insecure, Bogus or Indeterminate
	EDE    wire.EDE     // NoEDE where there is nothing to say
	Zone   wire.Name    // whose keys or delegation decided
	Reason string       // in words, on one line
	TTL    uint32       // seconds: the longest that the answer may be kept
	NXName bool         // compact denial: the name does not exist, whatever the rcode says (RFC 9824)
	// EmptyNonTerminal: the proofs show that the name exists without data, though the
	// reply is NXDOMAIN. NoError is the right code.
	EmptyNonTerminal bool
	Err              error // with Indeterminate: why something could not be fetched
	// Wildcards are sets of a secure answer that were made from wildcards, under the
	// names of those, for Deny to refer to.
	Wildcards []wire.RRset

	limit bool // ours was reached, and what remains is not to be spent on excuses
}

// noCap is a TTL that limits nothing (RFC 2181 section 8).
const noCap = 1<<31 - 1

// Validator judges answers. It is safe for use by many goroutines.
type Validator struct {
	o Options
	*memory
}

// memory is what is believed, remembered and counted; it outlives settings.
type memory struct {
	anchors atomic.Pointer[map[wire.Name]trustAnchors]
	zones   *zoneCache
	ranges  *ranges
	stats   counters

	wrongClock atomic.Bool // and somebody was told
}

// trustAnchors are the anchors of one zone.
type trustAnchors struct {
	ds   []string // RDATA
	keys []string
}

// New makes a validator. Without anchors every answer is insecure.
func New(o Options) *Validator {
	o = o.complete()
	v := &Validator{o: o, memory: &memory{zones: newZoneCache(int64(o.CacheSize)), ranges: newRanges(defaultRangeBytes)}}
	v.SetAnchors(o.Anchors)
	return v
}

// complete fills in the defaults.
func (o Options) complete() Options {
	if o.NegativeAnchors == nil {
		o.NegativeAnchors = func(wire.Name) (NegativeAnchor, bool) { return NegativeAnchor{}, false }
	}
	if o.Clock == nil {
		o.Clock = clock.Now
	}
	if o.Now == nil {
		o.Now = clock.Wall
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.CacheSize == 0 {
		o.CacheSize = 8 << 20
	}
	return o
}

// With is the same validator with other settings. It shares anchors and counters
// with the one that it is made of, and what that one concluded is forgotten; with
// Anchors it gets new ones. CacheSize stays what it was.
func (v *Validator) With(o Options) *Validator {
	next := &Validator{o: o.complete(), memory: v.memory}
	if o.Anchors != nil {
		next.SetAnchors(o.Anchors)
	}
	next.Flush(wire.Root)
	return next
}

// SetAnchors replaces the trust anchors and forgets what was concluded from them,
// as a reload or a rollover (RFC 5011) wants.
func (v *Validator) SetAnchors(list []Anchor) {
	anchors := map[wire.Name]trustAnchors{}
	for _, a := range list {
		t := anchors[a.Zone]
		if a.Type == wire.TypeDS {
			t.ds = append(t.ds, a.Data)
		} else {
			t.keys = append(t.keys, a.Data)
		}
		anchors[a.Zone] = t
	}
	v.anchors.Store(&anchors)
	v.Flush(wire.Root)
}

// Anchored tells whether a zone has a trust anchor of its own.
func (v *Validator) Anchored(zone wire.Name) bool {
	_, ok := (*v.anchors.Load())[zone]
	return ok
}

// Exempt tells whether a name is at or below a negative trust anchor.
func (v *Validator) Exempt(name wire.Name) bool {
	_, ok := v.o.NegativeAnchors(name)
	return ok
}

// TrustsRootKey tells whether a trust anchor of the root has the key tag (RFC 8509
// section 3.2).
func (v *Validator) TrustsRootKey(tag uint16) bool {
	t := (*v.anchors.Load())[wire.Root]
	return slices.ContainsFunc(t.ds, func(d string) bool { return len(d) >= 2 && be16(d) == tag }) ||
		slices.ContainsFunc(t.keys, func(d string) bool { return keyTag(d) == tag })
}

// Describe names the trust anchors in force, a line each: zone, key tag and form.
func (v *Validator) Describe() (lines []string) {
	for zone, t := range *v.anchors.Load() {
		for _, d := range t.ds {
			if len(d) >= 2 {
				lines = append(lines, fmt.Sprintf("%s key %d, by its DS", zone, be16(d)))
			}
		}
		for _, k := range t.keys {
			lines = append(lines, fmt.Sprintf("%s key %d", zone, keyTag(k)))
		}
	}
	slices.Sort(lines)
	return lines
}

// Flush forgets what is known of a zone and of all below it.
func (v *Validator) Flush(zone wire.Name) {
	v.zones.flush(zone)
	v.ranges.flush(zone)
}

// Check says what an answer is worth. The note function, if not nil, gets one
// line for every step, for the trace.
func (v *Validator) Check(ctx context.Context, f Fetcher, b *Budget, a *Answer, note func(string)) Verdict {
	c := &check{v: v, ctx: ctx, f: f, b: b, a: a, note: note, now: v.instant(), generation: v.zones.current(), rangesAt: v.ranges.current(),
		anchors: *v.anchors.Load(), states: map[wire.Name]*state{}, gathered: map[wire.Name]*denials{}, spoiled: map[wire.Name]Signed{}, ttl: noCap, exempt: noCap}
	signatures, failed, hashes := b.Signatures(), b.Failed(), b.Hashes()
	r := c.answer()
	v.stats.add(r, b.Signatures()-signatures, b.Failed()-failed, b.Hashes()-hashes)
	return r
}

// check is one call of Check: what it was given, and what it found out so far.
type check struct {
	v          *Validator
	ctx        context.Context
	f          Fetcher
	b          *Budget
	a          *Answer
	note       func(string)
	now        time.Time
	anchors    map[wire.Name]trustAnchors
	generation uint64
	rangesAt   uint64 // the generation of the ranges

	states          map[wire.Name]*state   // of zones, so that a TTL of zero is not asked for twice
	gathered        map[wire.Name]*denials // the answer's proofs, by zone
	spoiled         map[wire.Name]Signed   // why those of a zone cannot be used
	misses          int                    // questions for DS that brought no signed reply
	ttl             uint32                 // seconds that a secure answer may be kept
	exempt          uint32                 // seconds until a negative trust anchor ends that mattered
	nxName, noError bool                   // what the denial says beside the reply's code
	wildcards       []wire.RRset           // that sets were made from
}

// remember keeps what the keys of a secure zone have signed, for Deny.
func (c *check) remember(zone wire.Name, sets []verified) {
	if c.v.o.Aggressive && !c.now.IsZero() { // else it is not known whether they are valid
		c.v.ranges.add(zone, sets, rangeOptions{c.v.o.Clock().Seconds(), c.rangesAt, c.v.o.MaxIterations})
	}
}

// tell writes a line of the trace.
func (c *check) tell(format string, args ...any) {
	if c.note != nil {
		c.note(oneLine(fmt.Sprintf(format, args...)))
	}
}

// count is a number of things in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// anchorOf is the closest zone above or at the name that has a trust anchor.
func (c *check) anchorOf(name wire.Name) (wire.Name, bool) {
	for {
		if _, ok := c.anchors[name]; ok {
			return name, true
		}
		if name == wire.Root {
			return "", false
		}
		name = name.Parent()
	}
}

// extended is an error that knows its extended error code.
type extended interface{ ExtendedError() wire.EDE }

// edeOf is the extended error of a failed fetch: the cause, where that is known.
func edeOf(err error) wire.EDE {
	var e extended
	if errors.As(err, &e) {
		return e.ExtendedError()
	}
	return EDEIndeterminate
}

// oneLine keeps a reason from filling two lines of a log.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
