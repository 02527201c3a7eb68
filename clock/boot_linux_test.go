package clock

import (
	"sync"
	"testing"
	"time"
)

func TestASleepOfTheMachineCountsOnceItIsLookedAt(t *testing.T) {
	before := Now()
	slept.Add(-int64(time.Hour)) // as if the hour had passed since
	if Now() > before {
		t.Skip("looked in between")
	}
	lookedAt.Store(0)
	if d := Now().Sub(before); d < 0 || d > time.Minute {
		t.Errorf("%v off after the look", d)
	}
}

func TestTheClockNeverGoesBackWhoeverReadsIt(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			last := Now()
			for i := range 100_000 {
				if i%100 == 0 {
					lookedAt.Store(0)
				}
				now := Now()
				if now < last {
					t.Errorf("from %d to %d", last, now)
					return
				}
				last = now
			}
		})
	}
	wg.Wait()
}
