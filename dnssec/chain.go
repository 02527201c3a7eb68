package dnssec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rootwalk/wire"
)

// This file owns the chain of trust: from a name upward to a trust anchor, and
// what that makes of the name (RFC 4035 section 5).
//
// It climbs rather than descends: the DS records of a name, or the proof that it
// has none, are signed by the zone above, and the signature names that zone. So
// one question per zone cut is enough, however many labels lie between.

const (
	// maxTries is how often a set is fetched that turns out to be bogus.
	maxTries = 3
	// maxSigners is how many zones are considered that claim to have signed a reply.
	maxSigners = 2
	// maxMisses is how many questions for DS may bring no signed reply in one check.
	// Below an insecure zone one is usual, since the zone of the server is asked for first.
	//
	//limit:unsigned_replies
	maxMisses = 12
)

// cut finds out what the chain of trust says of a name.
func (c *check) cut(name wire.Name) *state {
	if s := c.known(name); s != nil {
		return s
	}
	return c.settle(name, c.findCut(name))
}

// settle remembers the state of a name.
func (c *check) settle(name wire.Name, s *state) *state {
	name = wire.Name(strings.Clone(string(name))) // it may be a part of a whole message
	c.states[name] = s
	if !s.settled {
		s.settled = true
		if c.now.IsZero() {
			s.ttl = min(s.ttl, timelessTTL)
		}
		s.until = c.v.o.Clock().Add(time.Duration(min(s.ttl, maxStateTTL)) * time.Second)
		if s.above != nil {
			s.until = min(s.until, s.above.until)
		}
	}
	if s.kind != unknown && !s.limit { // it may be the state of the zone above
		c.v.zones.put(name, s, c.generation)
	}
	return s
}

// known looks for a state that was found out before.
func (c *check) known(name wire.Name) *state {
	if s := c.states[name]; s != nil {
		return s
	}
	return c.v.zones.get(name, c.v.o.Clock())
}

// findCut starts from the name's own trust anchors, if it has any. Where they do
// not lead to keys those above may: any success counts (RFC 6840 section 5.10 and
// appendix C.2).
func (c *check) findCut(name wire.Name) *state {
	t, ok := c.anchors[name]
	if !ok {
		return c.fromAbove(name)
	}
	s := c.anchored(name, t)
	if s.kind != secureZone && name != wire.Root {
		if up := c.fromAbove(name); up.kind == secureZone {
			return up
		}
	}
	return s
}

// fromAbove asks the zones above a name what it is.
func (c *check) fromAbove(name wire.Name) *state {
	anchor, ok := c.anchorOf(name.Parent())
	if !ok {
		return &state{kind: insecureZone, zone: name, ede: wire.NoEDE, reason: "no trust anchor above " + name.String(), ttl: noCap}
	}
	for n := name; n != anchor; { // what is insecure is so down to the next anchor
		n = n.Parent()
		if s := c.known(n); s != nil && s.kind == insecureZone {
			return s
		}
	}
	if s := c.foretold(name, anchor); s != nil {
		return s
	}
	q := wire.Question{Name: name, Type: wire.TypeDS, Class: wire.ClassIN}
	s := c.retry(q, func(got Fetched) *state { return c.readDS(name, anchor, got) })
	if s.kind == unknown && name.Parent() != anchor && c.ctx.Err() == nil {
		// Servers of insecure zones need not know what DS is. If the name above is
		// insecure, or bogus, so is this one.
		if c.misses++; c.misses <= maxMisses {
			if up := c.cut(name.Parent()).enclosing(); up.kind == insecureZone || up.kind == bogusZone {
				return up
			}
		}
	}
	return s
}

// retry fetches and judges, and does so again while the result is bogus and
// there are other servers to ask.
func (c *check) retry(q wire.Question, judge func(Fetched) *state) *state {
	var last *state
	for try := 1; ; try++ {
		got, err := c.fetch(q)
		if err != nil && last != nil { // no other server: what the last one said stands
			last.tried = true
			return last
		}
		if err != nil {
			c.tell("%s: not fetched: %v", q, err)
			ede := edeOf(err)
			if q.Type == wire.TypeDNSKEY { // which of the two it is that fails says more; the reason has the rest
				ede = EDEKeyMissing
			}
			return &state{kind: unknown, zone: q.Name, ede: ede, reason: fmt.Sprintf("no %s records of %s: %v", q.Type, q.Name, err), err: err}
		}
		s := judge(got)
		if s.kind != bogusZone || s.limit || s.settled || s.tried {
			return s
		}
		r, ok := c.f.(Rejecter)
		if try == maxTries || !ok || !r.Reject(q, s.reason) {
			s.tried = true
			return s
		}
		last = s
		c.tell("%s: %s; asking another server", q, s.reason)
	}
}

func (c *check) fetch(q wire.Question) (Fetched, error) {
	got, err := c.f.Fetch(c.ctx, q)
	if err == nil && got.Rcode != wire.NoError && got.Rcode != wire.NXDomain {
		err = fmt.Errorf("reply %s", got.Rcode)
	}
	return got, err
}

// anchored finds the keys of a zone that has trust anchors.
func (c *check) anchored(name wire.Name, t trustAnchors) *state {
	use, ede := usableDS(t.ds, c.v.o.SHA1)
	able := slices.ContainsFunc(t.keys, func(d string) bool { return len(d) >= 4 && Algorithm(d[3]).Supported(c.v.o.SHA1) })
	if len(use) == 0 && !able {
		if len(t.ds) == 0 {
			ede = EDEUnsupportedAlgorithm
		}
		return &state{kind: insecureZone, zone: name, ede: ede, reason: "the trust anchor of " + name.String() + " is of an unsupported algorithm or digest", ttl: noCap}
	}
	s := c.zoneKeys(name, trust{ds: use, keys: t.keys}, noCap)
	c.doubtKeys(s)
	return s
}

// zoneKeys fetches the DNSKEY set of a zone and verifies it.
func (c *check) zoneKeys(name wire.Name, t trust, ttl uint32) *state {
	q := wire.Question{Name: name, Type: wire.TypeDNSKEY, Class: wire.ClassIN}
	return c.retry(q, func(got Fetched) *state {
		set := findSet(got.Answer, name, wire.TypeDNSKEY)
		if set == nil {
			return c.broken(name, EDEKeyMissing, name.String()+" has no DNSKEY records, but its "+t.source()+" says that it is signed", false)
		}
		k := judgeKeys(name, set, t, c.v.o.SHA1, c.now, c.b)
		switch {
		case k.insecure:
			c.tell("%s DNSKEY: %s: insecure", name, k.reason)
			return &state{kind: insecureZone, zone: name, ede: k.ede, reason: k.reason, ttl: min(ttl, set.TTL)}
		case k.keys == nil:
			return c.broken(name, k.ede, k.reason, k.limit)
		}
		c.tell("%s DNSKEY: %s, secure: signed by key %d (%s), which matches the %s", name, count(len(k.keys), "key"), k.signed.tag, k.signed.algorithm, t.source())
		return &state{kind: secureZone, zone: name, keys: k.keys, ede: wire.NoEDE, ttl: min(ttl, k.signed.TTL)}
	})
}

func (c *check) broken(zone wire.Name, ede wire.EDE, reason string, limit bool) *state {
	c.tell("%s: bogus: %s", zone, reason)
	return &state{kind: bogusZone, zone: zone, ede: ede, reason: reason, limit: limit, ttl: bogusTTL}
}

// readDS says what a reply to a question for DS records means. The zone that
// signed it has to be above the name, and not above the closest anchor.
func (c *check) readDS(name, anchor wire.Name, got Fetched) *state {
	signers := signersOf(name.Parent(), anchor, dsEvidence(name, got)...)
	for _, signer := range signers {
		p := c.cut(signer)
		switch p.kind {
		case secureZone:
			return c.readSigned(name, p, got)
		case notACut: // a signature by a zone that is none
		default:
			return p
		}
	}
	return c.climb(name, anchor, got.Zone)
}

// dsEvidence lists the sets of a reply that may say what a name is to its parent.
func dsEvidence(name wire.Name, got Fetched) []*wire.RRset {
	var out []*wire.RRset
	for _, section := range [][]wire.RRset{got.Answer, got.Authority} {
		for i := range section {
			s := &section[i]
			switch {
			case s.Type == wire.TypeDS && s.Name == name, s.Type == wire.TypeCNAME && s.Name == name,
				s.Type == wire.TypeDNAME && name.Below(s.Name), isDenial(s):
				out = append(out, s)
			}
		}
	}
	return out
}

// signersOf lists the zones that claim to have signed the sets, the closest
// first: only those that the name is in, and that are not above the anchor.
func signersOf(name, anchor wire.Name, sets ...*wire.RRset) []wire.Name {
	var out []wire.Name
	for _, s := range sets {
		for _, raw := range s.Sigs {
			sig, ok := parseSignature(raw)
			if ok && name.In(sig.signer) && sig.signer.In(anchor) && !slices.Contains(out, sig.signer) {
				out = append(out, sig.signer)
			}
		}
	}
	slices.SortFunc(out, func(a, b wire.Name) int { return len(b) - len(a) })
	return out[:min(len(out), maxSigners)]
}

// readSigned reads a reply that was signed by the secure zone p.
func (c *check) readSigned(name wire.Name, p *state, got Fetched) *state {
	set := findSet(got.Answer, name, wire.TypeDS)
	if set == nil { // a referral has it there
		set = findSet(got.Authority, name, wire.TypeDS)
	}
	if set != nil {
		return c.delegated(name, p, set)
	}
	missing := Signed{EDE: EDEDenialMissing, Reason: fmt.Sprintf("%s does not prove that %s has no DS records", p.zone, name)}
	for i := range got.Answer { // an alias is no zone cut (RFC 2181 section 10.1), nor is what a DNAME occludes
		s := &got.Answer[i]
		if s.Type != wire.TypeCNAME && s.Type != wire.TypeDNAME || s.Name != name && (s.Type == wire.TypeCNAME || !name.Below(s.Name)) {
			continue
		}
		if !signedBy(s, p.zone) {
			if len(s.Sigs) == 0 {
				missing = Signed{EDE: EDESignaturesMissing, Reason: describe(s) + " has no signature"}
			}
			continue
		}
		r := VerifyRRset(s, p.zone, p.keys, c.now, c.b)
		if !r.OK {
			return c.broken(p.zone, r.EDE, r.Reason, r.Limit)
		}
		if !r.Wildcard {
			c.tell("%s DS: none: secure: %s is an alias of %s", name, s.Name, p.zone)
			return c.within(p, r.TTL)
		}
	}
	d, r := c.gatherer(p).gather(p.zone, got.Authority)
	if !r.OK {
		return c.broken(p.zone, r.EDE, r.Reason, r.Limit)
	}
	c.remember(p.zone, d.all)
	switch what, how := d.delegation(name); {
	case how == exhausted:
		return c.broken(p.zone, EDEBogus, "limit: NSEC3 hashes for "+name.String(), true)
	case how == iterations:
		reason := fmt.Sprintf("NSEC3 of %s has more than %d iterations", p.zone, c.v.o.MaxIterations)
		c.tell("%s DS: %s: insecure", name, reason)
		return &state{kind: insecureZone, zone: name, ede: EDEUnsupportedIterations, reason: reason, ttl: d.ttl}
	case what == cutInsecure:
		return c.insecureCut(name, p, d, how)
	case what == cutNone:
		c.tell("%s DS: none: secure: no zone cut", name)
		return c.within(p, d.ttl)
	}
	if missing.EDE == EDEDenialMissing {
		missing.EDE = d.lack()
	}
	return c.broken(p.zone, missing.EDE, missing.Reason, false)
}

// insecureCut is the state of a name that the zone above proves to be an insecure
// delegation, or that lies where it signs none.
func (c *check) insecureCut(name wire.Name, p *state, d *denials, how proof) *state {
	reason := p.zone.String() + " proves that " + name.String() + " has no DS records"
	if how == optOut {
		reason = p.zone.String() + " signs no delegations where " + name.String() + " would be (opt-out)"
	}
	c.tell("%s DS: %s: insecure", name, reason)
	return &state{kind: insecureZone, zone: name, optOut: how == optOut, ede: wire.NoEDE, reason: reason, ttl: d.ttl}
}

// within is the state of a name that is no zone cut.
func (c *check) within(p *state, ttl uint32) *state {
	return &state{kind: notACut, zone: p.zone, above: p, ede: wire.NoEDE, ttl: min(ttl, p.ttl)}
}

func (c *check) gatherer(p *state) gatherer {
	return gatherer{verify: func(s *wire.RRset) Signed { return c.verify(s, p) }, budget: c.b, maxIterations: c.v.o.MaxIterations}
}

// delegated verifies a DS set and goes on to the keys of the zone.
func (c *check) delegated(name wire.Name, p *state, set *wire.RRset) *state {
	r := VerifyRRset(set, p.zone, p.keys, c.now, c.b)
	if r.OK && r.Wildcard {
		r = Signed{EDE: EDEBogus, Reason: describe(set) + " is made from a wildcard"}
	}
	if !r.OK {
		return c.broken(p.zone, r.EDE, r.Reason, r.Limit)
	}
	c.tell("%s DS: %s, secure: signed by key %d (%s) of %s", name, count(len(set.Data), "record"), r.tag, r.algorithm, p.zone)
	use, ede := usableDS(set.Data, c.v.o.SHA1)
	if len(use) == 0 {
		reason := "every DS record of " + name.String() + " is of an unsupported digest"
		if ede == EDEUnsupportedAlgorithm {
			reason = "every DS record of " + name.String() + " is of an unsupported algorithm"
		}
		c.tell("%s: %s: insecure", name, reason)
		return &state{kind: insecureZone, zone: name, ede: ede, reason: reason, ttl: r.TTL}
	}
	return c.zoneKeys(name, trust{ds: use}, r.TTL)
}

// climb goes on where a question for DS records brought nothing signed: either the
// parent is insecure, or something is wrong. The hint is the zone whose server
// replied.
func (c *check) climb(name, anchor, hint wire.Name) *state {
	if c.misses++; c.misses > maxMisses {
		c.b.allow(limitUnsigned)
		return c.broken(name, EDEBogus, "limit: too many replies without signatures above "+name.String(), true)
	}
	up := name.Parent()
	if hint != "" && name.Below(hint) && hint.In(anchor) {
		up = hint
	}
	s := c.cut(up).enclosing()
	// The server's zone is secure, and yet the reply is not signed: there may be an
	// insecure zone between that the same server has.
	for k := up.Labels() + 1; s.kind == secureZone && k < name.Labels(); k++ {
		s = c.cut(name.Last(k)).enclosing()
	}
	if s.kind != secureZone {
		return s
	}
	return c.broken(s.zone, EDESignaturesMissing, fmt.Sprintf("%s is secure, but its reply for %s DS is not signed", s.zone, name), false)
}

func findSet(sets []wire.RRset, name wire.Name, t wire.Type) *wire.RRset {
	for i := range sets {
		if s := &sets[i]; s.Type == t && s.Name == name && s.Class == wire.ClassIN {
			return s
		}
	}
	return nil
}
