package server

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/dnstap"
	"rootwalk/policy"
	"rootwalk/resolver"
)

// Options are the settings of a Server.
type Options struct {
	Cache    *cache.Cache
	Resolver *resolver.Resolver
	Allow    *policy.ACL
	Clock    clock.Clock // nil is the boot clock
	Log      *slog.Logger
	Workers  int  // readers of each UDP address; 0 is one
	EDE      bool // say why (RFC 8914)

	Identity *policy.Identity // what is told about this server; nil tells nothing
	NSID     string           // what clients that ask for it get to know (RFC 5001); "" is nothing
	Cookies  *Cookies         // nil gives none (RFC 7873)

	Queries *QueryLog   // takes note of queries; nil takes none
	Tap     *dnstap.Tap // tells of queries and replies; nil tells of none

	StaleTTL uint32 // seconds, of stale answers (RFC 8767 section 4)
}

// Server answers queries. It is safe for use by many goroutines.
type Server struct {
	o       Options
	set     atomic.Pointer[Options]  // as they are now; see Set
	waiting waiting                  // questions that are being resolved
	limits  [numLimits]atomic.Uint64 // what went beyond them
	busy    sync.WaitGroup           // those of clients over UDP
	late    atomic.Int64             // octets of replies that wait until connections have room; see maxLate
	stats   counters                 // of all but the readers
	workers sync.Pool                // those that nobody has borrowed

	mu        sync.Mutex  // guards what follows
	tallies   []*counters // one of each reader, and stats
	closing   bool
	lastRead  time.Time // when closing, until when there is still something to read
	listeners []listener
	conns     map[*tcpConn]struct{}
	maxConns  int
	perClient map[netip.Addr]int
	loops     sync.WaitGroup
}

// listener is a socket that takes queries or connections.
type listener interface {
	lastRead(time.Time) // takes no more after that
	Close() error
}

// New makes a server that listens nowhere yet.
func New(o Options) *Server {
	if o.Clock == nil {
		o.Clock = clock.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Allow == nil {
		o.Allow = &policy.ACL{}
	}
	o.Workers = max(o.Workers, 1)
	s := &Server{o: o, conns: map[*tcpConn]struct{}{}, perClient: map[netip.Addr]int{}}
	s.maxConns = min(maxConns, descriptors()/4)
	s.waiting.clients = map[netip.Addr]int{}
	s.set.Store(&o)
	s.tallies = []*counters{&s.stats}
	return s
}

// Set replaces the settings while queries are answered: the next query is answered
// by the new ones. Cache, Clock, Log and Workers stay what they were.
func (s *Server) Set(o Options) {
	o.Cache, o.Clock, o.Log, o.Workers = s.o.Cache, s.o.Clock, s.o.Log, s.o.Workers
	if o.Allow == nil {
		o.Allow = &policy.ACL{}
	}
	s.set.Store(&o)
}

// Allows tells whether a client is answered.
func (s *Server) Allows(client netip.Addr) bool { return s.set.Load().Allow.Has(client) }

// lastReads is how long a server that ends goes on reading: what clients have sent
// before is on this host already, in the queue of a socket or of a listener.
const lastReads = 200 * time.Millisecond

// Shutdown reads what has arrived, waits until all of it is answered or ctx ends,
// and closes the sockets.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing, s.lastRead = true, time.Now().Add(lastReads)
	for c := range s.conns {
		_ = c.conn.SetReadDeadline(s.lastRead)
	}
	for _, l := range s.listeners {
		l.lastRead(s.lastRead) // the sockets stay open for the replies
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.loops.Wait()
		s.busy.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for c := range s.conns {
		c.conn.Close()
	}
	return err
}
