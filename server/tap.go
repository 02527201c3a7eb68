package server

import (
	"net"
	"net/netip"
	"time"

	"rootwalk/clock"
	"rootwalk/dnstap"
)

// This file tells of queries and replies by dnstap.

// tapAtOnce tells of a query, and of its reply unless it has to be resolved first.
// What is dropped unread is not told.
func tapAtOnce(t *dnstap.Tap, query []byte, meta Meta, reply []byte, done bool) {
	if done && len(reply) == 0 {
		return
	}
	m := meta.tap(dnstap.ClientQuery)
	m.Asks, m.Query = clock.Wall(), query
	t.Add(&m)
	if done {
		tapReply(t, meta, reply, 0)
	}
}

// tapReply tells of a reply that took that long.
func tapReply(t *dnstap.Tap, meta Meta, reply []byte, took time.Duration) {
	m, now := meta.tap(dnstap.ClientResponse), clock.Wall()
	m.Asks, m.Answers, m.Response = now.Add(-took), now, reply
	t.Add(&m)
}

// tap is what is told of every message with a client.
func (m *Meta) tap(kind dnstap.Type) dnstap.Message {
	t := dnstap.Message{Type: kind, TCP: m.Transport == TCP, Asker: netip.AddrPortFrom(m.Client, m.Port)}
	if m.Local != nil {
		t.Asked = *m.Local
	}
	return t
}

// addrPort is an address of a TCP connection; of others it is not valid.
func addrPort(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}
