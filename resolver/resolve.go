package resolver

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"rootwalk/cache"
	"rootwalk/wire"
)

// walk is one question on its way, or a sub-question of one: the address of a
// server. Sub-questions share the budget and know what is being looked for
// above them.
type walk struct {
	r      *Resolver
	ctx    context.Context
	began  time.Time
	budget *budget
	trace  *Trace
	depth  int
	above  []wire.Name   // server names whose addresses are being looked for
	client wire.Question // the client's own question, whose answer Lookup stores

	cd      bool                // the client judges by itself
	tcp     bool                // servers are asked over TCP alone
	raw     bool                // nothing is judged: the validator or the search for a server asks
	status  cache.Status        // of all pieces together
	flags   uint8               // of all pieces together, for the cache
	remark  string              // and what is to be said in words
	liars   map[netip.Addr]bool // servers whose answers were bogus
	refresh bool                // answers that are about to run out do not count
	anew    bool                // answers that are known do not count

	fleeting bool    // the answer is not worth a place in the cache
	givenUp  []*Zone // configured zones whose servers gave no answer
}

// piece is the answer to one link of a chain: one name in one zone.
type piece struct {
	rcode  wire.Rcode
	links  []wire.RRset // aliases, in order
	next   wire.Name    // the name that they lead to, if the chain goes on
	final  []wire.RRset // the set asked for
	soa    []wire.RRset
	proofs []wire.RRset
	ttl    uint32 // seconds that it may be kept
	status cache.Status
	zone   wire.Name  // whose server said so; "" from the cache
	from   netip.Addr // the server
	flags  uint8      // what there is to say beside the records, as in cache.Header; see Reason
	remark string     // the reason in words

	wildcards []wire.RRset // that secure sets were made from
}

// resolve follows a question through its aliases, from zone to zone, to the end
// (RFC 1034 section 5.3.3 step 4c). It returns the whole reply and how long it
// may be kept, in seconds.
func (w *walk) resolve(q wire.Question) (*wire.Reply, uint32, error) {
	rep := &wire.Reply{Question: q}
	ttl := uint32(1<<31 - 1)
	owners := map[wire.Name]bool{}
	w.status, w.flags, w.remark = cache.Secure, 0, ""
	name := q.Name
	for {
		if w.ctx.Err() != nil {
			return nil, 0, &Failure{EDE: wire.EDENoReachable, Text: "no answer in time", partial: w.hurried()}
		}
		link := wire.Question{Name: name, Type: q.Type, Class: q.Class}
		p, err := w.piece(link)
		if err != nil {
			return nil, 0, err
		}
		// What a name may have, one that is an alias of it may not: it is the alias that the
		// client believes in.
		if link != w.client || len(p.links) > 0 {
			w.dropForbidden(p, q.Name)
		}
		for _, l := range p.links { // a DNAME may be used twice
			if findSet(rep.Answer, l.Name, l.Type, l.Class) == nil {
				rep.Answer = append(rep.Answer, l)
			}
		}
		rep.Answer = append(rep.Answer, p.final...)
		rep.Authority = append(append(rep.Authority, p.soa...), p.proofs...)
		ttl = min(ttl, p.ttl)
		w.status = weaker(w.status, p.status)
		w.flags = both(w.flags, p.flags)
		if p.remark != "" {
			w.remark = p.remark
		}
		for i := range p.links {
			if l := &p.links[i]; l.Type == wire.TypeCNAME {
				if owners[l.Name] {
					return nil, 0, &Failure{EDE: wire.EDEOther, Text: fmt.Sprintf("alias loop at %s", l.Name)}
				}
				owners[l.Name] = true
				w.trace.add(Step{Kind: StepAlias, raw: raw{question: wire.Question{Name: l.Name}, name: wire.NameAt(l.Data[0], 0)}})
			}
		}
		if len(owners) > max(w.r.o.MaxAliases, 0) {
			w.budget.hit(limitAliases)
			return nil, 0, &Failure{EDE: wire.EDEOther, Text: fmt.Sprintf("limit: more than %d aliases", w.r.o.MaxAliases), limit: true}
		}
		if p.next == "" {
			rep.Rcode = p.rcode
			w.trace.add(outcome(rep))
			return rep, ttl, nil
		}
		if owners[p.next] || p.next == name {
			return nil, 0, &Failure{EDE: wire.EDEOther, Text: fmt.Sprintf("alias loop at %s", p.next)}
		}
		name = p.next
	}
}

// outcome is the step that says what a reply is.
func outcome(rep *wire.Reply) Step {
	switch n := len(rep.Answer); {
	case rep.Rcode != wire.NoError:
		return Step{Kind: StepAnswer, Outcome: rep.Rcode.String()}
	case n == 0 || rep.Answer[n-1].Type != rep.Question.Type && rep.Question.Type != wire.TypeANY:
		return Step{Kind: StepAnswer, Outcome: "no data"}
	case rep.Question.Type == wire.TypeANY:
		return Step{Kind: StepAnswer, Outcome: fmt.Sprintf("answer: %s has records of %d types", rep.Answer[n-1].Name, n)}
	default:
		s := &rep.Answer[n-1]
		return Step{Kind: StepAnswer, raw: raw{question: wire.Question{Name: s.Name, Type: s.Type}, count: len(s.Data)}}
	}
}

// piece answers one link: from the cache, or by walking to its zone.
func (w *walk) piece(q wire.Question) (*piece, error) {
	if p := w.known(q); p != nil {
		if p.status != cache.Unchecked || !w.validating() {
			return p, nil
		}
		if w.judge(q, p, w.zoneOf(q)) == nil {
			w.keep(q, p)
			return p, nil
		} // what a search for servers brought may be bogus: ask properly
	}
	if p := w.local(q); p != nil {
		return p, nil
	}
	var bogus error
	for range maxBogus {
		m, err := w.iterate(q)
		if err != nil {
			if bogus != nil {
				return nil, bogus
			}
			return nil, err
		}
		p, err := w.accept(q, &m)
		if err == nil {
			return p, nil
		}
		if f := asFailure(err); !f.bogus || !m.from.IsValid() {
			return nil, err
		}
		w.trace.add(Step{Kind: StepNote, Text: "bogus: asking another server"})
		bogus = err
		w.distrust(m.from)
	}
	return nil, bogus
}

// zoneOf is the zone that a name is in as far as is known.
func (w *walk) zoneOf(q wire.Question) wire.Name {
	n := q.Name
	if q.Type == wire.TypeDS {
		n = n.Parent()
	}
	return w.closestCut(n).Zone
}

// accept makes a piece of what a server said, judges it and keeps it.
func (w *walk) accept(q wire.Question, m *meaning) (*piece, error) {
	p := &piece{zone: m.zone, from: m.from, links: m.links, next: m.next, final: m.final, soa: m.soa, proofs: m.proofs}
	switch m.kind {
	case isNXDomain:
		p.rcode = wire.NXDomain
	case isYXDomain:
		p.rcode = wire.YXDomain
	}
	if m.secure {
		p.status, p.ttl, p.flags = cache.Secure, m.ttl, m.flags
		p.capTTL(m.ttl)
	} else {
		if m.odd { // no other code says so, and who asks should know that there was more (RFC 8914 section 4.1)
			p.flags, p.remark = flagsOf(wire.EDEOther), m.zone.String()+": "+leftOut
		}
		w.r.bound(p, m.kind)
		if err := w.judge(q, p, m.zone); err != nil {
			return nil, err
		}
	}
	w.dropForbidden(p, "")
	w.keep(q, p)
	w.keepWildcards(p.wildcards)
	return p, nil
}

const leftOut = "records whose data do not fit their type were left out"

// local answers a link about a name that is nobody else's business: an alias may
// lead to one.
func (w *walk) local(q wire.Question) *piece {
	if w.r.o.Local == nil {
		return nil
	}
	rep, ok := w.r.o.Local.Answer(q)
	if !ok {
		return nil
	}
	w.trace.add(Step{Kind: StepNote, Text: q.Name.String() + answeredHere})
	return &piece{rcode: rep.Rcode, final: rep.Answer, soa: rep.Authority, ttl: localLifetime, status: cache.Insecure}
}

// known looks for the link in the cache: the answer itself, or an alias in its
// place (RFC 1034 section 3.6.2), or a secure DNAME above it (RFC 6672 section 3.4).
func (w *walk) known(q wire.Question) *piece {
	if w.anew {
		return nil
	}
	if p := w.cached(q, q); p != nil {
		w.trace.add(Step{Kind: StepCached, Outcome: p.describe(), raw: raw{question: q}})
		return p
	}
	if q.Type != wire.TypeCNAME && q.Type != wire.TypeANY && !parentSide(q.Type) {
		if p := w.cached(wire.Question{Name: q.Name, Type: wire.TypeCNAME, Class: q.Class}, q); p != nil {
			w.trace.add(Step{Kind: StepCached, Question: q.Name.String() + " CNAME", Outcome: p.describe()})
			return p
		}
	}
	infers := w.infers(q)
	for n := q.Name; n != wire.Root && w.r.zones[n] == nil; { // what is outside of a configured zone knows nothing of it
		n = n.Parent()
		if infers {
			if p := w.below(n, q); p != nil {
				w.inferred(inferredNXDomain, q)
				w.trace.add(Step{Kind: StepInferred, Outcome: p.describe(), Text: "nothing is below a name that is known not to exist", raw: raw{question: q, zone: n}})
				return p
			}
		}
		// One that nobody vouches for was said of the name that was asked for then: a forged
		// reply must not redirect all that is below.
		if p := w.cached(wire.Question{Name: n, Type: wire.TypeDNAME, Class: q.Class}, q); p != nil && p.status == cache.Secure {
			w.trace.add(Step{Kind: StepCached, Question: n.String() + " DNAME", Outcome: p.describe()})
			return p
		}
	}
	return nil
}

// parentSide tells the types that may stand beside an alias: an alias at the top of
// a zone is the child's, and says nothing of what its parent has there (RFC 4035
// section 2.5).
func parentSide(t wire.Type) bool { return t == wire.TypeDS || t == wire.TypeNSEC }

func (p *piece) describe() string {
	switch {
	case p.rcode != 0:
		return p.rcode.String()
	case p.next != "":
		return "alias"
	case len(p.final) == 0:
		return "no data"
	}
	return "answer"
}

// cached reads the answer stored under question k as a piece of the answer to
// question q; nil when it is none.
func (w *walk) cached(k, q wire.Question) *piece {
	now := w.r.o.Clock().Seconds()
	var key cache.Key
	key.SetName(cache.Answer, k.Name, k.Type, k.Class)
	var room [1500]byte
	h, b, ok := w.r.o.Cache.GetAnswer(&key, room[:0], now)
	if !ok || !h.Fresh(now) || w.refresh && (h.Expires()-now)*prefetchLast <= int64(h.Lifetime) {
		return nil
	}
	packed := wire.Packed(b)
	if k != q && packed.Answers() == 0 { // no such alias: says nothing of other types
		return nil
	}
	var m wire.Message
	if packed.Unpack(k, &m) != nil {
		return nil
	}
	age := h.Age(now)
	answer, authority := group(k, m.Answer), wire.Group(m.Authority)
	for i := range answer {
		answer[i].TTL -= min(age, answer[i].TTL)
	}
	for i := range authority {
		authority[i].TTL -= min(age, authority[i].TTL)
	}
	var res meaning
	name, complete := res.followAnswer(wire.Root, q, answer)
	p := &piece{links: res.links, final: res.final, ttl: uint32(h.Expires() - now), status: h.Status, flags: h.Flags}
	if Reason(h) != wire.NoEDE {
		p.remark = w.r.Remark(k)
	}
	switch {
	case complete && res.kind == isAnswer && k != q: // the alias itself, below a DNAME
	case complete && res.kind == isYXDomain:
		p.rcode = wire.YXDomain
	case k != q && len(p.links) == 0: // two aliases in one place lead nowhere
		return nil
	case k != q: // one alias alone: the rest is looked for under its own name
		p.next = name
	case !complete:
		p.rcode = m.Rcode
	case res.next != "": // a loop
		p.next = res.next
	}
	for i := range authority {
		if authority[i].Type == wire.TypeSOA {
			p.soa = append(p.soa, authority[i])
		} else {
			p.proofs = append(p.proofs, authority[i])
		}
	}
	return p
}

// dropForbidden takes records out of a piece whose addresses a name may not have: the one
// that was asked for, or "" for that of the records themselves.
func (w *walk) dropForbidden(p *piece, asked wire.Name) {
	for i := range p.final {
		f := &p.final[i]
		name := cmp.Or(asked, f.Name)
		bad := func(data string) bool { return w.r.forbidden(name, f.Type, data) }
		if !slices.ContainsFunc(f.Data, bad) {
			continue
		}
		p.because(wire.EDEBlocked, name.String()+" may not have private addresses")
		w.trace.add(Step{Kind: StepNote, Text: f.Name.String() + " has private addresses, which " + name.String() + " may not have"})
		if p.status == cache.Secure { // what is left is not what was signed
			p.status = cache.Insecure
		}
		p.proofs = nil
		f.Data, f.Sigs = slices.DeleteFunc(slices.Clone(f.Data), bad), nil
	}
	p.final = slices.DeleteFunc(p.final, func(s wire.RRset) bool { return len(s.Data) == 0 })
}

// forbidden tells whether a record gives the name an address that it may not have. A
// service binding does so too: clients connect to its hints before they have asked for
// anything else (RFC 9460 section 7.3).
func (r *Resolver) forbidden(name wire.Name, t wire.Type, data string) bool {
	if t == wire.TypeSVCB || t == wire.TypeHTTPS {
		return slices.ContainsFunc(wire.Hints(data), func(a netip.Addr) bool { return r.o.Rebinding.Forbids(name, a) })
	}
	a, ok := address(wire.Record{Type: t, Data: data})
	return ok && r.o.Rebinding.Forbids(name, a)
}
