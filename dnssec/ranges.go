package dnssec

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"rootwalk/wire"
)

// This file remembers verified NSEC and NSEC3 records, so that what they deny
// need not be asked for again (RFC 8198): for each zone its ranges in canonical
// order, and its SOA record, which every negative answer needs.

const (
	// defaultRangeBytes is the memory of what secure zones deny: some 25,000 ranges,
	// where the root has 1,450.
	//
	//bound:ranges Unbound 1 MiB
	defaultRangeBytes = 8192 << 10
	// zoneShare is the part of that for one zone, as a reciprocal, so that a server that
	// makes up a range for every name it is asked for (RFC 4470) displaces only itself.
	zoneShare = 8
	// maxSpan is the most octets of a set that is remembered; two RSA signatures of
	// 4,096 bits and a long bitmap fit.
	maxSpan = 2048
	// spanOverhead is what a span costs beside its octets: the string that refers to
	// them, and what the allocator rounds up.
	spanOverhead = 40
	// chainOverhead is what a zone costs beside its spans.
	chainOverhead = 300
	// maxDenialTTL is how long a range is remembered, in seconds, whatever its TTL:
	// the bound on negative answers.
	maxDenialTTL = 3600
)

// ranges is what is remembered of all zones, within a budget of bytes. It is safe
// for use by many goroutines.
type ranges struct {
	mu         sync.Mutex
	lru        *simplelru.LRU[wire.Name, *chain]
	bytes      int64
	limit      int64
	generation uint64 // as that of a zoneCache
}

// chain is what is remembered of one zone. Its spans are immutable, its lists are
// under the lock of the ranges.
type chain struct {
	zone   wire.Name
	soa    span
	nsec   []span // by owner, in canonical order
	nsec3  []span // by owner, which is the order of the hashes (RFC 4648 section 7)
	params NSEC3Params
	bytes  int64
}

// span is one verified set of one record, in flat form: when it was stored and
// until when it holds (boot clock, seconds, 64 bits each), owner, RDATA, and each signature, the last
// two with their length in 16 bits. One string with nothing in it that points
// elsewhere is no work for the garbage collector.
type span string

const spanHead = 16 // octets before the owner

// spanOf makes the flat form; ok is false for a set that is not remembered.
func spanOf(set *wire.RRset, stored int64, ttl uint32) (s span, ok bool) {
	size := spanHead + len(set.Name)
	for _, list := range [...][]string{set.Data, set.Sigs} {
		for _, d := range list {
			size += 2 + len(d)
		}
	}
	if len(set.Data) != 1 || size > maxSpan || ttl == 0 {
		return "", false
	}
	b := make([]byte, 0, size)
	b = binary.BigEndian.AppendUint64(b, uint64(stored))
	b = binary.BigEndian.AppendUint64(b, uint64(stored+int64(ttl)))
	b = append(b, set.Name...)
	for _, list := range [...][]string{set.Data, set.Sigs} {
		for _, d := range list {
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(d))), d...)
		}
	}
	return span(b), true
}

func (s span) number(at int) int64 {
	return int64(be32(string(s[at:])))<<32 | int64(be32(string(s[at+4:])))
}
func (s span) stored() int64    { return s.number(0) }
func (s span) until() int64     { return s.number(8) }
func (s span) owner() wire.Name { return wire.NameAt(string(s), spanHead) }
func (s span) cost() int64      { return int64(len(s)) + spanOverhead }

// data is the RDATA.
func (s span) data() string {
	at := spanHead + len(s.owner())
	return string(s[at+2 : at+2+int(be16(string(s[at:])))])
}

// set is the set as it was, with what is left of its TTL.
func (s span) set(t wire.Type, ttl uint32) wire.RRset {
	set := wire.RRset{Name: s.owner(), Type: t, Class: wire.ClassIN, TTL: ttl, Data: []string{s.data()}}
	for at := spanHead + len(set.Name) + 2 + len(set.Data[0]); at < len(s); {
		n := int(be16(string(s[at:])))
		set.Sigs = append(set.Sigs, string(s[at+2:at+2+n]))
		at += 2 + n
	}
	return set
}

func newRanges(limit int64) *ranges {
	r := &ranges{limit: limit}
	r.lru, _ = simplelru.NewLRU(math.MaxInt32, func(_ wire.Name, c *chain) { r.bytes -= c.bytes })
	return r
}

// verified is a set that a zone's keys have signed, and how long it may be kept.
type verified struct {
	set *wire.RRset
	ttl uint32 // seconds
}

// add remembers sets of a zone: NSEC, NSEC3 and SOA. Records that say nothing,
// and NSEC3 records with too many iterations, are no help and left out.
func (r *ranges) add(zone wire.Name, sets []verified, o rangeOptions) {
	if len(sets) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.generation != r.generation {
		return
	}
	c, ok := r.lru.Get(zone)
	if !ok {
		c = &chain{zone: wire.Name([]byte(zone)), bytes: chainOverhead} // not a part of a message
		r.bytes += c.bytes
		r.lru.Add(c.zone, c)
	}
	before := c.bytes
	for _, v := range sets {
		c.add(v, o)
	}
	if c.bytes > r.limit/zoneShare {
		c.thin(o.now)
	}
	r.bytes += c.bytes - before
	for r.bytes > r.limit && r.lru.Len() > 0 {
		r.lru.RemoveOldest()
	}
}

// rangeOptions go with what is remembered.
type rangeOptions struct {
	now           int64 // boot clock, seconds
	generation    uint64
	maxIterations int
}

func (c *chain) add(v verified, o rangeOptions) {
	ttl := min(v.ttl, maxDenialTTL)
	switch v.set.Type {
	case wire.TypeSOA:
		if v.set.Name != c.zone || len(v.set.Data) != 1 {
			return
		}
		if s, ok := spanOf(v.set, o.now, min(ttl, wire.SOAMinimum(v.set.Data[0]))); ok {
			c.bytes += int64(len(s) - len(c.soa))
			c.soa = s
		}
	case wire.TypeNSEC:
		_, ok := ParseNSEC(v.set, c.zone)
		if s, fits := spanOf(v.set, o.now, ttl); ok && fits {
			c.nsec = c.put(c.nsec, s)
		}
	case wire.TypeNSEC3:
		n, ok := ParseNSEC3(v.set, c.zone)
		s, fits := spanOf(v.set, o.now, ttl)
		if !ok || !fits || int(n.Iterations) > o.maxIterations {
			return
		}
		if n.NSEC3Params != c.params { // the zone hashes in another way now
			for _, old := range c.nsec3 {
				c.bytes -= old.cost()
			}
			c.nsec3 = nil
			c.params = NSEC3Params{n.Iterations, string([]byte(n.Salt))}
		}
		c.nsec3 = c.put(c.nsec3, s)
	}
}

// put inserts a record in the place of the one with the same owner. Ranges that it
// contradicts stay: they were signed, and hold for as long as their TTL says.
func (c *chain) put(list []span, s span) []span {
	c.bytes += s.cost()
	i, found := search(list, s.owner())
	if !found {
		return slices.Insert(list, i, s)
	}
	c.bytes -= list[i].cost()
	list[i] = s
	return list
}

// thin makes room: what has run out goes, and an eighth of the rest.
func (c *chain) thin(now int64) {
	gone := func(s span) bool {
		if s.until() > now && rand.IntN(8) > 0 {
			return false
		}
		c.bytes -= s.cost()
		return true
	}
	c.nsec, c.nsec3 = slices.DeleteFunc(c.nsec, gone), slices.DeleteFunc(c.nsec3, gone)
}

// search finds the place of an owner.
func search(list []span, owner wire.Name) (int, bool) {
	return slices.BinarySearchFunc(list, owner, func(s span, n wire.Name) int { return Compare(s.owner(), n) })
}

// closest finds the closest zone at or above a name, and not above top, of which
// something is remembered.
func (r *ranges) closest(name, top wire.Name) *chain {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := name; n.In(top); n = n.Parent() {
		if c, ok := r.lru.Get(n); ok {
			return c
		}
		if n == wire.Root {
			break
		}
	}
	return nil
}

// found is a remembered set and what is left of its time.
type found struct {
	span
	ttl uint32 // seconds
}

// soa is the SOA record of a chain, if it still holds.
func (r *ranges) soa(c *chain, now int64) (found, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.soa == "" || c.soa.until() <= now {
		return found{}, false
	}
	return found{c.soa, uint32(c.soa.until() - now)}, true
}

// at finds the record with the owner, or else the last one before it; where the
// owners are hashes, round the ring. What has run out is not found.
func (r *ranges) at(c *chain, t wire.Type, owner wire.Name, now int64) (found, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := c.nsec
	if t == wire.TypeNSEC3 {
		list = c.nsec3
	}
	i, ok := search(list, owner)
	if !ok {
		i--
	}
	if i < 0 && t == wire.TypeNSEC3 {
		i = len(list) - 1
	}
	if i < 0 {
		return found{}, false
	}
	until := list[i].until()
	if c.soa != "" { // RFC 9077 section 3: no longer than a negative answer of the zone
		until = min(until, list[i].stored()+c.soa.until()-c.soa.stored())
	}
	if until <= now {
		return found{}, false
	}
	return found{list[i], uint32(until - now)}, true
}

// hashing tells how the zone hashes its names; ok is false where nothing hashed
// is remembered.
func (r *ranges) hashing(c *chain) (p NSEC3Params, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return c.params, len(c.nsec3) > 0
}

func (r *ranges) current() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.generation
}

// flush forgets a zone and all below it; the root is all there is.
func (r *ranges) flush(zone wire.Name) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.lru.Keys() {
		if n.In(zone) {
			r.lru.Remove(n)
		}
	}
	r.generation++
}

// size is the number of ranges and the bytes that they take.
func (r *ranges) size() (n int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.lru.Values() {
		n += len(c.nsec) + len(c.nsec3)
	}
	return n, r.bytes
}
