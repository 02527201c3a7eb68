package cache

import (
	"hash/maphash"
	"math"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// MaxPayload is the longest payload of an entry in octets; a longer one is not
// stored.
const MaxPayload = 64 << 10

// entryOverhead is what an entry costs beside its blocks: a list element of 80
// octets, and a map slot with its share of free ones. Measured over a million
// entries (BenchmarkMemory): 118; between 100 and 118 for other numbers, whatever
// the size of the payload.
const entryOverhead = 118

// Options are the settings of a cache.
type Options struct {
	Size   int64 // bytes, of all entries with their overhead
	Shards int   // a power of two; 0 chooses by the number of cores
}

// Cache is a set of entries bounded in bytes. It is safe for use by many
// goroutines.
type Cache struct {
	seed   maphash.Seed
	shift  uint
	shards []shard
}

type shard struct {
	mu     sync.Mutex
	lru    *simplelru.LRU[uint64, uint32] // first block by hash of the key
	slab   *slab
	bytes  int64
	limit  int64
	evicts atomic.Uint64
	_      [64]byte // keeps neighbours' locks off this cache line
}

// New makes an empty cache.
func New(o Options) *Cache {
	n := o.Shards
	if n == 0 {
		n = max(16, 1<<bits.Len(uint(4*runtime.GOMAXPROCS(0)-1)))
	}
	c := &Cache{seed: maphash.MakeSeed(), shift: uint(64 - bits.TrailingZeros(uint(n))), shards: make([]shard, n)}
	slabs := make([]*slab, n)
	for i := range c.shards {
		s := &c.shards[i]
		s.limit = max(o.Size/int64(n), 2*MaxPayload)
		s.slab = newSlab()
		slabs[i] = s.slab
		s.lru, _ = simplelru.NewLRU(math.MaxInt32, func(_ uint64, first uint32) {
			s.bytes -= costOf(s.slab.open(first).fixed)
			s.slab.release(first)
		})
	}
	runtime.AddCleanup(&c.shards[0], freeChunks, slabs)
	return c
}

// cost is what an entry of such a key and payload takes of the budget.
func cost(key, payload int) int64 {
	return int64(blocksOf(entryFixed+key+payload))*blockLen + entryOverhead
}

func costOf(fixed []byte) int64 { return cost(keyLen(fixed), payloadLen(fixed)) }

func (c *Cache) locate(k *Key) (*shard, uint64) {
	h := maphash.Bytes(c.seed, k.bytes())
	return &c.shards[h>>c.shift], h
}

// Get appends the entry's payload to dst, fresh or not, and makes the entry the
// most recently used one of its shard.
func (c *Cache) Get(k *Key, dst []byte) (Header, []byte, bool) {
	s, hash := c.locate(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	first, ok := s.lru.Get(hash)
	if !ok {
		return Header{}, dst, false
	}
	e := s.slab.open(first)
	if !e.hasKey(k.bytes()) {
		return Header{}, dst, false
	}
	return header(e.fixed), e.appendPayload(dst), true
}

// Put stores an entry in the place of the one with the same key, after it has
// evicted the least recently used entries of its shard until there is room. It
// reports false for a payload that is too long.
func (c *Cache) Put(k *Key, h Header, payload []byte) bool {
	if len(payload) > MaxPayload {
		return false
	}
	s, hash := c.locate(k)
	need := cost(k.n, len(payload))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lru.Remove(hash)
	s.shrink(s.limit - need)
	s.lru.Add(hash, s.slab.put(k.bytes(), h, payload))
	s.bytes += need
	return true
}

// shrink evicts the least recently used entries until the others fit. The lock is
// held.
func (s *shard) shrink(limit int64) {
	for s.bytes > limit {
		if _, _, ok := s.lru.RemoveOldest(); !ok {
			break
		}
		s.evicts.Add(1)
	}
}

// Delete removes an entry.
func (c *Cache) Delete(k *Key) {
	s, hash := c.locate(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if first, ok := s.lru.Peek(hash); ok {
		if e := s.slab.open(first); e.hasKey(k.bytes()) {
			s.lru.Remove(hash)
		}
	}
}

// Stats are the numbers of a cache at one moment.
type Stats struct {
	Entries   int
	Bytes     int64 // with the overhead of each entry
	Limit     int64
	Evictions uint64
}

// Stats sums over the shards.
func (c *Cache) Stats() Stats {
	var st Stats
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		st.Entries += s.lru.Len()
		st.Bytes += s.bytes
		st.Limit += s.limit
		s.mu.Unlock()
		st.Evictions += s.evicts.Load()
	}
	return st
}
