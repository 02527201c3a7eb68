package resolver

import (
	"testing"
	"testing/synctest"
	"time"
)

// Whatever becomes of TCP, and of UDP after it: the time of a question is enough, and a
// list that can be had is learned in it.
func TestPrimingEndsInTimeWhateverRootServersDo(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		faults string
		primed bool
		most   time.Duration
	}{
		{"delay 20ms", true, 40 * ms},
		{"delay 20ms\n== fault 198.41.0.4 tcp\ntcp-refuse", true, 60 * ms},
		{"delay 20ms\n== fault 198.41.0.4 tcp\ntcp-close", true, 60 * ms},
		{"delay 20ms\n== fault 198.41.0.4 tcp\ndrop", true, QuestionTime/4 + 20*ms},
		{"drop", false, QuestionTime},
		{"unreachable", false, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := newOver(t, wwwZone+"== fault 198.41.0.4\n"+c.faults+"\n", Options{Clock: virtual()})
			defer r.Close()
			began := time.Now()
			r.Prime(t.Context())
			if took := time.Since(began); took > c.most || r.Primed() != c.primed {
				t.Errorf("%q: after %v primed is %v, want %v in %v", c.faults, took, r.Primed(), c.primed, c.most)
			}
		})
	}
}
