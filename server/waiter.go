package server

import (
	"sync"

	"rootwalk/clock"
	"rootwalk/resolver"
	"rootwalk/wire"
)

// This file has clients wait for an answer: each question is a record of what its reply
// needs, so that thousands who ask the same cost little more than one.

// waiter is a question whose client waits, over UDP or TCP.
type waiter struct {
	s     *Server
	u     *udpSocket
	to    returnPath
	conn  *tcpConn // nil over UDP
	query []byte   // header, question, and what a cookie is made for
	q     wire.Query
	meta  Meta
	since clock.Time
}

// resolveUDP has a question resolved and the reply sent. It keeps nothing of what it
// is given.
func (w *worker) resolveUDP(u *udpSocket, query []byte, to *returnPath, meta Meta, q wire.Query) {
	if w.enter(meta.Client) {
		w.busy.Add(1)
		w.wait(&waiter{u: u, to: *to, meta: meta, q: q}, query)
	}
}

// wait has a question resolved and the reply sent, and then counts its client no more. It
// keeps nothing of the query.
func (w *worker) wait(c *waiter, query []byte) {
	w.stats.misses.Add(1)
	c.s, c.since = w.Server, w.now
	end := c.q.QuestionEnd()
	c.query = append(make([]byte, 0, end+clientCookieLen), query[:end]...)
	if c.q.Cookie > 0 {
		c.query = append(c.query, query[c.q.CookieAt:c.q.CookieAt+clientCookieLen]...)
		c.q.CookieAt = end
	}
	set := w.set.Load()
	if c.meta.Local != nil && set.Tap.Client() { // which the next query may write over
		local := *c.meta.Local
		c.meta.Local = &local
	}
	defer func() {
		if p := recover(); p != nil { // before anybody had it wait
			c.send(func(w *worker, dst []byte) []byte { return w.panicked(dst, c.query, c.meta, &c.q, p) })
		}
	}()
	set.Resolver.Ask(request(c.query, &c.q), c.answer)
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
		w.tell(c.query, c.meta, &c.q, reply[len(dst):], w.now.Sub(c.since))
		return reply
	})
}

// replyRooms are rooms for one reply.
var replyRooms = sync.Pool{New: func() any { return new([udpReply]byte) }}

// send sends the reply that write makes; the client does not wait any more.
func (c *waiter) send(write func(w *worker, dst []byte) []byte) {
	w := c.s.borrow()
	defer c.s.giveBack(w)
	if c.conn != nil {
		reply := write(w, append(w.out[:0], 0, 0))
		if len(reply) > 0 {
			w.out = frame(reply, 0)[:0]
		}
		w.stats.latency(miss, w.now.Sub(c.since), 1)
		c.conn.deliver(reply)
		return
	}
	room := replyRooms.Get().(*[udpReply]byte)
	if reply := write(w, room[:0]); reply != nil {
		c.u.send(w, reply, &c.to)
	}
	replyRooms.Put(room)
	w.stats.latency(miss, w.now.Sub(c.since), 1)
	c.s.leave(c.meta.Client)
	c.s.busy.Done()
}
