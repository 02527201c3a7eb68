package dnssec

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rootwalk/clock"
	"rootwalk/wire"
)

// rolling is a zone whose keys change, in virtual time, and who follows it.
type rolling struct {
	t                  *testing.T
	published, signers []*ksk
	down               bool
	looks              int
	saved              []byte
	log                bytes.Buffer
	validator          *Validator
	follower           *Follower
	stop               func()
	turn               sync.Mutex // the test has it, but while time passes
}

// follow begins to follow the zone, as after a start with the text that was saved.
func (r *rolling) follow(configured []Anchor) {
	r.t.Helper()
	if r.follower == nil {
		r.turn.Lock()
	}
	remembered, err := ReadTrustPoints(r.saved)
	if err != nil && r.saved != nil {
		r.t.Fatal(err)
	}
	points, _ := TrustPoints(configured, remembered)
	r.validator = New(Options{Anchors: Trusted(points)})
	start := time.Now()
	r.follower = NewFollower(FollowOptions{Validator: r.validator, Points: points, Fetch: r.fetch, Wall: time.Now,
		Clock: func() clock.Time { return clock.Time(time.Since(start)) },
		Save:  func(text []byte) error { r.saved = slices.Clone(text); return nil },
		Log:   slog.New(slog.NewTextHandler(&r.log, nil))})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); r.follower.Run(ctx) }()
	r.stop = func() { cancel(); <-done }
}

func (r *rolling) fetch(_ context.Context, zone wire.Name, good func(Fetched) error) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.looks++
	if r.down {
		return errors.New("nobody answers")
	}
	return good(Fetched{Answer: []wire.RRset{*keySetOf(r.t, time.Now(), r.published, r.signers)}})
}

// after lets time pass and says how each key fares: "-" where it is not followed.
func (r *rolling) after(d time.Duration, keys ...*ksk) string {
	r.turn.Unlock()
	time.Sleep(d)
	synctest.Wait()
	r.turn.Lock()
	var out []string
	for _, k := range keys {
		s := "-"
		if t := r.follower.o.Points[0].find(k.keys(r.t)[0].data); t != nil {
			s = t.State.String()
		}
		if r.validator.TrustsRootKey(k.key.KeyTag()) {
			s += "!"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestARolloverFromTheFirstKeyToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newKSK(t), newKSK(t)
		r := &rolling{t: t, published: []*ksk{a}, signers: []*ksk{a}}
		r.follow(a.anchors(t))
		defer func() { r.stop() }()
		step := func(d time.Duration, want string) {
			t.Helper()
			if got := r.after(d, a, b); got != want {
				t.Fatalf("the keys are %s, want %s\n%s", got, want, &r.log)
			}
		}
		step(0, "-! -")
		step(time.Minute, "valid! -")
		r.published = []*ksk{a, b}
		step(day, "valid! addpend")
		r.stop()
		r.follow(a.anchors(t))
		step(29*day, "valid! addpend")
		step(2*day, "valid! valid!")
		a.revoked, r.signers = true, []*ksk{a, b}
		step(day, "revoked valid!")
		r.published, r.signers = []*ksk{b}, []*ksk{b}
		r.stop()
		r.follow(a.anchors(t))
		step(0, "revoked valid!")
		step(29*day, "revoked valid!")
		step(2*day, "removed valid!")
		for _, want := range []string{"start -> valid", "start -> addpend", "addpend -> valid", "valid -> revoked", "revoked -> removed"} {
			if strings.Count(r.log.String(), want) != 1 {
				t.Errorf("the log does not say once %q:\n%s", want, &r.log)
			}
		}
		if s := r.follower.Stats(); s.States["valid"] != 1 || s.States["removed"] != 1 || s.Failures != 0 || s.Refreshes == 0 {
			t.Errorf("numbers are %+v", s)
		}
	})
}

func TestAKeyIsAskedForAtTheIntervalAndAgainSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newKSK(t)
		r := &rolling{t: t, published: []*ksk{a}, signers: []*ksk{a}}
		r.follow(a.anchors(t))
		looks := func(d time.Duration, want int) {
			t.Helper()
			before := r.looks
			if r.after(d); r.looks-before != want {
				t.Errorf("%d looks in %v, want %d", r.looks-before, d, want)
			}
		}
		looks(9*time.Second, 0)
		looks(time.Minute, 1)
		looks(10*day, 10) // the TTL is two days
		r.down = true
		looks(day, 1)
		looks(48*time.Hour, 10) // a tenth of the TTL is 4.8 hours
		if n := strings.Count(r.log.String(), "could not be refreshed"); n != 1 {
			t.Errorf("told %d times that it fails", n)
		}
		r.down = false
		looks(5*time.Hour, 1)
		r.stop()
		r.follow(a.anchors(t))
		looks(time.Hour, 0) // it was looked at a moment ago
		looks(day, 1)
		r.stop()
	})
}

func TestNoSetOfOthersChangesWhatIsTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newKSK(t), newKSK(t)
		r := &rolling{t: t, published: []*ksk{a, b}, signers: []*ksk{b}}
		r.follow(a.anchors(t))
		if got := r.after(100*day, a, b); got != "-! -" || r.saved != nil {
			t.Errorf("the keys are %s, saved %q", got, r.saved)
		}
		r.stop()
	})
}

func TestOtherAnchorsKeepWhatWasLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newKSK(t), newKSK(t), newKSK(t)
		r := &rolling{t: t, published: []*ksk{a, b}, signers: []*ksk{a}}
		r.follow(a.anchors(t))
		defer func() { r.stop() }()
		r.after(40 * day)
		r.validator.SetAnchors(r.follower.Configure(append(a.anchors(t), c.anchors(t)...), false))
		if got := r.after(0, a, b, c); got != "valid! valid! -!" {
			t.Errorf("with one anchor more the keys are %s", got)
		}
		r.validator.SetAnchors(r.follower.Configure(c.anchors(t), false))
		if got := r.after(0, a, b, c); got != "- valid! -!" {
			t.Errorf("with another anchor the keys are %s", got)
		}
		r.validator.SetAnchors(r.follower.Configure(newKSK(t).anchors(t), false))
		if got := r.after(2*day, a, b, c); got != "- - -" {
			t.Errorf("with the anchor of another tree the keys are %s", got)
		}
	})
}

func TestWhenEveryKeyIsRevokedTheZoneHasNoAnchor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newKSK(t)
		r := &rolling{t: t, published: []*ksk{a}, signers: []*ksk{a}}
		r.follow(a.anchors(t))
		r.after(time.Minute)
		a.revoked = true
		if got := r.after(day, a); got != "revoked" || !strings.Contains(r.log.String(), "level=ERROR") {
			t.Errorf("the key is %s\n%s", got, &r.log)
		}
		r.stop()
		r.follow(a.anchors(t))
		if got := r.after(0, a); got != "revoked" {
			t.Errorf("after a restart the key is %s", got)
		}
		r.stop()
	})
}
