package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"

	"rootwalk/wire"
)

// flood asks n different names of a zone at once and returns how many were
// refused a place, after all are done.
func (r *rig) flood(n int, server, zone string, refusal error) (refused int) {
	r.t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range n {
		wg.Go(func() {
			a := asking(fmt.Sprintf("n%d.%s", i, zone))
			a.Server, a.Zone = netip.AddrPortFrom(netip.MustParseAddr(server), 53), wire.MustName(zone)
			if _, err := r.Exchange(context.Background(), a); errors.Is(err, refusal) {
				mu.Lock()
				defer mu.Unlock()
				refused++
			}
		})
	}
	wg.Wait()
	return refused
}

func TestFewQuestionsAtOnceForAZoneThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		const zone = "example.com."
		r.faults(theServer, "delay 20ms")
		if n := r.flood(2100, theServer, zone, ErrZoneCrowded); n != 2100-2048 {
			t.Errorf("healthy: %d of 2100 were turned away, want all but 2048", n)
		}
		r.faults(theServer, "drop")
		for _, want := range []int{2048, 200, 20, 20} {
			if n := r.flood(2100, theServer, zone, ErrZoneCrowded); n != 2100-want {
				t.Errorf("silent: %d of 2100 were turned away, want all but %d", n, want)
			}
		}
		if n := r.flood(100, "192.0.2.9", "example.net.", ErrZoneCrowded); n != 0 {
			t.Errorf("%d of 100 questions for another zone were turned away", n)
		}
		r.faults(theServer)
		for range 2 * crowdWindow {
			r.flood(1, theServer, zone, ErrZoneCrowded)
		}
		if n := r.flood(2048, theServer, zone, ErrZoneCrowded); n != 0 {
			t.Errorf("mended: %d of 2048 were turned away", n)
		}
		if st := r.Stats(); st.Limits["zone_in_flight"] == 0 {
			t.Errorf("counted %v", st.Limits)
		}
	})
}

func TestFewQuestionsAtOnceForAServerThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "drop")
		r.flood(100, theServer, "a.example.", ErrServerCrowded) // 100 tries time out
		r.flood(100, theServer, "b.example.", ErrServerCrowded)
		if n := r.flood(100, theServer, "c.example.", ErrServerCrowded); n != 80 {
			t.Errorf("%d of 100 questions for a third zone were turned away, want 80", n)
		}
		r.o.Record = true
		if n := r.flood(100, theServer, "d.example.", ErrServerCrowded); n != 0 {
			t.Errorf("%d of 100 were turned away where limits are only counted", n)
		}
	})
}

func TestZonesThatAServerDoesNotServeTakeNoPlacesOfThoseThatItDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		honest := asking("www.example.com.")
		honest.Zone = wire.MustName("example.com.")
		if _, err := r.exchange(honest); err != nil {
			t.Fatal(err)
		}
		r.faults(theServer, "drop")
		for _, zone := range []string{"a.attacker.", "b.attacker.", "c.attacker."} {
			r.flood(100, theServer, zone, ErrServerCrowded)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if n := r.flood(100, theServer, "d.attacker.", ErrServerCrowded); n != 80 {
				t.Errorf("%d of 100 of the attacker's questions were turned away, want 80", n)
			}
		})
		synctest.Wait()
		r.faults(theServer)
		if _, err := r.exchange(honest); err != nil {
			t.Errorf("a zone that the server does serve: %v", err)
		}
		wg.Wait()
	})
}

func TestAnAttackedZoneDoesNotTakeAllPlacesOfItsServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "drop")
		for range 3 {
			r.flood(100, theServer, "attacked.example.", ErrServerCrowded)
		}
		var wg sync.WaitGroup
		wg.Go(func() { r.flood(100, theServer, "attacked.example.", ErrServerCrowded) })
		synctest.Wait()
		for i := range reserved + 1 { // none of these was asked before
			zone := wire.MustName(fmt.Sprintf("z%d.example.", i))
			wg.Go(func() {
				a := asking("www." + zone.String())
				a.Zone = zone
				if _, err := r.Exchange(context.Background(), a); errors.Is(err, ErrServerCrowded) != (i == reserved) {
					t.Errorf("zone %d beside the attacked one: %v", i, err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
	})
}
