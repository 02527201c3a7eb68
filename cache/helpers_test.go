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

// audit counts the entries of every shard anew, by the list of their use and by
// the table, and compares with the books.
func audit(t *testing.T, c *Cache) {
	t.Helper()
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		var sum int64
		blocks := 1 // number 0 is the list's head
		used := 0
		for first := s.oldest(); first != 0; first = number(s.block(first), offNewer) {
			used++
			if !s.has(first) {
				t.Fatalf("shard %d: entry %d is in use and not found", i, first)
			}
			sum += costOf(s.block(first))
			blocks += s.length(first)
		}
		found := 0
		for n := range s.buckets {
			for at := number(s.bucket(n), 0); at != 0; at = number(s.block(at), offChain) {
				found++
			}
		}
		if used != int(s.entries) || found != int(s.entries) || s.buckets < s.entries {
			t.Fatalf("shard %d: %d entries, %d in use, %d in %d buckets", i, s.entries, used, found, s.buckets)
		}
		blocks += s.length(s.free)
		if all := int(s.unused); blocks != all {
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

// length counts the blocks from this one on.
func (s *slab) length(i uint32) (n int) {
	for ; i != 0; i = next(s.block(i)) {
		n++
	}
	return n
}
