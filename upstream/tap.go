package upstream

import (
	"net"
	"net/netip"

	"rootwalk/clock"
	"rootwalk/dnstap"
)

// This file tells of queries and replies by dnstap: those that are sent, and those
// that match.

// tapped is a query that was told of; the zero one was not.
type tapped struct {
	tap *dnstap.Tap
	m   dnstap.Message
}

// tap tells of a query that was sent over a path.
func (t *try) tap(conn net.Conn, tcp bool, query []byte) (told tapped) {
	if !t.u.o.Tap.Resolver() {
		return told
	}
	told.tap = t.u.o.Tap
	told.m = dnstap.Message{Type: dnstap.ResolverQuery, TCP: tcp, Asker: ourEnd(conn), Asked: t.a.Server,
		Zone: string(t.a.Zone), Asks: clock.Wall(), Query: query}
	if t.a.RD {
		told.m.Type = dnstap.ForwarderQuery
	}
	told.tap.Add(&told.m)
	return told
}

// reply tells of the reply, before anything in it is written over.
func (t *tapped) reply(msg []byte) {
	if t.tap == nil {
		return
	}
	m := t.m
	m.Type++ // each response's number follows its query's
	m.Answers, m.Query, m.Response = clock.Wall(), nil, msg
	t.tap.Add(&m)
}

// ourEnd is our end of a path.
func ourEnd(conn net.Conn) netip.AddrPort {
	switch a := conn.LocalAddr().(type) {
	case *net.UDPAddr:
		return a.AddrPort()
	case *net.TCPAddr:
		return a.AddrPort()
	}
	return netip.AddrPort{}
}
