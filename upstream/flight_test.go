package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestIdenticalExchangesAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "delay 50ms")
		var mu sync.Mutex
		joined, spent := 0, 0
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				a := asking("www.example.com.")
				a.Spend = func() error { mu.Lock(); defer mu.Unlock(); spent++; return nil }
				reply, err := r.Exchange(context.Background(), a)
				if err != nil || len(reply.Answer) != 1 {
					t.Errorf("got %+v, %v", reply, err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				if reply.Joined {
					joined++
				}
			})
		}
		wg.Wait()
		r.wantSent("udp+edns")
		if joined != 99 || r.Stats().Joined != 99 || spent != 100 {
			t.Errorf("%d replies were joined, %d counted; %d packets were accounted for", joined, r.Stats().Joined, spent)
		}
		if len(r.flights.m) != 0 {
			t.Errorf("%d flights are still in the air", len(r.flights.m))
		}
		r.must("www.example.com.")
		r.wantSent("udp+edns")
	})
}

func TestDifferentExchangesAreNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone+"== zone example.net @ 192.0.2.2\n")
		r.faults("all", "delay 50ms")
		base := asking("www.example.com.")
		asks := []Ask{base, base, base, base, base, base}
		asks[1].Question.Name = asking("ftp.example.com.").Question.Name
		asks[2].Question.Type = 28
		asks[3].Question.Class = 3
		asks[4].RD = true
		asks[5].Server = port53("192.0.2.2")
		var wg sync.WaitGroup
		for _, a := range asks {
			wg.Go(func() {
				if reply, err := r.Exchange(context.Background(), a); err != nil || reply.Joined {
					t.Errorf("%v: %+v, %v", a, reply, err)
				}
			})
		}
		wg.Wait()
		if n := len(r.net.Queries()); n != len(asks) {
			t.Errorf("%d different questions were %d queries", len(asks), n)
		}
	})
}

// follow starts one exchange that leads and, a moment later, ten that join it,
// and hands out what became of them.
func (r *rig) follow(lead func(), a Ask) (errs []error) {
	var wg sync.WaitGroup
	wg.Go(lead)
	synctest.Wait()
	got := make(chan error, 10)
	for range cap(got) {
		wg.Go(func() {
			_, err := r.Exchange(context.Background(), a)
			got <- err
		})
	}
	wg.Wait()
	for range cap(got) {
		errs = append(errs, <-got)
	}
	return errs
}

func TestALeadersOwnTroubleIsNotItsFollowers(t *testing.T) {
	spent := errors.New("spent")
	for _, c := range []struct {
		what  string
		fault string
		lead  func(*rig) error
		want  error  // of the leader
		sent  string // by the leader and the one that takes over
	}{
		{"budget spent between UDP and TCP", "truncate", func(r *rig) error {
			left := 1
			a := asking("www.example.com.")
			a.Spend = func() error {
				if left--; left < 0 {
					return spent
				}
				return nil
			}
			_, err := r.Exchange(context.Background(), a)
			return err
		}, spent, "udp+edns udp+edns tcp+edns"},
		{"no time left over UDP", "", func(r *rig) error {
			ctx, cancel := context.WithTimeout(context.Background(), 10*ms)
			defer cancel()
			_, err := r.Exchange(ctx, asking("www.example.com."))
			return err
		}, ErrTimeout, "udp+edns udp+edns"},
		{"no time left over TCP", "truncate", func(r *rig) error {
			ctx, cancel := context.WithTimeout(context.Background(), 70*ms)
			defer cancel()
			_, err := r.Exchange(ctx, asking("www.example.com."))
			return err
		}, ErrTimeout, "udp+edns udp+edns tcp+edns"},
		{"called off while it connects", "truncate", func(r *rig) error {
			ctx, cancel := context.WithCancel(context.Background())
			defer time.AfterFunc(70*ms, cancel).Stop()
			_, err := r.Exchange(ctx, asking("www.example.com."))
			return err
		}, ErrTimeout, "udp+edns udp+edns tcp+edns"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, oneZone)
			r.faults(theServer, "delay 50ms", c.fault)
			errs := r.follow(func() {
				if err := c.lead(r); !errors.Is(err, c.want) {
					t.Errorf("%s: the leader got %v", c.what, err)
				}
			}, asking("www.example.com."))
			for _, err := range errs {
				if err != nil {
					t.Errorf("%s: a follower got %v", c.what, err)
				}
			}
			r.wantSent(c.sent)
		})
	}
}

func TestTheServersTroubleIsEverybodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "drop")
		errs := r.follow(func() {
			if _, err := r.Exchange(context.Background(), asking("www.example.com.")); err != ErrTimeout {
				t.Errorf("the leader got %v", err)
			}
		}, asking("www.example.com."))
		for _, err := range errs {
			if err != ErrTimeout {
				t.Errorf("a follower got %v", err)
			}
		}
		r.wantSent("udp+edns")
	})
}

func TestAFollowerLeavesWhenItsTimeIsUpOrItsBudgetSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "delay 50ms")
		spent := errors.New("spent")
		var wg sync.WaitGroup
		wg.Go(func() { r.must("www.example.com.") })
		synctest.Wait()
		start := time.Now()
		a := asking("www.example.com.")
		a.Spend = func() error { return spent }
		if _, err := r.Exchange(context.Background(), a); err != spent || time.Since(start) != 0 {
			t.Errorf("without a budget: %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*ms)
		defer cancel()
		if _, err := r.Exchange(ctx, asking("www.example.com.")); !errors.Is(err, ErrTimeout) || time.Since(start) != 10*ms {
			t.Errorf("with 10 ms: %v after %v", err, time.Since(start))
		}
		wg.Wait()
		r.wantSent("udp+edns")
	})
}

func TestALeaderThatCrashesLeavesNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "delay 50ms")
		crash := true
		r.o.Dial = func(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
			if crash {
				crash = false
				time.Sleep(50 * ms)
				panic("a bug")
			}
			return r.net.Dial(ctx, network, server)
		}
		errs := r.follow(func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was hidden")
				}
			}()
			_, _ = r.Exchange(context.Background(), asking("www.example.com."))
		}, asking("www.example.com."))
		for _, err := range errs {
			if err != nil {
				t.Errorf("a follower got %v", err)
			}
		}
		r.wantSent("udp+edns")
	})
}
