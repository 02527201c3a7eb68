package dnssec

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"rootwalk/cache"
	"rootwalk/wire"
)

// island is a zone with an anchor of its own, and an Answer made by hand.
type island struct {
	*signer
	t    testing.TB
	book book
	v    *Validator
	b    *Budget
}

func newIsland(t testing.TB, zone string) *island {
	s := newP256(t, zone)
	i := &island{signer: s, t: t, b: NewBudget(false)}
	i.book = book{zone + " DNSKEY": s.keySet(t)}
	i.v = New(options(s.anchors(t)))
	return i
}

func (i *island) check(a *Answer) Verdict {
	if a.Question.Class == 0 {
		a.Question.Class = wire.ClassIN
	}
	return i.v.Check(context.Background(), i.book, i.b, a, nil)
}

// question reads "NAME TYPE".
func question(s string) wire.Question {
	owner, t, _ := strings.Cut(s, " ")
	return wire.Question{Name: name(owner), Type: typeOf(t), Class: wire.ClassIN}
}

// The piece has to be the answer to its question, set by set.
func TestOnlyWhatWasAskedForIsAnAnswer(t *testing.T) {
	i := newIsland(t, "example.")
	one := func(text string) []wire.RRset { return i.signed(t, text) }
	for what, c := range map[string]struct {
		a      *Answer
		status cache.Status
	}{
		"the set":                      {&Answer{Question: question("a.example. A"), Final: one("a.example. A 192.0.2.1")}, cache.Secure},
		"another name's":               {&Answer{Question: question("a.example. A"), Final: one("b.example. A 192.0.2.1")}, cache.Bogus},
		"another type's":               {&Answer{Question: question("a.example. A"), Final: one("a.example. AAAA 2001:db8::1")}, cache.Bogus},
		"all types":                    {&Answer{Question: question("a.example. ANY"), Final: one("a.example. AAAA 2001:db8::1\na.example. A 192.0.2.1")}, cache.Secure},
		"behind an alias":              {&Answer{Question: question("a.example. A"), Links: one("a.example. CNAME b.example."), Final: one("b.example. A 192.0.2.1")}, cache.Secure},
		"behind two":                   {&Answer{Question: question("a.example. A"), Links: one("a.example. CNAME b.example.\nb.example. CNAME c.example."), Final: one("c.example. A 192.0.2.1")}, cache.Secure},
		"behind another's alias":       {&Answer{Question: question("a.example. A"), Links: one("x.example. CNAME b.example."), Final: one("b.example. A 192.0.2.1")}, cache.Bogus},
		"beside the alias":             {&Answer{Question: question("a.example. A"), Links: one("a.example. CNAME b.example."), Final: one("a.example. A 192.0.2.1")}, cache.Bogus},
		"two aliases of one name":      {&Answer{Question: question("a.example. A"), Links: one("a.example. CNAME b.example.\na.example. CNAME c.example."), Next: name("b.example.")}, cache.Bogus},
		"an alias that leads on":       {&Answer{Question: question("a.example. A"), Links: one("a.example. CNAME b.other."), Next: name("b.other.")}, cache.Secure},
		"one that leads elsewhere":     {&Answer{Question: question("a.example. A"), Links: one("a.example. CNAME b.other."), Next: name("c.other.")}, cache.Bogus},
		"a record for an alias":        {&Answer{Question: question("a.example. A"), Links: one("a.example. TXT b.example."), Next: name("b.example.")}, cache.Bogus},
		"nothing":                      {&Answer{Question: question("a.example. A")}, cache.Indeterminate}, // whether it is a zone cut is not in the book
		"another class":                {&Answer{Question: wire.Question{Name: name("a.example."), Type: wire.TypeA, Class: wire.ClassCH}}, cache.Insecure},
		"a DNAME that is not above":    {&Answer{Question: question("a.example. A"), Links: one("a.example. DNAME b.example."), Next: name("a.example.")}, cache.Bogus},
		"a DS made from a wildcard":    {&Answer{Question: question("a.example. DS"), Final: rename(one("*.example. DS 1 13 2 "+strings.Repeat("00", 32)), "a.example."), Proofs: one("example. NSEC z.example. NS SOA")}, cache.Bogus},
		"an NSEC made from a wildcard": {&Answer{Question: question("a.example. NSEC"), Final: rename(one("*.example. NSEC example. A"), "a.example."), Proofs: one("example. NSEC z.example. NS SOA")}, cache.Bogus},
	} {
		i.v = New(i.v.o)
		if v := i.check(c.a); v.Status != c.status {
			t.Errorf("%s: %s (%s), want %s", what, statusNames[v.Status], v.Reason, statusNames[c.status])
		}
	}
}

func rename(sets []wire.RRset, owner string) []wire.RRset {
	for i := range sets {
		sets[i].Name = name(owner)
	}
	return sets
}

// RFC 6672 section 5.3.1.
func TestTheAliasOfADNAMENeedsNoSignature(t *testing.T) {
	i := newIsland(t, "example.")
	dname := i.signed(t, "d.example. DNAME Other.example.")
	i.book["x.d.example. DS"] = Fetched{Answer: dname}
	i.book["d.example. DS"] = Fetched{Authority: i.signed(t, "d.example. NSEC e.example. DNAME RRSIG NSEC")}
	alias := sets(t, "x.d.example. CNAME x.other.example.")
	target := i.signed(t, "x.other.example. A 192.0.2.1")
	long := strings.Repeat("x.", 120)
	longer := i.signed(t, "d.example. DNAME "+strings.Repeat("y.", 20)+"example.")
	for what, c := range map[string]struct {
		a      *Answer
		status cache.Status
	}{
		"as it should be":      {&Answer{Question: question("x.d.example. A"), Links: join(dname, alias), Final: target}, cache.Secure},
		"asked for":            {&Answer{Question: question("x.d.example. CNAME"), Links: dname, Final: alias}, cache.Secure},
		"to another name":      {&Answer{Question: question("x.d.example. A"), Links: join(dname, sets(t, "x.d.example. CNAME y.other.example.")), Next: name("y.other.example.")}, cache.Bogus},
		"of another name":      {&Answer{Question: question("x.d.example. A"), Links: join(dname, sets(t, "y.d.example. CNAME y.other.example.")), Next: name("y.other.example.")}, cache.Bogus},
		"without the DNAME":    {&Answer{Question: question("x.d.example. A"), Links: alias, Final: target}, cache.Bogus},
		"DNAME without an end": {&Answer{Question: question("x.d.example. A"), Links: dname, Next: name("x.d.example.")}, cache.Secure},
		"unsigned DNAME":       {&Answer{Question: question("x.d.example. A"), Links: join(unsigned(dname), alias), Final: target}, cache.Bogus},
		"too long":             {&Answer{Question: question(long + "d.example. A"), Rcode: wire.YXDomain, Links: longer}, cache.Secure},
		"not too long":         {&Answer{Question: question("x.d.example. A"), Rcode: wire.YXDomain, Links: longer}, cache.Bogus},
		"too long of nothing":  {&Answer{Question: question("x.d.example. A"), Rcode: wire.YXDomain}, cache.Bogus},
	} {
		i.v, i.b = New(i.v.o), NewBudget(false)
		if v := i.check(c.a); v.Status != c.status {
			t.Errorf("%s: %s (%s), want %s", what, statusNames[v.Status], v.Reason, statusNames[c.status])
		}
	}
}

func join(a ...[]wire.RRset) (out []wire.RRset) {
	for _, s := range a {
		out = append(out, s...)
	}
	return out
}

func unsigned(in []wire.RRset) []wire.RRset {
	out := append([]wire.RRset(nil), in...)
	for i := range out {
		out[i].Sigs = nil
	}
	return out
}

// The C rows, each with the honest twin that shows that the rule decides.
func TestMeaningOfDNSSEC(t *testing.T) {
	i := newIsland(t, "example.")
	soa := i.signed(t, "example. SOA ns.example. host.example. 1 2 3 4 5")
	child := newP256(t, "sub.example.")
	i.book["sub.example. DS"] = Fetched{Answer: i.delegation(t, child)}
	i.book["sub.example. DNSKEY"] = child.keySet(t)
	parentOfSub := i.signed(t, "sub.example. NSEC z.example. NS DS RRSIG NSEC")
	var plain nsec3Text
	out := nsec3Text{optOut: true}
	for _, c := range []struct {
		what   string
		a      *Answer
		status cache.Status
		ede    wire.EDE
	}{
		{"C1 labels of the signature below the signer's", &Answer{Question: question("x.example. A"),
			Final:  rename(i.signedAs(t, "*. A 192.0.2.1"), "x.example."),
			Proofs: i.signed(t, "example. NSEC z.example. NS SOA RRSIG NSEC")}, cache.Bogus, EDEBogus},
		{"C1 as many as the signer's", &Answer{Question: question("x.example. A"),
			Final:  rename(i.signed(t, "*.example. A 192.0.2.1"), "x.example."),
			Proofs: i.signed(t, "example. NSEC z.example. NS SOA RRSIG NSEC")}, cache.Secure, wire.NoEDE},
		{"C2 next name outside of the zone", &Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, SOA: soa,
			Proofs: i.signed(t, "example. NSEC zz. NS SOA RRSIG NSEC")}, cache.Bogus, EDEBogus},
		{"C2 inside", &Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, SOA: soa,
			Proofs: i.signed(t, "example. NSEC zz.example. NS SOA RRSIG NSEC")}, cache.Secure, wire.NoEDE},
		{"C3 a child's NSEC for the parent's DS", &Answer{Question: question("sub.example. DS"), SOA: soa,
			Proofs: child.signed(t, "sub.example. NSEC a.sub.example. NS SOA RRSIG NSEC")}, cache.Bogus, EDEDenialMissing},
		{"C3 a child's NSEC3 for the parent's DS", &Answer{Question: question("sub.example. DS"),
			Proofs: child.signed(t, nsec3Of("sub.example.", "sub.example.", "NS SOA RRSIG"))}, cache.Bogus, EDESignaturesMissing},
		{"C3 the parent's NSEC for the child's name", &Answer{Question: question("x.sub.example. A"), Rcode: wire.NXDomain, SOA: soa,
			Proofs: join(parentOfSub, i.signed(t, "example. NSEC a.example. NS SOA RRSIG NSEC"))}, cache.Bogus, EDEBogus},
		{"C3 the parent's NSEC for the child's type", &Answer{Question: question("sub.example. TXT"), SOA: soa, Proofs: parentOfSub}, cache.Bogus, EDEBogus},
		{"C4 an unrelated opt-out NSEC3 for a secure delegation", &Answer{Question: question("sub.example. DS"), SOA: soa,
			Proofs: i.signed(t, out.record("<other.example.", "A RRSIG"))}, cache.Bogus, EDEBogus},
		{"C4 a name error without its encloser", &Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, SOA: soa,
			Proofs: i.signed(t, plain.record("<x.example.", "A")+plain.record("<*.example.", "A"))}, cache.Bogus, EDEBogus},
		{"C4 the same under opt-out", &Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, SOA: soa,
			Proofs: i.signed(t, plain.record("example.", "NS SOA")+out.record("<x.example.", "A"))}, cache.Bogus, EDEBogus},
		{"C4 a forged name error", &Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, SOA: unsigned(soa),
			Proofs: sets(t, "example. NSEC z.example. NS SOA RRSIG NSEC")}, cache.Indeterminate, EDEIndeterminate},
		{"C5 a wildcard alias without its proof", &Answer{Question: question("x.w.example. A"),
			Links: rename(i.signed(t, "*.w.example. CNAME b.example."), "x.w.example."), Next: name("b.example.")}, cache.Bogus, EDEDenialMissing},
		{"C5 with it", &Answer{Question: question("x.w.example. A"),
			Links: rename(i.signed(t, "*.w.example. CNAME b.example."), "x.w.example."), Next: name("b.example."),
			Proofs: i.signed(t, "*.w.example. NSEC z.example. CNAME RRSIG NSEC")}, cache.Secure, wire.NoEDE},
		{"C5 with one that is unsigned", &Answer{Question: question("x.w.example. A"),
			Links: rename(i.signed(t, "*.w.example. CNAME b.example."), "x.w.example."), Next: name("b.example."),
			Proofs: sets(t, "*.w.example. NSEC z.example. CNAME RRSIG NSEC")}, cache.Bogus, EDEDenialMissing},
		{"C11 both kinds of proof", &Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, SOA: soa,
			Proofs: i.signed(t, "a.example. NSEC b.example. A RRSIG NSEC\n"+plain.record("example.", "NS SOA")+plain.record("<x.example.", "A")+plain.record("<*.example.", "A"))}, cache.Secure, wire.NoEDE},
		{"C12 a DNAME at the apex", &Answer{Question: question("x.example. A"), Links: join(i.signed(t, "example. DNAME other."), sets(t, "x.example. CNAME x.other.")), Next: name("x.other.")}, cache.Secure, wire.NoEDE},
		{"A10 too many iterations", &Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, SOA: soa,
			Proofs: i.signed(t, nsec3Text{iterations: 51}.record("example.", "NS SOA"))}, cache.Insecure, EDEUnsupportedIterations},
		{"A10 too many, but not signed by the zone", &Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, SOA: soa,
			Proofs: tampered(i.signed(t, nsec3Text{iterations: 51}.record("example.", "NS SOA")))}, cache.Bogus, EDEBogus},
		{"A11 an SOA that is no ancestor", &Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, SOA: i.signed(t, "y.example. SOA ns.example. host.example. 1 2 3 4 5"),
			Proofs: i.signed(t, "example. NSEC z.example. NS SOA RRSIG NSEC")}, cache.Bogus, EDEBogus},
		{"an SOA that is not signed", &Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, SOA: unsigned(soa),
			Proofs: i.signed(t, "example. NSEC z.example. NS SOA RRSIG NSEC")}, cache.Bogus, EDESignaturesMissing},
		{"a proof too many that is not signed", &Answer{Question: question("a.example. A"), Final: i.signed(t, "a.example. A 192.0.2.1"),
			Proofs: sets(t, "sub.example. NSEC z.example. A")}, cache.Bogus, EDESignaturesMissing},
		{"a proof too many that is signed", &Answer{Question: question("a.example. A"), Final: i.signed(t, "a.example. A 192.0.2.1"),
			Proofs: i.signed(t, "sub.example. NSEC z.example. A")}, cache.Secure, wire.NoEDE},
		{"an NSEC record made from a wildcard", &Answer{Question: question("x.example. A"), SOA: soa,
			Proofs: rename(i.signed(t, "*.example. NSEC z.example. TXT RRSIG NSEC"), "x.example.")}, cache.Bogus, EDEBogus},
	} {
		i.v, i.b = New(i.v.o), NewBudget(false)
		want(t, c.what, i.check(c.a), c.status, c.ede)
	}
}

// signedAs signs a set though its owner is not in the zone, which the library
// refuses to do.
func (i *island) signedAs(t testing.TB, text string) []wire.RRset {
	t.Helper()
	out := sets(t, text)
	like, _ := parseSignature(i.signed(t, "a.example. A 192.0.2.1")[0].Sigs[0])
	like.head = like.head[:3] + string([]byte{byte(labelsOf(out[0].Name))}) + like.head[4:]
	like.labels = labelsOf(out[0].Name)
	digest := sha256.Sum256(like.message(&out[0], canonicalData(&out[0])))
	r, s, err := ecdsa.Sign(rand.Reader, i.priv.(*ecdsa.PrivateKey), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	value := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	out[0].Sigs = []string{like.head + string(like.signer) + string(value)}
	return out
}

// delegation signs the DS record of a child.
func (i *island) delegation(t testing.TB, child *signer) []wire.RRset {
	return i.signed(t, child.key.ToDS(dns.SHA256).String())
}

func nsec3Of(zone, owner, types string) string {
	h := NSEC3Params{}.Hash(name(owner))
	next := h
	next[19]++
	return fmt.Sprintf("%s.%s NSEC3 1 0 0 - %s %s\n", base32(h), zone, base32(next), types)
}

func tampered(in []wire.RRset) []wire.RRset {
	for i := range in {
		s := in[i].Sigs[0]
		in[i].Sigs = []string{s[:len(s)-1] + string([]byte{s[len(s)-1] ^ 1})}
	}
	return in
}

// RFC 9824: the reply looks like one without data; NXNAME says that there is no
// such name.
func TestCompactDenial(t *testing.T) {
	i := newIsland(t, "example.")
	for _, c := range []struct {
		types  string
		rcode  wire.Rcode
		status cache.Status
		nxName bool
	}{
		{"RRSIG NSEC NXNAME", wire.NoError, cache.Secure, true},
		{"RRSIG NSEC NXNAME", wire.NXDomain, cache.Secure, true},
		{"RRSIG NSEC", wire.NoError, cache.Secure, false},
		{"TXT RRSIG NSEC", wire.NoError, cache.Secure, false},
		{"A RRSIG NSEC NXNAME", wire.NoError, cache.Bogus, false},
	} {
		v := i.check(&Answer{Question: question("x.example. A"), Rcode: c.rcode, Proofs: i.signed(t, "x.example. NSEC \\000.x.example. "+c.types)})
		if v.Status != c.status || v.NXName != c.nxName {
			t.Errorf("%s: %s (%s), NXNAME %v", c.types, statusNames[v.Status], v.Reason, v.NXName)
		}
	}
}

// A server that calls an empty non-terminal a name error is put right.
func TestProofsOutrankTheRcode(t *testing.T) {
	i := newIsland(t, "example.")
	proof := i.signed(t, "example. NSEC a.x.example. NS SOA RRSIG NSEC")
	v := i.check(&Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, Proofs: proof})
	if v.Status != cache.Secure || !v.EmptyNonTerminal {
		t.Errorf("%s (%s), %v", statusNames[v.Status], v.Reason, v.EmptyNonTerminal)
	}
	// The other way round a name error is not hidden.
	proof = i.signed(t, "example. NSEC z.example. NS SOA RRSIG NSEC")
	want(t, "NOERROR for a name that does not exist", i.check(&Answer{Question: question("x.example. A"), Proofs: proof}), cache.Bogus, EDEBogus)
}

// RFC 4035 section 5.2, RFC 6840 section 5.2: what we do not know is insecure.
func TestUnknownAlgorithmsAndDigestsAreInsecure(t *testing.T) {
	i := newIsland(t, "example.")
	child := newP256(t, "sub.example.")
	ds := func(change func(*dns.DS)) string {
		d := child.key.ToDS(dns.SHA256)
		change(d)
		return d.String() + "\n"
	}
	good := ds(func(*dns.DS) {})
	unknownDigest := ds(func(d *dns.DS) { d.DigestType = 200 })
	unknownAlgorithm := ds(func(d *dns.DS) { d.Algorithm = 200 })
	weak := child.key.ToDS(dns.SHA1).String() + "\n"
	a := &Answer{Question: question("a.sub.example. A"), Final: child.signed(t, "a.sub.example. A 192.0.2.1")}
	for what, c := range map[string]struct {
		ds     string
		status cache.Status
		ede    wire.EDE
	}{
		"known":                     {good, cache.Secure, wire.NoEDE},
		"unknown digest":            {unknownDigest, cache.Insecure, EDEUnsupportedDigest},
		"unknown algorithm":         {unknownAlgorithm, cache.Insecure, EDEUnsupportedAlgorithm},
		"one of three known":        {unknownDigest + unknownAlgorithm + good, cache.Secure, wire.NoEDE},
		"one known that is wrong":   {unknownDigest + ds(func(d *dns.DS) { d.Digest = strings.Repeat("00", 32) }), cache.Bogus, EDEKeyMissing},
		"SHA-1 alone":               {weak, cache.Secure, wire.NoEDE},
		"SHA-1 beside a wrong one":  {weak + ds(func(d *dns.DS) { d.Digest = strings.Repeat("00", 32) }), cache.Bogus, EDEKeyMissing},
		"SHA-1 beside an unknown":   {weak + unknownDigest, cache.Secure, wire.NoEDE},
		"a tag that no key has":     {ds(func(d *dns.DS) { d.KeyTag++ }), cache.Bogus, EDEKeyMissing},
		"an algorithm not the keys": {ds(func(d *dns.DS) { d.Algorithm = dns.ED25519 }), cache.Bogus, EDEKeyMissing},
	} {
		i.v, i.b = New(i.v.o), NewBudget(false)
		i.book["sub.example. DS"] = Fetched{Answer: i.signed(t, c.ds)}
		i.book["sub.example. DNSKEY"] = child.keySet(t)
		want(t, what, i.check(a), c.status, c.ede)
		delete(i.book, "sub.example. DNSKEY")
	}
	i.v = New(i.v.o)
	i.book["sub.example. DS"] = Fetched{Answer: i.signed(t, good)}
	i.book["sub.example. DNSKEY"] = Fetched{}
	want(t, "no keys at all", i.check(a), cache.Bogus, EDEKeyMissing)
}

// RFC 9905: zones signed with SHA-1 are insecure unless we are told otherwise.
func TestSHA1CountsWhereItIsAskedFor(t *testing.T) {
	for _, algorithm := range []uint8{dns.RSASHA1, dns.RSASHA1NSEC3SHA1} {
		s := newSigner(t, "example.", algorithm, 1024)
		b := book{"example. DNSKEY": s.keySet(t)}
		a := &Answer{Question: question("a.example. A"), Final: s.signed(t, "a.example. A 192.0.2.1")}
		o := options(s.anchors(t))
		want(t, "by default", New(o).Check(context.Background(), b, NewBudget(false), a, nil), cache.Insecure, EDEUnsupportedAlgorithm)
		o.SHA1 = true
		want(t, "asked for", New(o).Check(context.Background(), b, NewBudget(false), a, nil), cache.Secure, wire.NoEDE)
	}
}

// A signature by a zone that is none, and by zones that the name is not in.
func TestASignerHasToBeAZone(t *testing.T) {
	i := newIsland(t, "example.")
	i.book["b.example. DS"] = Fetched{Authority: i.signed(t, "b.example. NSEC c.example. A RRSIG NSEC")}
	i.book["a.b.example. DS"] = Fetched{Authority: i.signed(t, "b.example. NSEC c.example. A RRSIG NSEC")}
	fake := newP256(t, "b.example.")
	i.book["b.example. DNSKEY"] = fake.keySet(t)
	want(t, "a name that is no zone", i.check(&Answer{Question: question("a.b.example. A"), Final: fake.signed(t, "a.b.example. A 192.0.2.1")}), cache.Bogus, EDEBogus)
	other := newP256(t, "other.")
	i.book["a.example. DS"] = Fetched{Authority: i.signed(t, "example. NSEC b.example. NS SOA RRSIG NSEC")}
	want(t, "another zone", i.check(&Answer{Question: question("a.example. A"), Final: other.signed(t, "a.example. A 192.0.2.1")}), cache.Bogus, EDESignaturesMissing)
}
