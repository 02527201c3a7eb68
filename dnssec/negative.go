package dnssec

import (
	"fmt"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file judges what an answer denies, and what no secure zone has signed.

// proved turns a proof into a verdict.
func (c *check) proved(what string, p *state, d *denials, how proof, missing string) Verdict {
	switch how {
	case proven:
		c.ttl = min(c.ttl, d.ttl)
		c.tell("%s: secure: proved by %s", what, p.zone)
		return secure(p.zone)
	case optOut:
		c.tell("%s: insecure: opt-out of %s", what, p.zone)
		return insecure(p.zone, what+" lies where "+p.zone.String()+" does not sign delegations (opt-out)")
	case iterations:
		v := insecure(p.zone, fmt.Sprintf("NSEC3 of %s has more than %d iterations", p.zone, c.v.o.MaxIterations))
		v.EDE = EDEUnsupportedIterations
		c.tell("%s: insecure: %s", what, v.Reason)
		return v
	case exhausted:
		return c.fail(what, p.zone, Signed{EDE: EDEBogus, Reason: "limit: NSEC3 hashes for one response", Limit: true})
	}
	return c.fail(what, p.zone, Signed{EDE: d.lack(), Reason: missing})
}

// lack is the extended error for what the records do not prove: none are there (RFC
// 8914 section 4.13), or they are and say something else (section 4.7).
func (d *denials) lack() wire.EDE {
	if len(d.all) == 0 {
		return EDEDenialMissing
	}
	return EDEBogus
}

// denial judges that a name, or a type of it, does not exist.
func (c *check) denial(name wire.Name, t wire.Type) Verdict {
	at := base(name, t)
	anchor, v, ok := c.anchor(at)
	if !ok {
		return v
	}
	var evidence []*wire.RRset
	for i := range c.a.Proofs {
		evidence = append(evidence, &c.a.Proofs[i])
	}
	signers := signersOf(at, wire.Root, evidence...)
	if len(signers) == 0 {
		for i := range c.a.SOA {
			signers = append(signers, signersOf(at, wire.Root, &c.a.SOA[i])...)
		}
	}
	for _, signer := range signers {
		p := c.signerState(signer, anchor)
		switch p.kind {
		case notACut:
			continue
		case secureZone:
			return c.denied(name, t, p)
		}
		return c.ofState(name.String()+" "+t.String(), p)
	}
	ede, reason := EDEDenialMissing, fmt.Sprintf("nothing proves that there is no %s %s", name, t)
	if len(c.a.Proofs) > 0 || len(c.a.SOA) > 0 {
		ede, reason = EDESignaturesMissing, fmt.Sprintf("what denies %s %s is not signed", name, t)
	}
	return c.unsigned(at, ede, reason)
}

// denied judges a denial that claims to be of the secure zone p.
func (c *check) denied(name wire.Name, t wire.Type, p *state) Verdict {
	what := name.String() + " " + t.String()
	d, g := c.proofs(p)
	if !g.OK {
		return c.insecureBelow(p, base(name, t), c.fail(what, p.zone, g))
	}
	how := unproven
	if c.a.Rcode == wire.NXDomain {
		how = d.nameError(name)
	}
	switch {
	case how != unproven:
	case c.a.Rcode != wire.NXDomain:
		how = d.noData(name, t)
	case d.noData(name, t) == proven: // an empty non-terminal that the server calls a name error
		how, c.noError = proven, true
	}
	missing := fmt.Sprintf("%s does not prove that there is no %s", p.zone, what)
	if c.a.Rcode == wire.NXDomain {
		missing = fmt.Sprintf("%s does not prove that %s does not exist", p.zone, name)
	}
	if how == unproven {
		if z, ok := d.cutWithin(base(name, t)); ok {
			c.tell("%s: insecure: %s proves that %s has no DS records", what, p.zone, z)
			return insecure(z, p.zone.String()+" proves that "+z.String()+" has no DS records")
		}
	}
	v := c.proved("no "+what, p, d, how, missing)
	if v.Status == cache.Bogus {
		return c.insecureBelow(p, base(name, t), v)
	}
	c.nxName = d.nxName(name)
	for i := range c.a.SOA {
		s := &c.a.SOA[i]
		if !base(name, t).In(s.Name) {
			return bogus(p.zone, EDEBogus, describe(s)+" is of no zone that "+name.String()+" is in")
		}
		v = worse(v, c.set(s))
	}
	return v
}

// insecureBelow looks whether the name is in an insecure zone below p after all,
// perhaps on the same server, so that what p does not vouch for is nobody's lie.
// What opt-out leaves open does not count, unless a referral led there.
func (c *check) insecureBelow(p *state, at wire.Name, v Verdict) Verdict {
	if v.limit {
		return v
	}
	for _, z := range [...]wire.Name{c.a.Zone, at} {
		if z == "" || !at.In(z) || !z.Below(p.zone) {
			continue
		}
		if s := c.cut(z).enclosing(); s.kind == insecureZone && (z == c.a.Zone || !s.optOut) {
			return c.ofState(at.String(), s)
		}
	}
	return v
}

// cutWithin looks for an insecure delegation between the zone p and the name among
// the proofs at hand, which spares a question.
func (d *denials) cutWithin(at wire.Name) (wire.Name, bool) {
	for n := at; n.Below(d.zone); n = n.Parent() {
		if what, how := d.delegation(n); what == cutInsecure && how == proven {
			return n, true
		}
	}
	return "", false
}

// unsigned judges what no secure zone has signed: insecure where the name is in
// an insecure zone, else bogus for the reason given. The zone of the server is
// asked for first, then the one that its SOA record names, then that of the name
// itself.
func (c *check) unsigned(at wire.Name, ede wire.EDE, reason string) Verdict {
	anchor, v, ok := c.anchor(at)
	if !ok {
		return v
	}
	hints := []wire.Name{c.a.Zone}
	for i := range c.a.SOA {
		hints = append(hints, c.a.SOA[i].Name)
	}
	for _, z := range hints {
		if z != "" && at.Below(z) && z.In(anchor) {
			if s := c.cut(z).enclosing(); s.kind != secureZone {
				return c.ofState(at.String(), s)
			}
		}
	}
	s := c.cut(at).enclosing()
	if s.kind != secureZone {
		return c.ofState(at.String(), s)
	}
	return c.fail(at.String(), s.zone, Signed{EDE: ede, Reason: reason + ", and " + s.zone.String() + " is secure"})
}
