package dnssec

import (
	"context"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file tests what is and what is not a zone of its own.

// What a parent's server says of names that are not its own does not count against
// an insecure child, whatever signatures the child shows.
func TestAnInsecureZoneMayHoldAnySignature(t *testing.T) {
	i := newIsland(t, "example.")
	i.book["sub.example. DS"] = Fetched{Authority: i.signed(t, "sub.example. NSEC z.example. NS RRSIG NSEC")}
	old := tampered(i.signed(t, "a.sub.example. A 192.0.2.1"))
	a := &Answer{Question: question("a.sub.example. A"), Zone: name("sub.example."), Final: old}
	want(t, "a wrong signature of the parent", i.check(a), cache.Insecure, wire.NoEDE)
	a = &Answer{Question: question("a.sub.example. A"), Zone: name("example."), Final: old}
	i.book["a.sub.example. DS"] = Fetched{Zone: name("sub.example.")}
	want(t, "from the parent's server, which has both zones", i.check(a), cache.Insecure, wire.NoEDE)
	a = &Answer{Question: question("sub.example. AAAA"), Zone: name("example."), SOA: i.signed(t, "example. SOA ns.example. host.example. 1 2 3 4 5"),
		Proofs: i.signed(t, "sub.example. NSEC z.example. NS RRSIG NSEC")}
	i.v = New(i.v.o)
	delete(i.book, "sub.example. DS")
	want(t, "no data in a zone on the parent's server, whose proof says enough", i.check(a), cache.Insecure, wire.NoEDE)

	// Opt-out leaves open whether there is a zone. That is no excuse for a name error
	// whose wildcard is not denied.
	var plain nsec3Text
	proofs := i.signed(t, plain.record("example.", "NS SOA")+nsec3Text{optOut: true}.record("<x.example.", "A"))
	i.book["x.example. DS"] = Fetched{Authority: proofs}
	a = &Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, Zone: name("example."), Proofs: proofs}
	want(t, "half a name error under opt-out", i.check(a), cache.Bogus, EDEBogus)
	a = &Answer{Question: question("b.sub.example. A"), Zone: name("sub.example."), Rcode: wire.NXDomain,
		Proofs: i.signed(t, "sub.example. NSEC z.example. NS RRSIG NSEC")}
	want(t, "a proof of the parent", i.check(a), cache.Insecure, wire.NoEDE)
	child := newP256(t, "sub.example.")
	i.book["sub.example. DS"] = Fetched{Authority: i.signed(t, "sub.example. NSEC z.example. NS RRSIG NSEC")}
	a = &Answer{Question: question("a.sub.example. A"), Zone: name("example."), Final: child.signed(t, "a.sub.example. A 192.0.2.1")}
	want(t, "signed by a key that nobody vouches for", i.check(a), cache.Insecure, wire.NoEDE)
}

// What the servers of an insecure zone say to a question for DS does not matter.
func TestAnInsecureZoneNeedNotKnowDS(t *testing.T) {
	i := newIsland(t, "example.")
	i.book["sub.example. DS"] = Fetched{Authority: i.signed(t, "sub.example. NSEC z.example. NS RRSIG NSEC")}
	i.book["a.b.sub.example. DS"] = Fetched{Rcode: wire.NotImp}
	a := &Answer{Question: question("a.b.sub.example. A"), Zone: name("example."), Final: sets(t, "a.b.sub.example. A 192.0.2.1")}
	want(t, "NOTIMP for DS", i.check(a), cache.Insecure, wire.NoEDE)
	i.v = New(i.v.o)
	i.book["sub.example. DS"] = Fetched{Rcode: wire.ServFail}
	want(t, "SERVFAIL of the parent", i.check(a), cache.Indeterminate, EDEIndeterminate)
	i.v = New(i.v.o)
	i.book["sub.example. DS"] = Fetched{Authority: tampered(i.signed(t, "sub.example. NSEC z.example. NS RRSIG NSEC"))}
	want(t, "a broken parent", i.check(a), cache.Bogus, EDEBogus)
	i.v, i.b = New(i.v.o), NewBudget(false)
	a.SOA, a.Final, a.Zone = sets(t, "sub.example. SOA ns.example. host.example. 1 2 3 4 5"), nil, name("example.")
	i.book["sub.example. DS"] = Fetched{Authority: i.signed(t, "sub.example. NSEC z.example. NS RRSIG NSEC")}
	asked := &strip{book: i.book}
	if v := New(i.v.o).Check(context.Background(), asked, i.b, a, nil); v.Status != cache.Insecure || asked.asked != 2 {
		t.Errorf("with an SOA record that names the zone: %s after %d fetches", statusNames[v.Status], asked.asked)
	}
}

// What replies to a question for DS may look like.
func TestRepliesForDS(t *testing.T) {
	i := newIsland(t, "example.")
	child := newP256(t, "sub.example.")
	i.book["sub.example. DNSKEY"] = child.keySet(t)
	ds := i.delegation(t, child)
	wildDS := rename(i.signed(t, strings.Replace(child.key.ToDS(dns.SHA256).String(), "sub.", "*.", 1)), "sub.example.")
	a := &Answer{Question: question("a.sub.example. A"), Final: child.signed(t, "a.sub.example. A 192.0.2.1")}
	plainA := &Answer{Question: question("a.sub.example. A"), Final: sets(t, "a.sub.example. A 192.0.2.1"), Zone: name("sub.example.")}
	wild := rename(i.signed(t, "*.example. CNAME b.example."), "sub.example.")
	for what, c := range map[string]struct {
		reply        Fetched
		signed, bare cache.Status // of an answer that the child signed, and of one that it did not
		ede          wire.EDE     // of the first
	}{
		"in the answer":               {Fetched{Answer: ds}, cache.Secure, cache.Bogus, wire.NoEDE},
		"in a referral":               {Fetched{Authority: ds}, cache.Secure, cache.Bogus, wire.NoEDE},
		"made from a wildcard":        {Fetched{Answer: wildDS}, cache.Bogus, cache.Bogus, EDEBogus},
		"badly signed":                {Fetched{Answer: tampered(i.delegation(t, child))}, cache.Bogus, cache.Bogus, EDEBogus},
		"unsigned":                    {Fetched{Answer: unsigned(ds)}, cache.Bogus, cache.Bogus, EDESignaturesMissing},
		"signed by the child":         {Fetched{Answer: child.signed(t, child.key.ToDS(dns.SHA256).String())}, cache.Bogus, cache.Bogus, EDESignaturesMissing},
		"nothing":                     {Fetched{}, cache.Bogus, cache.Bogus, EDESignaturesMissing},
		"none":                        {Fetched{Authority: i.signed(t, "sub.example. NSEC z.example. NS RRSIG NSEC")}, cache.Insecure, cache.Insecure, wire.NoEDE},
		"none, badly signed":          {Fetched{Authority: tampered(i.signed(t, "sub.example. NSEC z.example. NS RRSIG NSEC"))}, cache.Bogus, cache.Bogus, EDEBogus},
		"none, says the child":        {Fetched{Authority: child.signed(t, "sub.example. NSEC z.sub.example. NS SOA RRSIG NSEC")}, cache.Bogus, cache.Bogus, EDESignaturesMissing},
		"none, though NSEC says some": {Fetched{Authority: i.signed(t, "sub.example. NSEC z.example. NS DS RRSIG NSEC")}, cache.Bogus, cache.Bogus, EDEBogus},
		"another name's denial":       {Fetched{Authority: i.signed(t, "x.example. NSEC z.example. NS RRSIG NSEC")}, cache.Bogus, cache.Bogus, EDEBogus},
		"too many iterations":         {Fetched{Authority: i.signed(t, nsec3Text{iterations: 2500}.record("sub.example.", "NS"))}, cache.Insecure, cache.Insecure, EDEUnsupportedIterations},
		"opt-out":                     {Fetched{Authority: i.signed(t, nsec3Text{}.record("example.", "NS SOA")+nsec3Text{optOut: true}.record("<sub.example.", "A"))}, cache.Insecure, cache.Insecure, wire.NoEDE},
		"no zone cut":                 {Fetched{Authority: i.signed(t, "sub.example. NSEC z.example. A RRSIG NSEC")}, cache.Bogus, cache.Bogus, EDEBogus},
		"an alias":                    {Fetched{Answer: i.signed(t, "sub.example. CNAME b.example.")}, cache.Bogus, cache.Bogus, EDESignaturesMissing},
		"a badly signed alias":        {Fetched{Answer: tampered(i.signed(t, "sub.example. CNAME b.example."))}, cache.Bogus, cache.Bogus, EDEBogus},
		"an alias from a wildcard":    {Fetched{Answer: wild, Authority: i.signed(t, "example. NSEC z.example. NS SOA RRSIG NSEC")}, cache.Bogus, cache.Bogus, EDEBogus},
		"the same without its proof":  {Fetched{Answer: wild}, cache.Bogus, cache.Bogus, EDEDenialMissing},
		"SERVFAIL":                    {Fetched{Rcode: wire.ServFail}, cache.Indeterminate, cache.Indeterminate, EDEIndeterminate},
	} {
		i.book["sub.example. DS"], i.book["a.sub.example. DS"] = c.reply, c.reply
		i.v, i.b = New(i.v.o), NewBudget(false)
		want(t, what, i.check(a), c.signed, c.ede)
		i.v, i.b = New(i.v.o), NewBudget(false)
		if v := i.check(plainA); v.Status != c.bare {
			t.Errorf("%s, unsigned data: %s (%s), want %s", what, statusNames[v.Status], v.Reason, statusNames[c.bare])
		}
	}
}
