package resolver

import (
	"context"
	"net/netip"

	"rootwalk/cache"
	"rootwalk/dnssec"
	"rootwalk/wire"
)

// This file brings walk and validator together: what the walk found is judged
// (RFC 4035 section 5), and what the validator lacks is looked for by a walk.

// maxBogus is how many servers of a zone may give a bogus answer before the
// answer itself is called bogus: one server may be out of date or lie.
const maxBogus = 3

// validating tells whether the data of this walk has to be judged. The addresses
// of name servers do not: whoever lies about one gains no more than being asked,
// and what it then says is judged.
func (w *walk) validating() bool { return w.r.o.Validator != nil && !w.raw }

// judge finds out the security status of a piece that servers of the zone gave.
// A piece that must not be used is a Failure.
func (w *walk) judge(q wire.Question, p *piece, zone wire.Name) error {
	if !w.validating() {
		return nil
	}
	var note func(string)
	if w.trace != nil && !w.trace.brief {
		note = func(text string) { w.trace.add(Step{Kind: StepValidate, Text: text, raw: raw{zone: zone}}) }
	}
	v := w.r.o.Validator.Check(w.ctx, &fetcher{w: w}, w.budget.crypto, &dnssec.Answer{
		Question: q, Zone: zone, Rcode: p.rcode, Links: p.links, Next: p.next, Final: p.final, SOA: p.soa, Proofs: p.proofs}, note)
	p.status = v.Status
	if v.EmptyNonTerminal { // what is proved is that the name exists, whatever the code says
		p.rcode = wire.NoError
	}
	if v.NXName { // a signed word is worth more than a code
		p.rcode = wire.NXDomain
		p.flags |= compactFlag
	}
	w.trace.add(Step{Kind: StepVerdict, Outcome: statusName(v.Status), Text: v.Reason, raw: raw{zone: v.Zone}})
	w.r.stats.verdict(v.Status)
	p.keepFor(v.TTL)
	switch v.Status {
	case cache.Secure:
		p.wildcards = v.Wildcards
	case cache.Bogus, cache.Indeterminate:
		if w.cd { // the client judges by itself, and may be glad to know
			p.because(v.EDE, inWords(&v))
			return nil
		}
		if v.Err != nil {
			if f := asFailure(v.Err); f.limit || f.partial {
				return f
			}
		}
		f := &Failure{EDE: v.EDE, Text: inWords(&v), bogus: v.Status == cache.Bogus, judged: true}
		if p.remark != "" { // and may be why
			f.Text += "; " + p.remark
		}
		return f
	}
	if v.Status == cache.Insecure && v.EDE != wire.NoEDE {
		p.because(v.EDE, inWords(&v))
	}
	return nil
}

// because gives the piece a reason in place of the one that it may have.
func (p *piece) because(ede wire.EDE, remark string) {
	p.flags, p.remark = p.flags&^reasonFlags|flagsOf(ede), remark
}

// inWords names the zone that decided, and the reason.
func inWords(v *dnssec.Verdict) string { return v.Zone.String() + ": " + v.Reason }

var statusNames = [...]string{"unchecked", "secure", "insecure", "bogus", "indeterminate"}

func statusName(s cache.Status) string { return statusNames[s] }

// keepFor bounds how long a piece that was judged may be kept, in seconds. In a positive one
// each set has a TTL of its own, which its signature allows: an alias does not run out with
// what it leads to. What is denied ends with its proof.
func (p *piece) keepFor(ttl uint32) {
	for i := 1; i < len(p.links); i++ {
		if d, c := &p.links[i-1], &p.links[i]; d.Type == wire.TypeDNAME {
			c.TTL = min(c.TTL, d.TTL)
		}
	}
	least := shortest(p.links, p.final, p.proofs)
	if positive := len(p.final) > 0 || p.next != ""; !positive || ttl < least { // the validator has another reason
		p.capTTL(ttl)
		return
	}
	p.ttl = min(p.ttl, ttl)
}

// shortest is the least TTL of some sets.
func shortest(lists ...[]wire.RRset) uint32 {
	ttl := uint32(1<<31 - 1)
	for _, sets := range lists {
		for i := range sets {
			ttl = min(ttl, sets[i].TTL)
		}
	}
	return ttl
}

// capTTL bounds the TTLs of a verified piece: signatures end, and say what the
// TTL was (RFC 4035 section 5.3.3).
func (p *piece) capTTL(ttl uint32) {
	p.ttl = min(p.ttl, ttl)
	for _, sets := range [...][]wire.RRset{p.links, p.final, p.soa, p.proofs} {
		for i := range sets {
			sets[i].TTL = min(sets[i].TTL, ttl)
		}
	}
}

// weaker is the status of data that needs both: an answer is as secure as its
// weakest link.
func weaker(a, b cache.Status) cache.Status {
	for _, s := range [...]cache.Status{cache.Bogus, cache.Indeterminate, cache.Unchecked, cache.Insecure} {
		if a == s || b == s {
			return s
		}
	}
	return cache.Secure
}

// distrust leaves a server out for the rest of the walk.
func (w *walk) distrust(a netip.Addr) {
	if w.liars == nil {
		w.liars = map[netip.Addr]bool{}
	}
	w.liars[a] = true
}

// fetcher finds DS and DNSKEY sets for the validator, which judges them itself.
type fetcher struct {
	w    *walk
	from map[wire.Question]netip.Addr // the server that gave each set; none for one from the cache
}

// Fetch finds a set in the cache, in what a referral said, or by a walk that
// spends the budget of the question.
func (f *fetcher) Fetch(ctx context.Context, q wire.Question) (dnssec.Fetched, error) {
	w := f.w
	if q.Type == wire.TypeDS {
		if d, ok := w.r.referred(q); ok {
			return d, nil
		}
	}
	trace, done := w.trace.below(Step{Kind: StepNote, Text: "for the chain of trust", raw: raw{question: q}})
	defer done()
	below := &walk{r: w.r, ctx: ctx, began: w.began, budget: w.budget, trace: trace, depth: w.depth, above: w.above, raw: true, liars: w.liars, givenUp: w.givenUp}
	p, err := below.piece(q)
	if err != nil {
		return dnssec.Fetched{}, err
	}
	if f.from == nil {
		f.from = map[wire.Question]netip.Addr{}
	}
	f.from[q] = p.from
	return dnssec.Fetched{Rcode: p.rcode, Zone: p.zone, Answer: append(p.links[:len(p.links):len(p.links)], p.final...), Authority: append(p.soa[:len(p.soa):len(p.soa)], p.proofs...)}, nil
}

// Reject leaves the server out that gave a bogus set, and forgets the set, so that
// the next Fetch asks another one.
func (f *fetcher) Reject(q wire.Question, reason string) bool {
	w := f.w
	w.trace.add(Step{Kind: StepNote, Text: q.String() + " is bogus (" + reason + "): asking another server"})
	if from := f.from[q]; from.IsValid() {
		w.distrust(from)
	}
	var key cache.Key
	key.SetName(cache.Answer, q.Name, q.Type, q.Class)
	w.r.o.Cache.Delete(&key)
	key.SetName(cache.Answer, q.Name, cache.NameError, q.Class)
	w.r.o.Cache.Delete(&key)
	key.SetName(cache.Delegation, q.Name, q.Type, q.Class)
	w.r.o.Cache.Delete(&key)
	return true
}

// keepReferred stores what a signed parent says of a child's security: its DS set,
// or the proof that it has none. It is kept apart from answers, since it comes
// without an SOA record.
func (r *Resolver) keepReferred(child wire.Name, proofs []wire.RRset, ttl uint32) {
	if r.o.Validator == nil || len(proofs) == 0 {
		return
	}
	rep := &wire.Reply{Question: wire.Question{Name: child, Type: wire.TypeDS, Class: wire.ClassIN}}
	for _, p := range proofs {
		ttl = min(ttl, p.TTL)
		if p.Type == wire.TypeDS {
			rep.Answer = append(rep.Answer, p)
		} else {
			rep.Authority = append(rep.Authority, p)
		}
	}
	var room [1500]byte
	packed, err := wire.Pack(room[:0], rep)
	if err != nil || ttl == 0 {
		return
	}
	var key cache.Key
	key.SetName(cache.Delegation, child, wire.TypeDS, wire.ClassIN)
	r.keepEntry(&key, cache.Header{Stored: r.o.Clock().Seconds(), Lifetime: ttl}, packed)
}

// signed tells whether the zone's parent said that it has a DS set, or the zone has a
// trust anchor; where nothing is validated it does not matter.
func (w *walk) signed(zone wire.Name) bool {
	v := w.r.o.Validator
	switch {
	case v == nil || v.Exempt(zone):
		return false
	case v.Anchored(zone):
		return true
	}
	f, ok := w.r.referred(wire.Question{Name: zone, Type: wire.TypeDS, Class: wire.ClassIN})
	return ok && len(f.Answer) > 0
}

// referred reads it.
func (r *Resolver) referred(q wire.Question) (dnssec.Fetched, bool) {
	var key cache.Key
	key.SetName(cache.Delegation, q.Name, wire.TypeDS, wire.ClassIN)
	var room [1500]byte
	h, b, ok := r.o.Cache.Get(&key, room[:0])
	if !ok || !h.Fresh(r.o.Clock().Seconds()) {
		return dnssec.Fetched{}, false
	}
	var m wire.Message
	if wire.Packed(b).Unpack(q, &m) != nil {
		return dnssec.Fetched{}, false
	}
	d := dnssec.Fetched{Answer: wire.Group(m.Answer), Authority: wire.Group(m.Authority)}
	age := h.Age(r.o.Clock().Seconds())
	for _, sets := range [...][]wire.RRset{d.Answer, d.Authority} {
		for i := range sets {
			sets[i].TTL -= min(age, sets[i].TTL)
		}
	}
	return d, true
}

// TrustsRootKey tells whether a trust anchor of the root has the key tag (RFC 8509).
func (r *Resolver) TrustsRootKey(tag uint16) bool {
	return r.o.Validator != nil && r.o.Validator.TrustsRootKey(tag)
}

// Serves tells whether a fresh entry may be given to a client: not before it was
// judged, unless the client does that itself (RFC 4035 section 3.2.2).
func (r *Resolver) Serves(h cache.Header, cd bool) bool {
	return cd || r.o.Validator == nil || h.Status != cache.Unchecked
}
