package upstream

import (
	"errors"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"rootwalk/clock"
	"rootwalk/wire"
)

// This file bounds how many questions are with one server, and with the servers
// of one zone, at the same time. As long as they answer there is no need to;
// once most tries time out, each question holds its place for seconds, and those
// about one dead or attacked zone would take the places of all others (random
// subdomains, "water torture").

// The reasons not to ask now.
var (
	ErrServerCrowded = errors.New("limit: questions at once for one server")
	ErrZoneCrowded   = errors.New("limit: questions at once for one zone")
)

// crowdSizes are the most exchanges at the same time, from healthy to hopeless. A zone that
// answers may have the second number at a server that is hopeless for others, and one of
// which nothing is under way a few places more.
//
//limit:server_in_flight,zone_in_flight BIND 200 per zone (fetches-per-zone), off by default; Unbound, PowerDNS none
var crowdSizes = [...]int{2048, 200, 20}

const (
	// crowdWindow is how many exchanges it takes to judge: few enough that an attack
	// is noticed within its first seconds, more than a burst of lost packets is.
	crowdWindow = 32
	// reserved is how many places of a server are for zones of which nothing is under way:
	// those that never had a chance to show that they answer. An attacked zone has none.
	reserved = 10
	// maxCrowds is the most zones whose crowds are remembered.
	maxCrowds = 10_000
)

// crowd is the exchanges with one server or zone that have not ended.
type crowd struct {
	in       int
	size     uint8      // index into crowdSizes
	ended    uint8      // of the present window
	timeouts uint8      // among them
	changed  clock.Time // what began before says nothing about the present size
	alive    bool       // there was an answer, and no window of silence since
}

// enter counts one more, and reports false where there are enough of them.
func (c *crowd) enter() bool {
	c.in++
	return c.in <= crowdSizes[c.size]
}

// leave counts one less, that began at some time and was answered or not. Every
// window decides anew: smaller if more than half timed out, else larger.
func (c *crowd) leave(began, now clock.Time, o result) {
	c.in--
	if o == unknown || began < c.changed {
		return
	}
	c.ended++
	if o == silent {
		c.timeouts++
	} else {
		c.alive = true
	}
	if c.ended < crowdWindow {
		return
	}
	size := c.size
	if 2*c.timeouts > c.ended {
		c.alive = false
		size = min(size+1, uint8(len(crowdSizes)-1))
	} else if size > 0 {
		size--
	}
	c.ended, c.timeouts = 0, 0
	if size != c.size {
		c.size, c.changed = size, now
	}
}

// result is what an exchange says about the server.
type result uint8

const (
	unknown  result = iota // it had no time, or we no socket
	answered               // there was a reply, if only an error
	silent
)

func resultOf(err error) result {
	switch {
	case err == nil, errors.Is(err, ErrMalformed), errors.Is(err, ErrForged):
		return answered
	case known(err):
		return silent
	}
	return unknown
}

// crowds are those of zones; those of servers are with what is known of them.
type crowds struct {
	mu    sync.Mutex
	zones *simplelru.LRU[wire.Name, *crowd]
}

func (cs *crowds) enter(zone wire.Name) (*crowd, bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c, ok := cs.zones.Get(zone)
	if !ok {
		c = new(crowd)
		cs.zones.Add(wire.Name(strings.Clone(string(zone))), c) // the name is a part of a whole message
	}
	return c, c.enter()
}

func (cs *crowds) leave(c *crowd, began, now clock.Time, o result) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.leave(began, now, o)
}

// room is how many exchanges there may be with a server of the given size when one more
// for the zone is admitted; it has entered the zone's crowd. Anybody can delegate zones
// to a server that drops what it does not serve, so that it looks dead, or have it asked
// for names of a zone that it has no time for; its other zones are not to suffer for it.
func (cs *crowds) room(zone wire.Name, size uint8) int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	n := crowdSizes[size]
	c, ok := cs.zones.Peek(zone)
	switch {
	case ok && c.alive:
		n = max(n, crowdSizes[1])
	case ok && c.in == 1:
		n += reserved
	}
	return n
}

// admit enters the crowd of a server for a zone; leave is to be called with the outcome
// in any case.
func (u *Upstream) admit(s *server, zone wire.Name) (leave func(error), err error) {
	began := u.o.Clock()
	s.mu.Lock()
	fits := s.crowd.enter() || s.crowd.in <= u.crowds.room(zone, s.crowd.size)
	s.mu.Unlock()
	if !fits {
		u.stats.serverCrowded.Add(1)
		if !u.o.Record {
			err = ErrServerCrowded
		}
	}
	return func(err error) {
		s.mu.Lock()
		s.crowd.leave(began, u.o.Clock(), resultOf(err))
		s.mu.Unlock()
	}, err
}

// admitTo is admit for the crowd of a zone.
func (u *Upstream) admitTo(zone wire.Name) (leave func(result), err error) {
	began := u.o.Clock()
	c, fits := u.crowds.enter(zone)
	if !fits {
		u.stats.zoneCrowded.Add(1)
		if !u.o.Record {
			err = ErrZoneCrowded
		}
	}
	return func(o result) { u.crowds.leave(c, began, u.o.Clock(), o) }, err
}
