package cache

import (
	"cmp"
	"slices"

	"rootwalk/wire"
)

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
// returns. What is stored, evicted or moved (Resize) meanwhile may be seen or not, or
// twice.
func (c *Cache) Each(f func(e *Entry) bool) { c.EachOf(wire.Root, true, f) }

// EachOf is Each for the entries of a name, and with subtree of those below it.
func (c *Cache) EachOf(name wire.Name, subtree bool, f func(e *Entry) bool) {
	name = name.Lower()
	var batch [scanBatch]Entry
	for i := range c.shards {
		s := &c.shards[i]
		for all := s.inOrder(); len(all) > 0; {
			n := min(len(all), scanBatch)
			found := batch[:0]
			s.mu.Lock()
			for _, p := range all[:n] {
				if !s.has(p.first) { // gone meanwhile
					continue
				}
				from := s.open(p.first)
				e := &found[:len(found)+1][len(found)]
				if from.readKey(&e.Key); concerns(e.Key.bytes(), name, subtree) {
					e.Header, e.Payload = header(from.first), from.appendPayload(e.Payload[:0])
					found = found[:len(found)+1]
				}
			}
			s.mu.Unlock()
			all = all[n:]
			for j := range found {
				if !f(&found[j]) {
					return
				}
			}
		}
	}
}

// inOrder are the places of all entries, that of the least recently used one first.
// The list of use is not followed from one end to the other, which for a hundred
// thousand entries is tens of milliseconds that nobody may wait for.
func (s *shard) inOrder() (all []place) {
	s.mu.Lock()
	uses := s.uses
	for n := uint32(0); n < s.buckets; n += scanBatch {
		all = s.places(n, scanBatch, uses, all)
		s.mu.Unlock() // for others
		s.mu.Lock()
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(b.since, a.since) })
	return all
}

// Flush removes every entry of the name, of all kinds and types, and with subtree
// those of all names below it too. It returns how many there were. It goes by
// buckets: what splits off meanwhile comes behind those that were looked at, so
// that nothing is left out that was there before.
func (c *Cache) Flush(name wire.Name, subtree bool) int {
	name = name.Lower()
	flushed := 0
	var k Key
	for i := range c.shards {
		s := &c.shards[i]
		for n, more, made := uint32(0), true, 0; more; {
			s.mu.Lock()
			if s.made != made { // other buckets: once more from the first
				n, made = 0, s.made
			}
			for end := n + scanBatch; n < min(end, s.buckets); n++ {
				for first := number(s.bucket(n), 0); first != 0; {
					e := s.open(first)
					behind := number(e.first, offChain)
					if e.readKey(&k); concerns(k.bytes(), name, subtree) {
						s.drop(first)
						flushed++
					}
					first = behind
				}
			}
			more = n < s.buckets
			s.mu.Unlock()
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
	old := *s.index
	*s.index = *newIndex()
	s.made++
	var k Key
	var payload []byte
	for first := old.oldest(); first != 0; {
		e := old.open(first)
		e.readKey(&k)
		payload = e.appendPayload(payload[:0])
		s.add(s.put(k.bytes(), header(e.first), payload), number(e.first, offHash)) // the last is the most recently used one
		first = number(e.first, offNewer)
	}
	freeChunks([]*index{&old})
}
