package cache

import (
	"bytes"
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

// entryOverhead is what an entry costs beside its bytes: a list element of 96
// octets, and a map slot with its share of free ones. Measured over a million
// entries (BenchmarkMemory): 134; between 120 and 134 for other numbers, whatever
// the size of the payload.
const entryOverhead = 134

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
	lru    *simplelru.LRU[uint64, []byte]
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
	for i := range c.shards {
		s := &c.shards[i]
		s.limit = max(o.Size/int64(n), 2*MaxPayload)
		s.lru, _ = simplelru.NewLRU(math.MaxInt32, func(_ uint64, b []byte) { s.bytes -= cost(b) })
	}
	return c
}

func cost(b []byte) int64 { return int64(cap(b)) + entryOverhead }

func (c *Cache) locate(k *Key) (*shard, uint64) {
	h := maphash.Bytes(c.seed, k.bytes())
	return &c.shards[h>>c.shift], h
}

// Get appends the entry's payload to dst, fresh or not, and makes the entry the
// most recently used one of its shard.
func (c *Cache) Get(k *Key, dst []byte) (Header, []byte, bool) {
	s, h := c.locate(k)
	s.mu.Lock()
	b, ok := s.lru.Get(h)
	if !ok || !bytes.Equal(keyOf(b), k.bytes()) {
		s.mu.Unlock()
		return Header{}, dst, false
	}
	// The bytes of an entry are never written again, so they can be read after
	// the lock; the copy keeps the reader independent of the store below.
	s.mu.Unlock()
	return header(b), append(dst, payloadOf(b)...), true
}

// Put stores an entry in the place of the one with the same key, and evicts the
// least recently used entries of its shard until it fits. It reports false for a
// payload that is too long.
func (c *Cache) Put(k *Key, h Header, payload []byte) bool {
	if len(payload) > MaxPayload {
		return false
	}
	b := encode(k.bytes(), h, payload)
	s, hash := c.locate(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.lru.Peek(hash); ok {
		s.bytes -= cost(old)
	}
	s.lru.Add(hash, b)
	s.bytes += cost(b)
	s.shrink()
	return true
}

// shrink evicts the least recently used entries until the others fit. The lock is
// held.
func (s *shard) shrink() {
	for s.bytes > s.limit {
		if _, _, ok := s.lru.RemoveOldest(); !ok {
			break
		}
		s.evicts.Add(1)
	}
}

// Delete removes an entry.
func (c *Cache) Delete(k *Key) {
	s, h := c.locate(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.lru.Peek(h); ok && bytes.Equal(keyOf(b), k.bytes()) {
		s.lru.Remove(h)
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
