package dnssec

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rootwalk/clock"
	"rootwalk/wire"
)

// This file looks at the keys of the trust points from time to time, for as long
// as the program runs, and tells the validator what is trusted now.

// FollowOptions are the settings of a Follower.
type FollowOptions struct {
	Validator *Validator
	Points    []*TrustPoint // the Follower's own from now on
	// Fetch gets the DNSKEY set of a zone from its servers, not from a cache. If good
	// returns an error it asks another server, a few times.
	Fetch func(ctx context.Context, zone wire.Name, good func(Fetched) error) error
	Save  func(text []byte) error // writes the state; nil: it lives in memory alone
	SHA1  bool
	Wall  func() time.Time // nil is the wall clock
	Clock clock.Clock      // nil is the boot clock
	Log   *slog.Logger     // nil is silent
}

// Follower follows the trust anchors of all zones that have any (RFC 5011).
type Follower struct {
	o      FollowOptions
	looked map[wire.Name]clock.Time // when each zone was looked at in this process

	mu     sync.Mutex // guards what follows, the points and SHA1
	stats  FollowStats
	failed bool // the last look
}

// FollowStats are the numbers of a Follower.
type FollowStats struct {
	States    map[string]int // keys by state, and configured anchors that were not seen yet as "configured"
	Refreshes uint64         // DNSKEY sets that a trust anchor had signed
	Failures  uint64         // attempts that brought none
}

// NewFollower makes one. It asks nobody before Run.
func NewFollower(o FollowOptions) *Follower {
	if o.Wall == nil {
		o.Wall = clock.Wall
	}
	if o.Clock == nil {
		o.Clock = clock.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Follower{o: o, looked: map[wire.Name]clock.Time{}}
}

// Trusted are the anchors of all points together.
func Trusted(points []*TrustPoint) []Anchor {
	var out []Anchor
	for _, p := range points {
		out = append(out, p.Trusted()...)
	}
	return out
}

const (
	// firstLook is how long after the start the first look is, so that priming and
	// the first clients go before.
	firstLook = 10 * time.Second
	// longestSleep bounds how late a look can be after the machine has slept or its
	// clock was set.
	longestSleep = time.Hour
)

// Run looks at each zone when it is due, until ctx ends.
func (f *Follower) Run(ctx context.Context) {
	wait := firstLook
	for {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		wait = longestSleep
		f.mu.Lock()
		points := f.o.Points
		f.mu.Unlock()
		for _, p := range points {
			if left := p.due(f.o.Wall()); left > 0 {
				wait = min(wait, left)
				continue
			}
			f.look(ctx, p)
		}
	}
}

// look fetches the keys of one zone and draws the conclusions.
func (f *Follower) look(ctx context.Context, p *TrustPoint) {
	var changes []Change
	seen := false
	err := f.o.Fetch(ctx, p.Zone, func(got Fetched) error {
		seen = true
		f.mu.Lock()
		defer f.mu.Unlock()
		c, err := p.Observe(findSet(got.Answer, p.Zone, wire.TypeDNSKEY), Look{Now: f.o.Wall(), Passed: f.passed(p), SHA1: f.o.SHA1})
		changes = append(changes, c...)
		return err
	})
	if ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	if !seen {
		p.retry(f.o.Wall())
	}
	if err == nil {
		f.looked[p.Zone] = f.o.Clock()
		f.stats.Refreshes++
	} else {
		f.stats.Failures++
	}
	firstFailure := err != nil && !f.failed
	f.failed = err != nil
	text := AppendTrustPoints(nil, f.o.Points)
	trusted := Trusted(f.o.Points)
	f.mu.Unlock()
	if firstFailure {
		f.o.Log.Warn("trust anchors could not be refreshed", "zone", p.Zone.String(), "reason", err, "again", timeText(p.Next))
	}
	for _, c := range changes {
		f.o.Log.Info("trust anchor", "change", c.String())
	}
	if len(changes) > 0 {
		f.o.Validator.SetAnchors(trusted)
		if len(p.Trusted()) == 0 {
			f.o.Log.Error("every trust anchor was revoked: names are no longer validated; configure new ones with root.trust-anchors", "zone", p.Zone.String())
		}
	}
	if f.o.Save == nil || err != nil && len(changes) == 0 {
		return
	}
	if err := f.o.Save(text); err != nil {
		f.o.Log.Warn("the state of the trust anchors was not saved", "reason", err)
	}
}

// Configure gives the zones other anchors, as a reload does, and returns what is
// trusted now.
func (f *Follower) Configure(anchors []Anchor, sha1 bool) []Anchor {
	f.mu.Lock()
	defer f.mu.Unlock()
	var old []TrustPoint
	for _, p := range f.o.Points {
		old = append(old, *p)
	}
	points, notes := TrustPoints(anchors, old)
	for _, n := range notes {
		f.o.Log.Warn("trust anchor", "note", n)
	}
	f.o.Points, f.o.SHA1 = points, sha1
	return Trusted(points)
}

// passed is the time since the zone was looked at last. Within one process the
// boot clock bounds it, which nobody can set; a longer pause is known from the
// wall clock alone.
func (f *Follower) passed(p *TrustPoint) time.Duration {
	d := f.o.Wall().Sub(p.Checked)
	if at, ok := f.looked[p.Zone]; ok {
		d = min(d, f.o.Clock().Sub(at))
	}
	return d
}

// Stats reads the numbers.
func (f *Follower) Stats() FollowStats {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.stats
	s.States = map[string]int{"configured": 0}
	for _, name := range keyStates {
		s.States[name] = 0
	}
	for _, p := range f.o.Points {
		for i := range p.Keys {
			s.States[p.Keys[i].State.String()]++
		}
		for _, a := range p.Trusted() {
			if p.find(a.Data) == nil {
				s.States["configured"]++
			}
		}
	}
	return s
}
