package upstream

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rootwalk/clock"
	"rootwalk/lab"
	"rootwalk/wire"
)

// oneZone is an Internet with one zone at one address; long has many letters.
const (
	oneZone = `
== zone example.com @ 192.0.2.1
www   A 192.0.2.80
ftp   A 192.0.2.81
mail  A 192.0.2.82
`
	theServer = "192.0.2.1"
	long      = "abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz.example.com."
)

// bubbleClock reads the virtual time of a synctest bubble.
func bubbleClock() clock.Time { return clock.Time(time.Now().UnixNano()) }

// rig is an upstream side in front of a private Internet.
type rig struct {
	t   *testing.T
	net *lab.Internet
	*Upstream
	spent int // packets and connects of ask
}

func newRig(t *testing.T, text string) *rig {
	t.Helper()
	n, _, err := lab.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, net: n, Upstream: New(Options{IPv4: true, IPv6: true, Dial: n.Dial, Clock: bubbleClock})}
}

func (r *rig) faults(title string, lines ...string) {
	r.t.Helper()
	if err := r.net.SetFaults(title, strings.Join(lines, "\n")); err != nil {
		r.t.Fatal(err)
	}
}

func free() error { return nil }

func question(name string) wire.Question {
	return wire.Question{Name: wire.MustName(name), Type: wire.TypeA, Class: wire.ClassIN}
}

func port53(addr string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(addr), 53) }

// asking is the question for the address of a name at theServer.
func asking(name string) Ask {
	return Ask{Server: port53(theServer), Question: question(name), Spend: free}
}

func (r *rig) exchange(a Ask) (*Reply, error) {
	a.Spend = func() error { r.spent++; return nil }
	return r.Exchange(context.Background(), a)
}

// must asks theServer for a name and ends the test when there is no reply.
func (r *rig) must(name string) *Reply {
	r.t.Helper()
	reply, err := r.exchange(asking(name))
	if err != nil {
		r.t.Fatalf("asking for %s: %v", name, err)
	}
	return reply
}

// sent tells what was sent since the last call, as "udp+edns tcp" and so on.
func (r *rig) sent() string {
	var words []string
	for _, q := range r.net.Queries() {
		w := q.Network
		if q.EDNS {
			w += "+edns"
		}
		words = append(words, w)
	}
	r.net.ResetQueries()
	return strings.Join(words, " ")
}

func (r *rig) wantSent(want string) {
	r.t.Helper()
	if got := r.sent(); got != want {
		r.t.Errorf("sent %q, want %q", got, want)
	}
}

// answers lists the RDATA of the answer section.
func answers(r *Reply) []string {
	var out []string
	for _, rec := range r.Answer {
		out = append(out, rec.Data)
	}
	return out
}

const addressOfWWW = "\xc0\x00\x02\x50"

// script is a server that a test writes itself: it says what comes back for
// each query, one message or several; nil is ICMP's word that nobody listens.
type script func(network string, query []byte) [][]byte

func (s script) dial(_ context.Context, network string, _ netip.AddrPort) (net.Conn, error) {
	return &scriptConn{script: s, network: network, in: make(chan []byte, 256)}, nil
}

type scriptConn struct {
	script  script
	network string
	in      chan []byte
	rest    []byte // of a TCP stream

	mu       sync.Mutex
	deadline time.Time
}

func (c *scriptConn) Write(b []byte) (int, error) {
	query := b
	if c.network == "tcp" {
		query = b[2:]
	}
	for _, m := range c.script(c.network, append([]byte(nil), query...)) {
		if c.network == "tcp" {
			m = append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...)
		}
		c.in <- m
	}
	return len(b), nil
}

func (c *scriptConn) Read(b []byte) (int, error) {
	if len(c.rest) > 0 {
		n := copy(b, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	c.mu.Lock()
	timer := time.NewTimer(time.Until(c.deadline))
	c.mu.Unlock()
	defer timer.Stop()
	select {
	case m := <-c.in:
		if m == nil {
			return 0, &net.OpError{Op: "read", Net: c.network, Err: syscall.ECONNREFUSED}
		}
		n := copy(b, m)
		if c.network == "tcp" {
			c.rest = m[n:]
		}
		return n, nil
	case <-timer.C:
		return 0, os.ErrDeadlineExceeded
	}
}

func (c *scriptConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return nil
}

func (c *scriptConn) Close() error                     { return nil }
func (c *scriptConn) LocalAddr() net.Addr              { return nil }
func (c *scriptConn) RemoteAddr() net.Addr             { return nil }
func (c *scriptConn) SetReadDeadline(time.Time) error  { return io.ErrNoProgress }
func (c *scriptConn) SetWriteDeadline(time.Time) error { return io.ErrNoProgress }

// scripted is an upstream side in front of one scripted server.
func scripted(s script) *Upstream {
	return New(Options{IPv4: true, Dial: s.dial, Clock: bubbleClock})
}

// questionEnd is the offset behind the question of a query.
func questionEnd(query []byte) int {
	end := wire.HeaderLen
	for query[end] != 0 {
		end += 1 + int(query[end])
	}
	return end + 5
}

func hasOPT(query []byte) bool { return query[11] == 1 }

// replyTo is a reply without records.
func replyTo(query []byte, rcode wire.Rcode, opt bool) []byte {
	m := append([]byte(nil), query[:questionEnd(query)]...)
	m[2], m[3] = m[2]|0x80, byte(rcode)
	m[7], m[9], m[11] = 0, 0, 0
	if opt {
		m = wire.AppendOPT(m, 0, &wire.OPT{UDPSize: 1232, EDE: wire.NoEDE})
	}
	return m
}
