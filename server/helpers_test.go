package server

// This file puts a server in front of a private Internet, and is the client that
// asks it: through Handle, over UDP and over TCP.

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	roothints "rootwalk/rootHints"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/lab"
	"rootwalk/policy"
	"rootwalk/resolver"
	"rootwalk/upstream"
	"rootwalk/wire"
)

// patience bounds waiting for what must happen; no test passes because of it.
const patience = 10 * time.Second

// internet is the Internet of most tests.
const internet = "== zone example.com @ 192.0.2.1\n" + zoneBody

const zoneBody = `$TTL 300
www   A 192.0.2.80
pool  A 192.0.2.81
pool  A 192.0.2.82
pool  A 192.0.2.83
pool  A 192.0.2.84
alias CNAME www
`

// settings are what a test wants otherwise.
type settings struct {
	text          string // of the Internet
	allow         string // prefixes of clients
	dial          func(upstream.Dialer) upstream.Dialer
	clock         clock.Clock // of the server
	resolverClock clock.Clock
	silent        bool // no sockets
	workers       int
	cookies       *Cookies
	stale         resolver.Stale
}

// world is a server and all that it needs.
type world struct {
	*Server
	net      *lab.Internet
	cache    *cache.Cache
	resolver *resolver.Resolver
	udp, tcp netip.AddrPort
}

func newWorld(t testing.TB, o settings) *world {
	t.Helper()
	if o.text == "" {
		o.text = internet
	}
	if o.allow == "" {
		o.allow = "127.0.0.0/8"
	}
	if o.resolverClock == nil {
		o.resolverClock = o.clock
	}
	n, _, err := lab.Parse(o.text)
	if err != nil {
		t.Fatal(err)
	}
	hints, err := roothints.Parse("lab", strings.NewReader(n.Hints()))
	if err != nil {
		t.Fatal(err)
	}
	dial := upstream.Dialer(n.Dial)
	if o.dial != nil {
		dial = o.dial(dial)
	}
	w := &world{net: n, cache: cache.New(cache.Options{Size: 16 << 20})}
	up := upstream.New(upstream.Options{IPv4: true, Dial: dial, Clock: o.resolverClock})
	w.resolver = resolver.New(resolver.Options{Cache: w.cache, Upstream: up, Hints: hints, Clock: o.resolverClock, IPv4: true,
		Local: policy.NewLocal(nil), Stale: o.stale})
	w.Server = New(Options{Cache: w.cache, Resolver: w.resolver, Clock: o.clock, EDE: true, Workers: o.workers, Cookies: o.cookies,
		Allow: policy.NewACL([]netip.Prefix{netip.MustParsePrefix(o.allow)})})
	t.Cleanup(func() { w.close(t) })
	w.resolver.Prime(context.Background()) // now, not behind some query
	n.ResetQueries()
	if o.silent {
		return w
	}
	loopback := netip.MustParseAddrPort("127.0.0.1:0")
	if w.udp, err = w.ListenUDP(loopback); err != nil {
		t.Fatal(err)
	}
	if w.tcp, err = w.ListenTCP(loopback); err != nil {
		t.Fatal(err)
	}
	return w
}

// close ends the world; a second time it does nothing.
func (w *world) close(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	w.resolver.Close()
}

// door is a way to a server.
type door string

const (
	handle  door = "Handle"
	overUDP door = "UDP"
	overTCP door = "TCP"
)

var doors = []door{handle, overUDP, overTCP}

// exchange sends a packet through a door and returns the reply, nil for none
// (which UDP cannot tell, see ignores).
func (w *world) exchange(t testing.TB, d door, packet []byte) []byte {
	t.Helper()
	if d == handle {
		return w.Handle(context.Background(), nil, packet, Meta{Transport: UDP, Client: netip.MustParseAddr("127.0.0.1")})
	}
	c := w.dial(t, d)
	defer c.Close()
	c.send(packet)
	return c.receive()
}

// ignores tells whether a packet gets no reply. Over UDP one that is answered at
// once comes behind it, so that silence need not be waited for.
func (w *world) ignores(t testing.TB, d door, packet []byte) bool {
	t.Helper()
	if d != overUDP {
		return w.exchange(t, d, packet) == nil
	}
	const next = 0xbeef
	c := w.dial(t, d)
	defer c.Close()
	c.send(packet)
	c.send(wire.AppendQuestion(nil, next, 0, wire.Root, wire.TypeAXFR, wire.ClassIN))
	return wire.ID(c.receive()) == next
}

// ask is exchange for messages; a missing reply ends the test.
func (w *world) ask(t testing.TB, d door, q *dns.Msg) *dns.Msg {
	t.Helper()
	raw := w.exchange(t, d, pack(t, q))
	if raw == nil {
		t.Fatalf("%s: no reply to %s", d, q.Question[0].String())
	}
	r := unpack(t, raw)
	if r.Id != q.Id {
		t.Fatalf("%s: reply has ID %d, want %d", d, r.Id, q.Id)
	}
	return r
}

// question makes a query with RD; edns is the UDP size of its OPT record, 0 for none.
func question(name, rrtype string, edns uint16) *dns.Msg {
	q := new(dns.Msg)
	q.SetQuestion(name, dns.StringToType[rrtype])
	if edns > 0 {
		q.SetEdns0(edns, false)
	}
	return q
}

// withDO sets the DO flag.
func withDO(q *dns.Msg) *dns.Msg {
	q.IsEdns0().SetDo()
	return q
}

func pack(t testing.TB, q *dns.Msg) []byte {
	t.Helper()
	b, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unpack(t testing.TB, b []byte) *dns.Msg {
	t.Helper()
	r := new(dns.Msg)
	if err := r.Unpack(b); err != nil {
		t.Fatalf("reply %x: %v", b, err)
	}
	return r
}

// ede is the extended error of a reply, -1 without one.
func ede(r *dns.Msg) int {
	if opt := r.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				return int(e.InfoCode)
			}
		}
	}
	return -1
}

// client is one socket.
type client struct {
	t    testing.TB
	door door
	net.Conn
}

func (w *world) dial(t testing.TB, d door) *client {
	t.Helper()
	network, addr := "udp", w.udp
	if d == overTCP {
		network, addr = "tcp", w.tcp
	}
	c, err := net.Dial(network, addr.String())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return &client{t, d, c}
}

func (c *client) send(packet []byte) {
	c.t.Helper()
	if c.door == overTCP {
		packet = append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	}
	if _, err := c.Write(packet); err != nil {
		c.t.Fatal(err)
	}
}

// receive returns the next reply, nil when the server closes the connection.
func (c *client) receive() []byte {
	c.t.Helper()
	b := make([]byte, 65535)
	if c.door == overUDP {
		n, err := c.Read(b)
		if err != nil {
			c.t.Fatal(err)
		}
		return b[:n]
	}
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		var ne net.Error
		if errors.As(err, &ne) && ne.Timeout() {
			c.t.Fatal(err)
		}
		return nil
	}
	n := binary.BigEndian.Uint16(size[:])
	if _, err := io.ReadFull(c, b[:n]); err != nil {
		c.t.Fatal(err)
	}
	return b[:n]
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// fakeClock stands still until it is told to go on.
type fakeClock struct{ now atomic.Int64 }

func newFakeClock() *fakeClock {
	c := new(fakeClock)
	c.now.Store(int64(100 * time.Hour))
	return c
}

func (c *fakeClock) read() clock.Time        { return clock.Time(c.now.Load()) }
func (c *fakeClock) advance(d time.Duration) { c.now.Add(int64(d)) }

// gate holds the way to one server until it is opened.
type gate struct {
	server netip.Addr
	once   sync.Once
	opened chan struct{}
}

func newGate(server string) *gate {
	return &gate{server: netip.MustParseAddr(server), opened: make(chan struct{})}
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// wrap puts the gate before a dialer.
func (g *gate) wrap(dial upstream.Dialer) upstream.Dialer {
	return func(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
		if server.Addr() == g.server {
			select {
			case <-g.opened:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return dial(ctx, network, server)
	}
}

// errorFor is the SERVFAIL reply to a query with a text.
func (w *world) errorFor(query []byte, text string) []byte {
	var q wire.Query
	wire.ParseQuery(query, &q)
	return w.borrow().error(nil, query, Meta{}, &q, wire.ServFail, wire.EDEOther, text)
}
