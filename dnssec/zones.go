package dnssec

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"rootwalk/clock"
	"rootwalk/wire"
)

// This file owns what is remembered of zones: their keys, or why they have none.

// kind is what the chain of trust says of a name.
type kind uint8

const (
	unknown      kind = iota // something could not be fetched
	secureZone               // a zone whose keys are verified
	insecureZone             // at or below a delegation that is proved to be insecure
	bogusZone                // the chain is broken
	notACut                  // a name within the zone above
)

// state is what the chain of trust says of one name. It is shared and never
// changed.
type state struct {
	kind    kind
	zone    wire.Name // the zone that decided: itself, the insecure one, or the one above that a name is in
	keys    []*Key    // of a secure zone
	optOut  bool      // insecure because delegations are not signed where the name is, if it is one
	above   *state    // of a name that is no zone cut: the secure zone that it is in
	ede     wire.EDE
	reason  string
	limit   bool // it was our budget that ran out: not remembered
	err     error
	ttl     uint32 // seconds
	until   clock.Time
	tried   bool // fetched again as often as is done, while it was made
	settled bool // found out: nothing is written to it any more
}

// enclosing is the state of the zone that the name is in.
func (s *state) enclosing() *state {
	if s.kind == notACut {
		return s.above
	}
	return s
}

const (
	// bogusTTL is how long a broken chain is remembered, in seconds: long enough that
	// a flood of questions below it costs nothing, short enough that a repair is seen.
	bogusTTL = 5
	// maxStateTTL is how long any state is remembered, in seconds.
	maxStateTTL = 86400
	// stateOverhead is what a state costs beside its names and keys, about.
	stateOverhead = 400
	// keyOverhead is what a key costs beside its record: itself and what its
	// algorithm makes of it, for RSA several times the modulus.
	keyOverhead = 300
	keyFactor   = 4
)

func (s *state) cost(name wire.Name) int64 {
	n := stateOverhead + len(name) + len(s.zone) + len(s.reason)
	for _, k := range s.enclosing().keys { // which a name within the zone keeps alive too
		n += keyOverhead + keyFactor*len(k.data)
	}
	return int64(n)
}

// zoneCache remembers states until they run out, within a budget of bytes.
type zoneCache struct {
	mu         sync.Mutex
	lru        *simplelru.LRU[wire.Name, *state]
	bytes      int64
	limit      int64
	generation uint64 // counts flushes, so that what was begun before one is not stored after
}

func newZoneCache(limit int64) *zoneCache {
	z := &zoneCache{limit: limit}
	z.lru, _ = simplelru.NewLRU(math.MaxInt32, func(n wire.Name, s *state) { z.bytes -= s.cost(n) })
	return z
}

func (z *zoneCache) get(name wire.Name, now clock.Time) *state {
	z.mu.Lock()
	defer z.mu.Unlock()
	s, ok := z.lru.Get(name)
	if !ok {
		return nil
	}
	if now >= s.until {
		z.lru.Remove(name)
		return nil
	}
	return s
}

func (z *zoneCache) put(name wire.Name, s *state, generation uint64) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if generation != z.generation {
		return
	}
	z.lru.Remove(name)
	z.lru.Add(name, s)
	z.bytes += s.cost(name)
	for z.bytes > z.limit && z.lru.Len() > 0 {
		z.lru.RemoveOldest()
	}
}

func (z *zoneCache) current() uint64 {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.generation
}

func (z *zoneCache) flush(zone wire.Name) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, n := range z.lru.Keys() {
		if n.In(zone) {
			z.lru.Remove(n)
		}
	}
	z.generation++
}

func (z *zoneCache) size() (entries int, bytes int64) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.lru.Len(), z.bytes
}
