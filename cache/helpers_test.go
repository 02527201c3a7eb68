package cache

import (
	"fmt"
	"testing"

	"rootwalk/wire"
)

// keyFor is the key of the answer for a name's addresses.
func keyFor(name string) *Key {
	k := new(Key)
	k.Set(Answer, Question{Name: []byte(wire.MustName(name)), Type: wire.TypeA, Class: wire.ClassIN})
	return k
}

func numbered(i int) *Key { return keyFor(fmt.Sprintf("host%d.example.com.", i)) }

// oneShard is the smallest cache there is, with an LRU order that is easy to foretell.
func oneShard() *Cache { return New(Options{Shards: 1}) }

// audit counts the entries of every shard anew and compares with the books.
func audit(t *testing.T, c *Cache) {
	t.Helper()
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		var sum int64
		blocks := 1 // number 0 is none
		for _, first := range s.lru.Values() {
			sum += costOf(s.slab.open(first).fixed)
			blocks += s.slab.chain(first)
		}
		blocks += s.slab.chain(s.slab.free)
		if all := int(s.slab.unused); blocks != all {
			t.Fatalf("shard %d: %d of %d blocks are in use or free", i, blocks, all)
		}
		kept, limit := s.bytes, s.limit
		s.mu.Unlock()
		if sum != kept {
			t.Fatalf("shard %d holds %d bytes and accounts for %d", i, sum, kept)
		}
		if kept > limit {
			t.Fatalf("shard %d holds %d bytes of %d", i, kept, limit)
		}
	}
}

// chain counts the blocks from this one on.
func (s *slab) chain(i uint32) (n int) {
	for ; i != 0; i = next(s.block(i)) {
		n++
	}
	return n
}
