// The same servers on real loopback sockets.

package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Listener serves an Internet on sockets until it is closed.
type Listener struct {
	internet *Internet
	port     uint16
	closers  []io.Closer
	slots    chan struct{} // a token per TCP connection
	running  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
}

const (
	maxConnections = 256              // of all servers together
	tcpIdle        = 10 * time.Second // RFC 7766 section 6.2.3
	portAttempts   = 16
)

// Listen serves every server on its own address and one port, over UDP and TCP. All addresses must be loopback. Port 0 picks
// a free one, see [Listener.Port]. The fault "unreachable" is silence here, since a server cannot make the network fail.
func (n *Internet) Listen(port uint16) (*Listener, error) {
	servers := n.Servers()
	for _, a := range servers {
		if !a.IsLoopback() {
			return nil, fmt.Errorf("lab: server %s is not a loopback address", a)
		}
	}
	var err error
	for range portAttempts {
		var l *Listener
		if l, err = n.listen(servers, port); err == nil {
			return l, nil
		}
		// A port that the system picked for the first address may be taken at another.
		if port != 0 || !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return nil, fmt.Errorf("lab: %w", err)
}

func (n *Internet) listen(servers []netip.Addr, port uint16) (*Listener, error) {
	l := &Listener{internet: n, port: port, slots: make(chan struct{}, maxConnections), conns: map[net.Conn]struct{}{}}
	type sockets struct {
		addr netip.Addr
		udp  *net.UDPConn
		tcp  net.Listener
	}
	var opened []sockets
	for _, addr := range servers {
		at := net.JoinHostPort(addr.String(), strconv.Itoa(int(l.port)))
		tcp, err := listenTCP(at)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l.closers = append(l.closers, tcp)
		l.port = uint16(tcp.Addr().(*net.TCPAddr).Port)
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, l.port)))
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l.closers = append(l.closers, udp)
		opened = append(opened, sockets{addr, udp, tcp})
	}
	for _, s := range opened {
		l.running.Go(func() { l.serveUDP(s.addr, s.udp) })
		l.running.Go(func() { l.serveTCP(s.addr, s.tcp) })
	}
	return l, nil
}

func listenTCP(at string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(context.Background(), "tcp", at)
}

// Port is the port that all servers listen on.
func (l *Listener) Port() uint16 { return l.port }

// Close closes all sockets and connections and waits for whoever serves them. Replies that are delayed are lost.
func (l *Listener) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return net.ErrClosed
	}
	l.closed = true
	for c := range l.conns {
		c.Close()
	}
	l.mu.Unlock()
	var errs []error
	for _, c := range l.closers {
		errs = append(errs, c.Close())
	}
	l.running.Wait()
	return errors.Join(errs...)
}

// serveUDP answers datagrams one after the other; only delays go on beside it.
func (l *Listener) serveUDP(server netip.Addr, socket *net.UDPConn) {
	buffer := make([]byte, 65535)
	for {
		n, client, err := socket.ReadFromUDPAddrPort(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error about an earlier reply
		}
		out := l.internet.exchange(server, "udp", buffer[:n])
		later(out.delay, func() {
			for _, reply := range out.replies {
				_, _ = socket.WriteToUDPAddrPort(reply, client) // lost, as datagrams may be
			}
		})
	}
}

// later runs something now or after a delay.
func later(delay time.Duration, do func()) {
	if delay <= 0 {
		do()
		return
	}
	time.AfterFunc(delay, do)
}

// serveTCP accepts connections, up to the common limit.
func (l *Listener) serveTCP(server netip.Addr, socket net.Listener) {
	for {
		c, err := socket.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of descriptors: do not spin
			continue
		}
		p := l.internet.path("tcp", server)
		if p.refused {
			_ = c.(*net.TCPConn).SetLinger(0) // the client sees a reset
		}
		if p.refused || p.closed || !l.admit(c) {
			c.Close()
			continue
		}
		l.running.Go(func() {
			defer l.dismiss(c)
			l.converse(server, c)
		})
	}
}

// admit takes a slot for a connection, if one is free and we are not closing.
func (l *Listener) admit(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	select {
	case l.slots <- struct{}{}:
		l.conns[c] = struct{}{}
		return true
	default:
		return false
	}
}

func (l *Listener) dismiss(c net.Conn) {
	c.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	<-l.slots
}

// converse answers the queries of one connection until it is idle too long.
func (l *Listener) converse(server netip.Addr, c net.Conn) {
	var writing sync.Mutex
	for {
		c.SetReadDeadline(time.Now().Add(tcpIdle))
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		out := l.internet.exchange(server, "tcp", query)
		later(out.delay, func() {
			writing.Lock()
			defer writing.Unlock()
			c.SetWriteDeadline(time.Now().Add(tcpIdle))
			for _, reply := range out.replies {
				if _, err := c.Write(frame(reply)); err != nil {
					return // the reader of the connection notices too
				}
			}
		})
	}
}
