package cache

import "rootwalk/wire"

// This file looks at entries one after another, while clients go on being
// answered: for snapshots, dumps and flushes. A lock is held for a batch of
// entries only.

// Entry is a private copy of an entry.
type Entry struct {
	Key     Key
	Header  Header
	Payload []byte
}

// scanBatch is how many entries are looked at under one lock: tens of
// microseconds.
const scanBatch = 128

// Each calls f with every entry, shard by shard, within a shard the least
// recently used one first, until f returns false. The entry is valid until f
// returns. What is stored or evicted meanwhile may be seen or not.
func (c *Cache) Each(f func(e *Entry) bool) { c.EachOf(wire.Root, true, f) }

// EachOf is Each for the entries of a name, and with subtree of those below it.
func (c *Cache) EachOf(name wire.Name, subtree bool, f func(e *Entry) bool) {
	name = name.Lower()
	var batch [scanBatch]Entry
	for i := range c.shards {
		s := &c.shards[i]
		for hashes := s.hashes(); len(hashes) > 0; {
			n := min(len(hashes), scanBatch)
			found := batch[:0]
			s.mu.Lock()
			for _, h := range hashes[:n] {
				first, ok := s.lru.Peek(h)
				if !ok {
					continue
				}
				from := s.slab.open(first)
				e := &found[:len(found)+1][len(found)]
				if from.readKey(&e.Key); concerns(e.Key.bytes(), name, subtree) {
					e.Header, e.Payload = header(from.fixed), from.appendPayload(e.Payload[:0])
					found = found[:len(found)+1]
				}
			}
			s.mu.Unlock()
			hashes = hashes[n:]
			for j := range found {
				if !f(&found[j]) {
					return
				}
			}
		}
	}
}

// Flush removes every entry of the name, of all kinds and types, and with subtree
// those of all names below it too. It returns how many there were.
func (c *Cache) Flush(name wire.Name, subtree bool) int {
	name = name.Lower()
	flushed := 0
	var k Key
	for i := range c.shards {
		s := &c.shards[i]
		for hashes := s.hashes(); len(hashes) > 0; {
			n := min(len(hashes), scanBatch)
			s.mu.Lock()
			for _, h := range hashes[:n] {
				first, ok := s.lru.Peek(h)
				if !ok {
					continue
				}
				e := s.slab.open(first)
				if e.readKey(&k); concerns(k.bytes(), name, subtree) {
					s.lru.Remove(h)
					flushed++
				}
			}
			s.mu.Unlock()
			hashes = hashes[n:]
		}
	}
	return flushed
}

// concerns tells whether a key is of the name, or with subtree of one below it.
func concerns(key []byte, name wire.Name, subtree bool) bool {
	return string(key[keyFixed:]) == string(name) || subtree && isBelow(key[keyFixed:], name)
}

// isBelow tells whether a name, in wire form and lower case, is below another,
// without making a string of it.
func isBelow(name []byte, above wire.Name) bool {
	for len(name) > len(above) {
		name = name[1+int(name[0]):]
	}
	return string(name) == string(above)
}

// hashes are the keys of the shard's list, the least recently used one first.
func (s *shard) hashes() []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lru.Keys()
}

// Resize changes the budget. Where the entries do not fit any more, the least
// recently used ones go, and the memory too.
func (c *Cache) Resize(size int64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		was := s.limit
		s.limit = max(size/int64(len(c.shards)), 2*MaxPayload)
		s.shrink(s.limit)
		if s.limit < was {
			s.repack()
		}
		s.mu.Unlock()
	}
}

// repack moves the entries into as few chunks as they need. The lock is held.
func (s *shard) repack() {
	old := *s.slab
	*s.slab = *newSlab()
	var k Key
	var payload []byte
	for _, hash := range s.lru.Keys() {
		first, _ := s.lru.Peek(hash)
		e := old.open(first)
		e.readKey(&k)
		payload = e.appendPayload(payload[:0])
		s.lru.Add(hash, s.slab.put(k.bytes(), header(e.fixed), payload)) // the last is the most recently used one
	}
	freeChunks([]*slab{&old})
}
