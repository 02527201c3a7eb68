package scenario

import (
	"context"
	"strings"
	"time"

	roothints "rootwalk/rootHints"

	"rootwalk/dnssec"
	"rootwalk/wire"
)

// validation is what the settings of a scenario say of validation.
type validation struct {
	on       bool
	follow   bool // the changes of trust anchors
	o        dnssec.Options
	anchors  []string // zones of the lab whose keys are trusted
	began    time.Time
	date     time.Time                   // the wall clock when the scenario begins
	negative map[wire.Name]time.Duration // negative anchors and how long they last; 0 is for ever
}

// newValidation has the defaults: the lab's root is trusted, and it is the first
// day of 2026, when the lab's signatures are valid.
func newValidation() validation {
	return validation{anchors: []string{"."}, began: time.Now(), date: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		o: dnssec.Options{MaxIterations: 50}, negative: map[wire.Name]time.Duration{}}
}

// validationOption reads a setting of validation, and reports false for one that is
// about something else.
func (s *stage) validationOption(w []string) bool {
	v := &s.validation
	arg := ""
	if len(w) > 1 {
		arg = w[1]
	}
	switch w[0] {
	case "validate":
		v.on = true
	case "aggressive":
		v.on, v.o.Aggressive = true, true
	case "follow":
		v.on, v.follow = true, true
	case "anchor":
		v.anchors = w[1:]
	case "date":
		v.date = s.day(arg)
	case "validation-time":
		at := s.day(arg)
		v.o.Now = func() time.Time { return at }
	case "sha1":
		v.o.SHA1 = true
	case "nsec3-iterations":
		v.o.MaxIterations = s.number(arg)
	case "negative-anchor":
		v.negative[s.name(arg)] = 0
		if len(w) == 4 && w[2] == "for" {
			v.negative[s.name(arg)] = s.duration(w[3])
		}
	default:
		return false
	}
	return true
}

// day reads a date, 2026-01-31, or an instant, 2026-01-31T12:00:00Z.
func (s *stage) day(text string) time.Time {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	s.fatalf("%q is no date", text)
	return time.Time{}
}

// validator makes a validator that knows nothing yet; nil where nothing is validated.
func (s *stage) validator() *dnssec.Validator {
	v := &s.validation
	if !v.on {
		return nil
	}
	o := v.o
	wall := func() time.Time { return v.date.Add(time.Since(v.began)) }
	if o.Now == nil {
		o.Now, o.Earliest = wall, roothints.Made
	}
	o.Clock, o.Anchors = s.o.Clock, s.anchors()
	until := map[wire.Name]time.Time{}
	for name, d := range v.negative {
		until[name] = time.Time{}
		if d > 0 {
			until[name] = v.date.Add(d)
		}
	}
	o.NegativeAnchors = dnssec.NegativeAnchors(until, wall)
	return dnssec.New(o)
}

// follow has the trust anchors followed until the end of the scenario.
func (s *stage) follow() {
	v := &s.validation
	if !v.follow {
		return
	}
	points, _ := dnssec.TrustPoints(s.anchors(), nil)
	f := dnssec.NewFollower(dnssec.FollowOptions{Validator: s.o.Validator, Points: points, Fetch: s.resolver.FetchKeys, Clock: s.o.Clock,
		Wall: func() time.Time { return v.date.Add(time.Since(v.began)) }})
	ctx, cancel := context.WithCancel(context.Background())
	go f.Run(ctx)
	s.unfollow = cancel
}

// anchors are the keys of the lab that the scenario trusts.
func (s *stage) anchors() []dnssec.Anchor {
	var out []dnssec.Anchor
	for _, zone := range s.validation.anchors {
		list, err := roothints.ParseAnchors("lab", strings.NewReader(s.net.DS(zone)))
		if err != nil {
			s.fatalf("anchor %s: %v", zone, err)
		}
		for _, a := range list {
			anchor, err := dnssec.AnchorOf(a.RR)
			if err != nil {
				s.fatalf("anchor %s: %v", zone, err)
			}
			out = append(out, anchor)
		}
	}
	return out
}

// work is what validation has cost.
type work struct{ signatures, failed, hashes int }

// cost is what validation has cost since the scenario began.
func (s *stage) cost() work {
	if s.o.Validator == nil {
		return work{}
	}
	c := s.o.Validator.Stats()
	return work{int(c.Signatures), int(c.FailedSignatures), int(c.Hashes)}
}
