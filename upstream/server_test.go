package upstream

import (
	"testing"
	"time"

	"rootwalk/clock"
)

func TestTheTimeoutFollowsTheRoundTripTime(t *testing.T) {
	now := clock.Time(time.Hour)
	for _, c := range []struct {
		what string
		rtts []time.Duration
		want time.Duration
	}{
		{"never measured", nil, 376 * ms},
		{"once: rtt + 4 rtt/2", []time.Duration{100 * ms}, 300 * ms},
		{"a very fast one", []time.Duration{1 * ms}, minTimeout},
		{"one below the resolution of the clock", []time.Duration{0}, minTimeout},
		{"a very slow one", []time.Duration{time.Second}, maxTimeout},
		{"twice the same: the variance shrinks by a quarter", []time.Duration{100 * ms, 100 * ms}, 100*ms + 4*37500*time.Microsecond},
		{"a slower one: srtt 110 ms, rttvar 57.5 ms", []time.Duration{100 * ms, 180 * ms}, 110*ms + 4*57500*time.Microsecond},
		{"a faster one: srtt 90 ms, rttvar 57.5 ms", []time.Duration{100 * ms, 20 * ms}, 90*ms + 4*57500*time.Microsecond},
	} {
		var s server
		for _, d := range c.rtts {
			s.answered(d, now)
		}
		if got := s.timeout(376*ms, 0, 0); got != c.want {
			t.Errorf("%s: the timeout is %v, want %v", c.what, got, c.want)
		}
	}
}

func TestTheTimeoutDoublesUntilAReplyComes(t *testing.T) {
	now := clock.Time(time.Hour)
	var s server
	s.answered(20*ms, now) // 60 ms
	for _, want := range []time.Duration{60 * ms, 120 * ms, 240 * ms, 480 * ms, 960 * ms, maxTimeout, maxTimeout, maxTimeout} {
		if got := s.timeout(DefaultTimeout, 0, 0); got != want {
			t.Fatalf("after %d timeouts the timeout is %v, want %v", s.timeouts, got, want)
		}
		s.silent(now)
	}
	for range 100 { // no shift is too far
		s.silent(now)
	}
	if got := s.timeout(DefaultTimeout, 0, 0); got != maxTimeout {
		t.Errorf("after %d timeouts the timeout is %v", s.timeouts, got)
	}
	s.answered(20*ms, now)
	if got := s.timeout(DefaultTimeout, 0, 0); got > 60*ms {
		t.Errorf("after a reply the timeout is %v", got)
	}
}

func TestAnOldMeasurementIsReplacedNotSmoothed(t *testing.T) {
	now := clock.Time(time.Hour)
	var s server
	s.answered(800*ms, now)
	s.answered(20*ms, now.Add(forgetAfter+time.Second))
	if s.srtt != 20*ms || s.rttvar != 10*ms {
		t.Errorf("srtt %v, rttvar %v, want those of the new measurement alone", s.srtt, s.rttvar)
	}
}

func TestDeadAfterThreeTimeoutsInARow(t *testing.T) {
	now := clock.Time(time.Hour)
	var s server
	s.silent(now)
	s.silent(now)
	s.answered(20*ms, now)
	s.silent(now)
	s.silent(now)
	if s.standing(now).dead {
		t.Fatal("dead, though a reply came between the timeouts")
	}
	s.silent(now)
	if !s.standing(now).dead || !s.standing(now.Add(deadFor-1)).dead {
		t.Error("alive after three timeouts")
	}
	if s.standing(now.Add(deadFor)).dead {
		t.Errorf("dead for longer than %v", deadFor)
	}
	s.silent(now)
	s.answered(20*ms, now)
	if s.standing(now).dead {
		t.Error("dead, though it answered")
	}
}
