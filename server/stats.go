package server

import (
	"strconv"
	"sync/atomic"
	"time"

	"rootwalk/wire"
)

// result is how an answer came about, for the latency histogram.
type result uint8

const (
	hit result = iota
	miss
	numResults
)

// kind is what a cached answer says.
type kind uint8

const (
	positive kind = iota
	noData
	nameError
	numKinds
)

var kindNames = [numKinds]string{"answer", "nodata", "nxdomain"}

func kindOf(p wire.Packed) kind {
	switch {
	case p.Rcode() == wire.NXDomain:
		return nameError
	case p.Answers() == 0:
		return noData
	}
	return positive
}

var resultNames = [numResults]string{"hit", "miss"}

// LatencyBounds are the upper bounds of the latency histogram in seconds.
var LatencyBounds = [...]float64{.00001, .000025, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}

// Types are the query types that are counted by name; others are "other".
var Types = [...]wire.Type{wire.TypeA, wire.TypeAAAA, 65, wire.TypeMX, wire.TypeTXT, wire.TypeNS, wire.TypeSOA, wire.TypePTR, wire.TypeCNAME, 33, wire.TypeDS, wire.TypeDNSKEY, 257, wire.TypeANY}

// numRcodes is the number of response codes that are counted apart; the last
// one is for all beyond.
const numRcodes = 17

// numEDEs is the number of extended errors that are counted apart; the last one
// is for all beyond.
const numEDEs = 31

// counters are numbers of one reader, or of all that is not one. Padding keeps
// readers from sharing a cache line.
type counters struct {
	_                                 [64]byte
	queries                           [numTransports][len(Types) + 1]atomic.Uint64
	rcodes                            [numRcodes + 1]atomic.Uint64
	edes                              [numEDEs + 1]atomic.Uint64
	misses, stale, refused, truncated atomic.Uint64
	kinds                             [2][numKinds]atomic.Uint64 // of cached answers: fresh, stale
	dropped, panics                   atomic.Uint64
	buckets                           [numResults][len(LatencyBounds) + 1]atomic.Uint64
	nanos                             [numResults]atomic.Uint64
	_                                 [64]byte
}

func (c *counters) query(tr Transport, t wire.Type) {
	i := 0
	for i < len(Types) && Types[i] != t {
		i++
	}
	c.queries[tr][i].Add(1)
}

func (c *counters) rcode(r wire.Rcode) { c.rcodes[min(int(r), numRcodes)].Add(1) }

func (c *counters) ede(e wire.EDE) { c.edes[min(int(e), numEDEs)].Add(1) }

// latency counts n replies that were given together, d after their queries were read.
func (c *counters) latency(r result, d time.Duration, n uint64) {
	if n == 0 {
		return
	}
	s := d.Seconds()
	i := 0
	for i < len(LatencyBounds) && s > LatencyBounds[i] {
		i++
	}
	c.buckets[r][i].Add(n)
	c.nanos[r].Add(uint64(d) * n)
}

// Stats are the numbers of a server since its start.
type Stats struct {
	Queries    map[string]map[string]uint64 // by transport and type
	Rcodes     map[string]uint64
	EDEs       map[string]uint64 // extended errors by their number, or "other"
	Hits       uint64            // answered from the cache at once
	Misses     uint64            // that had to be resolved
	Stale      uint64            // answered with data whose TTL had run out
	HitKinds   map[string]uint64 // Hits by what the answer says
	StaleKinds map[string]uint64 // Stale by what the answer says
	Refused    uint64
	Truncated  uint64
	Dropped    uint64            // packets that are no queries
	Limits     map[string]uint64 // queries, connections and replies turned away, by the limit's name
	Shed       uint64            // all of them
	Panics     uint64
	Pending    int64
	TCPConns   int
	Latency    map[string]Histogram // by result
}

// Histogram is a latency histogram over LatencyBounds.
type Histogram struct {
	Buckets [len(LatencyBounds) + 1]uint64 // not cumulative; the last is beyond the bounds
	Seconds float64                        // sum
}

// Stats reads the numbers.
func (s *Server) Stats() Stats {
	st := Stats{Queries: map[string]map[string]uint64{}, Rcodes: map[string]uint64{}, EDEs: map[string]uint64{},
		HitKinds: map[string]uint64{}, StaleKinds: map[string]uint64{}, Latency: map[string]Histogram{}, Limits: map[string]uint64{}}
	for tr := range numTransports {
		st.Queries[tr.String()] = map[string]uint64{}
	}
	for i := range s.limits {
		st.Limits[limitNames[i]] = s.limits[i].Load()
		st.Shed += s.limits[i].Load()
	}
	st.Pending = s.waiting.total.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	st.TCPConns = len(s.conns)
	for _, c := range s.tallies {
		st.add(c)
	}
	return st
}

// add adds the numbers of one reader.
func (st *Stats) add(c *counters) {
	for tr := range numTransports {
		m := st.Queries[tr.String()]
		for i := range c.queries[tr] {
			name := other
			if i < len(Types) {
				name = Types[i].String()
			}
			m[name] += c.queries[tr][i].Load()
		}
	}
	for i := range c.rcodes {
		if n := c.rcodes[i].Load(); n > 0 || i < 6 {
			name := other
			if i < numRcodes {
				name = wire.Rcode(i).String()
			}
			st.Rcodes[name] += n
		}
	}
	for i := range c.edes {
		name := other
		if i < numEDEs {
			name = strconv.Itoa(i)
		}
		st.EDEs[name] += c.edes[i].Load()
	}
	for k := range numKinds {
		fresh, stale := c.kinds[0][k].Load(), c.kinds[1][k].Load()
		st.HitKinds[kindNames[k]] += fresh
		st.StaleKinds[kindNames[k]] += stale
		st.Hits += fresh
	}
	for r := range numResults {
		h := st.Latency[resultNames[r]]
		for i := range h.Buckets {
			h.Buckets[i] += c.buckets[r][i].Load()
		}
		h.Seconds += float64(c.nanos[r].Load()) / 1e9
		st.Latency[resultNames[r]] = h
	}
	st.Misses += c.misses.Load()
	st.Stale += c.stale.Load()
	st.Refused += c.refused.Load()
	st.Truncated += c.truncated.Load()
	st.Dropped += c.dropped.Load()
	st.Panics += c.panics.Load()
}

// other is the label of what is not counted by name.
const other = "other"
