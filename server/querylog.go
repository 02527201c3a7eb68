package server

import (
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"rootwalk/wire"
)

// This file tells of queries one by one. Nobody who answers waits for who writes: what
// is not written in time is left out, and counted.

// QueryLog takes note of queries, or of one in so many.
type QueryLog struct {
	oneIn   uint32
	notes   chan note
	end     chan struct{}
	dropped atomic.Uint64
}

// Query is a query that was answered.
type Query struct {
	Client    netip.Addr
	Transport Transport
	Name      wire.Name
	Type      wire.Type
	Class     wire.Class
	Rcode     wire.Rcode    // as in the header, without the extension of EDNS
	Cached    bool          // answered at once
	Took      time.Duration // to resolve; 0 for those answered at once
}

// note is a query on its way to who writes, in one piece.
type note struct {
	q       Query
	name    [wire.MaxName]byte
	nameLen uint8
}

// queuedNotes is how many may wait to be written.
const queuedNotes = 1024

// NewQueryLog takes note of one query in so many, at random, and calls write with each,
// on a goroutine of its own, until it is closed.
func NewQueryLog(oneIn int, write func(Query)) *QueryLog {
	l := &QueryLog{oneIn: uint32(oneIn), notes: make(chan note, queuedNotes), end: make(chan struct{})}
	go func() {
		for {
			select {
			case n := <-l.notes:
				n.q.Name = wire.Name(n.name[:n.nameLen])
				write(n.q)
			case <-l.end:
				return
			}
		}
	}()
	return l
}

// Close ends it. What is waiting is not written.
func (l *QueryLog) Close() { close(l.end) }

// Dropped is how many queries were left out because writing was too slow.
func (l *QueryLog) Dropped() uint64 { return l.dropped.Load() }

// add takes note of a query. It never waits.
func (l *QueryLog) add(query []byte, meta Meta, q *wire.Query, reply []byte, took time.Duration, cached bool) {
	if l.oneIn > 1 && rand.Uint32N(l.oneIn) != 0 || len(reply) < wire.HeaderLen || q.NameEnd <= wire.HeaderLen {
		return
	}
	n := note{q: Query{Client: meta.Client, Transport: meta.Transport, Type: q.Type, Class: q.Class,
		Rcode: wire.Rcode(reply[3] & 0xf), Cached: cached, Took: took}}
	n.nameLen = uint8(copy(n.name[:], query[wire.HeaderLen:q.NameEnd]))
	select {
	case l.notes <- n:
	default:
		l.dropped.Add(1)
	}
}
