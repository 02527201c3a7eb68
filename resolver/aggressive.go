package resolver

import (
	"hash/maphash"
	"maps"
	"sync/atomic"

	"rootwalk/cache"
	"rootwalk/dnssec"
	"rootwalk/wire"
)

// This file answers from what was proved before: the denials of secure zones (RFC
// 8198), and name errors that hold for all below (RFC 8020).

// inferred counts answers by what was inferred.
type inferred uint8

const (
	inferredNXDomain inferred = iota
	inferredNoData
	inferredWildcard
	numInferred
)

var inferredNames = [numInferred]string{"nxdomain", "nodata", "wildcard"}

// infers tells whether this walk may take what follows from other answers for the
// answer itself. One that renews an answer, or asks anew, wants news; the validator
// wants what it has not seen yet.
func (w *walk) infers(q wire.Question) bool {
	return w.r.o.Validator != nil && !w.refresh && !w.anew && !(w.raw && (q.Type == wire.TypeDS || q.Type == wire.TypeDNSKEY))
}

// inferred counts an answer. That to a name which does not exist by itself can
// be made again at any time, so it is worth a place in the cache only when
// it is asked for twice: else whoever makes up names would displace all that
// is of use.
func (w *walk) inferred(what inferred, q wire.Question) {
	w.r.stats.inferred[what].Add(1)
	if what != inferredNoData && q == w.client {
		w.fleeting = !w.r.asked.before(q)
	}
}

// asked remembers questions of late, as well as a fixed array of hashes can: one
// takes the place of another, and is a new one when it comes back.
type asked struct {
	seed  maphash.Seed
	slots [8192]atomic.Uint32
}

// before tells whether the question is remembered, and remembers it.
func (a *asked) before(q wire.Question) bool {
	h := maphash.Comparable(a.seed, q)
	mark := uint32(h>>32) | 1 // an empty slot is 0
	return a.slots[h%uint64(len(a.slots))].Swap(mark) == mark
}

// denied asks what secure zones at or below the cut have proved of the question.
// What they say has been judged already.
func (w *walk) denied(cut *zoneCut, q wire.Question) (meaning, bool) {
	if !w.infers(q) {
		return meaning{}, false
	}
	d, ok := w.r.o.Validator.Deny(q, cut.Zone, w.budget.crypto)
	if !ok {
		return meaning{}, false
	}
	res := meaning{kind: isNoData, zone: d.Zone, soa: d.SOA, proofs: d.Proofs, secure: true, ttl: min(d.TTL, seconds(w.r.o.MaxNegativeTTL))}
	kind := inferredNoData
	switch {
	case d.Wildcard != "":
		kind = inferredWildcard
		if !w.expand(&res, &d, q) {
			return meaning{}, false
		}
	case d.Rcode == wire.NXDomain:
		kind, res.kind = inferredNXDomain, isNXDomain
		if d.Compact {
			res.flags = compactFlag
		}
	}
	w.inferred(kind, q)
	if w.trace != nil {
		step := Step{Kind: StepInferred, Outcome: res.kind.String(), raw: raw{question: q, zone: d.Zone}}
		if !w.trace.brief {
			step.Text = d.Describe()
		}
		w.trace.add(step)
	}
	return res, true
}

// expand makes the answer of the wildcard that stands for the name, if its set is
// known (RFC 8198 section 5.3).
func (w *walk) expand(res *meaning, d *dnssec.Denial, q wire.Question) bool {
	if q.Type == wire.TypeANY { // what is known need not be all
		return false
	}
	for _, t := range [...]wire.Type{q.Type, wire.TypeCNAME} {
		k := wire.Question{Name: d.Wildcard, Type: t, Class: q.Class}
		p := w.cached(k, k)
		if p == nil || p.status != cache.Secure || len(p.links) > 0 || len(p.final) != 1 || !d.Fits(&p.final[0]) {
			continue
		}
		set := p.final[0]
		res.ttl = min(d.TTL, p.ttl, set.TTL)
		set.Name, set.TTL = q.Name, res.ttl
		for i := range res.proofs {
			res.proofs[i].TTL = res.ttl
		}
		if t == q.Type {
			res.kind, res.final = isAnswer, []wire.RRset{set}
			return true
		}
		res.kind, res.links, res.next = isAlias, []wire.RRset{set}, wire.NameAt(set.Data[0], 0).Lower()
		return true
	}
	return false
}

// keepWildcards stores sets of a secure answer under the wildcards that they were
// made from, for expand.
func (w *walk) keepWildcards(sets []wire.RRset) {
	for _, s := range sets {
		p := &piece{final: []wire.RRset{s}, status: cache.Secure}
		if w.dropForbidden(p, ""); p.status == cache.Secure {
			w.r.keepReply(&wire.Reply{Question: wire.Question{Name: s.Name, Type: s.Type, Class: s.Class}, Answer: p.final}, s.TTL, standing{status: p.status})
		}
	}
}

// below makes the answer to a question of a name error for an ancestor of its name:
// nothing is below what does not exist (RFC 8020). It must be a secure one, and its
// proof that of the question too: a compact denial speaks of one name alone
// (RFC 9824).
func (w *walk) below(ancestor wire.Name, q wire.Question) *piece {
	k := wire.Question{Name: ancestor, Type: cache.NameError, Class: q.Class}
	p := w.cached(k, k)
	if p == nil || p.rcode != wire.NXDomain || p.status != cache.Secure || len(p.soa) == 0 || p.flags&compactFlag != 0 {
		return nil
	}
	return p
}

// proves tells whether the name error for a part of the name is proved to be one of
// the whole name: then the matter ends here, in zones whose servers are not known
// to answer rightly for empty non-terminals, too.
func (w *walk) proves(q, ask wire.Question, res *meaning) bool {
	if !w.validating() || !w.infers(q) || len(res.proofs) == 0 || len(res.soa) == 0 {
		return false
	}
	p := &piece{rcode: wire.NXDomain, soa: res.soa, proofs: res.proofs}
	w.r.bound(p, isNXDomain)
	liars := maps.Clone(w.liars)
	if w.judge(q, p, res.zone) != nil || p.status != cache.Secure || p.rcode != wire.NXDomain {
		w.liars = liars // the whole name will tell, and its server may be the only one
		return false
	}
	w.keep(ask, p)
	res.secure, res.ttl = true, p.ttl
	return true
}
