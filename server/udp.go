package server

import (
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"rootwalk/clock"
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

const (
	// sendTime is how long the kernel is asked again to take a reply that it has no room
	// for. A link makes room sooner; replies to neighbours that do not exist, who were made
	// up to have them sent, keep theirs until the kernel gives up finding them, for seconds.
	// What has no room by then is dropped, and so is at once all else that finds none, so
	// that who reads goes on reading.
	//
	//limit:unsent Unbound five times 200 ms, for each reply
	sendTime = 3 * time.Millisecond

	sendPause = sendTime / 6
	jamTime   = 100 * time.Millisecond // after the last reply that was dropped, none waits
)

// jam is when a reply was last dropped because its socket had no room for it.
type jam struct{ last atomic.Int64 } // by the server's clock

// jammed says whether that is too short a time ago to wait for room.
func (s *Server) jammed(j *jam) bool {
	return s.o.Clock().Sub(clock.Time(j.last.Load())) < jamTime
}

// unsent counts replies that are dropped for want of room.
func (s *Server) unsent(j *jam, n int) {
	s.limits[limitUnsent].Add(uint64(n))
	j.last.Store(int64(s.o.Clock()))
}

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
