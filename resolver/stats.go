package resolver

import (
	"sync/atomic"

	"rootwalk/cache"
	"rootwalk/dnssec"
)

type counters struct {
	walks, failures, packets, shed, refreshes, panics atomic.Uint64
	verdicts                                          [len(statusNames)]atomic.Uint64
	limits                                            [numLimits]atomic.Uint64
	inferred                                          [numInferred]atomic.Uint64
	crypto                                            [len(dnssec.Limits)]atomic.Uint64
}

// Stats are the numbers of the walks since the start.
type Stats struct {
	Walks     uint64 // begun
	Failures  uint64 // that ended without an answer
	Packets   uint64 // sent for them
	Shed      uint64 // questions turned away because too many were in flight
	InFlight  int
	Verdicts  map[string]uint64 // pieces of answers that were judged, by status
	Limits    map[string]uint64 // questions that went beyond a limit, by its name
	Inferred  map[string]uint64 // answers that follow from what was proved for others: nxdomain, nodata, wildcard
	Panics    uint64            // behind the scenes
	Refreshes uint64            // begun before or after data ran out, behind the answer
}

// Stats reads the numbers.
func (r *Resolver) Stats() Stats {
	c := &r.stats
	st := Stats{Walks: c.walks.Load(), Failures: c.failures.Load(), Packets: c.packets.Load(), Shed: c.shed.Load(),
		InFlight: r.places.inUse(), Panics: c.panics.Load(), Refreshes: c.refreshes.Load(), Verdicts: map[string]uint64{}, Limits: map[string]uint64{}, Inferred: map[string]uint64{}}
	for i := range c.verdicts {
		st.Verdicts[statusNames[i]] = c.verdicts[i].Load()
	}
	for i := range c.limits {
		st.Limits[limitNames[i]] = c.limits[i].Load()
	}
	for i := range c.inferred {
		st.Inferred[inferredNames[i]] = c.inferred[i].Load()
	}
	for i := range c.crypto {
		st.Limits[dnssec.Limits[i]] = c.crypto[i].Load()
	}
	st.Limits["walks"] = st.Shed
	return st
}

// judged counts the limits on cryptography that a question went beyond.
func (c *counters) judged(b *dnssec.Budget) {
	for i, beyond := 0, b.Beyond(); beyond != 0; i, beyond = i+1, beyond>>1 {
		c.crypto[i].Add(uint64(beyond & 1))
	}
}

func (c *counters) verdict(s cache.Status) { c.verdicts[s].Add(1) }
