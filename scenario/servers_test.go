package scenario

// This file is about servers that are dead, slow or of no use beside others that
// are not, and about the way out of the host.

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// share is the part of the queries of the present step that one server got, of
// those with the given number of addresses.
func (s *stage) share(server string, of ...string) float64 {
	got, all := 0, 0
	for _, q := range s.sent() {
		for _, a := range of {
			if q.Server.String() == a {
				all++
			}
		}
		if q.Server.String() == server {
			got++
		}
	}
	return float64(got) / float64(all)
}

func TestADeadServerIsLeftAloneAndUsedAgainWhenItIsBack(t *testing.T) {
	for _, n := range []int{2, 4} {
		synctest.Test(t, func(t *testing.T) {
			all := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"}[:n]
			s := raise(t, "== zone example.com @ "+strings.Join(all, " ")+"\n* A 192.0.2.80\n== fault all\ndelay 20ms\n== fault 192.0.2.1\ndrop\n")
			name := func(i int) string { return fmt.Sprintf("n%d.example.com", i) }
			good := s.askAll(100, 1, name).good // it is learned
			s.begin(0)
			pause := 100 * time.Millisecond
			failed := 0
			for i := range 1200 { // two minutes
				if s.question(name(100+i)) != 0 {
					failed++
				}
				time.Sleep(pause)
			}
			share := s.share("192.0.2.1", all...)
			if good != 100 || failed > 0 || share > .02 {
				t.Errorf("one of %d dead: %d and %d questions failed, %.2f%% of the queries went to it", n, 100-good, failed, 100*share)
			}
			s.net.ClearFaults()
			if err := s.net.SetFaults("all", "delay 20ms"); err != nil {
				t.Fatal(err)
			}
			s.begin(0)
			back := time.Duration(-1)
			for i := range 600 {
				if s.question(name(10000 + i)); back < 0 && s.share("192.0.2.1", all...) > 0 {
					back = time.Since(s.began)
				}
				time.Sleep(pause)
			}
			if back < 0 {
				t.Errorf("one of %d: not asked again within a minute", n)
			}
			s.end()
			t.Attr("row", fmt.Sprintf("F | one of %d servers dead, then back | 100%% answered; <= 2%% of queries to it; asked again within 60 s | %.2f%%; %.2f%%; %.0f s | ",
				n, 100-100*float64(failed)/1200, 100*share, back.Seconds()))
		})
	}
}

func TestOneBadServerOfThreeSpoilsNothing(t *testing.T) {
	good, faults, worst := 0, 0, time.Duration(0)
	for _, fault := range []string{"refuse", "servfail", "lame-noaa", "lame-upward", "lame-nodata", "notimp", "formerr", "garbage", "short", "wrong-question", "edns-drop", "edns-formerr", "edns-badvers", "edns-ignore"} {
		synctest.Test(t, func(t *testing.T) {
			s := raise(t, "== zone example.com @ 192.0.2.1 192.0.2.2 192.0.2.3\n* A 192.0.2.80\n== fault all\ndelay 20ms\n== fault 192.0.2.1\n"+fault+"\n")
			o := s.askAll(300, 3, func(i int) string { return fmt.Sprintf("n%d.example.com", i) })
			if o.good != 300 {
				t.Errorf("%s: %d of 300 were not answered", fault, 300-o.good)
			}
			s.end()
			good, faults, worst = good+o.good, faults+1, max(worst, o.quantile(.99))
		})
	}
	t.Attr("row", fmt.Sprintf("F | one server of three bad, in %d ways (REFUSED, SERVFAIL, lame, garbage, without EDNS ...) | 100%% answered | %.2f%%, p99 at worst %d ms | ", faults, float64(good)/float64(3*faults), worst.Milliseconds()))
}

// Half of the servers of all zones have IPv6 addresses, which fail in some way;
// how much longer do answers take than with IPv4 alone?
func TestIPv6ThatFailsCostsLittle(t *testing.T) {
	const names = 400
	base := time.Duration(0)
	for _, c := range []struct{ what, fault string }{{"off", ""}, {"fine", "delay 20ms"}, {"unreachable", "unreachable"}, {"slow", "delay 300ms"}, {"blackholed", "drop"}} {
		synctest.Test(t, func(t *testing.T) {
			var b strings.Builder
			for i := range names {
				fmt.Fprintf(&b, "== zone z%d.com @ 192.0.2.1 2001:db8::1 192.0.2.2 2001:db8::2\nwww A 192.0.2.80\n", i)
			}
			b.WriteString("== fault all\ndelay 20ms\n")
			for _, a := range []string{"2001:db8::1", "2001:db8::2"} {
				if c.fault != "" {
					fmt.Fprintf(&b, "== fault %s\n%s\n", a, c.fault)
				}
			}
			if c.what == "off" {
				b.WriteString("== options\nipv4-only\n")
			}
			s := raise(t, b.String())
			s.askAll(20, 1, func(i int) string { return fmt.Sprintf("www.z%d.com", i) }) // the servers are known
			o := s.askAll(names-20, 4, func(i int) string { return fmt.Sprintf("www.z%d.com", i+20) })
			p95 := o.quantile(.95)
			if c.what == "off" {
				base = p95
			}
			if o.good != names-20 || p95 > base+50*time.Millisecond {
				t.Errorf("IPv6 %s: %d of %d answered, p95 is %v, want %v and 50 ms at most", c.what, o.good, names-20, p95, base)
			}
			s.end()
			t.Attr("row", fmt.Sprintf("F | IPv6 %s | p95 <= that of IPv4 alone + 50 ms | %d ms + %d ms | ", c.what, base.Milliseconds(), (p95-base).Milliseconds()))
		})
	}
}

func TestRootsThatComeBackAreUsedWithinSeconds(t *testing.T) {
	slowest := time.Duration(0)
	for _, fault := range []string{"drop", "unreachable", "servfail"} {
		synctest.Test(t, func(t *testing.T) {
			s := raise(t, "== zone example.com @ 192.0.2.1\n* A 192.0.2.80\n== fault 198.41.0.4\n"+fault+"\n== options\nunprimed\n")
			failed := 0
			for i := range 60 { // a minute
				if s.question(fmt.Sprintf("n%d.example.com", i)) != 0 {
					failed++
				}
				time.Sleep(time.Second)
			}
			if failed != 60 || s.resolver.Primed() {
				t.Errorf("%s: %d of 60 failed, primed %v: the fault is none", fault, failed, s.resolver.Primed())
			}
			s.net.ClearFaults()
			s.begin(0)
			for i := 0; s.question(fmt.Sprintf("n%d.example.com", i)) != 0; i++ {
				time.Sleep(250 * time.Millisecond)
			}
			took := time.Since(s.began)
			if took > 10*time.Second {
				t.Errorf("%s: %v after their return there are answers", fault, took)
			}
			s.end()
			slowest = max(slowest, took)
		})
	}
	t.Attr("row", fmt.Sprintf("F | roots silent, unreachable, failing for a minute from the start, then back | works within 10 s | %.2f s | ", slowest.Seconds()))
}
