package resolver

import (
	"rootwalk/cache"
	"rootwalk/wire"
)

// This file forgets what is known, for an operator who knows better.

// Flush forgets what is known of a name: answers of all types, that it does not
// exist, its delegation and keys, and that questions about it failed. With subtree
// that goes for all names below it too. It returns how many entries of the cache
// that were. Whatever walks are under way end, but nothing of them is kept, whatever
// they are about: they may stand on what is forgotten here.
func (r *Resolver) Flush(name wire.Name, subtree bool) int {
	name = name.Lower()
	for n := r.newest.Load(); !r.newest.CompareAndSwap(n, n.again()); n = r.newest.Load() {
	}
	r = r.current()
	zone := r.zoneAround(name)
	flushed := r.o.Cache.Flush(name, subtree)
	if r.o.Validator != nil { // what the zone that it is in has denied may be about it
		r.o.Validator.Flush(zone)
	}
	r.o.Upstream.Forgive(name, subtree)
	if name == wire.Root {
		r.primeBehind()
	}
	return flushed
}

// zoneAround is the closest known zone at or above the name.
func (r *Resolver) zoneAround(name wire.Name) wire.Name {
	for n := name; ; n = n.Parent() {
		if c, _ := r.cut(n); c != nil || n == wire.Root {
			return n
		}
	}
}

// Recheck forgets the addresses in the cache that the rules on private addresses
// forbid, and the answers that older rules took something from.
func (r *Resolver) Recheck() {
	var gone []cache.Key
	r.o.Cache.Each(func(e *cache.Entry) bool {
		if e.Key.Kind() == cache.Answer && (Reason(e.Header) == wire.EDEBlocked || r.forbids(e)) {
			gone = append(gone, e.Key)
		}
		return true
	})
	for i := range gone {
		r.o.Cache.Delete(&gone[i])
	}
}

// forbids tells whether an answer has an address that its name, or the name that is an
// alias of it, may not have.
func (r *Resolver) forbids(e *cache.Entry) bool {
	q := e.Key.Question()
	switch q.Type {
	case wire.TypeA, wire.TypeAAAA, wire.TypeSVCB, wire.TypeHTTPS, wire.TypeANY:
	default:
		return false
	}
	var m wire.Message
	if wire.Packed(e.Payload).Unpack(wire.Question{Name: wire.Name(q.Name), Type: q.Type, Class: q.Class}, &m) != nil {
		return false
	}
	for _, rec := range m.Answer {
		if r.forbidden(rec.Name, rec.Type, rec.Data) || r.forbidden(wire.Name(q.Name), rec.Type, rec.Data) {
			return true
		}
	}
	return false
}
