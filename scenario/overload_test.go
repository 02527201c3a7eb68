package scenario

// This file asks for more than there is room for, whether or not answers keep up.

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"rootwalk/resolver"
)

// Every walk takes a second, and so many may run at once: that is the capacity. Twice
// as many come, whatever becomes of those before.
func TestTwiceTheCapacityCostsWhatIsBeyondIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const capacity, seconds = resolver.MaxInFlight, 6
		const could = capacity * (seconds + int(resolver.PlaceTime/time.Second)) // until the last that waits for a place has one
		text := "== zone honest.com @ 192.0.2.9\nwww 3600 A 192.0.2.81\n== fault all\ndelay 1s\n"
		for i := range 4 {
			text += fmt.Sprintf("== zone z%d.com @ 192.0.2.%d\n* A 192.0.2.80\n", i, 1+i)
		}
		s := raise(t, text)
		for i := range 4 { // servers are measured
			s.question(fmt.Sprintf("first.z%d.com", i))
		}
		s.question("www.honest.com")
		s.begin(0)
		var mu sync.Mutex
		good, shed, other, slowest := 0, 0, 0, time.Duration(0)
		var flood sync.WaitGroup
		flood.Go(func() {
			every(time.Second/(2*capacity), 2*capacity*seconds, func(i int) {
				code := s.question(fmt.Sprintf("n%d.z%d.com", i, i%4))
				mu.Lock()
				defer mu.Unlock()
				switch code {
				case dns.RcodeSuccess:
					good++
				case dns.RcodeServerFailure:
					shed++
				default:
					other++
				}
			})
		})
		missed := 0
		every(time.Second/200, 200*seconds, func(int) {
			began := time.Now()
			code := s.question("www.honest.com")
			mu.Lock()
			defer mu.Unlock()
			if slowest = max(slowest, time.Since(began)); code != dns.RcodeSuccess {
				missed++
			}
		})
		most := s.resolver.Stats().InFlight
		ended := time.Now()
		back := time.Duration(-1)
		for i := 0; back < 0; i++ { // is there room for a new one at once?
			began := time.Now()
			if code := s.question(fmt.Sprintf("after%d.z0.com", i)); code == dns.RcodeSuccess && time.Since(began) <= 1100*time.Millisecond {
				back = began.Sub(ended)
			}
		}
		flood.Wait()
		if missed > 0 || slowest > 0 {
			t.Errorf("%d cached answers missed, the slowest took %v", missed, slowest)
		}
		if good < could*8/10 || shed == 0 || other > 0 || most > capacity {
			t.Errorf("%d answered, %d shed, %d something else, %d walks at once", good, shed, other, most)
		}
		if back > 3*time.Second {
			t.Errorf("%v after the flood there was room again", back)
		}
		if counted := s.resolver.Stats().Shed; counted < uint64(shed) { // questions that look for room come on top
			t.Errorf("%d shed, %d counted", shed, counted)
		}
		s.end()
		t.Attr("row", fmt.Sprintf("F | unknown names at twice the capacity of %d walks a second, open loop, for %d s | cached answers 100%%, at once; goodput >= 80%% of capacity; what waited for 2 s is shed first; room again within 3 s | 100%%, slowest %d ms; %.0f%%; %d shed; %.1f s | ",
			capacity, seconds, slowest.Milliseconds(), 100*float64(good)/float64(could), shed, back.Seconds()))
	})
}
