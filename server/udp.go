package server

import (
	"net"
	"net/netip"
	"time"
)

// This file is UDP as all systems have it. How packets are read and written is in
// udp_linux.go (many with one call) and udp_other.go (one by one).

// maxQuery is the longest query in octets: an ordinary one has less than
// 100, and what is cut off is malformed.
const maxQuery = 4096

// udpQuery is the same over UDP, as long as we say that we take. Longer rooms would lie
// on more pages, and a query costs more the more of them it touches.
const udpQuery = payloadSize

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
