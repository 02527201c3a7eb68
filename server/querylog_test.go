package server

import (
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/wire"
)

func TestOneQueryInSoManyIsLogged(t *testing.T) {
	for _, oneIn := range []int{1, 10} {
		w := newWorld(t, settings{silent: true})
		var mu sync.Mutex
		var seen []Query
		log := NewQueryLog(oneIn, func(q Query) { mu.Lock(); defer mu.Unlock(); seen = append(seen, q) })
		o := w.o
		o.Queries = log
		w.Set(o)
		const rounds = 1000
		for range rounds {
			w.ask(t, handle, question("www.example.com.", "A", 0))
		}
		eventuallyQuiet(t, log)
		log.Close()
		mu.Lock()
		n := uint64(len(seen)) + log.Dropped()
		if oneIn == 1 && n != rounds || oneIn == 10 && (n < 40 || n > 200) { // ten standard deviations from a hundred
			t.Errorf("one in %d: %d of %d queries are logged, %d dropped", oneIn, len(seen), rounds, log.Dropped())
		}
		for _, q := range seen {
			if q.Name != wire.MustName("www.example.com.") || q.Type != wire.TypeA || q.Rcode != wire.NoError {
				t.Fatalf("logged as %+v", q)
			}
		}
		mu.Unlock()
	}
}

// eventuallyQuiet waits until nothing is left to write.
func eventuallyQuiet(t *testing.T, l *QueryLog) {
	t.Helper()
	for limit := time.Now().Add(patience); len(l.notes) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("never written")
		}
	}
	time.Sleep(10 * time.Millisecond) // the last one is in hand
}

func TestWhoAnswersDoesNotWaitForTheQueryLog(t *testing.T) {
	w := newWorld(t, settings{silent: true})
	stuck := make(chan struct{})
	log := NewQueryLog(1, func(Query) { <-stuck })
	o := w.o
	o.Queries = log
	w.Set(o)
	for range 2 * queuedNotes {
		if r := w.ask(t, handle, question("www.example.com.", "A", 0)); r.Rcode != dns.RcodeSuccess {
			t.Fatal(r)
		}
	}
	if n := log.Dropped(); n < queuedNotes-1 {
		t.Errorf("%d queries were dropped", n)
	}
	log.Close()
	close(stuck)
}
