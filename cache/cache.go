package cache

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// MaxPayload is the longest payload of an entry in octets; a longer one is not
// stored.
const MaxPayload = 64 << 10

// entryOverhead is what an entry costs beside its blocks: its bucket.
const entryOverhead = bucketLen

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
	mu sync.Mutex
	*index
	bytes  int64
	limit  int64
	made   int // how often the index was made anew
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
	indexes := make([]*index, n)
	for i := range c.shards {
		indexes[i] = newIndex()
		c.shards[i].limit, c.shards[i].index = max(o.Size/int64(n), 2*MaxPayload), indexes[i]
	}
	runtime.AddCleanup(&c.shards[0], freeChunks, indexes)
	return c
}

// cost is what an entry of such a key and payload takes of the budget.
func cost(key, payload int) int64 {
	return int64(blocksOf(key+payload))*blockLen + entryOverhead
}

// costOf is the cost of the entry with that first block.
func costOf(first []byte) int64 { return cost(keyLen(first), payloadLen(first)) }

// locate finds a key's shard, and its hash there.
func (c *Cache) locate(k *Key) (*shard, uint32) {
	h := maphash.Bytes(c.seed, k.bytes())
	return &c.shards[h>>c.shift], uint32(h)
}

// Get appends the entry's payload to dst, fresh or not, and makes the entry the
// most recently used one of its shard.
func (c *Cache) Get(k *Key, dst []byte) (Header, []byte, bool) {
	s, hash := c.locate(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	i, e := s.find(hash, k.bytes())
	if i == 0 {
		return Header{}, dst, false
	}
	s.use(i)
	return header(e.first), e.appendPayload(dst), true
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
	if i, _ := s.find(hash, k.bytes()); i != 0 {
		s.drop(i)
	}
	s.shrink(s.limit - need)
	s.add(s.put(k.bytes(), h, payload), hash)
	s.bytes += need
	return true
}

// drop removes an entry. The lock is held, as for what follows.
func (s *shard) drop(first uint32) {
	s.bytes -= costOf(s.block(first))
	s.remove(first)
}

// shrink evicts the least recently used entries until the others fit.
func (s *shard) shrink(limit int64) {
	for s.bytes > limit && s.entries > 0 {
		s.drop(s.oldest())
		s.evicts.Add(1)
	}
}

// Delete removes an entry.
func (c *Cache) Delete(k *Key) {
	s, hash := c.locate(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, _ := s.find(hash, k.bytes()); i != 0 {
		s.drop(i)
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
		st.Entries += int(s.entries)
		st.Bytes += s.bytes
		st.Limit += s.limit
		s.mu.Unlock()
		st.Evictions += s.evicts.Load()
	}
	return st
}
