package resolver

import (
	"encoding/binary"
	"time"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file decides what of an earlier life of the server can be used.

// Admit looks at an entry of a snapshot: what is known of its security was found out
// by another process. Where trusted is false because other rules decide about trust now,
// or where a signature has run out, the entry has to be judged again before it is
// served. It is false for what must not be used at all.
func (r *Resolver) Admit(e *cache.Entry, trusted bool, now time.Time) bool {
	switch {
	case e.Header.Status == cache.Bogus || e.Header.Status == cache.Indeterminate:
		return false
	case e.Key.Kind() != cache.Answer || e.Header.Status == cache.Unchecked:
		return true
	}
	if !trusted || e.Header.Status == cache.Secure && !signedAt(e, now) {
		e.Header.Status = cache.Unchecked
	}
	return true
}

// signedAt tells whether the time is within that of all signatures of an answer (RFC
// 4035 section 5.3.1).
func signedAt(e *cache.Entry, now time.Time) bool {
	q := e.Key.Question()
	var m wire.Message
	if wire.Packed(e.Payload).Unpack(wire.Question{Name: wire.Name(q.Name), Type: q.Type, Class: q.Class}, &m) != nil {
		return false
	}
	at := uint32(now.Unix())
	for _, section := range [...][]wire.Record{m.Answer, m.Authority} {
		for _, rec := range section {
			if rec.Type != wire.TypeRRSIG || len(rec.Data) < 18 {
				continue
			}
			fixed := []byte(rec.Data[:18])
			expires, begins := binary.BigEndian.Uint32(fixed[8:]), binary.BigEndian.Uint32(fixed[12:])
			if int32(at-begins) < 0 || int32(expires-at) < 0 { // serial arithmetic, RFC 4034 section 3.1.5
				return false
			}
		}
	}
	return true
}

// Warm takes note that entries were loaded: with the root's list of servers among them
// the resolver is primed.
func (r *Resolver) Warm() bool {
	if c, _ := r.cut(wire.Root); c != nil {
		r.primed.Store(true)
		return true
	}
	return false
}
