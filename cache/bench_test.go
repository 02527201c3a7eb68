package cache

import (
	"runtime"
	"testing"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"rootwalk/wire"
)

// fill puts n entries of an ordinary size.
func fill(c *Cache, n, size int) {
	payload := make([]byte, size)
	for i := range n {
		c.Put(numbered(i), Header{Lifetime: 300}, payload)
	}
}

// heap is what live objects occupy.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// occupied measures what a full cache occupies for each entry: of Go's heap, and
// in all.
func occupied(n, size int) (onHeap, all, budget float64) {
	before := heap()
	c := New(Options{Size: 1 << 40})
	fill(c, n, size)
	onHeap = float64(heap() - before)
	for i := range c.shards {
		s := &c.shards[i]
		all += float64(s.unused)*blockLen + float64(s.buckets)*bucketLen
	}
	budget = float64(c.Stats().Bytes)
	return onHeap / float64(n), (all + onHeap) / float64(n), budget / float64(n)
}

func TestTheBudgetCountsWhatEntriesReallyOccupy(t *testing.T) {
	for _, size := range []int{20, 150, 1300, 5000} { // of one block and of many
		if onHeap, all, budget := occupied(20_000, size); onHeap > 4 || all < budget || all > budget+5 {
			t.Errorf("an entry of %d octets occupies %.1f, %.1f of that of the heap, and counts as %.1f", size, all, onHeap, budget)
		}
	}
}

// BenchmarkMemory measures what a million entries occupy.
func BenchmarkMemory(b *testing.B) {
	var onHeap, all float64
	for b.Loop() {
		onHeap, all, _ = occupied(1_000_000, 150)
	}
	b.ReportMetric(all, "B/entry")
	b.ReportMetric(onHeap, "heap-B/entry")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkMemoryOfALibrarysList measures what a list of golang-lru and its map would
// occupy of the heap for each entry, from the hash of a key to its first block.
func BenchmarkMemoryOfALibrarysList(b *testing.B) {
	const n = 1_000_000
	var onHeap int64
	for b.Loop() {
		before := heap()
		list, err := simplelru.NewLRU[uint64, uint32](n, nil)
		if err != nil {
			b.Fatal(err)
		}
		for i := range n {
			list.Add(uint64(i)*0x9e3779b97f4a7c15, uint32(i))
		}
		onHeap = heap() - before
		runtime.KeepAlive(list)
	}
	b.ReportMetric(float64(onHeap)/n, "heap-B/entry")
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
