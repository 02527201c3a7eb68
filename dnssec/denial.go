package dnssec

import (
	"fmt"

	"rootwalk/wire"
)

// This file owns what NSEC and NSEC3 records prove together. The records of one
// zone are verified once, when they are gathered; then each kind of denial is a
// question to them.

// maxDenials is the most NSEC or NSEC3 sets of one response. A wildcard denied
// with NSEC3 takes three, and an answer through aliases seldom two of those.
//
//limit:denials Knot 8; PowerDNS 10
const maxDenials = 8

// proof is what a question to the records yields.
type proof uint8

const (
	unproven   proof = iota
	proven           // as secure as the keys
	optOut           // the name lies where insecure delegations may be: insecure (RFC 5155 section 9.2)
	iterations       // too many iterations to look: insecure (RFC 9276 section 3.2)
	exhausted        // a limit on hashes was reached
)

// denials are the verified NSEC and NSEC3 records of one zone in one response.
type denials struct {
	zone   wire.Name
	nsec   []NSEC
	nsec3  [][]NSEC3 // by parameters; two kinds in a transition
	tooFar bool      // some have more iterations than the limit
	ttl    uint32    // seconds, the least of the records
	all    []verified

	budget *Budget
	left   int // hashes that the response may still cost
	spent  bool
	hashes map[NSEC3Params]map[wire.Name]NSEC3Hash
}

// gatherer is what it takes to verify the records.
type gatherer struct {
	verify        func(*wire.RRset) Signed
	budget        *Budget
	maxIterations int
}

// gather verifies the sets of the zone among the proofs of a response. A set that
// does not verify is an error: what is handed on to a client is verified
// to the last record, or it is not called secure.
func (g gatherer) gather(zone wire.Name, sets []wire.RRset) (*denials, Signed) {
	d := &denials{zone: zone, ttl: noCap, budget: g.budget, left: maxResponseHashes}
	count := 0
	for i := range sets {
		s := &sets[i]
		if !isDenial(s) || !signedBy(s, zone) {
			continue
		}
		if count++; count > maxDenials {
			g.budget.allow(limitProofs)
			return nil, Signed{EDE: EDEBogus, Reason: fmt.Sprintf("limit: more than %d NSEC records from %s in one response", maxDenials, zone)}
		}
		r := g.verify(s)
		if r.OK && r.Wildcard { // would deny whatever it is expanded to
			r = Signed{EDE: EDEBogus, Reason: describe(s) + " is made from a wildcard"}
		}
		if !r.OK {
			return nil, r
		}
		d.ttl = min(d.ttl, r.TTL)
		s.TTL = min(s.TTL, r.TTL)
		d.all = append(d.all, verified{s, r.TTL})
		d.add(s, g.maxIterations)
	}
	return d, Signed{OK: true}
}

func isDenial(s *wire.RRset) bool { return s.Type == wire.TypeNSEC || s.Type == wire.TypeNSEC3 }

// signedBy tells whether a signature names the zone as its signer.
func signedBy(s *wire.RRset, zone wire.Name) bool {
	for _, raw := range s.Sigs {
		if sig, ok := parseSignature(raw); ok && sig.signer == zone {
			return true
		}
	}
	return false
}

// add takes a verified set, if it says anything.
func (d *denials) add(s *wire.RRset, maxIterations int) {
	if s.Type == wire.TypeNSEC {
		if n, ok := ParseNSEC(s, d.zone); ok {
			d.nsec = append(d.nsec, n)
		}
		return
	}
	n, ok := ParseNSEC3(s, d.zone)
	if !ok {
		return
	}
	if int(n.Iterations) > maxIterations {
		d.tooFar = true
		return
	}
	for i, g := range d.nsec3 {
		if g[0].NSEC3Params == n.NSEC3Params {
			d.nsec3[i] = append(g, n)
			return
		}
	}
	d.nsec3 = append(d.nsec3, []NSEC3{n})
}

// ask puts a question to the NSEC records, then to each kind of NSEC3 records.
func (d *denials) ask(nsec func() proof, nsec3 func(ring) proof) proof {
	if p := nsec(); p != unproven {
		return p
	}
	for _, g := range d.nsec3 {
		if p := nsec3(ring{d, g}); p != unproven {
			return p
		}
	}
	switch {
	case d.spent:
		return exhausted
	case d.tooFar:
		return iterations
	}
	return unproven
}

// nameError asks whether the name does not exist, and no wildcard stands for it
// (RFC 4035 section 5.4, RFC 5155 section 8.4). A compact denial says so at the
// name itself (RFC 9824 section 3.1).
func (d *denials) nameError(name wire.Name) proof {
	if d.nxName(name) {
		return proven
	}
	return d.ask(func() proof {
		ce, ok := d.coveredBelow(name)
		if !ok {
			return unproven
		}
		wild := "\x01*" + ce
		for _, n := range d.nsec {
			if n.Covers(wild) && !n.emptyNonTerminal(wild) {
				return proven
			}
		}
		return unproven
	}, func(r ring) proof {
		c, ok := r.closest(name)
		if !ok || r.cover("\x01*"+c.encloser) == nil {
			return unproven
		}
		return c.proof()
	})
}

// nxName asks whether a record at the name has the NXNAME bit: the name does not
// exist, though the reply looks like one without data (RFC 9824 section 2).
func (d *denials) nxName(name wire.Name) bool {
	for _, n := range d.nsec {
		if n.Owner == name && n.Types.Has(wire.TypeNXNAME) && n.Types.only() {
			return true
		}
	}
	return false
}

// coveredBelow finds an NSEC record that denies the name, and the closest
// encloser that it shows. An empty non-terminal is not denied.
func (d *denials) coveredBelow(name wire.Name) (encloser wire.Name, ok bool) {
	for _, n := range d.nsec {
		if n.Covers(name) && !n.emptyNonTerminal(name) {
			return n.encloser(name), true
		}
	}
	return "", false
}

// noData asks whether the name exists without data of the type, or a wildcard
// stands for it that has none (RFC 4035 section 5.4, RFC 5155 sections 8.5 to 8.7).
func (d *denials) noData(name wire.Name, t wire.Type) proof {
	return d.ask(func() proof {
		for _, n := range d.nsec {
			if n.Owner == name {
				if n.Types.lacks(t, name) {
					return proven
				}
				return unproven
			}
			if n.Covers(name) && n.emptyNonTerminal(name) {
				return proven
			}
		}
		ce, ok := d.coveredBelow(name)
		if !ok {
			return unproven
		}
		wild := "\x01*" + ce
		for _, n := range d.nsec {
			if n.Owner == wild && n.Types.lacks(t, wild) || n.Covers(wild) && n.emptyNonTerminal(wild) {
				return proven
			}
		}
		return unproven
	}, func(r ring) proof {
		if n := r.match(name); n != nil {
			if n.Types.lacks(t, name) {
				return proven
			}
			return unproven
		}
		c, ok := r.closest(name)
		if !ok {
			return unproven
		}
		wild := "\x01*" + c.encloser
		if n := r.match(wild); n != nil {
			if n.Types.lacks(t, wild) {
				return c.proof()
			}
			return unproven
		}
		// An insecure delegation, or an empty non-terminal above one, that opt-out
		// leaves out (RFC 5155 sections 8.6 and 7.2.4).
		if c.next.OptOut {
			return optOut
		}
		return unproven
	})
}

// wildcardAnswer asks whether nothing stands between the name and the wildcard
// below the encloser that answered for it (RFC 4035 section 5.3.4, RFC 5155
// section 8.8).
func (d *denials) wildcardAnswer(name, encloser wire.Name) proof {
	nextCloser := name.Last(encloser.Labels() + 1)
	return d.ask(func() proof {
		if ce, ok := d.coveredBelow(name); ok && ce == encloser {
			return proven
		}
		return unproven
	}, func(r ring) proof {
		n := r.cover(nextCloser)
		switch {
		case n == nil:
			return unproven
		case n.OptOut:
			return optOut
		}
		return proven
	})
}

// cut is what the parent's records say of a name in place of DS records.
type cut uint8

const (
	cutUnknown  cut = iota
	cutNone         // the name is no zone cut
	cutInsecure     // it is one, without DS
)

// delegation asks whether the name is an insecure delegation of this zone (RFC
// 4035 section 5.2, RFC 5155 section 8.9), or none at all.
func (d *denials) delegation(name wire.Name) (cut, proof) {
	for _, n := range d.nsec {
		if n.Owner == name {
			return cutOf(n.Types)
		}
		if n.Covers(name) {
			return cutNone, proven
		}
	}
	for _, g := range d.nsec3 {
		r := ring{d, g}
		if n := r.match(name); n != nil {
			return cutOf(n.Types)
		}
		if c, ok := r.closest(name); ok {
			if c.next.OptOut {
				return cutInsecure, optOut
			}
			return cutNone, proven
		}
	}
	switch {
	case d.spent:
		return cutUnknown, exhausted
	case d.tooFar:
		return cutInsecure, iterations
	}
	return cutUnknown, unproven
}

// cutOf reads the record that matches a name.
func cutOf(types TypeBitmap) (cut, proof) {
	switch {
	case types.Has(wire.TypeDS), types.Has(wire.TypeSOA): // there should be DS records, or it is the child's record
		return cutUnknown, unproven
	case types.Has(wire.TypeNS):
		return cutInsecure, proven
	}
	return cutNone, proven
}

// ring is the NSEC3 records of one kind.
type ring struct {
	*denials
	records []NSEC3
}

// hash hashes a name once for the response; ok is false when the limit is reached.
func (r ring) hash(name wire.Name) (NSEC3Hash, bool) {
	p := r.records[0].NSEC3Params
	if h, ok := r.hashes[p][name]; ok {
		return h, true
	}
	if r.left <= 0 && !r.budget.allow(limitResponseHashes) || !r.budget.hash() {
		r.spent = true
		return NSEC3Hash{}, false
	}
	r.left--
	h := p.Hash(name)
	if r.hashes == nil {
		r.hashes = map[NSEC3Params]map[wire.Name]NSEC3Hash{}
	}
	if r.hashes[p] == nil {
		r.hashes[p] = map[wire.Name]NSEC3Hash{}
	}
	r.hashes[p][name] = h
	return h, true
}

func (r ring) match(name wire.Name) *NSEC3 {
	h, ok := r.hash(name)
	for i := range r.records {
		if ok && r.records[i].Owner == h {
			return &r.records[i]
		}
	}
	return nil
}

func (r ring) cover(name wire.Name) *NSEC3 {
	h, ok := r.hash(name)
	for i := range r.records {
		if ok && r.records[i].Covers(h) {
			return &r.records[i]
		}
	}
	return nil
}

// enclosed is a closest encloser proof.
type enclosed struct {
	encloser wire.Name
	next     *NSEC3 // covers the next closer name
}

func (c enclosed) proof() proof {
	if c.next.OptOut {
		return optOut
	}
	return proven
}

// closest finds the closest encloser: an ancestor that exists while the next
// closer name does not (RFC 5155 section 8.3). It looks from the apex down, since
// names that do not exist are most often long and their enclosers short, so that
// a name of 120 labels costs two hashes. An encloser whose names below are not
// of this zone proves nothing.
func (r ring) closest(name wire.Name) (enclosed, bool) {
	for k := r.zone.Labels(); k < name.Labels(); k++ {
		ce := name.Last(k)
		n := r.match(ce)
		if n == nil {
			if r.spent {
				break
			}
			continue
		}
		if n.Types.occludes() {
			break
		}
		if next := r.cover(name.Last(k + 1)); next != nil {
			return enclosed{ce, next}, true
		}
	}
	return enclosed{}, false
}
