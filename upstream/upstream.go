package upstream

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"rootwalk/clock"
	"rootwalk/dnstap"
	"rootwalk/wire"
)

// Dialer opens a path to one server: network is "udp" or "tcp". A UDP path is
// connected and carries one message per Write and Read.
type Dialer func(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error)

// Options are the settings of the upstream side.
type Options struct {
	Port     uint16                    // of authoritative servers; 0 is 53
	IPv4     bool                      // ask over IPv4
	IPv6     bool                      // ask over IPv6
	Allowed  func(netip.AddrPort) bool // nil allows every address; others are never sent a packet
	Dial     Dialer                    // nil opens sockets
	KeepCase bool                      // do not randomise letter case
	Timeout  time.Duration             // of a try at a server that was not measured yet; 0 is DefaultTimeout
	Clock    clock.Clock               // nil is the boot clock
	Tap      *dnstap.Tap               // tells of queries and replies; nil tells of none
	Record   bool                      // count what goes beyond the limits on questions at once, but let it
}

// The bounds of what is asked and remembered.
const (
	// DefaultTimeout is the first timeout for a server that was never measured, the
	// same that Unbound takes: longer than the way to any continent and back, and
	// short enough to try several servers while a stub waits.
	//
	//bound:timeout_unmeasured Unbound 376 ms; PowerDNS 1.5 s
	DefaultTimeout = 376 * time.Millisecond
	// minTimeout is the shortest one, whatever was measured.
	//
	//bound:timeout_shortest Unbound 50 ms
	minTimeout = 50 * time.Millisecond
	// maxTimeout is the longest one, however often a server was silent.
	//
	//bound:timeout_longest PowerDNS 1.5 s; Unbound 120 s
	maxTimeout = 1500 * time.Millisecond

	// MaxTries is the most tries at one address per transport and question (RFC 9520 section 3.1).
	//
	//bound:tries RFC 9520; Unbound 5, Knot 4
	MaxTries = 3

	// maxWrongIDs is how many replies with a wrong ID move a try to TCP: they came
	// from the server's address to our port, so that somebody is guessing.
	//
	//limit:wrong_ids PowerDNS, BIND 1
	maxWrongIDs = 1

	// PayloadSize is the UDP payload that is offered: no fragments on any
	// usual path (RFC 9715 section 3).
	//
	//bound:payload all 1,232
	PayloadSize = 1232

	// maxServers is the most addresses that are remembered.
	//
	//bound:servers_remembered Unbound 10,000
	maxServers = 20_000
	// maxLame is the most pairs of address and zone that are remembered as lame.
	//
	//bound:lame_remembered
	maxLame = 10_000

	deadFor     = 30 * time.Second // returning servers are in use again within a minute
	deadAfter   = 3                // timeouts in a row
	foldsFor    = time.Hour        // letter case not kept
	plainFor    = 15 * time.Minute // EDNS not understood
	forgetAfter = 15 * time.Minute // measurements that are older say nothing
)

// Upstream is the outbound side of a resolver. It is safe for use by many
// goroutines.
type Upstream struct {
	o Options
	*memory
}

// memory is what was learned and counted; it outlives settings.
type memory struct {
	mu      sync.Mutex // guards servers and lame
	servers *simplelru.LRU[netip.Addr, *server]
	lame    *simplelru.LRU[lameKey, clock.Time]
	noIPv6  atomic.Int64 // clock.Time until which IPv6 is taken as out of order
	flights flights
	crowds  crowds
	stats   counters
}

type lameKey struct {
	addr netip.Addr
	zone wire.Name
}

// New makes the upstream side.
func New(o Options) *Upstream {
	u := &Upstream{o: o.complete(), memory: new(memory)}
	u.servers, _ = simplelru.NewLRU[netip.Addr, *server](maxServers, nil)
	u.lame, _ = simplelru.NewLRU[lameKey, clock.Time](maxLame, nil)
	u.crowds.zones, _ = simplelru.NewLRU[wire.Name, *crowd](maxCrowds, nil)
	u.flights.m = map[flightKey]*flight{}
	return u
}

// With is the same upstream side with other settings: it shares all that was
// learned and counted. What is under way goes on by the settings it began with.
func (u *Upstream) With(o Options) *Upstream { return &Upstream{o: o.complete(), memory: u.memory} }

// complete fills in the defaults.
func (o Options) complete() Options {
	if o.Port == 0 {
		o.Port = 53
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Clock == nil {
		o.Clock = clock.Now
	}
	if o.Dial == nil {
		o.Dial = dial
	}
	return o
}

// Port is the port on which authoritative servers are asked.
func (u *Upstream) Port() uint16 { return u.o.Port }

// Usable tells whether a packet may be sent to the address at all: its family
// is switched on and works, and the address is allowed.
func (u *Upstream) Usable(a netip.AddrPort) bool {
	ip := a.Addr()
	switch {
	case ip.Is4() && !u.o.IPv4:
		return false
	case !ip.Is4() && (!u.o.IPv6 || clock.Time(u.noIPv6.Load()) > u.o.Clock()):
		return false
	}
	return u.o.Allowed == nil || u.o.Allowed(a)
}

// Silent tells whether the last query to the address got no reply.
func (u *Upstream) Silent(a netip.Addr) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	s, ok := u.servers.Get(a)
	if !ok {
		return false
	}
	k := s.standing(u.o.Clock())
	return k.dead || k.timeouts > 0
}

// MarkLame remembers for a while that the server is of no use for the zone.
func (u *Upstream) MarkLame(a netip.Addr, zone wire.Name, d time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	// The name is copied: it is a part of a whole message, which it would keep alive.
	u.lame.Add(lameKey{a, wire.Name(strings.Clone(string(zone)))}, u.o.Clock().Add(d))
}

// know returns what is known of the address, which may be nothing yet.
func (u *Upstream) know(a netip.Addr) *server {
	u.mu.Lock()
	defer u.mu.Unlock()
	s, ok := u.servers.Get(a)
	if !ok {
		s = new(server)
		u.servers.Add(a, s)
	}
	return s
}

// Forgive forgets that servers are of no use for a zone, and with subtree for those
// below it. Nobody shares a reply to what was asked before.
func (u *Upstream) Forgive(zone wire.Name, subtree bool) {
	u.flights.forget()
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, k := range u.lame.Keys() {
		if k.zone == zone || subtree && k.zone.In(zone) {
			u.lame.Remove(k)
		}
	}
}
