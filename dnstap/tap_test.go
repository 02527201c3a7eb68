package dnstap

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestAReaderGetsMessagesInTheirOrderAndTheEnd(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		address := "127.0.0.1:0"
		if network == "unix" {
			address = socket(t)
		}
		r := newReader(t, network, address)
		var counts Counts
		tap := newTap(t, Options{Socket: r.l.Addr().String(), Identity: "me", Counts: &counts})
		s := r.accept()
		for i := range 100 {
			m := example
			m.Response = []byte{byte(i + 1)}
			tap.Add(&m)
		}
		for i := range 100 {
			f := s.next()
			if got := f.message(t)[14]; got != string([]byte{byte(i + 1)}) || f[1] != "me" {
				t.Fatalf("%s: message %d is %v of %v", network, i, got, f[1])
			}
		}
		tap.Add(&example)
		closed := make(chan struct{})
		go func() { tap.Close(); close(closed) }()
		if s.next() == nil || s.next() != nil {
			t.Errorf("%s: the last message and the end do not come", network)
		}
		<-closed
		if d := counts.Dropped.Load(); d != 0 {
			t.Errorf("%s: %d dropped", network, d)
		}
		tap.Add(&example) // by a query that was under way
		if w, d, c := counts.Written.Load(), counts.Dropped.Load(), counts.Connected.Load(); w != 101 || d != 1 || c != 0 {
			t.Errorf("%s: %d written, %d dropped, %d connected", network, w, d, c)
		}
	}
}

func TestWithoutAReaderWhatIsTooMuchIsLeftOut(t *testing.T) {
	var counts Counts
	path := socket(t)
	tap := newTap(t, Options{Socket: path, Counts: &counts})
	added := uint64(0)
	for ; counts.Dropped.Load() == 0; added++ {
		tap.Add(&example)
	}
	if added < 2000 || added > maxWaiting/50 {
		t.Errorf("%d messages wait", added)
	}
	r := newReader(t, "unix", path) // it comes later, and finds what waits
	s := r.accept()
	for range added - 1 {
		if s.next() == nil {
			t.Fatal("the end comes too early")
		}
	}
	if d := counts.Dropped.Load(); d != 1 {
		t.Errorf("%d dropped, want 1", d)
	}
}

func TestAReaderThatWentAwayIsReplacedByTheNext(t *testing.T) {
	path := socket(t)
	var counts Counts
	var log strings.Builder
	r := newReader(t, "unix", path)
	tap := newTap(t, Options{Socket: path, Counts: &counts, Log: slogTo(&log)})
	s := r.accept()
	tap.Add(&example)
	s.next()
	s.Close() // idle: it is seen all the same, and the next message is not lost
	s = r.accept()
	tap.Add(&example)
	if s.next() == nil {
		t.Error("the second reader gets nothing")
	}
	if d := counts.Dropped.Load(); d != 0 {
		t.Errorf("%d dropped", d)
	}
}

func TestAReaderThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe() // no octet goes through that is not read
		var dials atomic.Int64
		var counts Counts
		tap := New(Options{Client: true, Counts: &counts, Dial: func(context.Context, string, string) (net.Conn, error) {
			if dials.Add(1) > 1 {
				return nil, net.ErrClosed
			}
			return ours, nil
		}})
		if err := readControl(theirs, ready); err != nil {
			t.Fatal(err)
		}
		_, _ = theirs.Write(appendControl(nil, accept))
		if err := readControl(theirs, start); err != nil {
			t.Fatal(err)
		}
		big := example
		big.Response = make([]byte, 60000)
		for range 200 {
			tap.Add(&big)
		}
		if d := counts.Dropped.Load(); d == 0 {
			t.Error("nothing was left out of 12 MB")
		}
		time.Sleep(patience + 2*retryTime) // in the write, and then it is given up
		if dials.Load() < 2 {
			t.Error("a reader that does not read is kept for ever")
		}
		begin := time.Now()
		tap.Close()
		if d := time.Since(begin); d > 2*lastTime {
			t.Errorf("closing takes %v", d)
		}
		if w, d := counts.Written.Load(), counts.Dropped.Load(); w+d != 200 || w != 0 {
			t.Errorf("%d written and %d dropped of 200", w, d)
		}
	})
}

func TestClosingDoesNotWaitForAReaderThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		tap := New(Options{Client: true, Dial: func(context.Context, string, string) (net.Conn, error) { return ours, nil }})
		_ = readControl(theirs, ready)
		_, _ = theirs.Write(appendControl(nil, accept))
		_ = readControl(theirs, start)
		tap.Add(&example)
		time.Sleep(time.Second) // the write has begun
		begin := time.Now()
		tap.Close()
		if d := time.Since(begin); d > 2*lastTime {
			t.Errorf("closing takes %v", d)
		}
	})
}

func TestAReaderOfSomethingElseIsToldOnceInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		tap := New(Options{Socket: "/s", Client: true, Log: slogTo(&log), Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				_ = readControl(theirs, ready)
				_, _ = theirs.Write([]byte(strings.Replace(string(appendControl(nil, accept)), "Dnstap", "Other!", 1)))
			}()
			return ours, nil
		}})
		time.Sleep(10 * retryTime)
		tap.Close()
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, errOtherType.Error()) || !strings.Contains(got, "socket=/s") {
			t.Errorf("the log is %q", got)
		}
	})
}

func TestAReaderThatHangsUpAgainAndAgainIsToldOnceAndTriedLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		var dials, hangsUp atomic.Int64
		tap := New(Options{Socket: "/s", Client: true, Log: slogTo(&log), Dial: func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			dials.Add(1)
			go func() {
				_ = readControl(theirs, ready)
				_, _ = theirs.Write(appendControl(nil, accept))
				_ = readControl(theirs, start)
				if hangsUp.Load() == 0 {
					theirs.Close()
				}
			}()
			return ours, nil
		}})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		const has, hasNot = "dnstap has a reader", "dnstap has no reader"
		if n := dials.Load(); n < 20 || n > 26 || log.with(has) != 1 || log.with(hasNot) != 1 {
			t.Errorf("dialled %d times in 10 minutes; the log is\n%s", n, log.text)
		}
		hangsUp.Store(1) // no more
		time.Sleep(longestRetry + 2*steadyTime)
		synctest.Wait()
		if log.with(has) != 2 || log.with(hasNot) != 1 {
			t.Errorf("once it stays the log is\n%s", log.text)
		}
		tap.Close()
	})
}

func TestManyAddAtTheSameTime(t *testing.T) {
	r := newReader(t, "unix", socket(t))
	var counts Counts
	tap := newTap(t, Options{Socket: r.l.Addr().String(), Counts: &counts})
	s := r.accept()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				tap.Add(&example)
			}
		})
	}
	for range 2000 {
		if m := s.next().message(t); m[10] != "question" {
			t.Fatalf("a message is %v", m)
		}
	}
	wg.Wait()
}

func TestAddingAllocatesNothing(t *testing.T) {
	tap := newTap(t, Options{Socket: socket(t)})
	if n := testing.AllocsPerRun(100, func() { tap.Add(&example) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNoTapTellsNothing(t *testing.T) {
	var none *Tap
	if none.Client() || none.Resolver() || (&Tap{o: Options{Client: true}}).Resolver() {
		t.Error("it does")
	}
}

func BenchmarkAdd(b *testing.B) {
	tap := New(Options{Socket: "/nonexistent"})
	defer tap.Close()
	m := example
	m.Query, m.Response = make([]byte, 45), make([]byte, 120)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			tap.mu.Lock()
			if len(tap.waiting) > maxWaiting/2 {
				tap.waiting, tap.frames = tap.waiting[:0], 0
			}
			tap.mu.Unlock()
			tap.Add(&m)
		}
	})
}
