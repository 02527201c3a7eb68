package server

// This file is about many questions at once, questions that go wrong, and the
// end of a server.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"rootwalk/clock"
	"rootwalk/upstream"
	"rootwalk/wire"
)

func TestHundredsOfIdenticalQuestionsCostOneWalk(t *testing.T) {
	const sockets, each = 9, 100 // the buffer of a socket holds about 250 replies
	alone := newWorld(t, settings{text: slowAndFast, silent: true})
	alone.ask(t, handle, question("a.slow.example.", "A", 0))
	cost := len(alone.net.Queries())

	g := newGate("192.0.2.1")
	w := newWorld(t, settings{text: slowAndFast, dial: g.wrap})
	defer g.open()
	var clients []*client
	ask := func(d door, n int, name string) {
		c := w.dial(t, d)
		clients = append(clients, c)
		before := w.Stats().Pending
		for i := range n {
			q := question(name, "A", 1232)
			q.Id = uint16(i)
			c.send(pack(t, q))
		}
		eventually(t, "all questions in flight", func() bool { return w.Stats().Pending == before+int64(n) })
	}
	for range sockets {
		ask(overUDP, each, "a.Slow.example.")
	}
	ask(overTCP, maxPipelined, "A.slow.example.")
	g.open()
	for i, c := range clients {
		defer c.Close()
		n := each
		if i == sockets {
			n = maxPipelined
		}
		seen := map[uint16]bool{}
		for range n {
			r := unpack(t, c.receive())
			if seen[r.Id] || len(r.Answer) != 1 || r.Rcode != dns.RcodeSuccess {
				t.Fatalf("%s: reply %v", c.door, r)
			}
			seen[r.Id] = true
		}
	}
	if got := w.resolver.Stats().Walks; got != 1 {
		t.Errorf("%d walks, want 1", got)
	}
	if got := len(w.net.Queries()); got != cost {
		t.Errorf("%d queries upstream, want the %d of one walk", got, cost)
	}
}

// trap is a clock that panics at its n-th reading after it was set.
type trap struct{ left atomic.Int64 }

func (c *trap) set(n int64) { c.left.Store(n) }

func (c *trap) read() clock.Time {
	if c.left.Add(-1) == 0 {
		panic("the clock has stopped")
	}
	return clock.Now()
}

// panics are those in the server and in walks.
func (w *world) panics() uint64 { return w.Stats().Panics + w.resolver.Stats().Panics }

func TestAPanicCostsOneQuery(t *testing.T) {
	var theirs trap
	w := newWorld(t, settings{resolverClock: theirs.read})
	normal := w.set.Load()
	panics := uint64(0)
	for _, d := range doors {
		for what, set := range map[string]func(){
			"on the byte path": func() { w.set.Store(&Options{EDE: true}) }, // without a list of clients
			"in a walk":        func() { theirs.set(1) },
			"late in a walk":   func() { theirs.set(4) },
		} {
			set()
			r := w.ask(t, d, question(string(d)+what[:2]+what[len(what)-2:]+"www.example.com.", "A", 1232))
			w.set.Store(normal)
			panics++
			if r.Rcode != dns.RcodeServerFailure || ede(r) != 0 {
				t.Errorf("%s, %s: %v", d, what, r)
			}
			eventually(t, "the panic is counted", func() bool { return w.panics() == panics }) // a walk's is, behind the reply
			if n := w.Stats().Rcodes["SERVFAIL"]; n != panics {
				t.Errorf("%s, %s: %d SERVFAIL counted, want %d", d, what, n, panics)
			}
			if r := w.ask(t, d, question("www.example.com.", "A", 1232)); len(r.Answer) != 1 {
				t.Errorf("%s, %s: afterwards %v", d, what, r)
			}
		}
	}
	eventually(t, "nothing in flight", func() bool { return w.Stats().Pending == 0 && w.resolver.Stats().InFlight == 0 })
	t.Attr("row", fmt.Sprintf("F | a panic in one query, on the byte path and in walks | SERVFAIL for that query, counted, the next is answered | %d panics, held | ", panics))
}

// Thousands who ask the same wait for one walk, and each is a record and not a
// goroutine. The time is a bubble's and stands still meanwhile: on a busy host the walk
// would end, or ask another server, while they are still coming.
func TestWhoWaitsCostsLittle(t *testing.T) {
	const addresses, each, conns, pipelined = 10, 300, 10, 30
	socks, _, err := openUDP(netip.MustParseAddrPort("127.0.0.1:0"), 1) // never read
	if err != nil {
		t.Fatal(err)
	}
	defer socks[0].Close()
	synctest.Test(t, func(t *testing.T) {
		g := newGate("192.0.2.1")
		w := newWorld(t, settings{text: slowAndFast, dial: g.wrap, silent: true, clock: bubbleClock})
		defer g.open()
		measure := func() (goroutines, octets int) {
			synctest.Wait()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return runtime.NumGoroutine(), int(m.HeapAlloc + m.StackInuse)
		}
		packet := pack(t, question("a.Slow.example.", "A", 1232))
		ask := func(client byte) {
			reader, meta := w.borrow(), Meta{Transport: UDP, Client: netip.AddrFrom4([4]byte{127, 0, 0, client})}
			defer w.giveBack(reader)
			var q wire.Query
			if _, done := reader.quickSafe(nil, packet, meta, &q); done {
				t.Fatal("somebody need not wait")
			}
			reader.resolveUDP(socks[0], packet, new(returnPath), meta, q)
		}
		ask(2)
		goroutines, octets := measure()
		for range each {
			for i := range addresses {
				ask(byte(2 + i))
			}
		}
		more, after := measure()
		perWaiter := (after - octets) / (addresses * each)
		if more > goroutines || perWaiter > 1024 {
			t.Errorf("%d goroutines and %d octets each for %d who wait", more-goroutines, perWaiter, addresses*each)
		}
		var clients []net.Conn
		for range conns {
			c := w.pipe("127.0.0.1")
			defer c.Close()
			clients = append(clients, c)
			for range pipelined {
				mustWrite(t, c, framed(t, "a.slow.example.", "A"))
			}
		}
		if overTCP, _ := measure(); overTCP > more+conns {
			t.Errorf("%d goroutines for %d who wait over %d connections", overTCP-more, conns*pipelined, conns)
		}
		if n := w.Stats().Pending; n != 1+addresses*each+conns*pipelined {
			t.Errorf("%d wait", n)
		}
		g.open()
		for _, c := range clients {
			for range pipelined {
				mustRead(t, c)
			}
		}
		synctest.Wait()
		if n := w.Stats().Pending; n != 0 {
			t.Errorf("%d still wait", n)
		}
		if n := w.resolver.Stats().Walks; n != 1 {
			t.Errorf("%d walks", n)
		}
		t.Attr("row", fmt.Sprintf("F | %d clients with one question, a tenth of them over TCP | one walk; a fixed few octets each (<= 1 KiB), no goroutine | 1 walk; %d octets | BIND 10 to 100 clients of a question", addresses*each+conns*pipelined, perWaiter))
	})
}

// What panicked must not leave a flight behind, for which all later questions
// would wait.
func TestAPanicOnTheWayToAServerHoldsUpNobody(t *testing.T) {
	var armed atomic.Bool
	w := newWorld(t, settings{dial: func(dial upstream.Dialer) upstream.Dialer {
		return func(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
			if armed.CompareAndSwap(true, false) {
				panic("no way")
			}
			return dial(ctx, network, server)
		}
	}})
	for _, d := range doors {
		armed.Store(true)
		name := string(d) + ".example.com."
		if r := w.ask(t, d, question(name, "A", 0)); r.Rcode != dns.RcodeServerFailure {
			t.Errorf("%s: %v", d, r)
		}
		if r := w.ask(t, d, question(name, "A", 0)); r.Rcode != dns.RcodeNameError {
			t.Errorf("%s, a second time: %v", d, r)
		}
	}
	eventually(t, "the panics are counted", func() bool { return w.panics() == uint64(len(doors)) })
}

func TestShutdownAnswersWhatIsInFlight(t *testing.T) {
	for _, doors := range [][]door{{overUDP}, {overTCP}, {overUDP, overTCP, overTCP}} {
		t.Run(fmt.Sprint(doors), func(t *testing.T) { shutdownWith(t, doors) })
	}
	t.Attr("row", "F | the end of a server with questions in flight | all are answered | held | ")
}

// shutdownWith ends a server that has a question in flight from each door.
func shutdownWith(t *testing.T, doors []door) {
	g := newGate("192.0.2.1")
	w := newWorld(t, settings{text: slowAndFast, dial: g.wrap})
	defer g.open()
	idle := w.dial(t, overTCP)
	defer idle.Close()
	var clients []*client
	for i, d := range doors {
		c := w.dial(t, d)
		defer c.Close()
		c.send(pack(t, question(string(rune('a'+i%2))+".slow.example.", "A", 0)))
		clients = append(clients, c)
	}
	eventually(t, "all questions in flight", func() bool { return w.Stats().Pending == int64(len(doors)) && w.Stats().TCPConns > 0 })

	ended := make(chan error, 1)
	go func() { ended <- w.Shutdown(context.Background()) }()
	if idle.receive() != nil { // the end of the connection
		t.Error("a reply without a question")
	}
	eventually(t, "connections are not accepted any more", func() bool {
		c, err := net.Dial("tcp", w.tcp.String())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	g.open()
	for _, c := range clients {
		if r := unpack(t, c.receive()); len(r.Answer) != 1 {
			t.Errorf("%s: %v", c.door, r)
		}
		if c.door == overTCP && c.receive() != nil {
			t.Error("the connection goes on after the last reply")
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What a client has sent may still wait in the queue of a socket or a listener.
func TestShutdownAnswersWhatHasArrived(t *testing.T) {
	for range 10 {
		w := newWorld(t, settings{text: slowAndFast})
		var clients []*client
		for _, d := range []door{overUDP, overTCP, overTCP, overTCP} {
			c := w.dial(t, d)
			defer c.Close()
			c.send(pack(t, question("a.fast.example.", "A", 0)))
			clients = append(clients, c)
		}
		w.close(t)
		for _, c := range clients {
			if b := c.receive(); b == nil {
				t.Fatalf("%s: no reply", c.door)
			}
		}
	}
}

func TestShutdownWaitsForWhatIsInFlight(t *testing.T) {
	for _, d := range []door{overUDP, overTCP} {
		t.Run(string(d), func(t *testing.T) {
			g := newGate("192.0.2.1")
			w := newWorld(t, settings{text: slowAndFast, dial: g.wrap})
			defer g.open()
			c := w.dial(t, d)
			defer c.Close()
			c.send(pack(t, question("a.slow.example.", "A", 0)))
			eventually(t, "a question in flight", func() bool { return w.Stats().Pending == 1 })
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			if err := w.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error is %v, though a question is in flight", err)
			}
		})
	}
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	g := newGate("192.0.2.1")
	w := newWorld(t, settings{text: slowAndFast, dial: g.wrap})
	defer g.open()
	c := w.dial(t, overTCP)
	defer c.Close()
	c.send(pack(t, question("a.slow.example.", "A", 0)))
	eventually(t, "a question in flight", func() bool { return w.Stats().Pending == 1 })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want that of the context", err)
	}
}

func TestNothingIsLeftAfterShutdown(t *testing.T) {
	before := runtime.NumGoroutine()
	w := newWorld(t, settings{text: slowAndFast})
	var asking sync.WaitGroup
	for i := range 200 {
		name := string(rune('a'+i%26)) + string(rune('a'+i/26)) + ".fast.example."
		asking.Go(func() {
			d := []door{overUDP, overTCP}[i%2]
			if d == overTCP && i > maxClientConns {
				d = overUDP
			}
			w.ask(t, d, question(name, "A", 0))
		})
	}
	asking.Wait()
	idle := w.dial(t, overTCP)
	defer idle.Close()
	w.close(t)
	eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before })
	if st := w.Stats(); st.Pending != 0 || st.TCPConns != 0 || len(w.perClient) != 0 {
		t.Errorf("%d questions, %d connections, %d clients are left", st.Pending, st.TCPConns, len(w.perClient))
	}
}

// refused is a dialer that never gets through.
func refused(upstream.Dialer) upstream.Dialer {
	return func(context.Context, string, netip.AddrPort) (net.Conn, error) { return nil, errors.New("no way") }
}

func TestWithoutAWayOutThereIsAnAnswerAllTheSame(t *testing.T) {
	w := newWorld(t, settings{dial: refused})
	for _, d := range doors {
		r := w.ask(t, d, question(string(d)+".example.com.", "A", 1232))
		if r.Rcode != dns.RcodeServerFailure || ede(r) != 22 && ede(r) != 23 {
			t.Errorf("%s: %v", d, r)
		}
	}
}

// DNSBomb (CVE-2024-33655): questions under one address are gathered while a server
// keeps silent, so that all replies leave at once.
func TestFewRepliesCanBeGatheredForOneAddress(t *testing.T) {
	const questions, chunk = 10_000, 100
	g := newGate("192.0.2.1")
	w := newWorld(t, settings{text: slowAndFast, dial: g.wrap})
	defer g.open()
	c := w.dial(t, overUDP)
	defer c.Close()
	held := int64(0)
	received := func() uint64 { // however long it takes: questions end after seven seconds
		st := w.Stats()
		held = max(held, st.Pending)
		return st.Limits["client_waiting"] + st.Misses
	}
	for i := range questions {
		c.send(pack(t, question(fmt.Sprintf("n%d.slow.example.", i), "A", 0)))
		if i%chunk == chunk-1 {
			eventually(t, "the questions arrive", func() bool { return received() == uint64(i+1) })
		}
	}
	if held > 1000 {
		t.Errorf("%d replies are gathered for one address", held)
	}
	t.Attr("row", fmt.Sprintf("A21 | %d questions under one address, held and released at once (DNSBomb) | <= 1,000 replies | %d | BIND, Unbound none by default", questions, held))
}
