package server

import (
	"sync"

	"rootwalk/clock"
	"rootwalk/resolver"
	"rootwalk/wire"
)

// This file has clients over UDP wait for an answer: each is a record of what its reply
// needs, so that thousands who ask the same cost little more than one.

// waiter is a client that waits.
type waiter struct {
	s     *Server
	u     *udpSocket
	query []byte // header, question, and what a cookie is made for
	q     wire.Query
	meta  Meta
	to    returnPath
	since clock.Time
}

// resolveUDP has a question resolved and the reply sent. It keeps nothing of what it
// is given.
func (w *worker) resolveUDP(u *udpSocket, query []byte, to *returnPath, meta Meta, q wire.Query) {
	s := w.Server
	if !s.enter(meta.Client) {
		return
	}
	w.stats.misses.Add(1)
	c := &waiter{s: s, u: u, meta: meta, to: *to, since: w.now, q: q}
	c.query = append(make([]byte, 0, q.QuestionEnd()+clientCookieLen), query[:q.QuestionEnd()]...)
	if q.Cookie > 0 {
		c.q.CookieAt = len(c.query)
		c.query = append(c.query, query[q.CookieAt:q.CookieAt+clientCookieLen]...)
	}
	if meta.Local != nil && w.set.Load().Tap.Client() { // which the next query may write over
		local := *meta.Local
		c.meta.Local = &local
	}
	s.busy.Add(1)
	defer func() {
		if p := recover(); p != nil { // before anybody had it wait
			c.send(func(w *worker, dst []byte) []byte { return w.panicked(dst, c.query, meta, &c.q, p) })
		}
	}()
	s.set.Load().Resolver.Ask(request(c.query, &c.q), c.answer)
}

// answer sends the reply, now that it is known. A panic costs only this client's.
func (c *waiter) answer(res resolver.Result, err error) {
	c.send(func(w *worker, dst []byte) (reply []byte) {
		defer func() {
			if p := recover(); p != nil {
				reply = w.panicked(dst, c.query, c.meta, &c.q, p)
			}
		}()
		reply = w.resolved(dst, c.query, c.meta, &c.q, res, err)
		w.tell(c.query, c.meta, &c.q, reply, w.now.Sub(c.since))
		return reply
	})
}

// replyRooms are rooms for one reply.
var replyRooms = sync.Pool{New: func() any { return new([udpReply]byte) }}

// send sends the reply that write makes; the client does not wait any more.
func (c *waiter) send(write func(w *worker, dst []byte) []byte) {
	room := replyRooms.Get().(*[udpReply]byte)
	w := c.s.borrow()
	if reply := write(w, room[:0]); reply != nil {
		c.u.send(reply, &c.to)
	}
	w.stats.latency(miss, w.now.Sub(c.since), 1)
	c.s.giveBack(w)
	replyRooms.Put(room)
	c.s.leave(c.meta.Client)
	c.s.busy.Done()
}
