package dnssec

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

func TestNoMoreSignaturesAreCheckedAtOnceThanThereAreCores(t *testing.T) {
	s := newP256(t, "example.")
	set := s.signed(t, "a.example. A 192.0.2.1")[0]
	key := s.keys(t)[0]
	var now, most, made atomic.Int32
	key.once.Do(func() {})
	key.read = publicKey{check: func([]byte, string) bool {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		for range 10 { // others have a chance
			runtime.Gosched()
		}
		now.Add(-1)
		made.Add(1)
		return true
	}}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { VerifyRRset(&set, name("example."), []*Key{key}, when, NewBudget(false)) })
	}
	wg.Wait()
	if made.Load() != 50 || int(most.Load()) > cap(gate) {
		t.Errorf("%d checks, up to %d at once, with %d places", made.Load(), most.Load(), cap(gate))
	}
}
