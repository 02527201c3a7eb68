package scenario

// This file plays attacks as streams of questions, and looks at what they leave for
// honest ones: answers as before, as soon as before, and nothing behind.

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// flood is an attack as a stream of questions.
type flood struct {
	row, what string
	perSecond int
	name      string // of the i-th question
	world     string
	crypto    bool
	plainBar  bool // though there is cryptography in it, it may cost no more than without
	rcode     int  // that it gets
	peers     string
	also      func(s *stage) string // what else must hold, and a figure of it
}

const failing = dns.RcodeServerFailure

// refusing is a zone whose servers refuse but for one.
func refusing(i int) string {
	return fmt.Sprintf("== zone z%d.com @ 192.0.2.101 192.0.2.102 192.0.2.103 192.0.2.104 192.0.2.105 192.0.2.113\n* CNAME a.z%d.com.\n", i, i+1)
}

func floods() []flood {
	camp := ""
	for i := range 12 {
		camp += refusing(i)
	}
	for _, a := range []string{"101", "102", "103", "104", "105"} {
		camp += "== fault 192.0.2." + a + "\nrefuse\n"
	}
	chain := "== zone chain.com @ 192.0.2.1\n$TTL 0\n* CNAME l1\nl11 A 192.0.2.80\n"
	for i := range 10 {
		chain += fmt.Sprintf("l%d CNAME l%d\n", i+1, i+2)
	}
	return []flood{
		{row: "A1", what: "referrals to 400 names of a victim", perSecond: 100, name: "n%d.sub.attacker.com", rcode: failing, world: `
== zone attacker.com @ 192.0.2.66
$GENERATE 1-400 sub NS ns$.victim.com.
== zone victim.com @ 192.0.2.1
www A 192.0.2.80
`},
		{row: "A2", what: "200 server names that lead to silent servers", perSecond: 100, name: "n%d.sub.attacker.com", rcode: failing, world: `
== zone attacker.com @ 192.0.2.66
$GENERATE 1-200 sub NS dead$.attacker.com.
$GENERATE 1-200 dead$ A 198.18.0.$
`},
		{row: "A3", what: "aliases through zones of refusing servers (CAMP)", perSecond: 50, name: "n%d.z0.com", rcode: failing, world: camp},
		{row: "A8", what: "chains of eleven aliases", perSecond: 100, name: "n%d.chain.com", rcode: failing, world: chain},
		{row: "A9", what: "keys of one tag, wrong signatures (KeyTrap)", perSecond: 50, name: "n%d.trap.com", rcode: failing, crypto: true, world: `
== zone trap.com @ 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 signed alg=rsa colliding=60
* A 192.0.2.80
== fault all
delay 20ms
only-type A wrong-signatures 60
`},
		{row: "A10", what: "names of 40 labels in a zone of 50 iterations", perSecond: 50, name: "n%d.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25.26.27.28.29.30.31.32.33.34.35.36.37.38.39.40.deep.com", rcode: failing, crypto: true, world: `
== zone deep.com @ 192.0.2.1 signed=nsec3 iterations=50 salt=abcdef
2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25.26.27.28.29.30.31.32.33.34.35.36.37.38.39.40 A 192.0.2.80
`},
		{row: "A12", what: "a zone with keys that are none beside its own", perSecond: 100, name: "n%d.odd.com", crypto: true, plainBar: true, world: `
== zone odd.com @ 192.0.2.1 signed alg=ed25519 colliding=1
$TTL 1
@ DNSKEY 256 3 8 AQ==
@ DNSKEY 256 3 8 AwEAAQ==
@ DNSKEY 256 3 13 AQID
@ DNSKEY 256 3 15 AQID
@ DNSKEY 256 3 16 AQID
@ DNSKEY 0 0 0 AA==
* A 192.0.2.80
`},
		{row: "A12", what: "a zone with an RSA key of 16,384 bits", perSecond: 100, name: "n%d.huge.com", crypto: true, plainBar: true, world: `
== zone huge.com @ 192.0.2.1 signed alg=rsa bits=16384
$TTL 1
* A 192.0.2.80
`},
		{row: "A19", what: "random names of a silent zone", perSecond: 5000, name: "n%d.attacked.com", rcode: failing, peers: "BIND 200 per zone, off by default", also: fewInFlight, world: `
== zone attacked.com @ 192.0.2.1
== fault 192.0.2.1
drop
`},
		{row: "A19", what: "random names of a signed zone", perSecond: 5000, name: "n%d.signed.com", crypto: true, rcode: dns.RcodeNameError, peers: "RFC 8198: BIND, Unbound, Knot on request", also: synthesised, world: `
== zone signed.com @ 192.0.2.1 signed
$GENERATE 1-200 m$ A 192.0.2.80
== options
aggressive
`},
		{row: "A20", what: "one failing name", perSecond: 1000, name: "www.failing.com", rcode: failing, world: `
== zone failing.com @ 192.0.2.1 192.0.2.2
== fault 192.0.2.1
servfail
== fault 192.0.2.2
refuse
`},
	}
}

// fewInFlight tells how many exchanges with the servers of a silent zone there were at
// once, from the third second on: no more than packets within the longest timeout.
func fewInFlight(s *stage) string {
	var at []time.Duration
	for _, q := range s.sent() {
		if d := q.At.Sub(s.began); q.Server.String() == "192.0.2.1" && d > 3*time.Second {
			at = append(at, d)
		}
	}
	most, first := 0, 0
	for i := range at {
		for at[i]-at[first] > 1500*time.Millisecond {
			first++
		}
		most = max(most, i-first+1)
	}
	if most == 0 || most > 200 {
		s.t.Errorf("%d queries to the silent zone within 1.5 s", most)
	}
	if s.o.Upstream.Stats().Limits["zone_in_flight"] == 0 {
		s.t.Error("nothing was turned away")
	}
	return fmt.Sprintf("; %d in flight for the zone (<= 200)", most)
}

// synthesised tells how much of what was asked of the signed zone was not asked of
// its server.
func synthesised(s *stage) string {
	asked := 0
	for _, q := range s.sent() {
		if q.Server.String() == "192.0.2.1" {
			asked++
		}
	}
	part := 100 - 100*float64(asked)/(5000*floodSeconds)
	if part < 99 {
		s.t.Errorf("only %.2f%% were inferred", part)
	}
	return fmt.Sprintf("; %.2f%% inferred", part)
}

// The bars of what an attack may do to others.
const (
	floodSeconds = 4
	goodPart     = .999
	// maxCPU and maxPlainCPU are processor milliseconds for a hostile question, with
	// cryptography and without. What the servers of the test take is in it, and machines
	// differ: a test fails above three times as much.
	maxCPU, maxPlainCPU = 20., 5.
)

// honestly asks 200 cached and 20 unknown names a second, from the first on.
func (s *stage) honestly(first int) (cached, unknown *outcomes) {
	cached, unknown = &outcomes{}, &outcomes{}
	ask := func(o *outcomes, name string) {
		began := time.Now()
		code := s.question(name)
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.took = append(o.took, time.Since(began)); code == dns.RcodeSuccess {
			o.good++
		}
	}
	every(5*time.Millisecond, 200*floodSeconds, func(i int) {
		ask(cached, "www.honest.com")
		if i%10 == 0 {
			ask(unknown, fmt.Sprintf("n%d.honest.com", first+i))
		}
	})
	slices.Sort(cached.took)
	slices.Sort(unknown.took)
	return cached, unknown
}

// remains are the goroutines and the octets of the heap, in which cached entries are not.
func (s *stage) remains() (goroutines, heap int) {
	synctest.Wait()
	s.net.ResetQueries()
	for range 3 { // pools let go of their content at the second
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), int(m.HeapAlloc)
}

func TestHonestQuestionsDoNotFeelAttacks(t *testing.T) {
	for _, f := range floods() {
		t.Run(f.row+" "+f.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text := honest + f.world
				if f.crypto && !strings.Contains(text, "== options") {
					text += "== options\nvalidate\n"
				}
				s := raise(t, text)
				s.question("www.honest.com")
				attack := func(first, n int) {
					every(time.Second/time.Duration(f.perSecond), n, func(i int) {
						name := f.name
						if strings.Contains(name, "%") {
							name = fmt.Sprintf(name, first+i)
						}
						if code := s.question(name); code != f.rcode {
							t.Errorf("the attack is none: %s for %s", dns.RcodeToString[code], name)
						}
					})
				}
				quiet, quietUnknown := s.honestly(0)
				attack(1_000_000, min(2*f.perSecond, 1000)) // what has a fixed size is full then
				time.Sleep(time.Minute)
				s.question("www.honest.com")
				goroutines, heap := s.remains()

				s.begin(0)
				before := processorTime()
				var over sync.WaitGroup
				over.Go(func() { attack(2_000_000, floodSeconds*f.perSecond) })
				cached, unknown := s.honestly(10_000)
				over.Wait()
				cpu := float64((processorTime()-before)/time.Microsecond) / 1000 / float64(floodSeconds*f.perSecond)
				also := ""
				if f.also != nil {
					also = f.also(s)
				}
				for _, o := range [][2]*outcomes{{quiet, cached}, {quietUnknown, unknown}} {
					calm, now := o[0].quantile(.95), o[1].quantile(.95)
					if float64(o[1].good) < goodPart*float64(len(o[1].took)) || now > max(2*calm, calm+10*time.Millisecond) {
						t.Errorf("%d of %d honest questions answered, p95 %v where it was %v", o[1].good, len(o[1].took), now, calm)
					}
				}
				bar := maxPlainCPU
				if f.crypto && !f.plainBar {
					bar = maxCPU
				}
				if cpu > 3*bar && !underRace {
					t.Errorf("%.2f ms of the processor for a question, want %.0f at most", cpu, bar)
				}
				time.Sleep(time.Minute)
				more, grown := s.remains()
				if more > goroutines || grown > heap+max(heap/20, 512<<10) {
					t.Errorf("a minute later %d goroutines and %d KiB, before it %d and %d KiB", more, grown>>10, goroutines, heap>>10)
				}
				s.end()
				t.Attr("row", fmt.Sprintf("%s | %s, %d a second, for %d s: what others feel | 99.9%% right; p95 <= 2 x quiet or + 10 ms; a minute later goroutines and heap within 5%%; CPU <= %.0f ms | %.2f%%; p95 %d ms (quiet %d); %+d, %+.1f%%; %.2f ms CPU a question%s | %s",
					f.row, f.what, f.perSecond, floodSeconds, bar, 100*float64(cached.good+unknown.good)/float64(len(cached.took)+len(unknown.took)),
					unknown.quantile(.95).Milliseconds(), quietUnknown.quantile(.95).Milliseconds(), more-goroutines, 100*float64(grown-heap)/float64(heap), cpu, also, f.peers))
			})
		})
	}
}
