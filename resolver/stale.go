package resolver

import (
	"context"
	"time"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file serves data whose TTL has run out while the servers that could renew
// it do not answer (RFC 8767), and renews popular data before it runs out.

// Stale are the settings of serving stale data.
type Stale struct {
	Enabled       bool
	MaxAge        time.Duration // after the TTL has run out; 0 is no limit
	ClientTimeout time.Duration // how long a client waits for fresh data; 0: it does not wait
}

// staleRecheck is how long a question that failed is answered from stale data
// before its servers are tried again (RFC 8767 section 5).
const staleRecheck = 30

// usable tells whether an entry that is not fresh may still be served.
func (s *Stale) usable(h cache.Header, now int64) bool {
	return s.Enabled && (s.MaxAge == 0 || now < h.Expires()+int64(s.MaxAge/time.Second))
}

// ServesStale tells whether an entry that has run out is the answer to the key's question
// for now: it has just failed, and is not to be asked again at once (RFC 8767 section 5).
// It allocates nothing.
func (r *Resolver) ServesStale(k *cache.Key, h cache.Header, now int64) bool {
	if !r.o.Stale.usable(h, now) {
		return false
	}
	var key cache.Key
	var room [512]byte
	q := k.Question()
	q.CD = false // failures are kept once
	key.Set(cache.Failure, q)
	f, b, ok := r.o.Cache.Get(&key, room[:0])
	if !ok || !f.Fresh(now) {
		return false
	}
	rcode, zone, ok := cache.PeekFailed(b)
	return ok && rcode != bogusRcode && (len(zone) == 0 || r.troubled.has(wire.Name(zone)))
}

// prefetchLast is the last part of a lifetime in which a question renews the
// answer: a tenth, as a reciprocal.
const prefetchLast = 10

// DueForRefresh tells whether a fresh entry that was just asked for should be
// renewed behind the answer.
func (r *Resolver) DueForRefresh(h cache.Header, now int64) bool {
	return r.o.Prefetch && (h.Expires()-now)*prefetchLast <= int64(h.Lifetime)
}

// Refresh resolves a question behind the scenes and stores the answer. It
// returns at once; a question that is being refreshed, or that failed a moment
// ago, is left alone.
func (r *Resolver) Refresh(q wire.Question) {
	r = r.current()
	q.Name = q.Name.Lower()
	if r.failed(q, r.o.Clock().Seconds()) != nil || !r.learn.begin(q) {
		return
	}
	var key cache.Key
	key.SetName(cache.Answer, q.Name, q.Type, q.Class)
	f, leader := r.flights.join(&key, func(Result, error) {})
	if !leader {
		r.learn.end(q)
		return
	}
	r.goBehind(func() {
		defer r.learn.end(q)
		r.stats.refreshes.Add(1)
		r.flights.fly(f, func() (Result, error) {
			return r.walk(context.Background(), Request{Question: q, refresh: true}, r.o.Stale.Enabled)
		})
	})
}
