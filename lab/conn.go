// Paths to servers inside the process. They wait on channels and timers only, so virtual time passes over them.

package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// Dial opens a path to one server; the network is "udp" or "tcp", any port will do.
//
// Over "udp" each Write is one query and each Read one reply, cut to the buffer's length like any datagram; there may be
// several replies, or none. Over "tcp" the path is a stream of messages with two-octet lengths (RFC 7766), and dialing takes
// the server's delay. Reads obey their deadline with an error that wraps os.ErrDeadlineExceeded.
//
// An address that no server has is silent: queries to it vanish, and a TCP connection waits for the end of ctx. The fault
// "unreachable" makes Dial fail at once, "tcp-refuse" does for TCP.
func (n *Internet) Dial(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	server = netip.AddrPortFrom(server.Addr().Unmap().WithZone(""), server.Port())
	if network != "udp" && network != "tcp" {
		return nil, &net.OpError{Op: "dial", Net: network, Err: net.UnknownNetworkError(network)}
	}
	remote := address(network, server)
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: remote, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	path := n.path(network, server.Addr())
	switch {
	case path.unreachable:
		return fail(os.NewSyscallError("connect", syscall.ENETUNREACH))
	case network == "udp":
	case !path.exists:
		<-ctx.Done()
		return fail(ctx.Err())
	default:
		if path.delay > 0 {
			timer := time.NewTimer(path.delay)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
				return fail(ctx.Err())
			}
		}
		if path.refused {
			return fail(os.NewSyscallError("connect", syscall.ECONNREFUSED))
		}
	}
	c := &conn{internet: n, network: network, server: server.Addr(), remote: remote, wake: make(chan struct{})}
	c.local = address(network, n.localPort(server.Addr()))
	c.ended = path.closed
	return c, nil
}

// path is what faults make of a connection before any query.
type path struct {
	exists, unreachable, refused, closed bool
	delay                                time.Duration
}

// path also counts TCP connections.
func (n *Internet) path(network string, addr netip.Addr) path {
	p := path{exists: n.world.Load().servers[addr] != nil}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.faults {
		if !f.appliesTo(addr, network) {
			continue
		}
		if f.server == addr {
			p.exists = true
		}
		switch f.kind {
		case "unreachable":
			p.unreachable = true
		case "tcp-refuse":
			p.refused = p.refused || network == "tcp"
		case "tcp-close":
			p.closed = p.closed || network == "tcp"
		case "delay":
			if f.onlyName == "" && f.onlyType == 0 {
				p.delay += f.delay
			}
		}
	}
	if network == "tcp" {
		n.connects++
	}
	return p
}

// localPort counts through the dynamic ports; nothing ever travels to the address.
func (n *Internet) localPort(server netip.Addr) netip.AddrPort {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ports++
	addr := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if server.Is6() {
		addr = netip.IPv6Loopback()
	}
	return netip.AddrPortFrom(addr, 49152+n.ports%16384)
}

func address(network string, a netip.AddrPort) net.Addr {
	if network == "tcp" {
		return net.TCPAddrFromAddrPort(a)
	}
	return net.UDPAddrFromAddrPort(a)
}

// conn is one path. Its state is guarded by a lock held for moments only; whoever waits for a change of it waits for wake,
// which every change closes and replaces.
type conn struct {
	internet      *Internet
	network       string
	server        netip.Addr
	local, remote net.Addr

	mu       sync.Mutex
	wake     chan struct{}
	inbox    [][]byte // udp: datagrams; tcp: pieces of the stream
	partial  []byte   // tcp: written, not yet a whole query
	ended    bool     // tcp: the server closed
	closed   bool     // we did
	deadline time.Time
	writeBy  time.Time
}

// changed wakes those who wait; the lock is held.
func (c *conn) changed() {
	close(c.wake)
	c.wake = make(chan struct{})
}

func (c *conn) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: c.network, Source: c.local, Addr: c.remote, Err: err}
}

func expired(deadline time.Time) bool {
	return !deadline.IsZero() && !time.Now().Before(deadline)
}

// Read waits for a reply.
func (c *conn) Read(b []byte) (int, error) {
	for {
		c.mu.Lock()
		switch {
		case c.closed:
			c.mu.Unlock()
			return 0, c.fail("read", net.ErrClosed)
		case expired(c.deadline):
			c.mu.Unlock()
			return 0, c.fail("read", os.ErrDeadlineExceeded)
		case len(c.inbox) > 0:
			n := c.take(b)
			c.mu.Unlock()
			return n, nil
		case c.ended:
			c.mu.Unlock()
			return 0, io.EOF
		}
		wake, deadline := c.wake, c.deadline
		c.mu.Unlock()
		wait(wake, deadline)
	}
}

// wait returns at a change or at a deadline.
func wait(wake <-chan struct{}, deadline time.Time) {
	if deadline.IsZero() {
		<-wake
		return
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-wake:
	case <-timer.C:
	}
}

// take moves the next datagram, or the next octets of the stream, out of the inbox; the lock is held.
func (c *conn) take(b []byte) int {
	n := copy(b, c.inbox[0])
	if c.network == "tcp" && n < len(c.inbox[0]) {
		c.inbox[0] = c.inbox[0][n:]
	} else {
		c.inbox = c.inbox[1:]
	}
	return n
}

// Write sends a query, or a part of one over TCP.
func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	var err error
	switch {
	case c.closed:
		err = net.ErrClosed
	case expired(c.writeBy):
		err = os.ErrDeadlineExceeded
	case c.ended:
		err = os.NewSyscallError("write", syscall.EPIPE)
	}
	if err != nil {
		c.mu.Unlock()
		return 0, c.fail("write", err)
	}
	queries := [][]byte{b}
	if c.network == "tcp" {
		queries, c.partial = frames(append(c.partial, b...))
	}
	c.mu.Unlock()
	for _, q := range queries {
		out := c.internet.exchange(c.server, c.network, q)
		c.deliver(out)
	}
	return len(b), nil
}

// frames cuts a stream into messages, and returns what is left. The messages share its memory.
func frames(stream []byte) (messages [][]byte, rest []byte) {
	for len(stream) >= 2 {
		end := 2 + int(binary.BigEndian.Uint16(stream))
		if len(stream) < end {
			break
		}
		messages = append(messages, stream[2:end])
		stream = stream[end:]
	}
	return messages, append([]byte(nil), stream...)
}

// deliver puts the replies of a query into the inbox when their time has come.
func (c *conn) deliver(out outcome) {
	if len(out.replies) == 0 {
		return
	}
	arrive := func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.closed || c.ended {
			return
		}
		for _, reply := range out.replies {
			if c.network == "tcp" {
				reply = frame(reply)
			}
			c.inbox = append(c.inbox, reply)
		}
		c.changed()
	}
	if out.delay <= 0 {
		arrive()
		return
	}
	time.AfterFunc(out.delay, arrive)
}

// frame puts the length before a message.
func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

// Close ends the path; replies that are still on their way are lost.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.fail("close", net.ErrClosed)
	}
	c.closed = true
	c.changed()
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.changed()
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeBy = t
	return nil
}
