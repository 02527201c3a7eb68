package resolver

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"rootwalk/wire"
)

// worthLearning is the round-trip time from which on it pays to know more
// addresses of a zone's servers: one of them may be nearer.
const worthLearning = 10 * time.Millisecond

// learnBehind looks for one more address of the zone's servers while the client
// already has its answer on the way, if the server that gave it is far. Only one
// a visit, and only for zones that are visited again, so that a zone with many
// servers that nobody asks twice costs nothing. The client's budget pays for it.
func (w *walk) learnBehind(s *servers, rtt time.Duration) {
	if len(s.missing) == 0 || rtt < worthLearning || w.depth > 0 {
		return
	}
	q := s.missing[rand.IntN(len(s.missing))]
	if w.looksFor(q.Name) || w.r.failed(q, w.r.o.Clock().Seconds()) != nil || !w.r.learn.begin(q) {
		return
	}
	below := &walk{r: w.r, began: time.Now(), budget: w.budget, depth: w.depth + 1, raw: true, above: append(w.above[:len(w.above):len(w.above)], q.Name)}
	w.r.goBehind(func() {
		defer w.r.learn.end(q)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), QuestionTime)
		defer cancel()
		below.ctx = ctx
		if _, _, err := below.resolve(q); err != nil {
			if f := asFailure(err); !f.limit && !f.partial {
				w.r.remember(q, f, false)
			}
		}
	})
}

// maxLearning bounds the walks that no client waits for.
const maxLearning = 64

// learning is the set of addresses that are being learned.
type learning struct {
	mu sync.Mutex
	m  map[wire.Question]bool
}

func (l *learning) begin(q wire.Question) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m[q] || len(l.m) >= maxLearning {
		return false
	}
	l.m[q] = true
	return true
}

// full tells whether no other may begin: whoever has names that are slow to renew can see
// to that, so that what has to be renewed has to be waited for.
func (l *learning) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.m) >= maxLearning
}

func (l *learning) end(q wire.Question) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.m, q)
}
