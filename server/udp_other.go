//go:build !linux

package server

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"rootwalk/wire"
)

// This file reads and writes packets one by one, as every system can. Replies
// from a socket that is bound to all addresses leave from the one that the route
// has.

type udpSocket struct {
	*net.UDPConn
	jam jam
	pen sync.Mutex // for the deadline of who writes
}

// returnPath is where a packet came from.
type returnPath struct{ client netip.AddrPort }

// openUDP opens one socket for n readers.
func openUDP(addr netip.AddrPort, n int) ([]*udpSocket, netip.AddrPort, error) {
	conn, err := net.ListenUDP("udp"+family(addr), net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	u, _ := adoptUDP(conn)
	socks := make([]*udpSocket, n)
	for i := range socks {
		socks[i] = u
	}
	return socks, conn.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

// adoptUDP readies a socket that is open.
func adoptUDP(conn *net.UDPConn) (*udpSocket, error) {
	_ = conn.SetReadBuffer(1 << 20) // as much as the system allows
	_ = conn.SetWriteBuffer(1 << 20)
	return &udpSocket{UDPConn: conn}, nil
}

// serve reads until the socket's last read. It answers what needs no walk; who asked
// for the rest waits.
func (u *udpSocket) serve(w *worker) {
	in, out := make([]byte, udpQuery), make([]byte, 0, udpReply)
	local := u.LocalAddr().(*net.UDPAddr).AddrPort()
	for {
		n, client, err := u.ReadFromUDPAddrPort(in)
		if err != nil {
			var ne net.Error
			if errors.Is(err, net.ErrClosed) || errors.As(err, &ne) && ne.Timeout() {
				return
			}
			continue // an ICMP error for an earlier reply
		}
		w.now = w.o.Clock()
		meta, path := Meta{Transport: UDP, Client: client.Addr(), Port: client.Port(), Local: &local}, returnPath{client}
		var q wire.Query
		reply, done := w.quickSafe(out[:0], in[:n], meta, &q)
		if !done {
			w.resolveUDP(u, in[:n], &path, meta, q)
		} else if reply != nil {
			u.send(w, reply, &path)
			w.stats.latency(hit, w.o.Clock().Sub(w.now), 1)
		}
	}
}

// send sends one reply; a client that is gone is no matter.
func (u *udpSocket) send(w *worker, reply []byte, to *returnPath) {
	u.pen.Lock()
	defer u.pen.Unlock()
	wait := sendTime
	if w.jammed(&u.jam) {
		wait = sendPause
	}
	_ = u.SetWriteDeadline(time.Now().Add(wait))
	if _, err := u.WriteToUDPAddrPort(reply, to.client); errors.Is(err, os.ErrDeadlineExceeded) {
		w.unsent(&u.jam, 1)
	}
}
