package dnssec

import (
	"sync/atomic"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file counts verdicts and their cost, for the metrics.

// Stats is what a validator has done so far.
type Stats struct {
	Secure, Insecure, Bogus, Indeterminate uint64
	Reasons                                map[wire.EDE]uint64 // verdicts by extended error
	Signatures, FailedSignatures, Hashes   uint64
	Zones                                  int   // remembered
	ZoneBytes                              int64 // that they take
}

type counters struct {
	status                     [cache.Indeterminate + 1]atomic.Uint64
	ede                        [32]atomic.Uint64
	signatures, failed, hashes atomic.Uint64
}

// add counts a verdict and what it cost.
func (s *counters) add(v Verdict, signatures, failed, hashes int) {
	s.status[v.Status].Add(1)
	if int(v.EDE) < len(s.ede) {
		s.ede[v.EDE].Add(1)
	}
	s.signatures.Add(uint64(signatures))
	s.failed.Add(uint64(failed))
	s.hashes.Add(uint64(hashes))
}

// Stats reads the counters.
func (v *Validator) Stats() Stats {
	s := Stats{
		Secure: v.stats.status[cache.Secure].Load(), Insecure: v.stats.status[cache.Insecure].Load(),
		Bogus: v.stats.status[cache.Bogus].Load(), Indeterminate: v.stats.status[cache.Indeterminate].Load(),
		Reasons:    map[wire.EDE]uint64{},
		Signatures: v.stats.signatures.Load(), FailedSignatures: v.stats.failed.Load(), Hashes: v.stats.hashes.Load(),
	}
	for i := range v.stats.ede {
		if n := v.stats.ede[i].Load(); n > 0 {
			s.Reasons[wire.EDE(i)] = n
		}
	}
	s.Zones, s.ZoneBytes = v.zones.size()
	return s
}
