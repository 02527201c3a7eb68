package cache

import (
	"runtime"
	"testing"

	"rootwalk/wire"
)

// fill puts n entries of an ordinary size and returns their octets, the sum of
// what cost counts without entryOverhead.
func fill(c *Cache, n, size int) (octets int64) {
	payload := make([]byte, size)
	for i := range n {
		c.Put(numbered(i), Header{Lifetime: 300}, payload)
	}
	st := c.Stats()
	return st.Bytes - int64(st.Entries)*entryOverhead
}

// heap is what live objects occupy.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// overheadOf measures what an entry occupies: on the heap, beside its blocks, and
// in all.
func overheadOf(n, size int) (perEntry, overhead float64) {
	before := heap()
	c := New(Options{Size: 1 << 40})
	octets := fill(c, n, size)
	overhead = float64(heap()-before) / float64(n)
	runtime.KeepAlive(c)
	return float64(octets)/float64(n) + overhead, overhead
}

func TestTheBudgetCountsWhatEntriesReallyOccupy(t *testing.T) {
	for _, size := range []int{20, 150, 1300, 5000} { // of one block and of many
		if _, overhead := overheadOf(20_000, size); overhead < entryOverhead-25 || overhead > entryOverhead+10 {
			t.Errorf("an entry of %d octets has an overhead of %.0f, want about %d", size, overhead, entryOverhead)
		}
	}
}

// BenchmarkMemory measures entryOverhead.
func BenchmarkMemory(b *testing.B) {
	var entry, overhead float64
	for b.Loop() {
		entry, overhead = overheadOf(1_000_000, 150)
	}
	b.ReportMetric(entry, "B/entry")
	b.ReportMetric(overhead, "overhead-B/entry")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkGet(b *testing.B) {
	const n = 1 << 16
	c := New(Options{Size: 1 << 30})
	fill(c, n, 150)
	names := make([][]byte, n)
	for i := range names {
		names[i] = append([]byte(nil), numbered(i).bytes()[keyFixed:]...)
	}
	room := make([]byte, 0, 4096)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		var k Key
		k.Set(Answer, Question{Name: names[i*40503&(n-1)], Type: wire.TypeA, Class: wire.ClassIN})
		if _, _, ok := c.Get(&k, room); !ok {
			b.Fatal("a miss")
		}
		i++
	}
}

func BenchmarkPut(b *testing.B) {
	const n = 1 << 16
	c := New(Options{Size: 8 << 20}) // a third of the entries fits
	keys := make([]Key, n)
	for i := range keys {
		keys[i] = *numbered(i)
	}
	payload := make([]byte, 150)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c.Put(&keys[i&(n-1)], Header{Lifetime: 300}, payload)
		i++
	}
}
