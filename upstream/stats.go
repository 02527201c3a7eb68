package upstream

import "sync/atomic"

type counters struct {
	udp, tcp, answers, timeouts, unreachable, forged, malformed, joined atomic.Uint64
	serverCrowded, zoneCrowded, moved, records, names, ownTrouble       atomic.Uint64
	rtt                                                                 histogram
}

// RTTBounds are the upper bounds of the round-trip time histogram in seconds.
var RTTBounds = [...]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}

type histogram struct {
	buckets [len(RTTBounds) + 1]atomic.Uint64
	nanos   atomic.Uint64
}

func (h *histogram) observe(ns int64) {
	s := float64(ns) / 1e9
	i := 0
	for i < len(RTTBounds) && s > RTTBounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.nanos.Add(uint64(ns))
}

// Stats are the numbers of the upstream side since the start.
type Stats struct {
	UDP, TCP    uint64 // queries sent
	Answers     uint64 // matching replies
	Timeouts    uint64
	Unreachable uint64
	Forged      uint64 // replies with a wrong ID, question or letter case
	Malformed   uint64
	Joined      uint64            // exchanges that another walk was having already
	Limits      map[string]uint64 // what went beyond a limit, by its name
	OwnTrouble  uint64            // times that there was no descriptor, port or memory for a socket
	RTTBuckets  [len(RTTBounds) + 1]uint64
	RTTSeconds  float64 // sum
	Servers     int     // addresses remembered
}

// Stats reads the numbers.
func (u *Upstream) Stats() Stats {
	c := &u.stats
	st := Stats{UDP: c.udp.Load(), TCP: c.tcp.Load(), Answers: c.answers.Load(), Timeouts: c.timeouts.Load(),
		Unreachable: c.unreachable.Load(), Forged: c.forged.Load(), Malformed: c.malformed.Load(), Joined: c.joined.Load(),
		RTTSeconds: float64(c.rtt.nanos.Load()) / 1e9}
	st.OwnTrouble = c.ownTrouble.Load()
	st.Limits = map[string]uint64{"server_in_flight": c.serverCrowded.Load(), "zone_in_flight": c.zoneCrowded.Load(),
		"wrong_ids": c.moved.Load(), "message_records": c.records.Load(), "message_names": c.names.Load()}
	for i := range c.rtt.buckets {
		st.RTTBuckets[i] = c.rtt.buckets[i].Load()
	}
	u.mu.Lock()
	st.Servers = u.servers.Len()
	u.mu.Unlock()
	return st
}
