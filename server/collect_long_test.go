//go:build long && linux

package server

// This file measures what the garbage collector does to cached answers.

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/wire"
)

// With a million names in the cache, a collection must not be seen in the time that
// answers take: by more than a millisecond for one of a thousand.
func TestACollectionIsNotSeenByCachedAnswers(t *testing.T) {
	const names, most = 1_000_000, time.Millisecond
	w := newWorld(t, settings{silent: true})
	w.cache.Resize(1 << 30)
	reply, err := wire.Pack(nil, &wire.Reply{Question: wire.Question{Name: wire.MustName("host.example.com."), Type: wire.TypeA, Class: wire.ClassIN},
		Answer: []wire.RRset{{Name: wire.MustName("host.example.com."), Type: wire.TypeA, Class: wire.ClassIN, TTL: 86400, Data: []string{"\xc0\x00\x02\x01"}}}})
	if err != nil {
		t.Fatal(err)
	}
	name := func(i int) []byte { return []byte(wire.MustName(fmt.Sprintf("h%07d.example.com.", i))) }
	for i := range names {
		var k cache.Key
		k.Set(cache.Answer, cache.Question{Name: name(i), Type: wire.TypeA, Class: wire.ClassIN})
		w.cache.Put(&k, cache.Header{Stored: clock.Now().Seconds(), Lifetime: 86400, Status: cache.Insecure}, reply)
	}
	if n := w.cache.Stats().Entries; n < names {
		t.Fatalf("%d names are cached", n)
	}
	packets := make([][]byte, 4096)
	for i := range packets {
		packets[i] = wire.AppendQuestion(nil, uint16(i), wire.FlagRD, wire.Name(name(rand.IntN(names))), wire.TypeA, wire.ClassIN)
	}
	for _, cores := range []int{1, 2} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		quiet, _ := w.latencies(t, packets, false)
		busy, cycles := w.latencies(t, packets, true)
		t.Logf("%d cores: p50 %v p99.9 %v, and %v %v over %d collections", cores, quiet[500], quiet[999], busy[500], busy[999], cycles)
		if cycles < 20 {
			t.Errorf("%d collections say nothing", cycles)
		}
		if busy[999] > quiet[999]+most {
			t.Errorf("%d cores: a collection costs one of a thousand answers %v", cores, busy[999]-quiet[999])
		}
	}
}

// latencies are the thousandths of the time from one answer to the next, with
// collections one after the other or without any. It rests as a reader does that always
// finds packets; without, one core would have hardly any collections.
func (w *world) latencies(t *testing.T, packets [][]byte, collecting bool) (thousandths []time.Duration, cycles uint32) {
	var stop, stopped atomic.Bool
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if collecting {
		go func() {
			for !stop.Load() {
				runtime.GC()
			}
			stopped.Store(true)
		}()
	}
	const n = 2_000_000
	all := make([]time.Duration, 0, n)
	worker, dst := w.borrow(), make([]byte, 0, 4096)
	var q wire.Query
	last := time.Now()
	rested := last
	for i := range n {
		if reply, done := worker.quickSafe(dst, packets[i%len(packets)], home, &q); !done || len(reply) < 40 {
			t.Fatal("not a hit")
		}
		now := time.Now()
		all = append(all, now.Sub(last))
		last = now
		if now.Sub(rested) > restAfter {
			time.Sleep(rest)
			rested = time.Now()
		}
	}
	stop.Store(true)
	for collecting && !stopped.Load() {
		time.Sleep(time.Millisecond)
	}
	runtime.ReadMemStats(&after)
	slices.Sort(all)
	for i := range 1000 {
		thousandths = append(thousandths, all[i*n/1000+n/2000])
	}
	return thousandths, after.NumGC - before.NumGC
}
