package server

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"rootwalk/wire"
)

// This file is UDP as all systems have it. How packets are read and written is in
// udp_linux.go (many with one call) and udp_other.go (one by one).

// maxQuery is the longest query in octets: an ordinary one has less than
// 100, and what is cut off is malformed.
const maxQuery = 4096

// udpReply is room for any reply over UDP.
const udpReply = payloadSize + 512

// ListenUDP serves UDP on the address until Shutdown. It returns the address
// that it is bound to.
func (s *Server) ListenUDP(addr netip.AddrPort) (netip.AddrPort, error) {
	socks, bound, err := openUDP(addr, s.o.Workers)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return bound, s.read(socks)
}

// ServeUDP is ListenUDP for a socket that somebody else has opened. One worker reads
// it.
func (s *Server) ServeUDP(conn *net.UDPConn) (netip.AddrPort, error) {
	u, err := adoptUDP(conn)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return conn.LocalAddr().(*net.UDPAddr).AddrPort(), s.read([]*udpSocket{u})
}

// read has a worker read each socket.
func (s *Server) read(socks []*udpSocket) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		for _, u := range socks {
			_ = u.Close()
		}
		return net.ErrClosed
	}
	for _, u := range socks {
		s.listeners = append(s.listeners, u)
		s.loops.Add(1)
		w := s.reader()
		go func() {
			defer s.loops.Done()
			u.serve(w)
		}()
	}
	return nil
}

// lastRead ends the reader; replies can still be written.
func (u *udpSocket) lastRead(t time.Time) { _ = u.SetReadDeadline(t) }

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
	to    returnPath
	reply [udpReply]byte
}

// resolveUDP resolves a question on a goroutine of its own and sends the reply.
// It keeps nothing of what it is given.
func (w *worker) resolveUDP(u *udpSocket, query []byte, to *returnPath, meta Meta, q wire.Query) {
	s, start := w.Server, w.now
	if !s.enter(meta.Client) {
		return
	}
	b := missBuffers.Get().(*missBuffer)
	b.query, b.to = append(b.query[:0], query...), *to
	s.busy.Add(1)
	go func() {
		defer s.busy.Done()
		defer s.leave(meta.Client)
		defer missBuffers.Put(b)
		w := s.borrow()
		defer s.giveBack(w)
		if reply := w.resolveSafe(s.ctx, b.reply[:0], b.query, meta, &q); reply != nil {
			u.send(reply, &b.to)
		}
		w.stats.latency(miss, s.o.Clock().Sub(start), 1)
	}()
}
