package server

// This file is about the timers of TCP connections and what they keep, on paths
// inside the process, where ten seconds cost nothing.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rootwalk/clock"
)

// bubbleClock is virtual inside a synctest bubble.
func bubbleClock() clock.Time { return clock.Time(time.Now().UnixNano()) }

// pipe opens a connection of the client to the server inside the process. There
// is no buffer: what one side writes, the other has to read.
func (w *world) pipe(from string) net.Conn {
	ours, theirs := net.Pipe()
	w.serveConn(theirs, netip.MustParseAddr(from))
	return ours
}

func framed(t testing.TB, name, rrtype string) []byte {
	t.Helper()
	b := pack(t, question(name, rrtype, 0))
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func mustWrite(t testing.TB, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatalf("write: %v", err)
	}
}

func mustRead(t testing.TB, c net.Conn) []byte {
	t.Helper()
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		t.Fatalf("read: %v", err)
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatalf("read: %v", err)
	}
	return b
}

// wantEnd waits for the end of the connection, and wants it at an instant.
func wantEnd(t testing.TB, c net.Conn, since time.Time, after time.Duration) {
	t.Helper()
	if n, err := io.Copy(io.Discard, c); n != 0 || err != nil {
		t.Errorf("%d octets and %v before the end", n, err)
	}
	if d := time.Since(since); d != after {
		t.Errorf("closed after %v, want %v", d, after)
	}
}

func TestConnectionsThatAskNothingEnd(t *testing.T) {
	query := framed(t, "www.example.com.", "A")
	long := append([]byte{0xff, 0xff}, append(query[2:], make([]byte, 5000)...)...)
	for _, c := range []struct {
		what  string
		asked bool // a whole query before, which was answered
		sent  []byte
		after time.Duration
	}{
		{"nothing", false, nil, firstQueryTime},
		{"half a length", false, query[:1], firstQueryTime},
		{"a length", false, query[:2], firstQueryTime},
		{"half a query", false, query[:20], firstQueryTime},
		{"a part of a query that is too long", false, long, firstQueryTime},
		{"nothing more", true, nil, idleTime},
		{"half a second query", true, query[:20], idleTime},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, settings{silent: true, clock: bubbleClock})
				conn := w.pipe("127.0.0.1")
				begin := time.Now()
				if c.asked {
					time.Sleep(time.Second)
					mustWrite(t, conn, query)
					begin = time.Now()
					mustRead(t, conn)
				}
				if c.sent != nil {
					mustWrite(t, conn, c.sent)
				}
				wantEnd(t, conn, begin, c.after)
				synctest.Wait()
				if n := w.Stats().TCPConns; n != 0 {
					t.Errorf("%d connections are open", n)
				}
			})
		})
	}
}

// counting counts the writes of a connection.
type counting struct {
	net.Conn
	writes int
}

func (c *counting) Write(b []byte) (int, error) {
	c.writes++
	return c.Conn.Write(b)
}

func TestRepliesThatAreReadyGoOutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{silent: true, clock: bubbleClock})
		w.ask(t, handle, question("www.example.com.", "A", 0))
		ours, theirs := net.Pipe()
		defer ours.Close()
		c := &counting{Conn: theirs}
		w.serveConn(c, netip.MustParseAddr("127.0.0.1"))
		const queries = 20
		go func() { _, _ = ours.Write(bytes.Repeat(framed(t, "www.example.com.", "A"), queries)) }()
		for range queries {
			if r := unpack(t, mustRead(t, ours)); len(r.Answer) != 1 {
				t.Fatal(r)
			}
		}
		synctest.Wait()
		if c.writes != 1 {
			t.Errorf("%d writes for %d cached answers", c.writes, queries)
		}
		if h := w.Stats().Latency["hit"]; sum(h) != queries {
			t.Errorf("%d latencies, want %d", sum(h), queries)
		}
	})
}

func TestAQueryOctetByOctetDoesNotHoldAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{silent: true, clock: bubbleClock})
		conn := w.pipe("127.0.0.1")
		begin := time.Now()
		query := framed(t, "www.example.com.", "A")
		var writer sync.WaitGroup
		writer.Go(func() {
			for _, b := range query {
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(150 * time.Millisecond)
			}
		})
		wantEnd(t, conn, begin, firstQueryTime)
		writer.Wait()
	})
}

func TestABusyConnectionStaysOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{silent: true, clock: bubbleClock})
		conn := w.pipe("127.0.0.1")
		for range 20 {
			time.Sleep(idleTime - firstQueryTime*9/2)
			mustWrite(t, conn, framed(t, "www.example.com.", "A"))
			mustRead(t, conn)
		}
		conn.Close()
	})
}

func TestAClientThatDoesNotReadIsLeft(t *testing.T) {
	for _, c := range []struct {
		what   string
		warm   bool
		repeat int
	}{{"a cached answer", true, 1}, {"a walk", false, 1}, {"many walks", false, maxPipelined}} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, settings{silent: true, clock: bubbleClock, text: slowAndFast})
				if c.warm {
					w.ask(t, handle, question("n0.fast.example.", "A", 0))
				}
				conn := w.pipe("127.0.0.1")
				begin := time.Now()
				for i := range c.repeat {
					mustWrite(t, conn, framed(t, fmt.Sprintf("n%d.fast.example.", i), "A"))
				}
				time.Sleep(writeTime)
				synctest.Wait()
				if n := w.Stats().TCPConns; n != 0 {
					t.Errorf("%d connections are open", n)
				}
				wantEnd(t, conn, begin, writeTime)
			})
		})
	}
}

// A reply that was cut in two must not be followed by another, whose octets
// would be taken for its second half.
func TestNothingFollowsAReplyThatWasCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{silent: true, clock: bubbleClock, text: slowAndFast})
		conn := w.pipe("127.0.0.1")
		for i := range 4 {
			mustWrite(t, conn, framed(t, fmt.Sprintf("n%d.fast.example.", i), "A"))
		}
		if _, err := io.ReadFull(conn, make([]byte, 20)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(writeTime + time.Second)
		if n, err := io.Copy(io.Discard, conn); n != 0 || err != nil {
			t.Errorf("%d octets and %v after half a reply", n, err)
		}
	})
}

func TestThereAreAtMost1024Connections(t *testing.T) {
	const most = 1024
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{silent: true, clock: bubbleClock})
		var conns []net.Conn
		for i := range most {
			conns = append(conns, w.pipe(fmt.Sprintf("127.0.%d.%d", i/250, i%250)))
		}
		if n := w.Stats().TCPConns; n != most {
			t.Errorf("%d connections, want %d", n, most)
		}
		wantEnd(t, w.pipe("127.1.1.1"), time.Now(), 0)
		for _, c := range conns {
			c.Close()
		}
		synctest.Wait()
		if n := len(w.perClient); n != 0 {
			t.Errorf("%d clients are remembered after all have left", n)
		}
	})
}

// An idle connection must not keep the buffers of the longest messages that
// passed through it: a thousand of them would be 128 MiB.
func TestAnIdleConnectionCostsLittle(t *testing.T) {
	const conns, bound = 100, 32 << 10
	w := newWorld(t, settings{silent: true, text: "== zone example.com @ 192.0.2.1\nlong TXT" + strings.Repeat(` "`+strings.Repeat("y", 255)+`"`, 230) + "\n"})
	w.ask(t, handle, question("long.example.com.", "TXT", 0))
	short, long := framed(t, "long.example.com.", "TXT"), framed(t, "long.example.com.", "TXT")
	long = append(long, make([]byte, 60000)...) // behind the question
	binary.BigEndian.PutUint16(long, uint16(len(long)-2))
	var open []net.Conn
	before := inUse()
	for i := range conns {
		c := w.pipe(fmt.Sprintf("127.0.1.%d", i))
		open = append(open, c)
		for _, q := range [][]byte{long, short} {
			mustWrite(t, c, q)
			if n := len(mustRead(t, c)); n < 58000 {
				t.Fatalf("reply of %d octets", n)
			}
		}
	}
	per := (inUse() - before) / conns
	if per > bound {
		t.Errorf("an idle connection costs %d octets, want at most %d", per, bound)
	}
	t.Attr("row", fmt.Sprintf("E1 | idle TCP connections, after long queries and long answers | 32 KiB each; 1,024 in all, 32 of a client | %d KiB | PowerDNS 1,024 connections", per>>10))
	for _, c := range open {
		c.Close()
	}
}

// inUse is what is in use when all is collected: what pools held is gone after the second
// time, and each halves a stack that has become too long.
func inUse() int64 {
	for range 5 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// Strangers hold connections open by questions that are refused.
func TestStrangersLeaveHalfOfTheConnectionsToClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, settings{silent: true, clock: bubbleClock})
		var conns []net.Conn
		for i := range maxConns {
			conns = append(conns, w.pipe(fmt.Sprintf("2001:db8:0:%x::1", i/maxClientConns)))
		}
		if n := w.Stats().TCPConns; n != maxConns/2 {
			t.Errorf("%d connections of strangers, want %d", n, maxConns/2)
		}
		c := w.pipe("127.0.0.1")
		conns = append(conns, c)
		mustWrite(t, c, framed(t, "www.example.com.", "A"))
		if r := unpack(t, mustRead(t, c)); len(r.Answer) != 1 {
			t.Error(r)
		}
		for _, c := range conns {
			c.Close()
		}
	})
}

// What waited in a connection behind questions that took long is answered as of then.
func TestATTLThatRanOutWhileAConnectionWasBusyIsNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate("192.0.2.1")
		w := newWorld(t, settings{silent: true, clock: bubbleClock, text: slowAndFast, dial: g.wrap})
		defer g.open()
		w.ask(t, handle, question("n0.fast.example.", "A", 0))
		time.Sleep(298 * time.Second)
		c := w.pipe("127.0.0.1")
		defer c.Close()
		var queries []byte
		for i := range maxPipelined + 1 {
			queries = append(queries, framed(t, fmt.Sprintf("n%d.slow.example.", i), "A")...)
		}
		queries = append(queries, framed(t, "n0.fast.example.", "A")...)
		go c.Write(queries)
		for range maxPipelined + 2 {
			if r := unpack(t, mustRead(t, c)); len(r.Answer) == 1 && r.Answer[0].Header().Ttl != 300 {
				t.Errorf("after %d s: %v", 298+7, r.Answer)
			}
		}
	})
}

func TestOneConnectionHasAtMost32QuestionsInFlight(t *testing.T) {
	const most = 32
	const all = most + 8
	synctest.Test(t, func(t *testing.T) {
		g := newGate("192.0.2.1")
		w := newWorld(t, settings{silent: true, clock: bubbleClock, text: slowAndFast, dial: g.wrap})
		defer g.open()
		c := w.pipe("127.0.0.1")
		defer c.Close()
		waiting := map[uint16]bool{}
		var queries []byte
		for i := range all {
			q := framed(t, string(rune('a'+i%26))+string(rune('a'+i/26))+".slow.example.", "A")
			binary.BigEndian.PutUint16(q[2:], uint16(i))
			waiting[uint16(i)] = true
			queries = append(queries, q...)
		}
		go c.Write(queries)
		synctest.Wait()
		if n := w.Stats().Pending; n != most {
			t.Errorf("%d questions are in flight, want %d", n, most)
		}
		// A question of another client does not wait behind them, though one of the
		// same connection does.
		other := w.pipe("127.0.0.1")
		defer other.Close()
		mustWrite(t, other, framed(t, "x.fast.example.", "A"))
		mustRead(t, other)
		synctest.Wait()
		if n := w.Stats().Pending; n != most {
			t.Errorf("%d questions are in flight, want %d", n, most)
		}
		g.open()
		for range all {
			r := unpack(t, mustRead(t, c))
			if !waiting[r.Id] || len(r.Answer) != 1 {
				t.Fatalf("reply %v", r)
			}
			delete(waiting, r.Id)
		}
	})
}

// Who asks for much and reads nothing keeps neither replies in memory nor places.
func TestWhoLetsRepliesPileUpLosesTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := "== zone example @ 192.0.2.1\n" + "*.big TXT" + strings.Repeat(` "`+strings.Repeat("x", 250)+`"`, 80) + "\n"
		w := newWorld(t, settings{text: text, silent: true, clock: bubbleClock})
		conn := w.pipe("127.0.0.1")
		defer conn.Close()
		begin := time.Now()
		for i := range maxPipelined {
			if _, err := conn.Write(framed(t, fmt.Sprintf("n%d.big.example.", i), "TXT")); err != nil {
				break // it is closed
			}
		}
		synctest.Wait()
		if n := w.Stats().Limits["unread"]; n == 0 {
			t.Error("the limit was not met")
		}
		if n, st := w.late.Load(), w.Stats(); n != 0 || st.Pending != 0 || st.TCPConns != 0 {
			t.Errorf("%d octets, %d questions, %d connections are left", n, st.Pending, st.TCPConns)
		}
		if d := time.Since(begin); d >= writeTime {
			t.Errorf("closed after %v", d)
		}
	})
}
