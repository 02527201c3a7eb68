package dnssec

import (
	"strings"

	"rootwalk/wire"
)

// This file answers questions from what was verified for others (RFC 8198): the
// remembered records are put together as a server would, and then have to prove
// as much as those of a server have to.

// maxInferredHashes is the most NSEC3 hashes that one look at what is remembered may
// cost: those of a name five labels below its zone, of the zone, and of a wildcard.
// What is deeper is asked for.
//
//bound:inferred_hashes
const maxInferredHashes = 8

// Denial is what remembered records say of a question. Everything in it is secure,
// and the client can verify it.
type Denial struct {
	Zone    wire.Name
	Rcode   wire.Rcode
	SOA     []wire.RRset
	Proofs  []wire.RRset
	TTL     uint32 // seconds
	Compact bool   // the proof is that of a compact denial (RFC 9824), made for NOERROR
	// Wildcard, where it is not "", is the only name that can stand for the one asked
	// for. Whether it does is not known here; if so, its sets are the answer
	// together with the proofs. Else the denial is complete.
	Wildcard wire.Name
}

// Deny tells what the secure records of a zone, at or below top, say of a question
// that was not asked yet: that the name does not exist, that it has no data of the
// type, or which wildcard stands for it. It sends nothing and verifies nothing;
// NSEC3 hashes are spent through the budget. ok is false where nothing is known.
func (v *Validator) Deny(q wire.Question, top wire.Name, b *Budget) (d Denial, ok bool) {
	at := base(q.Name, q.Type)
	if q.Class != wire.ClassIN || q.Type == wire.TypeRRSIG {
		return d, false
	}
	if _, exempt := v.o.NegativeAnchors(at); exempt {
		return d, false
	}
	anchor, ok := (&check{anchors: *v.anchors.Load()}).anchorOf(at)
	if !ok {
		return d, false
	}
	if !top.In(anchor) {
		top = anchor
	}
	// Only the closest zone knows: what those above say of it may be older than it.
	c := v.ranges.closest(at, top)
	if c == nil {
		return d, false
	}
	before := b.Hashes()
	i := &inference{v: v, chain: c, name: q.Name, now: v.o.Clock().Seconds(), ttl: maxDenialTTL,
		d: &denials{zone: c.zone, ttl: noCap, budget: b, left: maxInferredHashes}}
	d, ok = i.answer(q.Type)
	v.stats.hashes.Add(uint64(b.Hashes() - before))
	return d, ok
}

// inference is one look at what is remembered of a zone.
type inference struct {
	v     *Validator
	chain *chain
	name  wire.Name
	now   int64
	ttl   uint32   // seconds, the least of what is used
	d     *denials // what is used

	proofs []wire.RRset
}

func (i *inference) answer(t wire.Type) (Denial, bool) {
	d := Denial{Zone: i.chain.zone}
	encloser := i.byNSEC()
	if len(i.proofs) == 0 {
		encloser = i.byNSEC3()
	}
	switch {
	case len(i.proofs) == 0:
		return d, false
	case i.d.nxName(i.name):
		d.Rcode, d.Compact = wire.NXDomain, true
	case i.d.noData(i.name, t) == proven:
	case i.d.nameError(i.name) == proven:
		d.Rcode = wire.NXDomain
	case encloser != "" && i.d.wildcardAnswer(i.name, encloser) == proven:
		d.Wildcard = "\x01*" + encloser
		i.proofs = i.proofs[:1]
	default:
		return d, false
	}
	if d.Wildcard == "" {
		soa, ok := i.v.ranges.soa(i.chain, i.now)
		if !ok {
			return d, false
		}
		i.ttl = min(i.ttl, soa.ttl)
		d.SOA = []wire.RRset{soa.set(wire.TypeSOA, i.ttl)}
	}
	for k := range i.proofs {
		i.proofs[k].TTL = i.ttl
	}
	d.Proofs, d.TTL = i.proofs, i.ttl
	return d, true
}

// take makes a remembered record one of the proofs.
func (i *inference) take(f found, t wire.Type) {
	set := f.set(t, f.ttl)
	for k := range i.proofs {
		if i.proofs[k].Name == set.Name {
			return
		}
	}
	i.ttl = min(i.ttl, f.ttl)
	i.proofs = append(i.proofs, set)
	i.d.add(&set, i.v.o.MaxIterations)
}

// byNSEC takes the record that matches or covers the name, then the one that does
// so with the wildcard, and returns the closest encloser where the name is denied.
func (i *inference) byNSEC() wire.Name {
	f, ok := i.v.ranges.at(i.chain, wire.TypeNSEC, i.name, i.now)
	if !ok {
		return ""
	}
	i.take(f, wire.TypeNSEC)
	encloser, ok := i.d.coveredBelow(i.name)
	if !ok {
		return ""
	}
	if f, ok = i.v.ranges.at(i.chain, wire.TypeNSEC, "\x01*"+encloser, i.now); ok {
		i.take(f, wire.TypeNSEC)
	}
	return encloser
}

// byNSEC3 does the same with hashes: the record that matches the name, or those
// that deny the next closer name, match the closest encloser and match or cover
// its wildcard.
func (i *inference) byNSEC3() wire.Name {
	p, ok := i.v.ranges.hashing(i.chain)
	if !ok || int(p.Iterations) > i.v.o.MaxIterations {
		return ""
	}
	r := ring{i.d, []NSEC3{{NSEC3Params: p}}}
	look := func(name wire.Name) (f found, matches, covers bool) {
		h, ok := r.hash(name)
		if !ok {
			return f, false, false
		}
		owner := h.owner(i.chain.zone)
		if f, ok = i.v.ranges.at(i.chain, wire.TypeNSEC3, owner, i.now); !ok {
			return f, false, false
		}
		set := f.set(wire.TypeNSEC3, f.ttl)
		n, ok := ParseNSEC3(&set, i.chain.zone)
		return f, ok && n.Owner == h, ok && n.Owner != h && n.Covers(h)
	}
	f, matches, _ := look(i.name)
	if matches {
		i.take(f, wire.TypeNSEC3)
		return ""
	}
	var above found
	known := false // above matches the name one label up
	for k := i.chain.zone.Labels(); k <= i.name.Labels() && !i.d.spent; k++ {
		f, matches, covers := look(i.name.Last(k))
		if !covers {
			above, known = f, matches
			continue
		}
		if k == i.chain.zone.Labels() { // there is no such zone
			break
		}
		encloser := i.name.Last(k).Parent()
		i.take(f, wire.TypeNSEC3) // first, since a wildcard's answer needs no other
		if known {
			i.take(above, wire.TypeNSEC3)
			if f, matches, covers = look("\x01*" + encloser); matches || covers {
				i.take(f, wire.TypeNSEC3)
			}
		}
		return encloser
	}
	return ""
}

// Fits tells whether a secure set of the wildcard is of the zone whose records deny
// all that is nearer: NSEC3 says nothing of what is below a zone cut.
func (d *Denial) Fits(set *wire.RRset) bool { return signedBy(set, d.Zone) }

// Describe says in words what the denial was made of, for the trace.
func (d *Denial) Describe() string {
	var b strings.Builder
	for i := range d.Proofs {
		s := &d.Proofs[i]
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(describe(s))
		if s.Type == wire.TypeNSEC {
			b.WriteString(" to " + wire.NameAt(s.Data[0], 0).String())
		}
	}
	return "secure records of " + d.Zone.String() + ": " + b.String()
}
