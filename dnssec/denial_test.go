package dnssec

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"rootwalk/wire"
)

// denialsOf makes the records of a zone, verified by fiat.
func denialsOf(t testing.TB, zone, text string) *denials {
	t.Helper()
	d := &denials{zone: name(zone), ttl: noCap, budget: NewBudget(false), left: maxResponseHashes}
	for _, s := range sets(t, text) {
		d.add(&s, 50)
	}
	return d
}

func typeOf(s string) wire.Type { return wire.Type(dns.StringToType[s]) }

var proofNames = [...]string{"unproven", "proven", "opt-out", "iterations", "exhausted"}

// ask puts a question in words: "NAME nx", "NAME TYPE" for no data, "NAME *ENCLOSER"
// for a wildcard's answer, "NAME cut" for a delegation.
func ask(d *denials, question string) string {
	owner, what, _ := strings.Cut(question, " ")
	n := name(owner)
	switch {
	case what == "nx":
		return proofNames[d.nameError(n)]
	case what == "cut":
		c, p := d.delegation(n)
		return [...]string{"unknown", "none", "insecure"}[c] + " " + proofNames[p]
	case what[0] == '*':
		return proofNames[d.wildcardAnswer(n, name(what[2:]))]
	}
	return proofNames[d.noData(n, typeOf(what))]
}

// RFC 4035 section 5.4, RFC 6840 section 4. The zone is
//
//	example. a.example. *.b.example. c.d.example. (d.example. is empty)
//	e.example. (NS) f.example. (NS, DS) g.example. (DNAME) h.example. (CNAME) z.example.
func TestNSECProofs(t *testing.T) {
	const (
		apex    = "example. NSEC a.example. NS SOA RRSIG NSEC DNSKEY\n"
		a       = "a.example. NSEC *.b.example. A RRSIG NSEC\n"
		wild    = "*.b.example. NSEC c.d.example. A RRSIG NSEC\n"
		c       = "c.d.example. NSEC e.example. A RRSIG NSEC\n"
		e       = "e.example. NSEC f.example. NS RRSIG NSEC\n"
		f       = "f.example. NSEC g.example. NS DS RRSIG NSEC\n"
		g       = "g.example. NSEC h.example. DNAME RRSIG NSEC\n"
		h       = "h.example. NSEC z.example. CNAME RRSIG NSEC\n"
		z       = "z.example. NSEC example. A RRSIG NSEC\n"
		compact = "x.example. NSEC \\000.x.example. RRSIG NSEC NXNAME\n"
		black   = "x.example. NSEC \\000.x.example. RRSIG NSEC\n"
	)
	for _, x := range []struct{ records, question, want string }{
		// Name error.
		{h + apex, "x.example. nx", "proven"},
		{h, "x.example. nx", "unproven"},                                                        // the wildcard is not denied
		{apex, "x.example. nx", "unproven"},                                                     // the name is not denied
		{z + apex, "zz.example. nx", "proven"},                                                  // the last record of the zone
		{z + apex, "example. nx", "unproven"},                                                   // the apex exists
		{z + apex, "zz.other. nx", "unproven"},                                                  // not of the zone
		{h + apex, "h.example. nx", "unproven"},                                                 // exists
		{h + apex, "z.example. nx", "unproven"},                                                 // exists
		{wild + apex, "d.example. nx", "unproven"},                                              // an empty non-terminal
		{wild, "x.b.example. nx", "unproven"},                                                   // its wildcard exists
		{c + apex, "x.d.example. nx", "unproven"},                                               // *.d.example. is not denied
		{c + wild, "x.d.example. nx", "proven"},                                                 // it is, by the record that covers it
		{a, "a.a.example. nx", "proven"},                                                        // its wildcard lies there too
		{e + apex, "x.e.example. nx", "unproven"},                                               // RFC 6840 section 4.1: below a delegation
		{f + apex, "x.f.example. nx", "unproven"},                                               //
		{g + apex, "x.g.example. nx", "unproven"},                                               // below a DNAME
		{h + apex, "x.h.example. nx", "proven"},                                                 // a CNAME hides nothing below
		{compact, "x.example. nx", "proven"},                                                    // RFC 9824
		{compact, "y.x.example. nx", "unproven"},                                                //
		{black, "x.example. nx", "unproven"},                                                    //
		{"x.example. NSEC \\000.x.example. A RRSIG NSEC NXNAME\n", "x.example. nx", "unproven"}, // contradicts itself
		{"a.example. NSEC z.other. A RRSIG NSEC\n" + apex, "x.example. nx", "unproven"},         // C2
		{"z.example. NSEC a.example. A RRSIG NSEC\n" + apex, "zz.example. nx", "unproven"},      // only the apex follows the last
		{"x.example. NSEC x.example. A RRSIG NSEC\n" + apex, "y.example. nx", "unproven"},
		{"example. NSEC example. NS SOA RRSIG NSEC\n", "x.example. nx", "proven"}, // a zone of one name
		{"\\000.example. NSEC \\001.example. A RRSIG NSEC\n", "x.example. nx", "unproven"},

		// No data.
		{a, "a.example. TXT", "proven"},
		{a, "a.example. A", "unproven"},
		{a, "a.example. ANY", "unproven"},
		{black, "x.example. ANY", "proven"},
		{apex, "a.example. TXT", "unproven"}, // another name's record
		{h, "h.example. A", "unproven"},      // RFC 6840 section 4.3: there is a CNAME
		{wild, "d.example. A", "proven"},     // an empty non-terminal
		{wild, "c.d.example. TXT", "unproven"},
		{e, "e.example. A", "unproven"}, // RFC 6840 section 4.4: the parent's side of a cut
		{e, "e.example. DS", "proven"},
		{f, "f.example. DS", "unproven"}, // it has one
		{f, "f.example. A", "unproven"},
		{apex, "example. DS", "unproven"}, // the child's side
		{apex, "example. A", "proven"},
		{apex, "example. NS", "unproven"},
		{black, "x.example. A", "proven"},
		{compact, "x.example. A", "proven"},
		{wild, "x.b.example. A", "unproven"},
		{wild, "*.b.example. TXT", "proven"},
		{wild, "x.b.example. TXT", "proven"}, // RFC 4035 section 3.1.3.4
		{apex, "x.b.example. TXT", "unproven"},
		{h, "x.example. A", "unproven"}, // does not exist

		// A wildcard that is an empty non-terminal exists, without data (RFC 4592 section 2.2.2).
		{"a.example. NSEC x.*.b.example. A RRSIG NSEC\nx.*.b.example. NSEC z.example. A RRSIG NSEC\n", "y.b.example. nx", "unproven"},
		{"a.example. NSEC x.*.b.example. A RRSIG NSEC\nx.*.b.example. NSEC z.example. A RRSIG NSEC\n", "y.b.example. A", "proven"},

		// Answers from wildcards.
		{wild, "x.b.example. *.b.example.", "proven"},
		{wild, "x.y.b.example. *.b.example.", "proven"},
		{wild, "x.b.example. *.example.", "unproven"}, // nearer than the wildcard
		{a, "x.b.example. *.b.example.", "unproven"},
		{wild, "d.example. *.example.", "unproven"}, // an empty non-terminal
		{h, "x.example. *.example.", "proven"},
		{h, "x.y.example. *.example.", "proven"},

		// Delegations.
		{e, "e.example. cut", "insecure proven"},
		{f, "f.example. cut", "unknown unproven"},
		{a, "a.example. cut", "none proven"},
		{h, "h.example. cut", "none proven"},
		{wild, "d.example. cut", "none proven"},
		{h, "x.example. cut", "none proven"},
		{e, "x.e.example. cut", "unknown unproven"},
		{apex, "x.example. cut", "unknown unproven"},
		{apex, "example. cut", "unknown unproven"}, // C3: the child's record
		{compact, "x.example. cut", "none proven"},
	} {
		if got := ask(denialsOf(t, "example.", x.records), x.question); got != x.want {
			t.Errorf("%s by\n%s%s, want %s", x.question, x.records, got, x.want)
		}
	}
}

// RFC 5155 appendix A.
func TestNSEC3HashesAreThoseOfRFC5155(t *testing.T) {
	p := NSEC3Params{12, "\xaa\xbb\xcc\xdd"}
	for owner, digits := range map[string]string{
		"example.":       "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
		"a.example.":     "35mthgpgcu1qg68fab165klnsnk3dpvl",
		"ai.example.":    "gjeqe526plbf1g8mklp59enfd789njgi",
		"ns1.example.":   "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
		"ns2.example.":   "q04jkcevqvmu85r014c7dkba38o0ji5r",
		"w.example.":     "k8udemvp1j2f7eg6jebps17vp3n8i58h",
		"*.w.example.":   "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
		"x.w.example.":   "b4um86eghhds6nea196smvmlo4ors995",
		"y.w.example.":   "ji6neoaepv8b5o6k4ev33abha8ht9fgc",
		"x.y.w.example.": "2vptu5timamqttgl4luu9kg21e0aor3s",
		"xx.example.":    "t644ebqk9bibcna874givr6joj62mlhv",
	} {
		want, ok := parseBase32(digits)
		if got := p.Hash(name(owner)); !ok || got != want {
			t.Errorf("%s: %x, want %x", owner, got, want)
		}
	}
}

// hashes makes NSEC3 records by name: "NAME" matches it, "<NAME" covers it and
// nothing else.
type nsec3Text struct {
	iterations int
	optOut     bool
	flags      int
	hash       int
}

func (n nsec3Text) record(what, types string) string {
	covers := strings.HasPrefix(what, "<")
	p := NSEC3Params{Iterations: uint16(n.iterations), Salt: "\xab"}
	h := p.Hash(name(strings.TrimPrefix(what, "<")))
	owner, next := h, h
	next[19]++
	if covers {
		owner[19]--
	}
	flags := n.flags
	if n.optOut {
		flags |= 1
	}
	hash := 1
	if n.hash != 0 {
		hash = n.hash
	}
	return fmt.Sprintf("%s.example. NSEC3 %d %d %d AB %s %s\n", base32(owner), hash, flags, n.iterations, base32(next), types)
}

func base32(h NSEC3Hash) string {
	const digits = "0123456789abcdefghijklmnopqrstuv"
	var b strings.Builder
	bits, n := 0, 0
	for _, c := range h {
		for bits, n = bits<<8|int(c), n+8; n >= 5; n -= 5 {
			b.WriteByte(digits[bits>>(n-5)&31])
		}
	}
	return b.String()
}

// RFC 5155 section 8.
func TestNSEC3Proofs(t *testing.T) {
	var plain nsec3Text
	out := nsec3Text{optOut: true}
	r := plain.record
	apex := r("example.", "NS SOA RRSIG DNSKEY NSEC3PARAM")
	for _, x := range []struct{ records, question, want string }{
		// 8.4 name error.
		{apex + r("<x.example.", "") + r("<*.example.", ""), "x.example. nx", "proven"},
		{apex + r("<x.example.", "") + r("<*.example.", ""), "z.y.x.example. nx", "proven"},
		{apex + r("<x.example.", ""), "x.example. nx", "unproven"},
		{apex + r("<*.example.", ""), "x.example. nx", "unproven"},
		{r("<x.example.", "") + r("<*.example.", ""), "x.example. nx", "unproven"}, // no encloser
		{apex + r("x.example.", "A RRSIG") + r("<*.x.example.", "") + r("<y.x.example.", ""), "y.x.example. nx", "proven"},
		{apex + r("x.example.", "A RRSIG") + r("<*.example.", ""), "x.example. nx", "unproven"}, // exists
		{apex + out.record("<x.example.", "") + r("<*.example.", ""), "x.example. nx", "opt-out"},
		{apex + r("<x.example.", "") + out.record("<*.example.", ""), "x.example. nx", "proven"},
		// 8.3: an encloser that is a delegation or a DNAME is none.
		{r("x.example.", "NS") + r("<*.x.example.", "") + r("<y.x.example.", ""), "y.x.example. nx", "unproven"},
		{r("x.example.", "NS DS RRSIG") + r("<*.x.example.", "") + r("<y.x.example.", ""), "y.x.example. nx", "unproven"},
		{r("x.example.", "DNAME RRSIG") + r("<*.x.example.", "") + r("<y.x.example.", ""), "y.x.example. nx", "unproven"},
		// 8.1, 8.2: unknown hashes and flags.
		{nsec3Text{hash: 2}.record("example.", "SOA NS") + r("<x.example.", "") + r("<*.example.", ""), "x.example. nx", "unproven"},
		{apex + nsec3Text{flags: 2}.record("<x.example.", "") + r("<*.example.", ""), "x.example. nx", "unproven"},
		// Different parameters do not make one proof; iterations.
		{apex + nsec3Text{iterations: 1}.record("<x.example.", "") + r("<*.example.", ""), "x.example. nx", "unproven"},
		{nsec3Text{iterations: 50}.record("example.", "SOA NS") + nsec3Text{iterations: 50}.record("<x.example.", "") + nsec3Text{iterations: 50}.record("<*.example.", ""), "x.example. nx", "proven"},
		{nsec3Text{iterations: 51}.record("example.", "SOA NS"), "x.example. nx", "iterations"},
		{nsec3Text{iterations: 65535}.record("example.", "SOA NS"), "x.example. A", "iterations"},
		{nsec3Text{iterations: 2500}.record("example.", "SOA NS"), "x.example. cut", "insecure iterations"},
		{nsec3Text{iterations: 51}.record("example.", "SOA NS"), "x.example. *.example.", "iterations"},
		// C11: in a transition both kinds are there.
		{nsec3Text{iterations: 1}.record("other.example.", "A") + apex + r("<x.example.", "") + r("<*.example.", ""), "x.example. nx", "proven"},
		{"a.example. NSEC b.example. A RRSIG NSEC\n" + apex + r("<x.example.", "") + r("<*.example.", ""), "x.example. nx", "proven"},

		// 8.5 no data, 8.6 no DS.
		{r("x.example.", "A RRSIG"), "x.example. TXT", "proven"},
		{r("x.example.", "A RRSIG"), "x.example. A", "unproven"},
		{r("x.example.", "CNAME RRSIG"), "x.example. A", "unproven"},
		{r("x.example.", ""), "x.example. A", "proven"}, // an empty non-terminal
		{r("x.example.", "NS"), "x.example. A", "unproven"},
		{r("x.example.", "NS"), "x.example. DS", "proven"},
		{r("x.example.", "NS DS RRSIG"), "x.example. DS", "unproven"},
		{apex, "example. DS", "unproven"},
		{apex + out.record("<x.example.", ""), "x.example. DS", "opt-out"},
		{apex + r("<x.example.", ""), "x.example. DS", "unproven"},
		{apex + out.record("<x.example.", ""), "x.example. A", "opt-out"}, // 7.2.4, an empty non-terminal above insecure delegations
		{out.record("<x.example.", ""), "x.example. DS", "unproven"},

		// 8.7 wildcard no data.
		{apex + r("<x.example.", "") + r("*.example.", "A RRSIG"), "x.example. TXT", "proven"},
		{apex + r("<x.example.", "") + r("*.example.", "A RRSIG"), "x.example. A", "unproven"},
		{apex + r("*.example.", "A RRSIG"), "x.example. TXT", "unproven"},
		{apex + out.record("<x.example.", "") + r("*.example.", "A RRSIG"), "x.example. TXT", "opt-out"},
		{apex + out.record("<x.example.", "") + r("*.example.", "A RRSIG"), "x.example. A", "unproven"},

		// 8.8 wildcard answer.
		{r("<y.x.example.", ""), "z.y.x.example. *.x.example.", "proven"},
		{r("<z.y.x.example.", ""), "z.y.x.example. *.x.example.", "unproven"},
		{out.record("<y.x.example.", ""), "y.x.example. *.x.example.", "opt-out"},

		// 8.9 referrals.
		{r("x.example.", "NS"), "x.example. cut", "insecure proven"},
		{r("x.example.", "NS DS RRSIG"), "x.example. cut", "unknown unproven"},
		{r("x.example.", "A RRSIG"), "x.example. cut", "none proven"},
		{r("x.example.", ""), "x.example. cut", "none proven"},
		{apex + out.record("<x.example.", ""), "x.example. cut", "insecure opt-out"},
		{apex + r("<x.example.", ""), "x.example. cut", "none proven"},
		{apex, "example. cut", "unknown unproven"}, // C3
		{apex, "x.example. cut", "unknown unproven"},
		{r("<x.example.", ""), "x.example. cut", "unknown unproven"}, // C4: nothing says which encloser
	} {
		if got := ask(denialsOf(t, "example.", x.records), x.question); got != x.want {
			t.Errorf("%s by\n%s%s, want %s", x.question, x.records, got, x.want)
		}
	}
}

// C11: the last record of the ring, and a ring of one.
func TestTheRingOfNSEC3Closes(t *testing.T) {
	at := func(b byte) (h NSEC3Hash) { h[0] = b; return }
	for _, c := range []struct {
		owner, next, h byte
		want           bool
	}{
		{10, 20, 15, true}, {10, 20, 10, false}, {10, 20, 20, false}, {10, 20, 5, false}, {10, 20, 25, false},
		{20, 10, 25, true}, {20, 10, 5, true}, {20, 10, 15, false}, {20, 10, 20, false}, {20, 10, 10, false},
		{10, 10, 5, true}, {10, 10, 15, true}, {10, 10, 10, false},
	} {
		n := NSEC3{Owner: at(c.owner), Next: at(c.next)}
		if got := n.Covers(at(c.h)); got != c.want {
			t.Errorf("%d to %d covers %d: %v", c.owner, c.next, c.h, got)
		}
	}
}

// A10: names of many labels, and the limit.
func TestHashesOfOneResponseAreLimited(t *testing.T) {
	var plain nsec3Text
	long := strings.Repeat("a.", 120) + "example."
	proof := plain.record("example.", "NS SOA") + plain.record("<a.example.", "") + plain.record("<*.example.", "")
	d := denialsOf(t, "example.", proof)
	if got := ask(d, long+" nx"); got != "proven" || d.budget.Hashes() > 4 {
		t.Errorf("%s after %d hashes", got, d.budget.Hashes())
	}
	d = denialsOf(t, "example.", plain.record("<x.example.", ""))
	for _, q := range []string{" nx", " A", " cut"} {
		if got := ask(d, long+q); !strings.HasSuffix(got, "exhausted") || d.budget.Hashes() != maxResponseHashes {
			t.Errorf("%s: %s after %d hashes", q, got, d.budget.Hashes())
		}
	}
	b := NewBudget(false)
	for range 10 {
		d = denialsOf(t, "example.", plain.record("<x.example.", ""))
		d.budget = b
		ask(d, long+" nx")
	}
	if b.Hashes() != maxHashes {
		t.Errorf("%d hashes for one question", b.Hashes())
	}
}

func TestRecordsThatAreNotOfTheZoneSayNothing(t *testing.T) {
	h := base32(NSEC3Params{}.Hash(name("example.")))
	for _, text := range []string{
		"other. NSEC z.other. NS SOA",
		"a.example. NSEC a.other. A",
		h + ".other. NSEC3 1 0 0 - " + h + " A",
		h + ".exampld. NSEC3 1 0 0 - " + h + " A",
		h + ".sub.example. NSEC3 1 0 0 - " + h + " A",
		"a" + h[1:31] + ".example. NSEC3 1 0 0 - " + h + " A",
		"z" + h[1:] + ".example. NSEC3 1 0 0 - " + h + " A",
	} {
		s := sets(t, text)[0]
		if _, ok := ParseNSEC(&s, name("example.")); s.Type == wire.TypeNSEC && ok {
			t.Errorf("%s is taken", text)
		}
		if _, ok := ParseNSEC3(&s, name("example.")); s.Type == wire.TypeNSEC3 && ok {
			t.Errorf("%s is taken", text)
		}
	}
}

// RFC 4034 section 4.1.2.
func TestTypeBitmaps(t *testing.T) {
	s := sets(t, "a.example. NSEC b.example. A MX RRSIG NSEC TYPE1234")[0]
	n, ok := ParseNSEC(&s, name("example."))
	if !ok {
		t.Fatal("not read")
	}
	for _, c := range []struct {
		t    wire.Type
		want bool
	}{{1, true}, {15, true}, {46, true}, {47, true}, {1234, true}, {2, false}, {0, false}, {1235, false}, {1233, false}, {255, false}, {65535, false}} {
		if n.Types.Has(c.t) != c.want {
			t.Errorf("%s: %v", c.t, !c.want)
		}
	}
	for _, bad := range []string{"00", "0000", "0021" + strings.Repeat("00", 33), "000240", "00014000", "0001400001 40", "0101400001 40", "000140ff"} {
		b, _ := hex.DecodeString(strings.ReplaceAll(bad, " ", ""))
		if _, ok := parseBitmap(string(b)); ok {
			t.Errorf("%s is taken", bad)
		}
	}
	if _, ok := parseBitmap(""); !ok {
		t.Error("an empty set is not taken")
	}
}
