package control

import (
	"sync"
	"time"
)

// This file remembers numbers of the last hour, for rates and curves.

// SampleEvery is the time between two samples.
const SampleEvery = 10 * time.Second

// maxSamples is an hour of them.
const maxSamples = 360

// sample is what counters showed at one moment.
type sample struct {
	at                                       time.Time
	queries, hits, misses, failures, packets uint64
}

// history is a ring of samples; the zero value is empty.
type history struct {
	mu   sync.Mutex
	ring []sample
}

// Sample takes note of the counters. It is to be called every ten seconds or so.
func (r *Rooms) Sample() {
	s := r.Status()
	r.history.mu.Lock()
	defer r.history.mu.Unlock()
	if len(r.history.ring) == maxSamples {
		r.history.ring = append(r.history.ring[:0], r.history.ring[1:]...)
	}
	r.history.ring = append(r.history.ring, sample{r.Now(), s.Queries, s.Hits, s.Misses, s.Failures, s.UpstreamQueries})
}

// rates are what happened in a time up to now.
type rates struct {
	Over     time.Duration
	Queries  float64 // a second
	Packets  float64 // to servers, a second
	Failures float64 // walks that failed, a minute
	HitRatio float64 // -1: nothing was asked
}

// between are the rates from one sample to a later one.
func between(a, b sample) rates {
	d := b.at.Sub(a.at)
	if d <= 0 {
		return rates{HitRatio: -1}
	}
	r := rates{Over: d, HitRatio: -1, Queries: float64(b.queries-a.queries) / d.Seconds(), Packets: float64(b.packets-a.packets) / d.Seconds(),
		Failures: float64(b.failures-a.failures) / d.Minutes()}
	if hits, misses := b.hits-a.hits, b.misses-a.misses; hits+misses > 0 {
		r.HitRatio = float64(hits) / float64(hits+misses)
	}
	return r
}

// recent are the rates of the last minute, and queries a second for each step of
// the last hour, oldest first.
func (h *history) recent() (minute rates, curve []float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.ring)
	if n < 2 {
		return rates{HitRatio: -1}, nil
	}
	for i := 1; i < n; i++ {
		curve = append(curve, between(h.ring[i-1], h.ring[i]).Queries)
	}
	return between(h.ring[max(0, n-1-int(time.Minute/SampleEvery))], h.ring[n-1]), curve
}
