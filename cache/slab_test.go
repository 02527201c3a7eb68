package cache

import (
	"bytes"
	"strings"
	"testing"
)

// patterned is a payload in which every octet tells its place.
func patterned(n, seed int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + seed)
	}
	return b
}

func TestEntriesOfEveryLengthComeBackWhole(t *testing.T) {
	c := New(Options{Size: 64 << 20, Shards: 1})
	key := func(i int) *Key { return keyFor(strings.Repeat("x", 1+i%63) + ".example.") }
	for round := range 3 { // in blocks of their own, then in those that others have left
		for n := range 700 {
			k := key(n)
			c.Put(k, Header{Stored: int64(n), Lifetime: uint32(round)}, patterned(n, round))
			h, b, ok := c.Get(k, []byte("before"))
			if !ok || h.Stored != int64(n) || h.Lifetime != uint32(round) || string(b[:6]) != "before" || !bytes.Equal(b[6:], patterned(n, round)) {
				t.Fatalf("round %d, %d octets: %v %+v %q", round, n, ok, h, b)
			}
			if n%3 == 0 {
				c.Delete(k)
			}
		}
		audit(t, c)
	}
}

func TestBlocksAreUsedAgain(t *testing.T) {
	c := oneShard()
	for i := range 50_000 {
		c.Put(numbered(i), Header{}, patterned(i%3000, 0))
	}
	audit(t, c)
	s := c.shards[0].index
	if most := int(c.Stats().Limit)/blockLen + chunkBlocks; len(s.chunks)*chunkBlocks > most {
		t.Errorf("%d blocks for a budget of %d", len(s.chunks)*chunkBlocks, c.Stats().Limit/blockLen)
	}
}

func TestASmallerCacheGivesMemoryBackAndKeepsTheRest(t *testing.T) {
	c := New(Options{Size: 8 << 20, Shards: 1})
	for i := range 4000 {
		c.Put(numbered(i), Header{Lifetime: uint32(i)}, patterned(1000, i))
	}
	before := len(c.shards[0].chunks)
	c.Resize(1 << 20)
	audit(t, c)
	if after := len(c.shards[0].chunks); after >= before/2 {
		t.Errorf("%d chunks before, %d after", before, after)
	}
	kept := 0
	for i := range 4000 {
		if h, b, ok := c.Get(numbered(i), nil); ok {
			kept++
			if h.Lifetime != uint32(i) || !bytes.Equal(b, patterned(1000, i)) {
				t.Fatalf("entry %d has changed", i)
			}
		}
	}
	if kept == 0 || kept != c.Stats().Entries {
		t.Errorf("%d entries are found of %d", kept, c.Stats().Entries)
	}
}
