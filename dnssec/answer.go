package dnssec

import (
	"fmt"
	"time"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file owns one piece of an answer: each of its sets, and its denial. The
// piece is as secure as the weakest of them.

// answer judges the piece from its first alias to its end, so that every set is
// the one that the question leads to.
func (c *check) answer() Verdict {
	a := c.a
	switch {
	case a.Question.Class != wire.ClassIN:
		return insecure(a.Question.Name, "there are no trust anchors of other classes than IN")
	case a.Question.Type == wire.TypeRRSIG: // RFC 4035 section 2.2
		return insecure(a.Question.Name, "signatures are not signed themselves")
	}
	name, v := c.links(a.Question.Name, secure(a.Zone))
	switch {
	case v.Status == cache.Bogus:
	case a.Next != "":
		if a.Next != name {
			v = bogus(a.Zone, EDEBogus, "the aliases lead to "+name.String()+", not to "+a.Next.String())
		}
	case a.Rcode == wire.YXDomain:
		v = worse(v, c.tooLong(name))
	case len(a.Final) == 0:
		v = worse(v, c.denial(name, a.Question.Type))
	default:
		v = worse(v, c.final(name))
	}
	if v.Status == cache.Secure {
		if a.Next != "" {
			c.foresee(a.Next)
		}
		v = worse(v, c.leftover())
	}
	if v.Status == cache.Secure {
		v.TTL, v.NXName, v.EmptyNonTerminal, v.Wildcards = c.ttl, c.nxName, c.noError, c.wildcards
	}
	v.TTL = min(v.TTL, c.exempt)
	v = c.timeless(v)
	v.Reason = oneLine(v.Reason)
	return v
}

// links judges the aliases and follows them to the name at their end.
func (c *check) links(name wire.Name, v Verdict) (wire.Name, Verdict) {
	for i := range c.a.Links {
		l := &c.a.Links[i]
		var target wire.Name
		if len(l.Data) == 1 {
			target = wire.NameAt(l.Data[0], 0).Lower()
		}
		switch {
		case target == "":
			return name, bogus(c.a.Zone, EDEBogus, describe(l)+" is no single alias")
		case l.Type == wire.TypeDNAME && name.Below(l.Name):
			v = worse(v, c.set(l))
		case l.Type == wire.TypeCNAME && l.Name == name:
			if !c.synthesised(l, i) {
				v = worse(v, c.set(l))
			}
			name = target
		default:
			return name, bogus(c.a.Zone, EDEBogus, describe(l)+" is no alias of "+name.String())
		}
		if v.Status == cache.Bogus {
			return name, v
		}
	}
	return name, v
}

// synthesised tells whether a CNAME is what the DNAME before it in the links
// makes of the name, so that it needs no signature (RFC 6672 section 5.3.1).
func (c *check) synthesised(l *wire.RRset, i int) bool {
	if i == 0 || l.Type != wire.TypeCNAME || len(l.Data) != 1 {
		return false
	}
	d := &c.a.Links[i-1]
	if d.Type != wire.TypeDNAME || !l.Name.Below(d.Name) {
		return false
	}
	to, ok := l.Name.ReplaceSuffix(d.Name, wire.NameAt(d.Data[0], 0))
	return ok && to.Equal(wire.NameAt(l.Data[0], 0))
}

// tooLong judges YXDOMAIN: the DNAME, which is secure already, has to make the
// name longer than a name may be (RFC 6672 section 2.2).
func (c *check) tooLong(name wire.Name) Verdict {
	if n := len(c.a.Links); n > 0 {
		d := &c.a.Links[n-1]
		if d.Type == wire.TypeDNAME && name.Below(d.Name) {
			if _, ok := name.ReplaceSuffix(d.Name, wire.NameAt(d.Data[0], 0)); !ok {
				return secure(c.a.Zone)
			}
		}
	}
	return c.unsigned(name, EDEBogus, "no DNAME makes "+name.String()+" too long")
}

// final judges the sets asked for.
func (c *check) final(name wire.Name) Verdict {
	v := secure(c.a.Zone)
	for i := range c.a.Final {
		s := &c.a.Final[i]
		if s.Name != name || s.Type != c.a.Question.Type && c.a.Question.Type != wire.TypeANY {
			return bogus(c.a.Zone, EDEBogus, describe(s)+" is not what was asked for")
		}
		if c.synthesised(s, len(c.a.Links)) {
			continue
		}
		if v = worse(v, c.set(s)); v.Status == cache.Bogus {
			break
		}
	}
	return v
}

// base is the name whose zone has a set: DS records are the parent's (RFC 4035
// section 3.1.4.1).
func base(name wire.Name, t wire.Type) wire.Name {
	if t == wire.TypeDS {
		return name.Parent()
	}
	return name
}

// set judges one set by its signatures, or by the lack of them.
func (c *check) set(s *wire.RRset) Verdict {
	at := base(s.Name, s.Type)
	anchor, v, ok := c.anchor(at)
	if !ok {
		return v
	}
	var failed *state
	worst := Signed{EDE: EDESignaturesMissing, Reason: describe(s) + " has no signature"}
	for _, signer := range signersOf(at, wire.Root, s) {
		p := c.signerState(signer, anchor)
		switch p.kind {
		case notACut:
			worst = Signed{EDE: EDEBogus, Reason: "signature of " + describe(s) + " is by " + signer.String() + ", which is no zone"}
			continue
		case secureZone:
		case unknown:
			v := c.ofState(describe(s), p)
			if late, ok := outOfTime(s, p.zone, c.now); ok { // no key would make it good, and servers of such zones often fail
				v.EDE, v.Reason = late.ede, late.text+", and "+v.Reason
			}
			return v
		default:
			return c.ofState(describe(s), p)
		}
		r := c.verify(s, p)
		if r.OK {
			return c.signed(s, p, r)
		}
		failed, worst = p, r
	}
	if failed != nil {
		return c.insecureBelow(failed, at, c.fail(describe(s), failed.zone, worst))
	}
	return c.unsigned(at, worst.EDE, worst.Reason)
}

// signerState is the state of a zone that claims to have signed something. One
// above the closest trust anchor counts where it is secure (RFC 6840 appendix
// C.2), but its insecurity says nothing of what is below that anchor.
func (c *check) signerState(signer, anchor wire.Name) *state {
	if signer.In(anchor) {
		return c.cut(signer)
	}
	if _, ok := c.anchorOf(signer); ok {
		if p := c.cut(signer); p.kind == secureZone {
			return p
		}
	}
	return &state{kind: notACut, zone: signer}
}

// signed judges a set whose signature is good: one made from a wildcard needs a
// proof that nothing nearer exists.
func (c *check) signed(s *wire.RRset, p *state, r Signed) Verdict {
	c.ttl = min(c.ttl, r.TTL)
	s.TTL = min(s.TTL, r.TTL) // RFC 4035 section 5.3.3
	if !r.Wildcard {
		if s.Type == wire.TypeSOA {
			c.remember(p.zone, []verified{{s, r.TTL}})
		}
		c.tell("%s: secure: signed by key %d (%s) of %s", describe(s), r.tag, r.algorithm, p.zone)
		return secure(p.zone)
	}
	if s.Type == wire.TypeDS || s.Type == wire.TypeDNSKEY || isDenial(s) {
		return c.fail(describe(s), p.zone, Signed{EDE: EDEBogus, Reason: describe(s) + " is made from a wildcard"})
	}
	d, g := c.proofs(p)
	if !g.OK {
		return c.fail(describe(s), p.zone, g)
	}
	if c.v.o.Aggressive {
		wild := *s // as it stands in the zone
		wild.Name, wild.TTL = "\x01*"+r.Encloser, r.TTL
		c.wildcards = append(c.wildcards, wild)
	}
	what := fmt.Sprintf("%s (from *.%s)", describe(s), r.Encloser)
	return c.proved(what, p, d, d.wildcardAnswer(s.Name, r.Encloser), fmt.Sprintf("%s does not prove that nothing is nearer to %s than *.%s", p.zone, s.Name, r.Encloser))
}

// proofs verifies the piece's denial records of a zone, once.
func (c *check) proofs(p *state) (*denials, Signed) {
	if d := c.gathered[p.zone]; d != nil {
		return d, Signed{OK: true}
	}
	if r, ok := c.spoiled[p.zone]; ok {
		return nil, r
	}
	d, r := c.gatherer(p).gather(p.zone, c.a.Proofs)
	if r.OK {
		c.gathered[p.zone] = d
		c.remember(p.zone, d.all)
	} else {
		c.spoiled[p.zone] = r
	}
	return d, r
}

// leftover verifies the proofs that nothing asked for: they go to the client too,
// and AD speaks of all that does (RFC 4035 section 3.2.3).
func (c *check) leftover() Verdict {
	v := secure(c.a.Zone)
	count := 0
	for i := range c.a.Proofs {
		s := &c.a.Proofs[i]
		done := false
		for zone := range c.gathered {
			done = done || isDenial(s) && signedBy(s, zone)
		}
		if done {
			continue
		}
		if count++; count > maxDenials {
			c.b.allow(limitProofs)
			return bogus(c.a.Zone, EDEBogus, fmt.Sprintf("limit: more than %d proofs in one response", maxDenials))
		}
		if v = worse(v, c.set(s)); v.Status != cache.Secure {
			break
		}
	}
	return v
}

// anchor finds the trust anchor for a name; where there is none, or a negative
// one, the verdict is ready.
func (c *check) anchor(at wire.Name) (wire.Name, Verdict, bool) {
	anchor, ok := c.anchorOf(at)
	if n, exempt := c.v.o.NegativeAnchors(at); exempt && !(ok && anchor.Below(n.Name)) { // the closer one counts
		if n.Left > 0 { // what is found now must not outlive it (RFC 7646 section 2)
			c.exempt = min(c.exempt, max(1, uint32(n.Left/time.Second)))
		}
		c.tell("%s: insecure: negative trust anchor %s", at, n.Name)
		return "", insecure(n.Name, "negative trust anchor at "+n.Name.String()), false
	}
	if !ok {
		return "", insecure(at, "no trust anchor above "+at.String()), false
	}
	return anchor, Verdict{}, true
}

// ofState is the verdict on what a zone has that is not secure.
func (c *check) ofState(what string, s *state) Verdict {
	v := Verdict{EDE: s.ede, Zone: s.zone, Reason: s.reason, Err: s.err, TTL: noCap}
	switch s.kind {
	case insecureZone:
		v.Status = cache.Insecure
		c.tell("%s: insecure: %s", what, s.reason)
	case unknown:
		v.Status = cache.Indeterminate
		c.tell("%s: indeterminate: %s", what, s.reason)
	default:
		v.Status = cache.Bogus
		c.tell("%s: bogus: %s", what, s.reason)
	}
	return v
}

func (c *check) fail(what string, zone wire.Name, r Signed) Verdict {
	c.tell("%s: bogus: %s", what, r.Reason)
	v := bogus(zone, r.EDE, r.Reason)
	v.limit = r.Limit
	return v
}

func secure(zone wire.Name) Verdict {
	return Verdict{Status: cache.Secure, EDE: wire.NoEDE, Zone: zone, TTL: noCap}
}

func insecure(zone wire.Name, reason string) Verdict {
	return Verdict{Status: cache.Insecure, EDE: wire.NoEDE, Zone: zone, Reason: reason, TTL: noCap}
}

func bogus(zone wire.Name, ede wire.EDE, reason string) Verdict {
	return Verdict{Status: cache.Bogus, EDE: ede, Zone: zone, Reason: reason, TTL: noCap}
}

// badness orders the statuses: an answer is as secure as its weakest part.
var badness = [...]int{cache.Secure: 0, cache.Unchecked: 1, cache.Insecure: 2, cache.Indeterminate: 3, cache.Bogus: 4}

// worse is the worse of two verdicts; of two that are as bad, the first that has
// an extended error.
func worse(a, b Verdict) Verdict {
	x, y := badness[a.Status], badness[b.Status]
	if y > x || y == x && (a.Status == cache.Secure || a.EDE == wire.NoEDE) {
		return b
	}
	return a
}
