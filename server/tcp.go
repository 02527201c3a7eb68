package server

import (
	"bufio"
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
	// maxConns is the most connections of all clients; a quarter of the descriptors
	// where those are fewer, so that sockets to ask servers with are left. Strangers
	// may have half of them.
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
	// maxWrite is how many octets of replies wait for each other.
	maxWrite = 16 << 10
	// maxLate is how many octets of replies that had to be resolved may be ready while
	// the client of a connection reads those before them.
	//
	//limit:unread none by default
	maxLate = 128 << 10
	// maxAllLate is the same of all connections; each may have one reply even so.
	//
	//limit:unread none by default
	maxAllLate = 16 << 20
)

// ListenTCP serves TCP on the address until Shutdown. It returns the address
// that it is bound to.
func (s *Server) ListenTCP(addr netip.AddrPort) (netip.AddrPort, error) {
	l, err := net.ListenTCP("tcp"+family(addr), net.TCPAddrFromAddrPort(addr))
	if err != nil {
		return netip.AddrPort{}, err
	}
	return s.ServeTCP(l)
}

// ServeTCP is ListenTCP for a listener that somebody else has opened.
func (s *Server) ServeTCP(l *net.TCPListener) (netip.AddrPort, error) {
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
		s.serveConn(conn, addrPort(conn.RemoteAddr()).Addr().Unmap())
	}
}

// serveConn serves one connection on a goroutine of its own, unless there are too many.
func (s *Server) serveConn(conn net.Conn, client netip.Addr) {
	c := &tcpConn{s: s, conn: conn, client: client, in: bufio.NewReaderSize(conn, 2+maxQuery), places: make(chan struct{}, maxPipelined), pen: make(chan struct{}, 1)}
	c.port, c.local = addrPort(conn.RemoteAddr()).Port(), addrPort(conn.LocalAddr())
	if !s.admit(c) {
		conn.Close()
		return
	}
	go c.serve()
}

// admit counts the connection, unless there are too many. Strangers, who get nothing but
// a refusal, have to leave half of the places to clients: an IPv6 network has enough
// addresses to take them all.
func (s *Server) admit(c *tcpConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.conns) >= s.maxConns, len(s.conns) >= s.maxConns/2 && !s.Allows(c.client):
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
	port   uint16         // of the client
	local  netip.AddrPort // our end
	in     *bufio.Reader
	taken  int           // octets in it of the query that is being answered
	ended  bool          // nothing more can be read
	places chan struct{} // one for each question that may be resolved at the same time
	wg     sync.WaitGroup
	pen    chan struct{} // one writer at a time

	mu       sync.Mutex
	late     []byte // replies to questions that had to be resolved, to be written
	resolved int    // how many those are
	writing  bool   // by writeLate
}

func (c *tcpConn) serve() {
	defer c.s.forget(c)
	defer c.close()
	for wait := firstQueryTime; !c.ended && c.wait(wait) && c.batch(); wait = idleTime {
	}
}

// wait waits for a whole query, or as much of it as is read.
func (c *tcpConn) wait(d time.Duration) bool {
	until := time.Now().Add(d)
	c.s.mu.Lock()
	if c.s.closing && until.After(c.s.lastRead) {
		until = c.s.lastRead
	}
	_ = c.conn.SetReadDeadline(until)
	c.s.mu.Unlock()
	size, err := c.in.Peek(2)
	if err == nil {
		_, err = c.in.Peek(2 + min(int(binary.BigEndian.Uint16(size)), maxQuery))
	}
	return err == nil
}

// next takes the query that has arrived whole, nil for none. It is valid until the
// next call. What is longer than a query may be is cut off, so that no client
// makes us set aside 64 KiB; where that has not arrived yet, late is called first.
func (c *tcpConn) next(late func() bool) []byte {
	_, _ = c.in.Discard(c.taken) // all of it is in the buffer
	c.taken = 0
	if c.in.Buffered() < 2 {
		return nil
	}
	size, _ := c.in.Peek(2)
	length := int(binary.BigEndian.Uint16(size))
	n := 2 + min(length, maxQuery)
	if c.in.Buffered() < n {
		return nil
	}
	framed, _ := c.in.Peek(n)
	if c.taken = 2 + length; c.in.Buffered() >= c.taken {
		return framed[2:]
	}
	framed = append([]byte(nil), framed...)
	if late() {
		_, err := c.in.Discard(c.taken)
		if c.taken = 0; err == nil {
			return framed[2:]
		}
	}
	c.ended = true
	return nil
}

// batch answers the queries that have arrived, those that need no walk with one
// write. It reports false when the connection is to end.
func (c *tcpConn) batch() bool {
	w := c.s.borrow()
	defer c.s.giveBack(w)
	hits := uint64(0)
	flush := func() bool {
		if hits == 0 {
			return true
		}
		err := c.write(w.out)
		w.stats.latency(hit, c.s.o.Clock().Sub(w.now), hits)
		w.out, hits = w.out[:0], 0
		return err == nil
	}
	meta := Meta{Transport: TCP, Client: c.client, Port: c.port, Local: &c.local}
	for query := c.next(flush); query != nil; query = c.next(flush) {
		start := len(w.out)
		var q wire.Query
		reply, done := w.quickSafe(append(w.out, 0, 0), query, meta, &q)
		switch {
		case !done:
			if len(c.places) == cap(c.places) && !flush() || !c.resolve(w, query, meta, q) {
				flush()
				return false
			}
		case reply == nil: // what is no query is not answered, and nothing good follows it
			flush()
			return false
		default:
			w.out = frame(reply, start)
			hits++
		}
		if len(w.out) > maxWrite && !flush() {
			return false
		}
	}
	return flush()
}

// frame writes the length of the message that begins two octets behind start before it.
func frame(b []byte, start int) []byte {
	binary.BigEndian.PutUint16(b[start:], uint16(len(b)-start-2))
	return b
}

// resolve has a question resolved, once there is a place for it.
func (c *tcpConn) resolve(w *worker, query []byte, meta Meta, q wire.Query) bool {
	select {
	case c.places <- struct{}{}:
	default:
		c.places <- struct{}{}
		w.now = c.s.o.Clock() // a walk may have ended meanwhile, and TTLs too
	}
	if !c.s.enter(c.client) {
		<-c.places
		return false
	}
	c.wg.Add(1)
	w.wait(&waiter{conn: c, meta: meta, q: q}, query)
	return true
}

// deliver has the reply to a question written, soon: it copies it, and waits for no
// client. Replies that are ready meanwhile go out together; a client that lets too many
// pile up loses its connection.
func (c *tcpConn) deliver(framed []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(framed); len(c.late) > 0 && (len(c.late)+n > maxLate || c.s.late.Load()+int64(n) > maxAllLate) {
		c.s.limits[limitUnread].Add(1)
		c.conn.Close()
	} else {
		c.late = append(c.late, framed...)
		c.s.late.Add(int64(n))
	}
	c.resolved++
	if !c.writing {
		c.writing = true
		go c.writeLate()
	}
}

// writeLate writes until there is nothing more.
func (c *tcpConn) writeLate() {
	for {
		c.mu.Lock()
		replies, n := c.late, c.resolved
		c.late, c.resolved, c.writing = nil, 0, n > 0
		c.mu.Unlock()
		if n == 0 {
			return
		}
		_ = c.write(replies)
		c.s.late.Add(-int64(len(replies)))
		for range n {
			c.s.leave(c.client)
			<-c.places
			c.wg.Done()
		}
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

// write sends replies. One that was cut short ends the connection: nothing behind
// it would be understood.
func (c *tcpConn) write(framed []byte) error {
	c.pen <- struct{}{}
	defer func() { <-c.pen }()
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := c.conn.Write(framed)
	if err != nil {
		c.conn.Close()
	}
	return err
}
