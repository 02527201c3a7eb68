package resolver

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rootwalk/wire"
)

func nth(i int) wire.Question {
	return wire.Question{Name: wire.MustName(fmt.Sprintf("n%d.example.com.", i)), Type: wire.TypeA, Class: wire.ClassIN}
}

func TestWhoWaitsForAPlaceIsNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const asked, walks = 1000, 20
		r, net := newOver(t, "== zone example.com @ 192.0.2.1\n* A 192.0.2.80\n", Options{Clock: virtual(), Walks: walks})
		if err := net.SetFaults("192.0.2.1", "delay 300ms"); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var answered []int
		shed := 0
		before := runtime.NumGoroutine()
		for i := range asked {
			r.Ask(Request{Question: nth(i)}, func(_ Result, err error) {
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					answered = append(answered, i)
				} else if asFailure(err).limit {
					shed++
				}
			})
		}
		synctest.Wait()
		if n := runtime.NumGoroutine() - before; n > 3*walks { // the flight, and what of it asks
			t.Errorf("%d questions take %d goroutines", asked, n)
		}
		if n := r.Stats().InFlight; n != walks {
			t.Errorf("%d walks at once, want %d", n, walks)
		}
		r.Close()
		slices.Sort(answered)
		for i, got := range answered {
			if got != i {
				t.Fatalf("answered are %v: who came first is served first", answered)
			}
		}
		if len(answered) != walks*(1+maxQueue) || len(answered)+shed != asked || r.Stats().Shed != uint64(shed) || r.Stats().InFlight != 0 {
			t.Errorf("%d answered, %d shed, %d counted; %d walks are left", len(answered), shed, r.Stats().Shed, r.Stats().InFlight)
		}
		t.Attr("row", fmt.Sprintf("F | %d questions for %d walks at once | first come, first served; %d wait for each place, without a goroutine; the others are shed at once | %d answered, %d shed | ",
			asked, walks, maxQueue, len(answered), shed))
	})
}

func TestAPlaceIsTakenByWhoeverStillWantsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := places{most: 1}
		if !p.enter(t.Context()) {
			t.Fatal("the first place cannot be had")
		}
		early, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if p.enter(early) || time.Since(began) != time.Second {
			t.Errorf("a caller that leaves after 1 s is away after %v", time.Since(began))
		}
		began = time.Now()
		if p.enter(t.Context()) || time.Since(began) != PlaceTime {
			t.Errorf("a place is waited for for %v", time.Since(began))
		}
		var got atomic.Int64
		for range 3 {
			go func() {
				if p.enter(t.Context()) {
					got.Add(1)
					p.leave()
				}
			}()
		}
		synctest.Wait()
		p.leave()
		synctest.Wait()
		if got.Load() != 3 || p.inUse() != 0 || len(p.queue) != 0 {
			t.Errorf("%d of 3 had the place; %d are taken, %d wait", got.Load(), p.inUse(), len(p.queue))
		}
	})
}
