package server

import (
	"context"
	"time"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/wire"
)

// worker answers queries, one after the other. It holds what a query needs for a
// moment and the next one needs again, so that a cached answer allocates nothing.
type worker struct {
	*Server
	stats *counters
	now   clock.Time // of the batch of queries that is being answered
	key   cache.Key
	room  []byte // for the entry that the cache finds
	out   []byte // for replies over TCP
}

// roomLen is enough for most entries; room grows where one is longer.
const roomLen = 2048

// reader makes the worker of a socket, which counts for itself: no other one
// writes to its numbers.
func (s *Server) reader() *worker {
	w := &worker{Server: s, stats: new(counters), room: make([]byte, 0, roomLen)}
	s.tallies = append(s.tallies, w.stats) // the caller has the lock
	return w
}

// borrow lends a worker to who has none of its own, at the present instant.
func (s *Server) borrow() *worker {
	w, ok := s.workers.Get().(*worker)
	if !ok {
		w = &worker{Server: s, stats: &s.stats, room: make([]byte, 0, roomLen)}
	}
	w.now = s.o.Clock()
	return w
}

func (s *Server) giveBack(w *worker) { s.workers.Put(w) }

// quickSafe is quick, but a panic costs only this query.
func (w *worker) quickSafe(dst, query []byte, meta Meta, q *wire.Query) (reply []byte, done bool) {
	defer func() {
		if p := recover(); p != nil {
			reply, done = w.panicked(dst, query, meta, q, p), true
		}
	}()
	reply, done = w.quick(dst, query, meta, q)
	set := w.set.Load()
	if l := set.Queries; l != nil && reply != nil {
		l.add(query, meta, q, reply[len(dst):], 0, true)
	}
	if set.Tap.Client() {
		tapAtOnce(set.Tap, query, meta, reply[min(len(dst), len(reply)):], done)
	}
	return reply, done
}

// tell takes note of a reply that took a while.
func (w *worker) tell(query []byte, meta Meta, q *wire.Query, reply []byte, took time.Duration) {
	set := w.set.Load()
	if l := set.Queries; l != nil {
		l.add(query, meta, q, reply, took, false)
	}
	if set.Tap.Client() {
		tapReply(set.Tap, meta, reply, took)
	}
}

// resolveSafe is resolve, but a panic costs only this query.
func (w *worker) resolveSafe(ctx context.Context, dst, query []byte, meta Meta, q *wire.Query) (reply []byte) {
	defer func() {
		if p := recover(); p != nil {
			reply = w.panicked(dst, query, meta, q, p)
		}
	}()
	start := w.o.Clock()
	if reply = w.resolve(ctx, dst, query, meta, q); reply != nil {
		w.tell(query, meta, q, reply[len(dst):], w.o.Clock().Sub(start))
	}
	return reply
}

// panicked answers a query whose handling panicked.
func (w *worker) panicked(dst, query []byte, meta Meta, q *wire.Query, p any) []byte {
	w.stats.panics.Add(1)
	w.o.Log.Error("panic while answering a query", "panic", p)
	if q.NameEnd == 0 {
		return nil
	}
	w.stats.rcode(wire.ServFail)
	return w.error(dst, query, meta, q, wire.ServFail, wire.EDEOther, "internal error")
}
