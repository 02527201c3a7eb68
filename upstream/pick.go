package upstream

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"rootwalk/clock"
	"rootwalk/wire"
)

// Candidate is one address of a zone's servers, with its history in the
// present question.
type Candidate struct {
	Addr  netip.AddrPort
	Tries int  // so far
	Out   bool // of no use for this question
}

// standing is what Pick needs to know of a candidate.
type standing struct {
	rtt        time.Duration // 0 is unmeasured
	age        time.Duration // of the measurement
	timeouts   int
	dead, lame bool
}

// explore is the reciprocal of how often a server other than the best is
// asked, to see whether it has become better.
const explore = 50

// Pick returns the index of the candidate to ask next, or -1 when none is
// left. Servers that were never measured come first, then the one with the
// least round-trip time; dead and lame ones come last, but they come: a zone
// whose servers all look dead is still asked.
func (u *Upstream) Pick(zone wire.Name, cs []Candidate) int {
	now := u.o.Clock()
	var room [16]standing
	st := room[:0]
	u.mu.Lock()
	for _, c := range cs {
		var k standing
		if s, ok := u.servers.Get(c.Addr.Addr()); ok {
			k = s.standing(now)
		}
		if until, ok := u.lame.Get(lameKey{c.Addr.Addr(), zone}); ok && until > now {
			k.lame = true
		}
		st = append(st, k)
	}
	u.mu.Unlock()
	return choose(cs, st, rand.Uint64())
}

func (s *server) standing(now clock.Time) standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := standing{rtt: s.srtt, age: now.Sub(s.measured), timeouts: s.timeouts, dead: s.dead > now}
	if k.age > forgetAfter {
		k.rtt = 0
	}
	return k
}

// choose is Pick without its memory and chance.
func choose(cs []Candidate, st []standing, chance uint64) int {
	best, bestScore := -1, int64(0)
	n := len(cs)
	start := int(chance>>32) % max(n, 1) // ties are broken by chance
	for k := range n {
		i := (start + k) % n
		if cs[i].Out || cs[i].Tries >= MaxTries {
			continue
		}
		if s := score(cs[i], st[i]); best < 0 || s < bestScore {
			best, bestScore = i, s
		}
	}
	if best < 0 || st[best].rtt == 0 || chance%explore != 0 {
		return best
	}
	// Now and then a server that is not much slower, or that was silent. Nothing else brings
	// one back whose packet got lost, or that returns from the dead, so these come first.
	other := best
	for k := range n {
		i := (start + k) % n
		if i != best && !cs[i].Out && cs[i].Tries == cs[best].Tries && !st[i].dead && !st[i].lame &&
			(st[i].rtt < 2*st[best].rtt+20*time.Millisecond || st[i].age > 5*time.Minute) {
			if st[i].timeouts > 0 {
				return i
			}
			if other == best {
				other = i
			}
		}
	}
	return other
}

// Last tells whether no candidate has a try left, the present ones not counted.
func Last(cs []Candidate) bool {
	return !slices.ContainsFunc(cs, func(c Candidate) bool { return !c.Out && c.Tries < MaxTries })
}

// score orders candidates; the least is the best.
func score(c Candidate, k standing) int64 {
	s := int64(k.rtt) + int64(k.timeouts)*int64(DefaultTimeout)
	s += int64(c.Tries) * int64(time.Second)
	if k.lame {
		s += int64(time.Minute)
	}
	if k.dead {
		s += int64(time.Hour)
	}
	return s
}
