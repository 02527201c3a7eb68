package dnssec

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/wire"
)

func TestAClockThatIsCertainlyWrongMakesNothingSecureAndNothingBogus(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed"))
	var log bytes.Buffer
	at, boot := time.Unix(0, 0), clock.Time(0)
	w.o.Now, w.o.Earliest, w.o.Log = func() time.Time { return at }, when, slog.New(slog.NewTextHandler(&log, nil))
	w.o.Clock = func() clock.Time { return boot }
	w.fresh()
	w.v.CheckClock()
	for _, owner := range []string{"www.example.com.", "gone.example.com.", "www.unsigned.net."} {
		v := w.judge(owner, "A")
		if v.Status != cache.Insecure || v.TTL > timelessTTL {
			t.Errorf("%s: %s for %d s (%s)", owner, statusNames[v.Status], v.TTL, v.Reason)
		}
		if signed := owner != "www.unsigned.net."; signed != (v.EDE == EDEOther) || signed != strings.Contains(v.Reason, "which says 1970-01-01T00:00:00Z") {
			t.Errorf("%s: EDE %d, %s", owner, v.EDE, v.Reason)
		}
	}
	faults(t, w, "192.0.2.1", "bogus")
	want(t, "a wrong signature", w.judge("*.wild.example.com.", "A"), cache.Bogus, EDEBogus)
	w.net.ClearFaults()
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "1970") {
		t.Errorf("%d lines tell of it:\n%s", n, &log)
	}
	log.Reset()
	at, boot = when, boot+timelessTTL*clock.Second
	want(t, "when the clock is set", w.judge("www.example.com.", "A"), cache.Secure, wire.NoEDE)
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "right again") {
		t.Errorf("%d lines tell of it:\n%s", n, &log)
	}
}

func TestKeysOfTheRootThatAreOutOfTimeCastDoubtOnTheClock(t *testing.T) {
	for _, c := range []struct {
		year int
		ede  wire.EDE
	}{{2018, EDENotYetValid}, {2040, EDEExpired}} {
		w := newWorld(t, fmt.Sprintf(labText, "signed"))
		var log bytes.Buffer
		at, boot := time.Date(c.year, 1, 1, 0, 0, 0, 0, time.UTC), clock.Time(0)
		w.o.Now, w.o.Log, w.o.Clock = func() time.Time { return at }, slog.New(slog.NewTextHandler(&log, nil)), func() clock.Time { return boot }
		w.o.Earliest = time.Date(2017, 1, 1, 0, 0, 0, 0, time.UTC)
		w.fresh()
		for range 2 {
			v := w.judge("www.example.com.", "A")
			want(t, "www", v, cache.Bogus, c.ede)
			if !strings.Contains(v.Reason, fmt.Sprintf("the clock of this host is wrong, which says %d-01-01T00:00:00Z", c.year)) {
				t.Errorf("the reason is %s", v.Reason)
			}
			boot += 10 * clock.Second
		}
		if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "level=WARN") {
			t.Errorf("%d lines tell of it:\n%s", n, &log)
		}
		at = when
		want(t, "when the clock is set", w.judge("www.example.com.", "A"), cache.Secure, wire.NoEDE)
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("%d lines tell of it:\n%s", n, &log)
		}
		w.o.Now, w.o.Earliest = func() time.Time { return time.Date(c.year, 1, 1, 0, 0, 0, 0, time.UTC) }, time.Time{}
		w.fresh()
		if v := w.judge("www.example.com.", "A"); v.Status != cache.Bogus || strings.Contains(v.Reason, "clock") {
			t.Errorf("a clock that stands still on purpose is not doubted: %s", v.Reason)
		}
	}
}
