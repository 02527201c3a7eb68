package resolver

import (
	"slices"
	"sync"
	"time"

	"rootwalk/wire"
)

// This file remembers the walks that failed of late, so that "why did this fail ten
// minutes ago?" has an answer.

// Past is a walk that failed.
type Past struct {
	When     time.Time     `json:"when"` // of the last one, wall clock
	Question string        `json:"question"`
	EDE      wire.EDE      `json:"ede"`
	Text     string        `json:"text"` // why, in one line
	Bogus    bool          `json:"bogus,omitempty"`
	Took     time.Duration `json:"took_ns"`
	Packets  int           `json:"packets"`
	Times    int           `json:"times"` // in a row, with nothing else failing between
	Steps    []*Step       `json:"steps"` // of the last one; never changed
}

const (
	// maxRecent bounds the walks that are remembered, and maxPastSteps the steps of
	// each: some megabytes at the very most, where somebody makes all walks long.
	maxRecent    = 100
	maxPastSteps = 200
)

// recent is a ring of walks that failed.
type recent struct {
	mu   sync.Mutex
	ring []Past // in no order until it is full; next is the oldest then
	next int
}

// add remembers a walk. Its steps are put into words, so that nothing keeps the
// messages of servers alive.
func (r *recent) add(p Past) {
	left := maxPastSteps
	p.Steps = clip(p.Steps, &left)
	tellAll(p.Steps)
	p.Times = 1
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.ring); n > 0 {
		if last := &r.ring[(r.next+n-1)%n]; last.Question == p.Question {
			p.Times = last.Times + 1
			*last = p
			return
		}
	}
	if len(r.ring) < maxRecent {
		r.ring = append(r.ring, p)
		return
	}
	r.ring[r.next] = p
	r.next = (r.next + 1) % maxRecent
}

// clip is the beginning of a tree of steps, in copies of its own.
func clip(steps []*Step, left *int) []*Step {
	var out []*Step
	for _, s := range steps {
		if *left == 0 {
			break
		}
		*left--
		own := *s
		own.Steps = clip(s.Steps, left)
		out = append(out, &own)
	}
	return out
}

// Recent are the walks that failed of late, the last one first.
func (r *Resolver) Recent() []Past {
	r.recent.mu.Lock()
	defer r.recent.mu.Unlock()
	n := len(r.recent.ring)
	out := make([]Past, 0, n)
	for i := range n {
		out = append(out, r.recent.ring[(r.recent.next+i)%n])
	}
	slices.Reverse(out)
	return out
}
