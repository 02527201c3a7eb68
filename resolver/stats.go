package resolver

import "sync/atomic"

type counters struct {
	walks, failures, packets, shed, refreshes, panics atomic.Uint64
}

// Stats are the numbers of the walks since the start.
type Stats struct {
	Walks     uint64 // begun
	Failures  uint64 // that ended without an answer
	Packets   uint64 // sent for them
	Shed      uint64 // questions turned away because too many were in flight
	InFlight  int
	Panics    uint64 // behind the scenes
	Refreshes uint64 // begun before or after data ran out, behind the answer
}

// Stats reads the numbers.
func (r *Resolver) Stats() Stats {
	return Stats{r.stats.walks.Load(), r.stats.failures.Load(), r.stats.packets.Load(), r.stats.shed.Load(), len(r.places), r.stats.panics.Load(), r.stats.refreshes.Load()}
}
