package scenario

// This file has clocks jump: the wall clock when somebody sets it, and the boot clock
// when the machine wakes up.

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"rootwalk/clock"
)

// extended asks for a name with EDNS: response code, AD, extended error or -1.
func (s *stage) extended(name string) (rcode int, ad bool, ede int) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), dns.TypeA)
	q.SetEdns0(1232, true)
	r := s.handle(q)
	ede = -1
	for _, o := range r.IsEdns0().Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok {
			ede = int(e.InfoCode)
		}
	}
	return r.Rcode, r.AuthenticatedData, ede
}

func TestAWallClockThatJumpsExpiresNothing(t *testing.T) {
	for _, c := range []struct {
		what  string
		years int
		ede   int
	}{{"forwards", 20, 7}, {"backwards", -1, 8}} {
		synctest.Test(t, func(t *testing.T) {
			s := raise(t, "== zone example.com @ 192.0.2.1 signed inception=20251201\n* A 192.0.2.80\n== options\nvalidate\n")
			const names = 100
			for i := range names {
				s.extended(fmt.Sprintf("n%d.example.com", i))
			}
			today := s.validation.date
			s.validation.date = today.AddDate(c.years, 0, 0)
			s.begin(0)
			for i := range names {
				if rcode, ad, _ := s.extended(fmt.Sprintf("n%d.example.com", i)); rcode != dns.RcodeSuccess || !ad {
					t.Fatalf("%s: a cached answer became %s, AD %v", c.what, dns.RcodeToString[rcode], ad)
				}
			}
			if n := len(s.sent()); n > 0 {
				t.Errorf("%s: %d queries for cached answers", c.what, n)
			}
			rcode, ad, ede := s.extended("new.example.com")
			if rcode != dns.RcodeServerFailure || ad || ede != c.ede {
				t.Errorf("%s: a new name got %s, AD %v, extended error %d; want SERVFAIL with %d", c.what, dns.RcodeToString[rcode], ad, ede, c.ede)
			}
			s.validation.date = today // somebody mends it
			time.Sleep(31 * time.Second)
			if rcode, ad, _ := s.extended("new.example.com"); rcode != dns.RcodeSuccess || !ad {
				t.Errorf("%s: afterwards %s, AD %v", c.what, dns.RcodeToString[rcode], ad)
			}
			s.end()
			t.Attr("row", fmt.Sprintf("F | the wall clock jumps %s by %d years, and back | %d cached answers stay, with AD; new ones fail with EDE %d until it is right | 0 queries; held | ", c.what, max(c.years, -c.years), names, c.ede))
		})
	}
}

// While the machine slept leases and TTLs have run out, and nothing else has.
func TestABootClockThatJumpsEndsWhatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := newStage(t, "== zone example.com @ 192.0.2.1 192.0.2.2\nshort 60 A 192.0.2.80\nlong 86400 A 192.0.2.81\n* 60 A 192.0.2.82\n== fault all\ndelay 20ms\n")
		var slept atomic.Int64
		awake := s.o.Clock
		s.o.Clock = func() clock.Time { return awake().Add(time.Duration(slept.Load())) }
		s.up.Clock, s.door.Clock = s.o.Clock, s.o.Clock
		s.build()
		s.question("short.example.com")
		s.question("long.example.com")
		var flying sync.WaitGroup
		flying.Go(func() { // is with a server meanwhile
			if code := s.question("flying.example.com"); code != dns.RcodeSuccess {
				t.Errorf("what was under way: %s", dns.RcodeToString[code])
			}
		})
		time.Sleep(10 * time.Millisecond)
		slept.Store(int64(8 * time.Hour))
		flying.Wait()
		s.begin(0)
		s.question("long.example.com")
		kept := len(s.sent()) == 0
		s.question("short.example.com")
		if asked := len(s.sent()); !kept || asked == 0 {
			t.Errorf("what lasts for a day is kept: %v; what lasted for a minute cost %d queries", kept, asked)
		}
		o := s.askAll(100, 1, func(i int) string { return fmt.Sprintf("n%d.example.com", i) })
		if o.good != 100 || o.quantile(.99) > 100*time.Millisecond {
			t.Errorf("after waking up %d of 100 names were answered, p99 %v", o.good, o.quantile(.99))
		}
		s.end()
		t.Attr("row", fmt.Sprintf("F | the machine sleeps for 8 h (boot clock), a question under way | what lasts for a day is kept, what lasted for a minute is asked again; 100%% answered | held; %d%%, p99 %d ms | ", o.good, o.quantile(.99).Milliseconds()))
	})
}
