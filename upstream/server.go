package upstream

import (
	"sync"
	"time"

	"rootwalk/clock"
)

// server is what is known of one address. All of it is learned from complete
// matching replies, or from their absence.
type server struct {
	mu       sync.Mutex
	srtt     time.Duration // smoothed round-trip time (RFC 6298 section 2); 0 is unmeasured
	rttvar   time.Duration
	measured clock.Time
	timeouts int        // in a row
	dead     clock.Time // not asked before then while others are alive
	folds    clock.Time // until then letter case is not randomised
	plain    clock.Time // until then asked without EDNS
	edns     bool       // has answered with an OPT record
	crowd    crowd      // exchanges that have not ended
	plainWin int        // replies in a row that came only once EDNS was left out after a timeout
}

// timeout is how long a try at the server waits: srtt + 4 rttvar within bounds
// (RFC 6298), doubled for each earlier try of the question, so that a slow server
// is not given up and a fast one is not waited for. Timeouts in a row of other
// questions count too, shared out among all addresses of the zone: where packets
// get lost every address has some, and to ask the next one soon is better than to
// wait long for each.
func (s *server) timeout(first time.Duration, tries, others int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := first
	if s.srtt != 0 {
		t = max(s.srtt+4*s.rttvar, minTimeout)
	}
	return min(t<<min(max(tries, s.timeouts/(1+others)), 5), maxTimeout)
}

// answered takes note of a reply after rtt.
func (s *server) answered(rtt time.Duration, now clock.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rtt = max(rtt, time.Microsecond)
	if s.srtt == 0 || now.Sub(s.measured) > forgetAfter {
		s.srtt, s.rttvar = rtt, rtt/2
	} else {
		diff := max(s.srtt-rtt, rtt-s.srtt)
		s.rttvar += (diff - s.rttvar) / 4
		s.srtt += (rtt - s.srtt) / 8
	}
	s.measured, s.timeouts, s.dead = now, 0, 0
}

// silent takes note of a timeout.
func (s *server) silent(now clock.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timeouts++; s.timeouts >= deadAfter {
		s.dead = now.Add(deadFor)
	}
}

// answers tells whether the server has answered, and was not silent since.
func (s *server) answers() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.srtt != 0 && s.timeouts == 0
}

// unreachable takes note that no packet can be sent there.
func (s *server) unreachable(now clock.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = now.Add(deadFor)
}

// abilities tells how to ask the server at the given instant.
func (s *server) abilities(now clock.Time) (plain, folds, ednsSeen bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plain > now, s.folds > now, s.edns
}

func (s *server) understandsEDNS() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edns, s.plain, s.plainWin = true, 0, 0
}

// chokesOnEDNS notes a complete reply to a query without EDNS where the same
// query with EDNS got an error (sure) or nothing (seen twice before it counts:
// packets get lost). A server that did answer with EDNS does not forget it for one
// error: somebody may be forging it.
func (s *server) chokesOnEDNS(now clock.Time, sure bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plainWin++
	if sure && (!s.edns || s.plainWin >= unlearnEDNS) || s.plainWin >= 2 && !s.edns {
		s.plain = now.Add(plainFor)
	}
}

// unlearnEDNS is how many errors in a row it takes for a server that has answered
// with EDNS.
const unlearnEDNS = 3

func (s *server) foldsCase(now clock.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.folds = now.Add(foldsFor)
}
