//go:build long

package soak

// This file runs the load and looks at what is left of it.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rootwalk/resolver"
	"rootwalk/upstream"
)

var duration = flag.Duration("for", 10*time.Minute, "how long the load lasts")

// The bounds on what may be left: goroutines, which runtimes start a few of by
// themselves, and octets of the heap.
const (
	spareGoroutines = 4
	spareHeap       = 1 << 20
	spareResident   = 16 << 20 // what the runtime gives back late
)

// latePart is the reciprocal of the part of all visits that may get no answer in time. One packet in a
// hundred gets lost, so three in a row do once in a million; and a machine that has
// other things to do may stand still for longer than servers are waited for.
const latePart = 1000

// late tells whether an error is that: the reply did not come, or it is SERVFAIL because
// nothing came from the servers. Anything else is a wrong reply.
func (w *world) late(err error) bool {
	var failed *failedError
	if !errors.As(err, &failed) {
		return errors.Is(err, os.ErrDeadlineExceeded)
	}
	return slices.ContainsFunc(w.resolver.Recent(), func(p resolver.Past) bool {
		return strings.HasPrefix(strings.ToLower(p.Question), failed.name) && strings.Contains(p.Text, upstream.ErrTimeout.Error())
	})
}

// maxComplaints is how many wrong replies are told before the run ends early.
const maxComplaints = 20

// load lets all clients in until ctx ends, and returns how often each kind came and
// how many went without an answer.
func (w *world) load(ctx context.Context, t *testing.T) (visits map[string]uint64, lates int64) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	counts := make([]atomic.Uint64, len(kinds))
	var complaints, unanswered atomic.Int64
	var running sync.WaitGroup
	for i, k := range kinds {
		for range k.clients {
			running.Go(func() {
				for rest := time.NewTicker(k.rest); ctx.Err() == nil; <-rest.C {
					if err := k.visit(w); err != nil && w.late(err) {
						unanswered.Add(1)
						t.Logf("%s: not answered in time: %v", k.name, err)
					} else if err != nil {
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
	return visits, unanswered.Load()
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

// remains are what there is once nothing goes on any more. Cached entries are not in the heap.
type remains struct {
	goroutines int
	heap       int64 // octets
	resident   int64 // octets of the process; 0 where the system does not tell
	files      int   // descriptors; 0 where the system does not tell
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
	r.heap = int64(m.HeapAlloc)
	r.resident = resident()
	open, _ := os.ReadDir("/proc/self/fd")
	r.files = len(open)
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
	visits, lates := w.load(long, t)
	after := w.settled(t, idle.goroutines+spareGoroutines)

	s, r := w.server.Stats(), w.resolver.Stats()
	all := uint64(0)
	for _, n := range visits {
		all += n
	}
	t.Logf("%v: %d visits %v, of which %d were not answered in time", *duration, all, visits, lates)
	if uint64(lates) > 1+all/latePart {
		t.Errorf("%d of %d visits were not answered in time, more than one in %d", lates, all, latePart)
	}
	t.Logf("replies %v; %d hits, %d misses, %d stale, %d walks, %d evictions", s.Rcodes, s.Hits, s.Misses, s.Stale, r.Walks, w.cache.Stats().Evictions)
	t.Logf("goroutines %d, then %d; descriptors %d, then %d; heap %s, then %s; resident %s, then %s",
		before.goroutines, after.goroutines, before.files, after.files, kib(before.heap), kib(after.heap), kib(before.resident), kib(after.resident))
	if after.resident > before.resident+spareResident {
		t.Errorf("the process has grown from %s to %s", kib(before.resident), kib(after.resident))
	}
	if after.heap > before.heap+spareHeap {
		t.Errorf("the heap has grown from %s to %s", kib(before.heap), kib(after.heap))
	}
	if after.files > before.files+spareGoroutines {
		t.Errorf("%d descriptors are open, %d were before", after.files, before.files)
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
