package resolver

import (
	"context"
	"slices"
	"sync"
	"time"
)

// This file bounds the walks at the same time, and has what finds no place wait for one.

// places are those of walks. Who waits is a record and no goroutine, whose stack would
// take many times as much: an attacker who asks for thousands of names at servers that
// are silent must not fill the memory of a small machine.
type places struct {
	most  int
	mu    sync.Mutex
	taken int
	queue []*waiter // first come, first served
}

// waiter is who waits for a place.
type waiter struct {
	start func(ok bool)
	timer *time.Timer
	over  bool // it has a place, or does not want one any more
}

// maxQueue is how many may wait for each place there is. Who comes behind so many would not
// have one within PlaceTime unless walks were very short, and takes memory meanwhile.
//
//bound:waiting_for_each_walk none
const maxQueue = 4

// want calls start once: with true when a place is taken for it, which may be at once, or
// with false when PlaceTime is over or too many wait. It is called without a goroutine of
// its own and must not block.
func (p *places) want(start func(ok bool)) *waiter {
	w := &waiter{start: start}
	p.mu.Lock()
	if p.taken < p.most {
		p.taken++
		w.over = true
		p.mu.Unlock()
		start(true)
		return w
	}
	if len(p.queue) >= maxQueue*p.most {
		w.over = true
		p.mu.Unlock()
		start(false)
		return w
	}
	defer p.mu.Unlock()
	p.queue = append(p.queue, w)
	w.timer = time.AfterFunc(PlaceTime, func() {
		if p.forget(w) {
			start(false)
		}
	})
	return w
}

// forget takes a waiter out of the queue; it is false where that has been started.
func (p *places) forget(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.over {
		return false
	}
	w.over = true
	w.timer.Stop()
	if i := slices.Index(p.queue, w); i >= 0 { // near the beginning: who came first is over first
		p.queue = slices.Delete(p.queue, i, i+1)
	}
	return true
}

// leave gives a place back, to who waits for one if somebody does.
func (p *places) leave() {
	p.mu.Lock()
	if len(p.queue) == 0 {
		p.taken--
		p.mu.Unlock()
		return
	}
	w := p.queue[0]
	p.queue[0] = nil
	p.queue = p.queue[1:]
	w.over = true
	w.timer.Stop()
	p.mu.Unlock()
	w.start(true)
}

// enter is want for who has a goroutine anyway. It is false when PlaceTime or the context
// is over.
func (p *places) enter(ctx context.Context) bool {
	got := make(chan bool, 1)
	w := p.want(func(ok bool) { got <- ok })
	select {
	case ok := <-got:
		return ok
	case <-ctx.Done():
		if !p.forget(w) && <-got { // just now
			p.leave()
		}
		return false
	}
}

// inUse is how many are taken.
func (p *places) inUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken
}
