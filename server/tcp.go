package server

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"rootwalk/wire"
)

// The bounds on TCP clients (RFC 7766 section 6.2).
const (
	// maxConns is the most connections of all clients.
	//
	//limit:connections PowerDNS 1,024
	maxConns = 1024
	// maxClientConns is the most connections of one address (IPv6: of one /64).
	//
	//limit:client_connections none by default
	maxClientConns = 32
	// firstQueryTime is how long an open connection may say nothing.
	//
	//bound:first_query PowerDNS 2 s
	firstQueryTime = 2 * time.Second
	// idleTime is how long one may be idle after that; RFC 7766 section 6.2.3 asks for
	// a few seconds.
	//
	//bound:idle Knot 10 s
	idleTime = 10 * time.Second
	// writeTime is how long a client may not read what is sent to it.
	//
	//bound:unread
	writeTime = 5 * time.Second
	// maxPipelined is the most questions of one connection at the same time; further
	// ones are read when there is a place.
	//
	//bound:pipelined BIND 23; Knot 100
	maxPipelined = 32
	keptReply    = 4096 // octets of the buffer that an idle connection keeps
)

// ListenTCP serves TCP on the address until Shutdown. It returns the address
// that it is bound to.
func (s *Server) ListenTCP(addr netip.AddrPort) (netip.AddrPort, error) {
	l, err := net.ListenTCP("tcp"+family(addr), net.TCPAddrFromAddrPort(addr))
	if err != nil {
		return netip.AddrPort{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		l.Close()
		return netip.AddrPort{}, net.ErrClosed
	}
	s.listeners = append(s.listeners, tcpListener{l})
	s.loops.Add(1)
	go s.accept(l)
	return l.Addr().(*net.TCPAddr).AddrPort(), nil
}

type tcpListener struct{ *net.TCPListener }

// lastRead ends the listener at that time; connections that wait in its queue
// are served.
func (l tcpListener) lastRead(t time.Time) { _ = l.SetDeadline(t) }

func (s *Server) accept(l *net.TCPListener) {
	defer s.loops.Done()
	defer l.Close()
	for {
		conn, err := l.AcceptTCP()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
			time.Sleep(50 * time.Millisecond) // out of descriptors: let some go
			continue
		}
		s.serveConn(conn, conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap())
	}
}

// serveConn serves one connection on a goroutine of its own, unless there are too many.
func (s *Server) serveConn(conn net.Conn, client netip.Addr) {
	c := &tcpConn{s: s, conn: conn, client: client, places: make(chan struct{}, maxPipelined), pen: make(chan struct{}, 1)}
	if !s.admit(c) {
		conn.Close()
		return
	}
	go c.serve()
}

// admit counts the connection, unless there are too many.
func (s *Server) admit(c *tcpConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.conns) >= maxConns:
		s.limits[limitConnections].Add(1)
		return false
	case s.perClient[network(c.client)] >= maxClientConns:
		s.limits[limitClientConnections].Add(1)
		return false
	}
	s.conns[c] = struct{}{}
	s.perClient[network(c.client)]++
	s.loops.Add(1)
	return true
}

func (s *Server) forget(c *tcpConn) {
	s.mu.Lock()
	delete(s.conns, c)
	if n := network(c.client); s.perClient[n] == 1 {
		delete(s.perClient, n)
	} else {
		s.perClient[n]--
	}
	s.mu.Unlock()
	s.loops.Done()
}

// tcpConn is one client's connection. Queries are pipelined and replies go out
// in the order in which they are ready (RFC 7766 section 6.2.1.1).
type tcpConn struct {
	s      *Server
	conn   net.Conn
	client netip.Addr
	places chan struct{} // one for each question that may be resolved at the same time
	wg     sync.WaitGroup
	pen    chan struct{} // one writer at a time
}

func (c *tcpConn) serve() {
	defer c.s.forget(c)
	defer c.close()
	in := make([]byte, 512)
	out := make([]byte, 0, 1024)
	wait := firstQueryTime
	for {
		query, err := c.read(in, wait)
		if err != nil {
			return
		}
		in, wait = query[:cap(query)], idleTime
		w := c.s.borrow()
		start := w.now
		meta := Meta{Transport: TCP, Client: c.client}
		var q wire.Query
		reply, done := w.quickSafe(append(out[:0], 0, 0), query, meta, &q)
		c.s.giveBack(w)
		if done && reply == nil {
			return // what is no query is not answered, and nothing good follows it
		}
		if done {
			if c.write(reply) != nil {
				return
			}
			if cap(reply) <= keptReply {
				out = reply
			}
			c.s.stats.latency(hit, c.s.o.Clock().Sub(start), 1)
			continue
		}
		c.places <- struct{}{}
		if !c.s.enter(c.client) {
			<-c.places
			return
		}
		c.wg.Add(1)
		own := append([]byte(nil), query...)
		go func() {
			defer c.wg.Done()
			defer c.s.leave(c.client)
			defer func() { <-c.places }()
			w := c.s.borrow()
			defer c.s.giveBack(w)
			reply := w.resolveSafe(c.s.ctx, make([]byte, 2, 1024), own, meta, &q)
			if len(reply) > 2 {
				_ = c.write(reply)
			}
			c.s.stats.latency(miss, c.s.o.Clock().Sub(start), 1)
		}()
	}
}

// close ends the connection after the last reply. A server that ends has clients
// that go on asking: it reads on for a moment, since the system forgets replies on
// their way when it closes a connection with something unread.
func (c *tcpConn) close() {
	c.wg.Wait()
	c.s.mu.Lock()
	closing := c.s.closing
	c.s.mu.Unlock()
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok && closing && half.CloseWrite() == nil {
		_ = c.conn.SetReadDeadline(time.Now().Add(lastReads))
		_, _ = io.Copy(io.Discard, c.conn)
	}
	c.conn.Close()
}

// read reads one message into b or a larger buffer. What is longer than a
// query may be is cut off, so that no client makes us set aside 64 KiB.
func (c *tcpConn) read(b []byte, wait time.Duration) ([]byte, error) {
	until := time.Now().Add(wait)
	c.s.mu.Lock()
	if c.s.closing && until.After(c.s.lastRead) {
		until = c.s.lastRead
	}
	_ = c.conn.SetReadDeadline(until)
	c.s.mu.Unlock()
	var size [2]byte
	if _, err := io.ReadFull(c.conn, size[:]); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(size[:]))
	n := min(length, maxQuery)
	if n > len(b) {
		b = make([]byte, n)
	}
	if _, err := io.ReadFull(c.conn, b[:n]); err != nil {
		return nil, err
	}
	_, err := io.CopyN(io.Discard, c.conn, int64(length-n))
	return b[:n], err
}

// write sends one reply, which has two octets of room for its length before it.
// A reply that was cut short ends the connection: nothing behind it would be understood.
func (c *tcpConn) write(framed []byte) error {
	binary.BigEndian.PutUint16(framed, uint16(len(framed)-2))
	c.pen <- struct{}{}
	defer func() { <-c.pen }()
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := c.conn.Write(framed)
	if err != nil {
		c.conn.Close()
	}
	return err
}
