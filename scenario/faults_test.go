package scenario

// This file is about networks and servers that fail: how many questions are
// answered all the same, and how soon.

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// outcomes are the answers to many questions.
type outcomes struct {
	mu   sync.Mutex
	good int
	took []time.Duration // of good ones
}

// askAll asks for each name once, with so many askers at the same time. An answer
// counts if it comes within 5 s, which is when a stub gives up.
func (s *stage) askAll(n, askers int, name func(i int) string) *outcomes {
	o := &outcomes{}
	var wg sync.WaitGroup
	for a := range askers {
		wg.Go(func() {
			for i := a; i < n; i += askers {
				began := time.Now()
				code := s.question(name(i))
				took := time.Since(began)
				o.mu.Lock()
				if code == dns.RcodeSuccess && took <= 5*time.Second {
					o.good++
					o.took = append(o.took, took)
				}
				o.mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(o.took)
	return o
}

// quantile is the time within which that part of the answers came.
func (o *outcomes) quantile(part float64) time.Duration {
	return o.took[min(int(part*float64(len(o.took))), len(o.took)-1)]
}

// theirs are the addresses of com., as many as it has.
const theirs = "192.5.6.1 192.5.6.2 192.5.6.3 192.5.6.4 192.5.6.5 192.5.6.6 192.5.6.7 192.5.6.8 192.5.6.9 192.5.6.10 192.5.6.11 192.5.6.12 192.5.6.13"

// manyZones has n zones of four shared addresses, below com. or below two levels
// that nobody knows yet.
func manyZones(n int, deep bool) string {
	var b strings.Builder
	const (
		at    = "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4"
		below = "192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8"
	)
	for i := range n {
		if deep {
			fmt.Fprintf(&b, "== zone z%d.com @ %s\n== zone sub.z%d.com @ %s\nwww A 192.0.2.80\n", i, at, i, below)
		} else {
			fmt.Fprintf(&b, "== zone z%d.com @ %s\nwww A 192.0.2.80\n", i, at)
		}
	}
	return b.String() + "== zone com @ " + theirs + "\n== zone known.com @ " + at + "\n* A 192.0.2.80\n== fault all\ndelay 20ms\n"
}

// The bars hold for fifty thousand names; of fewer, chance may take three standard
// deviations more.
func TestNamesResolveThoughPacketsAreLost(t *testing.T) {
	for _, c := range []struct {
		eachWay, bothWays int // per cent
		deep              bool
		bar               float64
	}{
		{10, 19, false, .9999}, {30, 51, false, .998}, {50, 75, false, .95}, {50, 75, true, .90},
	} {
		zones := "one unknown zone"
		if c.deep {
			zones = "two unknown zones"
		}
		t.Run(fmt.Sprintf("%d %s", c.eachWay, zones), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := raise(t, manyZones(lossyNames, c.deep))
				for i := range 100 { // parents are measured
					s.question(fmt.Sprintf("n%d.known.com", i))
				}
				if err := s.net.SetFaults("all", fmt.Sprintf("delay 20ms\nloss %d", c.bothWays)); err != nil {
					t.Fatal(err)
				}
				sub := ""
				if c.deep {
					sub = "sub."
				}
				s.begin(0)
				o := s.askAll(lossyNames, 10, func(i int) string { return fmt.Sprintf("www.%sz%d.com", sub, i) })
				lost := lossyNames - o.good
				bad := float64(lossyNames) * (1 - c.bar)
				if allowed := int(bad + 3*math.Sqrt(bad)); lost > allowed {
					t.Errorf("%d of %d names were not answered in time, want at most %d", lost, lossyNames, allowed)
				}
				out := float64(len(s.sent())) / lossyNames
				s.end()
				t.Attr("row", fmt.Sprintf("F | %d%% of packets lost each way, %s, %d names | answered within 5 s: %.2f%% | %.2f%%; median %d ms, p99 %d ms, %.1f packets a name | ",
					c.eachWay, zones, lossyNames, 100*c.bar, 100*float64(o.good)/lossyNames, o.quantile(.5).Milliseconds(), o.quantile(.99).Milliseconds(), out))
			})
		})
	}
}
