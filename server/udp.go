package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"rootwalk/clock"
	"rootwalk/wire"
)

// maxQuery is the longest query in octets: an ordinary one has less than
// 100, and what is cut off is malformed.
const maxQuery = 4096

type udpListener struct {
	*net.UDPConn
	control int // octets of control data with each packet; 0 unless bound to all addresses
}

// send sends a reply, from the address that the query came to.
func (l *udpListener) send(reply, oob []byte, client netip.AddrPort) {
	if len(oob) > 0 {
		_, _, _ = l.WriteMsgUDPAddrPort(reply, replyFrom(oob), client)
		return
	}
	_, _ = l.WriteToUDPAddrPort(reply, client) // a client that is gone is no matter
}

// lastRead ends the readers; replies can still be written.
func (l *udpListener) lastRead(t time.Time) { _ = l.SetReadDeadline(t) }

// ListenUDP serves UDP on the address until Shutdown. It returns the address
// that it is bound to.
func (s *Server) ListenUDP(addr netip.AddrPort) (netip.AddrPort, error) {
	conn, err := net.ListenUDP("udp"+family(addr), net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return netip.AddrPort{}, err
	}
	l := &udpListener{UDPConn: conn}
	if addr.Addr().IsUnspecified() {
		l.control = wantDestination(conn, addr.Addr().Is6())
	}
	bound := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		_ = conn.Close()
		return netip.AddrPort{}, net.ErrClosed
	}
	_ = conn.SetReadBuffer(1 << 20) // as much as the system allows
	_ = conn.SetWriteBuffer(1 << 20)
	s.listeners = append(s.listeners, l)
	for range s.o.Workers {
		s.loops.Add(1)
		go s.readUDP(l)
	}
	return bound, nil
}

// family is the suffix of the network's name: [::] means IPv6 alone, so that
// 0.0.0.0 may stand beside it.
func family(a netip.AddrPort) string {
	if a.Addr().Is4() {
		return "4"
	}
	return "6"
}

// missBuffers hold queries that are being resolved, and then their replies.
var missBuffers = sync.Pool{New: func() any { return new(missBuffer) }}

type missBuffer struct {
	query []byte
	oob   []byte
	reply [payloadSize + 512]byte
}

// readUDP reads queries and answers those that need no walk; the others get a
// goroutine each.
func (s *Server) readUDP(l *udpListener) {
	defer s.loops.Done()
	in := make([]byte, maxQuery)
	out := make([]byte, 0, 65536)
	oob := make([]byte, l.control)
	for {
		n, c, _, client, err := l.ReadMsgUDPAddrPort(in, oob)
		if err != nil {
			var ne net.Error
			if errors.Is(err, net.ErrClosed) || errors.As(err, &ne) && ne.Timeout() {
				return
			}
			continue // an ICMP error for an earlier reply
		}
		start := s.o.Clock()
		meta := Meta{Transport: UDP, Client: client.Addr()}
		var q wire.Query
		reply, done := s.quickSafe(out[:0], in[:n], meta, &q)
		if !done {
			s.resolveUDP(l, in[:n], oob[:c], client, meta, q, start)
			continue
		}
		if reply != nil {
			l.send(reply, oob[:c], client)
			s.stats.latency(hit, s.o.Clock().Sub(start))
		}
	}
}

// quickSafe is quick, but a panic costs only this query.
func (s *Server) quickSafe(dst, query []byte, meta Meta, q *wire.Query) (reply []byte, done bool) {
	defer func() {
		if p := recover(); p != nil {
			reply, done = s.panicked(dst, query, meta, q, p), true
		}
	}()
	return s.quick(dst, query, meta, q)
}

// panicked answers a query whose handling panicked.
func (s *Server) panicked(dst, query []byte, meta Meta, q *wire.Query, p any) []byte {
	s.stats.panics.Add(1)
	s.o.Log.Error("panic while answering a query", "panic", p)
	if q.NameEnd == 0 {
		return nil
	}
	s.stats.rcode(wire.ServFail)
	return s.error(dst, query, meta, q, wire.ServFail, wire.EDEOther, "internal error")
}

// resolveUDP resolves a question on a goroutine of its own and sends the reply.
func (s *Server) resolveUDP(l *udpListener, query, oob []byte, client netip.AddrPort, meta Meta, q wire.Query, start clock.Time) {
	if s.pending.Add(1) > maxPending {
		s.pending.Add(-1)
		s.stats.shed.Add(1)
		return
	}
	b := missBuffers.Get().(*missBuffer)
	b.query, b.oob = append(b.query[:0], query...), append(b.oob[:0], oob...)
	s.busy.Add(1)
	go func() {
		defer s.busy.Done()
		defer s.pending.Add(-1)
		defer missBuffers.Put(b)
		reply := s.resolveSafe(s.ctx, b.reply[:0], b.query, meta, &q)
		if reply != nil {
			l.send(reply, b.oob, client)
		}
		s.stats.latency(miss, s.o.Clock().Sub(start))
	}()
}

// resolveSafe is resolve, but a panic costs only this query.
func (s *Server) resolveSafe(ctx context.Context, dst, query []byte, meta Meta, q *wire.Query) (reply []byte) {
	defer func() {
		if p := recover(); p != nil {
			reply = s.panicked(dst, query, meta, q, p)
		}
	}()
	return s.resolve(ctx, dst, query, meta, q)
}
