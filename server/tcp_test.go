package server

// This file is about TCP on real sockets: pipelining, and how much one client
// may have of it. Its timers are in tcptime_test.go.

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// slowAndFast has a zone behind 192.0.2.1, where a gate can stand, and one beside it.
const slowAndFast = `
== zone slow.example @ 192.0.2.1
$TTL 300
*    A 192.0.2.80
== zone fast.example @ 192.0.2.2
$TTL 300
*    A 192.0.2.81
`

func TestRepliesOverTCPComeAsTheyAreReady(t *testing.T) {
	g := newGate("192.0.2.1")
	w := newWorld(t, settings{text: slowAndFast, dial: g.wrap})
	defer g.open()
	c := w.dial(t, overTCP)
	defer c.Close()
	slow, fast, cached := question("a.slow.example.", "A", 0), question("b.fast.example.", "A", 0), question("b.fast.example.", "A", 1232)
	c.send(pack(t, slow))
	c.send(pack(t, fast))
	if r := unpack(t, c.receive()); r.Id != fast.Id {
		t.Fatalf("the first reply is to %s, want the fast name", r.Question[0].Name)
	}
	c.send(pack(t, cached))
	if r := unpack(t, c.receive()); r.Id != cached.Id {
		t.Fatalf("the second reply is to %s, want the cached name", r.Question[0].Name)
	}
	g.open()
	if r := unpack(t, c.receive()); r.Id != slow.Id || len(r.Answer) != 1 {
		t.Fatalf("the third reply is %v, want the slow name's", r)
	}
}

func TestAnAnswerDoesNotWaitWithAQuestionThatFindsNoPlace(t *testing.T) {
	g := newGate("192.0.2.1")
	w := newWorld(t, settings{text: slowAndFast, dial: g.wrap})
	defer g.open()
	cached := question("x.fast.example.", "A", 0)
	w.ask(t, handle, cached)
	c := w.dial(t, overTCP)
	defer c.Close()
	for i := range maxPipelined {
		c.send(pack(t, question(string(rune('a'+i%26))+string(rune('a'+i/26))+".slow.example.", "A", 0)))
	}
	eventually(t, "all places taken", func() bool { return w.Stats().Pending == maxPipelined })
	var both []byte
	for _, q := range []*dns.Msg{cached, question("y.slow.example.", "A", 0)} {
		b := pack(t, q)
		both = append(binary.BigEndian.AppendUint16(both, uint16(len(b))), b...)
	}
	if _, err := c.Write(both); err != nil {
		t.Fatal(err)
	}
	if r := unpack(t, c.receive()); r.Id != cached.Id {
		t.Fatalf("reply %v", r)
	}
}

func TestOneClientHasAtMost32Connections(t *testing.T) {
	const most = 32
	w := newWorld(t, settings{})
	query := pack(t, question("www.example.com.", "A", 0))
	works := func(c *client) bool {
		if _, err := c.Write(append([]byte{0, byte(len(query))}, query...)); err != nil {
			return false
		}
		return c.receive() != nil
	}
	open := make([]*client, most)
	for i := range open {
		open[i] = w.dial(t, overTCP)
		defer open[i].Close()
		if !works(open[i]) {
			t.Fatalf("connection %d is not served", i+1)
		}
	}
	extra := w.dial(t, overTCP)
	defer extra.Close()
	if works(extra) {
		t.Errorf("connection %d is served", most+1)
	}
	if n := w.Stats().Shed; n != 1 {
		t.Errorf("%d connections counted as turned away, want 1", n)
	}

	elsewhere := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := elsewhere.Dial("tcp", w.tcp.String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	neighbour := &client{t, overTCP, conn}
	if !works(neighbour) {
		t.Error("another client is not served")
	}
	neighbour.Close()

	open[0].Close()
	eventually(t, "a connection is forgotten", func() bool { return w.Stats().TCPConns < most })
	again := w.dial(t, overTCP)
	defer again.Close()
	if !works(again) {
		t.Error("no new connection in the place of one that was closed")
	}
}

func TestWhatComesWhileTooManyWaitIsTurnedAway(t *testing.T) {
	other, self := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("127.0.0.1")
	for limit, crowd := range map[string]map[netip.Addr]int{
		"waiting":        {other: maxPending},
		"client_waiting": {self: maxClientPending},
	} {
		w := newWorld(t, settings{})
		w.ask(t, handle, question("www.example.com.", "A", 0))
		most := 0
		wait := func(sign int) {
			w.waiting.mu.Lock()
			defer w.waiting.mu.Unlock()
			for client, n := range crowd {
				w.waiting.total.Add(int64(sign * n))
				w.waiting.clients[client] += sign * n
				most = n
			}
		}
		wait(1)
		uncached := pack(t, question("pool.example.com.", "A", 0))
		if !w.ignores(t, overUDP, uncached) {
			t.Errorf("%s: there is a reply over UDP", limit)
		}
		if !w.ignores(t, overTCP, uncached) {
			t.Errorf("%s: there is a reply over TCP", limit)
		}
		if st := w.Stats(); st.Shed != 2 || st.Limits[limit] != 2 || st.Pending != int64(most) {
			t.Errorf("%s: %d turned away, %d pending, want 2 and %d", limit, st.Limits[limit], st.Pending, most)
		}
		for _, d := range doors { // those from the cache go on
			if r := w.ask(t, d, question("www.example.com.", "A", 0)); len(r.Answer) != 1 {
				t.Errorf("%s, %s: %v", limit, d, r)
			}
		}
		wait(-1)
		if r := w.ask(t, overUDP, question("pool.example.com.", "A", 0)); len(r.Answer) != 4 {
			t.Errorf("%s: afterwards: %v", limit, r)
		}
	}
	t.Attr("row", "F | 10,000 questions wait, or 1,000 of one client | more are turned away, cached ones are answered | held | ")
}

func TestAnIPv6NetworkIsOneClient(t *testing.T) {
	for text, want := range map[string]string{"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "fe80::1%lo": "fe80::"} {
		if got := network(netip.MustParseAddr(text)); got != netip.MustParseAddr(want) {
			t.Errorf("%s counts as %s, want %s", text, got, want)
		}
	}
}

func TestAClientThatLeavesCancelsNobody(t *testing.T) {
	g := newGate("192.0.2.1")
	w := newWorld(t, settings{text: slowAndFast, dial: g.wrap})
	defer g.open()
	first, second := w.dial(t, overTCP), w.dial(t, overTCP)
	defer second.Close()
	first.send(pack(t, question("a.slow.example.", "A", 0)))
	eventually(t, "the first question in flight", func() bool { return w.Stats().Pending == 1 })
	second.send(pack(t, question("a.slow.example.", "A", 0)))
	eventually(t, "both questions in flight", func() bool { return w.Stats().Pending == 2 })
	first.Close()
	g.open()
	if r := unpack(t, second.receive()); len(r.Answer) != 1 {
		t.Errorf("%v", r)
	}
	eventually(t, "nothing in flight", func() bool { return w.Stats().Pending == 0 })
}

func TestNothingListensAfterShutdown(t *testing.T) {
	w := newWorld(t, settings{silent: true})
	if err := w.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	loopback := netip.MustParseAddrPort("127.0.0.1:0")
	if a, err := w.ListenTCP(loopback); err == nil {
		t.Errorf("TCP listens on %s", a)
	}
	if a, err := w.ListenUDP(loopback); err == nil {
		t.Errorf("UDP listens on %s", a)
	}
}
