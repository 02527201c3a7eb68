package dnstap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the settings of a Tap.
type Options struct {
	Socket   string // where the reader listens: the path of a unix socket, or "ADDR:PORT" for TCP
	Identity string // who tells; "" is not told
	Version  string // what program that is; "" is not told
	Client   bool   // tell of queries of clients and of the replies
	Resolver bool   // tell of queries to servers and forwarders and of the replies

	Counts *Counts // not nil: taps that follow each other count together
	Log    *slog.Logger
	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // nil opens sockets
}

// Counts are what became of messages.
type Counts struct {
	Written, Dropped atomic.Uint64
	Connected        atomic.Int64 // streams that are open, 0 or 1 but for a moment
}

const (
	// maxWaiting is how many octets of messages may wait to be written: a second of
	// 5,000 queries and replies, should the reader be away for that long.
	maxWaiting = 2 << 20
	// gatherTime is how long the first message waits for others to be written with.
	gatherTime = 50 * time.Millisecond
	// retryTime is the time between tries to connect. It doubles up to longestRetry while
	// streams end before steadyTime: their reader takes them and hangs up.
	retryTime    = time.Second
	longestRetry = 30 * time.Second
	steadyTime   = 10 * time.Second
	// patience is how long a reader may take for a handshake or to read what waits.
	patience = 5 * time.Second
	// lastTime is how long the end may take, and as long before it a reader that is just
	// beginning to read.
	lastTime = time.Second
)

// Tap tells a reader of messages, until it is closed. It is safe for use by many
// goroutines.
type Tap struct {
	o      Options
	teller []byte

	mu      sync.Mutex
	waiting []byte // frames
	frames  uint64 // their number

	some, many chan struct{} // there is something to write; there is enough for a write
	cancel     context.CancelFunc
	ended      chan struct{}
}

// New makes a tap, which connects behind.
func New(o Options) *Tap {
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Counts == nil {
		o.Counts = new(Counts)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t := &Tap{o: o, teller: appendTeller(nil, o.Identity, o.Version), waiting: make([]byte, 0, maxWaiting),
		some: make(chan struct{}, 1), many: make(chan struct{}, 1), ended: make(chan struct{})}
	var ctx context.Context
	ctx, t.cancel = context.WithCancel(context.Background())
	go t.run(ctx)
	return t
}

// Close tells the rest, if the reader takes it within a second. What is added later
// is left out.
func (t *Tap) Close() {
	t.cancel()
	<-t.ended
}

// Client says whether messages from and to clients are told; not of a nil Tap.
func (t *Tap) Client() bool { return t != nil && t.o.Client }

// Resolver says whether messages from and to servers are told; not of a nil Tap.
func (t *Tap) Resolver() bool { return t != nil && t.o.Resolver }

// Add has a message told. It keeps nothing of it, and never waits for the reader.
func (t *Tap) Add(m *Message) {
	t.mu.Lock()
	before := len(t.waiting)
	if before+len(t.teller)+m.size() > cap(t.waiting) {
		t.mu.Unlock()
		t.o.Counts.Dropped.Add(1)
		return
	}
	t.waiting = appendFrame(t.waiting, m, t.teller)
	after := len(t.waiting)
	t.frames++
	t.mu.Unlock()
	const enough = maxWaiting / 4
	switch {
	case before == 0:
		signal(t.some)
	case before < enough && after >= enough:
		signal(t.many)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run keeps a stream open. The log has a line for each reader that comes or goes; one
// that does not stay is told of once, until one does.
func (t *Tap) run(ctx context.Context) {
	defer close(t.ended)
	carried := load{octets: make([]byte, 0, maxWaiting)}
	told, short, pause := false, false, retryTime // told: that there is none; short: the last stream was
	for {                                         // the last try is after the end, for what waits
		conn, err := t.connect(ctx)
		if err == nil {
			began, stays := time.Now(), func() { t.o.Log.Info("dnstap has a reader", "socket", t.o.Socket) }
			timer := time.AfterFunc(steadyTime, stays)
			if !short {
				timer.Stop()
				stays()
				told = false
			}
			t.o.Counts.Connected.Add(1)
			err = t.feed(ctx, conn, &carried)
			t.o.Counts.Connected.Add(-1)
			conn.Close()
			timer.Stop()
			switch again := short; {
			case time.Since(began) >= steadyTime:
				told, short, pause = false, false, retryTime
			case again:
				pause = min(2*pause, longestRetry)
			default:
				short = true
			}
		}
		if ctx.Err() != nil {
			break
		}
		if !told {
			t.o.Log.Warn("dnstap has no reader; trying again", "socket", t.o.Socket, "reason", err)
			told = true
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.o.Counts.Dropped.Add(carried.frames + t.frames)
	t.waiting, t.frames = nil, 0 // there is no room for what still comes
}

// connect opens a stream to the reader. Once ended is done it has lastTime left.
func (t *Tap) connect(ended context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ended), patience)
	defer cancel()
	defer context.AfterFunc(ended, func() { time.AfterFunc(lastTime, cancel) })()
	network := "unix"
	if _, err := netip.ParseAddrPort(t.o.Socket); err == nil {
		network = "tcp"
	}
	conn, err := t.o.Dial(ctx, network, t.o.Socket)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if err := open(conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("begin a stream: %w", err)
	}
	return conn, nil
}

// load is what is on its way to the reader.
type load struct {
	octets []byte
	frames uint64
}

// take adds what waits to a load that is empty.
func (t *Tap) take(l *load) {
	if l.frames > 0 {
		return
	}
	t.mu.Lock()
	t.waiting, l.octets = l.octets[:0], t.waiting
	t.frames, l.frames = 0, t.frames
	t.mu.Unlock()
}

// feed writes until the reader goes away or ctx ends. What was not written at all
// stays in the load, for the next reader.
func (t *Tap) feed(ctx context.Context, conn net.Conn, l *load) error {
	var reason error
	gone := make(chan struct{})
	go func() { // the reader says nothing until the end
		defer close(gone)
		if _, reason = conn.Read(make([]byte, 1)); reason == nil {
			reason = errors.New("it speaks before the end")
		}
	}()
	hurry := func() { _ = conn.SetWriteDeadline(time.Now().Add(lastTime)) }
	defer context.AfterFunc(ctx, hurry)()
	for {
		if l.frames == 0 {
			select {
			case <-t.some:
			case <-gone:
				return fmt.Errorf("the reader went away: %w", reason)
			case <-ctx.Done():
			}
		}
		t.gather(ctx)
		_ = conn.SetWriteDeadline(time.Now().Add(patience))
		last := ctx.Err() != nil // nothing comes after what is taken now
		if last {
			hurry()
		}
		left := l.frames > 0 // by the reader before
		t.take(l)
		if err := t.write(conn, l); err != nil {
			return err
		}
		if last && !left {
			if _, err := conn.Write(appendControl(nil, stop)); err == nil {
				select {
				case <-gone: // it has all
				case <-time.After(lastTime):
				}
			}
			return ctx.Err()
		}
	}
}

// gather waits for more to write.
func (t *Tap) gather(ctx context.Context) {
	timer := time.NewTimer(gatherTime)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.many:
	case <-ctx.Done():
	}
}

// write writes a load. One that was written in part cannot be gone on with elsewhere.
func (t *Tap) write(conn net.Conn, l *load) error {
	if l.frames == 0 {
		return nil
	}
	n, err := conn.Write(l.octets)
	switch {
	case err == nil:
		t.o.Counts.Written.Add(l.frames)
		l.frames = 0
	case n > 0:
		t.o.Counts.Dropped.Add(l.frames)
		l.frames = 0
	}
	return err
}
