package server

// This file is about what the kernel does not do at once: it has no room for replies, it
// refuses one, a read fails, there is always more to read. Its sockets are pairs of
// AF_UNIX, which are read and written by the calls that UDP has; the time is a bubble's.

import (
	"math/bits"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"rootwalk/clock"
	"rootwalk/wire"
)

// pair is a server's socket and its only client's. It is the syscall.RawConn of the
// former, and waits as the poller does, without a deadline.
type pair struct {
	t              *testing.T
	server, client int
	ended          atomic.Bool
	readers        sync.WaitGroup
	turn           func() // before each look for packets
}

func newPair(t *testing.T) *pair {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{t: t, server: fds[0], client: fds[1], turn: func() {}}
	t.Cleanup(func() {
		p.ended.Store(true)
		p.readers.Wait()
		unix.Close(p.server)
		unix.Close(p.client)
	})
	return p
}

func (p *pair) Control(f func(uintptr)) error { f(uintptr(p.server)); return nil }

func (p *pair) Read(f func(uintptr) bool) error {
	return p.poll(func() bool { p.turn(); return p.ended.Load() || f(uintptr(p.server)) })
}

func (p *pair) Write(f func(uintptr) bool) error {
	return p.poll(func() bool { return f(uintptr(p.server)) })
}

func (p *pair) poll(done func() bool) error {
	for !done() {
		if time.Sleep(time.Millisecond); p.ended.Load() {
			break
		}
	}
	if p.ended.Load() {
		return net.ErrClosed
	}
	return nil
}

// ask sends a query that is answered at once, and waits while the server does not read.
func (p *pair) ask() {
	p.t.Helper()
	for end := time.Now().Add(patience); unix.Send(p.client, axfr, 0) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatal("nobody reads")
		}
	}
}

var axfr = wire.AppendQuestion(nil, 0xbeef, 0, wire.Root, wire.TypeAXFR, wire.ClassIN)

// drain reads what has come from the server, and counts it.
func (p *pair) drain() (packets uint64) {
	b := make([]byte, udpReply)
	for {
		if _, err := unix.Read(p.client, b); err != nil {
			return packets
		}
		packets++
	}
}

// readBy has a server read the socket.
func (p *pair) readBy(s *Server) *udpSocket {
	u := &udpSocket{raw: p}
	s.mu.Lock()
	w := s.reader()
	s.mu.Unlock()
	p.readers.Go(func() { u.serve(w) })
	return u
}

// fill has the server's socket hold as many packets as it can.
func (p *pair) fill() {
	for unix.Send(p.server, axfr, 0) == nil {
	}
}

// A client that does not exist takes its replies as slowly as one that does not read.
func TestAReaderGoesOnWhereRepliesFindNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const asked = 2000 // more than a socket holds
		p, s := newPair(t), New(Options{Clock: bubbleClock})
		p.readBy(s)
		began := time.Now()
		for range asked {
			p.ask()
		}
		time.Sleep(sendTime)
		if took := time.Since(began); took > 10*sendTime { // it waits for room but once, and not in each batch
			t.Errorf("%d queries were read in %v", asked, took)
		}
		st, sent := s.Stats(), p.drain()
		if unsent := st.Limits["unsent"]; unsent == 0 || unsent+sent != asked {
			t.Errorf("of %d replies %d were sent and %d dropped", asked, sent, unsent)
		}
		if n := sum(st.Latency["hit"]); n != sent {
			t.Errorf("%d replies count as given, want the %d that were sent", n, sent)
		}
		p.ask()
		time.Sleep(sendTime)
		if p.drain() != 1 {
			t.Error("where there is room again, there is no reply")
		}
	})
	t.Attr("row", "F | 2,000 queries whose replies find no room, as those to neighbours that do not exist | all are read; one reply waits, for 3 ms | held | Unbound five times 200 ms for each")
}

// late sends a client that has waited its reply.
func late(s *Server, u *udpSocket) {
	if s.enter(home.Client) {
		s.busy.Add(1)
		c := &waiter{s: s, u: u, meta: home}
		c.send(func(_ *worker, dst []byte) []byte { return append(dst, axfr...) })
	}
}

func TestLateRepliesThatFindNoRoomHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const gathered = 1000
		p, s := newPair(t), New(Options{Clock: bubbleClock})
		u := &udpSocket{raw: p}
		p.fill()
		began := time.Now()
		for range gathered {
			late(s, u)
		}
		if took := time.Since(began); took != sendTime {
			t.Errorf("%v passed, want the %v of the first", took, sendTime)
		}
		if st := s.Stats(); st.Limits["unsent"] != gathered || st.Pending != 0 {
			t.Errorf("%d were dropped of %d, and %d wait", st.Limits["unsent"], gathered, st.Pending)
		}
		s.busy.Wait()
	})
}

// A link that is busy for a moment costs no reply, whoever writes it.
func TestAReplyWaitsAMomentForRoom(t *testing.T) {
	for who, reply := range map[string]func(*pair, *Server){
		"the reader":    func(p *pair, s *Server) { p.readBy(s); p.ask() },
		"a late answer": func(p *pair, s *Server) { late(s, &udpSocket{raw: p}) },
	} {
		synctest.Test(t, func(t *testing.T) {
			p, s := newPair(t), New(Options{Clock: bubbleClock})
			p.fill()
			go reply(p, s)
			time.Sleep(sendTime - sendPause/2)
			p.drain()
			time.Sleep(sendTime)
			if n := p.drain(); n != 1 || s.Stats().Shed != 0 {
				t.Errorf("%s: %d replies, %d dropped", who, n, s.Stats().Shed)
			}
		})
	}
}

func TestAReplyThatCannotBeSentIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPair(t), New(Options{Clock: bubbleClock})
		b, nowhere := new(batch), returnPath{nameLen: 1}
		for i := range b.out {
			b.out[i].Iov = &b.outv[i]
			b.out[i].SetIovlen(1)
		}
		for _, path := range []*returnPath{&nowhere, {}, &nowhere, &nowhere, {}, {}, &nowhere} {
			b.queue(path, axfr)
		}
		b.write(&udpSocket{raw: p}, s.borrow(), uintptr(p.server))
		if n := p.drain(); n != 3 {
			t.Errorf("%d replies were sent, want 3", n)
		}
	})
}

func TestAReadThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := newPair(t), New(Options{Clock: bubbleClock})
		good, turns := p.server, 0
		p.turn = func() {
			if p.server = good; turns < 5 {
				p.server = -1
			}
			turns++
		}
		p.ask()
		began := time.Now()
		p.readBy(s)
		synctest.Wait()
		for p.drain() == 0 && time.Since(began) < patience {
			time.Sleep(time.Millisecond)
		}
		if took := time.Since(began); took < 5*time.Millisecond || took > 10*time.Millisecond {
			t.Errorf("it is answered after %v", took)
		}
	})
}

// A reader that finds packets at every turn would keep its processor to itself; one that
// finds them one by one waits for each, and needs no rest.
func TestAReaderRests(t *testing.T) {
	const turns, turn = 1000, 100 * time.Microsecond
	for _, c := range []struct {
		what    string
		packets int // at each turn
		waiting int64
		after   time.Duration // it rests; 0 is never
	}{
		{"packets one by one", 1, 0, 0},
		{"always packets", 2, 0, restAfter},
		{"always packets, while clients wait", 8, 1, restAfterWaiting},
	} {
		synctest.Test(t, func(t *testing.T) {
			var now atomic.Int64 // goes on while packets are answered
			now.Store(int64(time.Hour))
			p, s := newPair(t), New(Options{Clock: func() clock.Time { return clock.Time(now.Load()) }})
			s.waiting.total.Store(c.waiting)
			done, rests, last := 0, 0, time.Now()
			p.turn = func() {
				if time.Since(last) == rest {
					rests++
				}
				last = time.Now()
				if done++; done > turns {
					p.ended.Store(true)
				}
				p.drain()
				now.Add(int64(turn))
				for range c.packets {
					p.ask()
				}
				if done%50 == 0 { // one by one, two may still meet
					p.ask()
				}
			}
			p.readBy(s)
			p.readers.Wait()
			want := 0
			if c.after > 0 {
				want = int(turns * turn / (c.after + turn))
			}
			if rests < want-1 || rests > want+1 {
				t.Errorf("%s: %d rests in %v, want %d", c.what, rests, turns*turn, want)
			}
		})
	}
}

// BenchmarkReply is what it costs to hand replies to the kernel, over loopback.
func BenchmarkReply(b *testing.B) {
	w := newWorld(b, settings{})
	u, to := w.listeners[0].(*udpSocket), returnPath{nameLen: unix.SizeofSockaddrInet4}
	sink := w.dial(b, overUDP)
	defer sink.Close()
	*(*unix.RawSockaddrInet4)(unsafe.Pointer(&to.name)) = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte{127, 0, 0, 1},
		Port: bits.ReverseBytes16(sink.LocalAddr().(*net.UDPAddr).AddrPort().Port())}
	worker, together := w.borrow(), new(batch)
	for i := range together.out {
		together.out[i].Iov = &together.outv[i]
		together.out[i].SetIovlen(1)
	}
	b.Run("32 together", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			together.answered = 0
			for range batchLen {
				together.queue(&to, axfr)
			}
			_ = u.raw.Control(func(fd uintptr) { together.write(u, worker, fd) })
		}
	})
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			u.send(worker, axfr, &to)
		}
	})
}
