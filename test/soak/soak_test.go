//go:build long

package soak

// This file runs the load and looks at what is left of it.

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rootwalk/resolver"
)

var duration = flag.Duration("for", 10*time.Minute, "how long the load lasts")

// The bounds on what may be left: goroutines, which runtimes start a few of by
// themselves, and octets of the heap beside the cache.
const (
	spareGoroutines = 4
	spareHeap       = 1 << 20
	spareResident   = 16 << 20 // what the runtime gives back late
)

// maxComplaints is how many wrong replies are told before the run ends early.
const maxComplaints = 20

// load lets all clients in until ctx ends, and returns how often each kind came.
func (w *world) load(ctx context.Context, t *testing.T) (visits map[string]uint64) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	counts := make([]atomic.Uint64, len(kinds))
	var complaints atomic.Int64
	var running sync.WaitGroup
	for i, k := range kinds {
		for range k.clients {
			running.Go(func() {
				for rest := time.NewTicker(k.rest); ctx.Err() == nil; <-rest.C {
					if err := k.visit(w); err != nil {
						t.Errorf("%s: %v%s", k.name, err, w.why())
						if complaints.Add(1) >= maxComplaints {
							stop()
						}
					}
					counts[i].Add(1)
				}
			})
		}
	}
	running.Go(func() { // what the lab remembers is not the resolver's
		for ctx.Err() == nil {
			time.Sleep(100 * time.Millisecond)
			w.net.ResetQueries()
		}
	})
	running.Wait()
	visits = map[string]uint64{}
	for i := range kinds {
		visits[kinds[i].name] = counts[i].Load()
	}
	return visits
}

// why is the reason of the last walk that failed although its zone is in order.
func (w *world) why() string {
	for _, p := range w.resolver.Recent() {
		if !strings.Contains(p.Question, "broken.example.") {
			trace := resolver.Trace{Steps: p.Steps}
			return fmt.Sprintf("\nof late %s failed after %v: %s\n%s", p.Question, p.Took, p.Text, trace.String())
		}
	}
	return ""
}

// remains are the goroutines and the heap once nothing goes on any more.
type remains struct {
	goroutines int
	heap       int64 // octets beside the cache
	resident   int64 // octets of the process; 0 where the system does not tell
}

// resident reads how much memory the process has.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	var size, pages int64
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// settled waits until the resolver has nothing to do and the goroutines are not
// more than those allowed, and measures.
func (w *world) settled(t *testing.T, allowed int) (r remains) {
	t.Helper()
	for end := time.Now().Add(2 * patience); ; time.Sleep(20 * time.Millisecond) {
		s := w.server.Stats()
		r.goroutines = runtime.NumGoroutine()
		if s.Pending == 0 && s.TCPConns == 0 && w.resolver.Stats().InFlight == 0 && r.goroutines <= allowed {
			break
		}
		if time.Now().After(end) {
			t.Errorf("left behind: %d goroutines (%d allowed), %d questions, %d connections", r.goroutines, allowed, s.Pending, s.TCPConns)
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			break
		}
	}
	w.net.ResetQueries()
	var m runtime.MemStats
	for range 3 { // pools let go of their content at the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	r.heap = int64(m.HeapAlloc) - w.cache.Stats().Bytes
	r.resident = resident()
	return r
}

func TestSoak(t *testing.T) {
	outside := runtime.NumGoroutine()
	w := newWorld(t)
	idle := w.settled(t, 1<<20)

	// A short load first: it fills the cache and the pools, which stay.
	warm, cancel := context.WithTimeout(t.Context(), min(*duration/4, 30*time.Second))
	defer cancel()
	w.load(warm, t)
	before := w.settled(t, idle.goroutines+spareGoroutines)

	long, cancel := context.WithTimeout(t.Context(), *duration)
	defer cancel()
	visits := w.load(long, t)
	after := w.settled(t, idle.goroutines+spareGoroutines)

	s, r := w.server.Stats(), w.resolver.Stats()
	t.Logf("%v: visits %v", *duration, visits)
	t.Logf("replies %v; %d hits, %d misses, %d stale, %d walks, %d evictions", s.Rcodes, s.Hits, s.Misses, s.Stale, r.Walks, w.cache.Stats().Evictions)
	t.Logf("goroutines %d, then %d; heap beside the cache %s, then %s; resident %s, then %s",
		before.goroutines, after.goroutines, kib(before.heap), kib(after.heap), kib(before.resident), kib(after.resident))
	if after.resident > before.resident+spareResident {
		t.Errorf("the process has grown from %s to %s", kib(before.resident), kib(after.resident))
	}
	if after.heap > before.heap+spareHeap {
		t.Errorf("the heap has grown from %s to %s beside the cache", kib(before.heap), kib(after.heap))
	}
	if k := w.cache.Stats(); k.Bytes > k.Limit {
		t.Errorf("the cache has %d octets of %d", k.Bytes, k.Limit)
	}
	if s.Panics+r.Panics != 0 || s.Shed+r.Shed != 0 {
		t.Errorf("%d panics, %d turned away", s.Panics+r.Panics, s.Shed+r.Shed)
	}
	for _, k := range kinds {
		if visits[k.name] == 0 {
			t.Errorf("nobody came for %s", k.name)
		}
	}
	w.close(t)
	for end := time.Now().Add(patience); runtime.NumGoroutine() > outside; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			t.Fatalf("%d goroutines after the end, and %d before the beginning", runtime.NumGoroutine(), outside)
		}
	}
}

func kib(n int64) string { return fmt.Sprintf("%d KiB", n>>10) }
