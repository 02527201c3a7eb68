package dnssec

import (
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/wire"
)

// The examples of the RFCs that define algorithms. Those of RFC 8080 are the
// corrected ones of its errata: the printed ones have a label too many.
var examples = []struct{ rfc, key, set, sig string }{
	{"RFC 6605 section 6.1", "example.net. DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
		"www.example.net. A 192.0.2.1",
		"RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw=="},
	{"RFC 6605 section 6.2", "example.net. DNSKEY 257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
		"www.example.net. A 192.0.2.1",
		"RRSIG A 14 3 3600 20100909102025 20100812102025 10771 example.net. /L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm"},
	{"RFC 8080 section 6.1", "example.com. DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
		"example.com. MX 10 mail.example.com.",
		"RRSIG MX 15 2 3600 20150819220000 20150729220000 3613 example.com. oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg=="},
	{"RFC 8080 section 6.1, second", "example.com. DNSKEY 257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
		"example.com. MX 10 mail.example.com.",
		"RRSIG MX 15 2 3600 20150819220000 20150729220000 35217 example.com. zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg=="},
	{"RFC 8080 section 6.2", "example.com. DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
		"example.com. MX 10 mail.example.com.",
		"RRSIG MX 16 2 3600 20150819220000 20150729220000 9713 example.com. 3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA"},
	{"RFC 8080 section 6.2, second", "example.com. DNSKEY 257 3 16 kkreGWoccSDmUBGAe7+zsbG6ZAFQp+syPmYUurBRQc3tDjeMCJcVMRDmgcNLp5HlHAMy12VoISsA",
		"example.com. MX 10 mail.example.com.",
		"RRSIG MX 16 2 3600 20150819220000 20150729220000 38353 example.com. E1/oLjSGIbmLny/4fcgM1z4oL6aqo+izT3urCyHyvEp4Sp8Syg1eI+lJ57CSnZqjJP41O/9l4m0AsQ4f7qI1gVnML8vWWiyW2KXhT9kuAICUSxv5OWbf81Rq7Yu60npabODB0QFPb/rkW3kUZmQ0YQUA"},
}

func TestExamplesOfTheAlgorithmsVerify(t *testing.T) {
	for _, e := range examples {
		t.Run(e.rfc, func(t *testing.T) {
			keys := ParseKeys(&sets(t, e.key)[0])
			rrs := records(t, e.set)
			owner := rrs[0].Header().Name
			set := sets(t, e.set+"\n"+owner+" "+e.sig)[0]
			s, _ := parseSignature(set.Sigs[0])
			if keys[0].Tag != s.tag {
				t.Errorf("key tag %d, want %d", keys[0].Tag, s.tag)
			}
			at := time.Unix(int64(s.inception)+60, 0)
			r := VerifyRRset(&set, s.signer, keys, at, NewBudget(false))
			if !r.OK {
				t.Fatalf("does not verify: %s", r.Reason)
			}
			changed := set
			changed.Data = []string{set.Data[0][:len(set.Data[0])-1] + "\x02"}
			if r := VerifyRRset(&changed, s.signer, keys, at, NewBudget(false)); r.OK {
				t.Error("verifies after a change")
			}
		})
	}
}

// RFC 4034 sections 6.1 and 6.2.
func TestCanonicalFormIsWhatSignersSign(t *testing.T) {
	s := newP256(t, "example.")
	for _, text := range []string{
		"ExAmPlE. NS Ns1.ExAmple.\nExAmPlE. NS b.EXAMPLE.\nExAmPlE. NS A.example.",
		"example. SOA NS.Example. Host.Master.Example. 1 2 3 4 5",
		"Mail.example. MX 10 MX.example.",
		"a.example. SRV 1 2 3 Host.EXAMPLE.",
		"a.example. NAPTR 1 2 \"S\" \"SIP+D2U\" \"!a!B!\" Host.EXAMPLE.",
		"a.example. RP Me.example. Txt.Example.",
		"a.example. AFSDB 1 Host.Example.",
		"a.example. RT 1 Host.Example.",
		"a.example. KX 1 Host.Example.",
		"a.example. PX 1 Host.Example. Other.EXAMPLE.",
		"a.example. MINFO Host.Example. Other.EXAMPLE.",
		"a.example. DNAME Other.EXAMPLE.",
		"a.example. PTR Other.EXAMPLE.",
		"a.example. TXT \"Not A Name\"",
		"a.example. HINFO \"PDP\" \"ITS\"",
		"a.example. A 192.0.2.3\na.example. A 192.0.2.1\na.example. A 192.0.2.2",
		"a.example. TXT \"a\"\na.example. TXT \"\"\na.example. TXT \"a\" \"b\"",
		"a.example. TYPE65280 \\# 3 414243",
	} {
		set := s.signed(t, text)[0]
		if r := VerifyRRset(&set, name("example."), s.keys(t), when, NewBudget(false)); !r.OK {
			t.Errorf("%q: %s", text, r.Reason)
		}
	}
}

// RFC 6840 section 5.1: the next name of NSEC keeps its letter case.
func TestNextNameOfNSECIsNotLowered(t *testing.T) {
	s := newP256(t, "example.")
	if got := canonicalRDATA(wire.TypeNSEC, "\x01A\x07example\x00"); got != "\x01A\x07example\x00" {
		t.Errorf("lowered to %q", got)
	}
	set := sets(t, "a.example. NSEC B.example. A")[0]
	sig, _ := parseSignature(raw(t, s.sign(t, records(t, "a.example. NSEC B.example. A")))[0].Data)
	if got := string(sig.message(&set, canonicalData(&set))); got[len(got)-len("\x01B\x07example\x00\x00\x01\x40"):] != "\x01B\x07example\x00\x00\x01\x40" {
		t.Errorf("what is signed ends in %q", got)
	}
}

// RFC 4034 section 6.3: a set that came with a record twice is the set.
func TestDuplicateRecordsCountOnce(t *testing.T) {
	s := newP256(t, "example.")
	set := s.signed(t, "example. NS a.example.\nexample. NS b.example.")[0]
	set.Data = append(set.Data, "\x01A\x07example\x00")
	if r := VerifyRRset(&set, name("example."), s.keys(t), when, NewBudget(false)); !r.OK {
		t.Error(r.Reason)
	}
}

// RFC 4034 section 6.1, its own example.
func TestNamesAreInCanonicalOrder(t *testing.T) {
	order := []string{"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.", "\\001.z.example.", "*.z.example.", "\\200.z.example."}
	for i, a := range order {
		for j, b := range order {
			if got := Compare(name(a), name(b)); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%s and %s: %d", a, b, got)
			}
		}
	}
}

// RFC 4035 section 5.3.1, and C1.
func TestSignaturesThatCannotCoverTheSetAreNotChecked(t *testing.T) {
	s := newP256(t, "example.")
	seconds := func(d time.Duration) uint32 { return uint32(when.Add(d).Unix()) }
	for what, c := range map[string]struct {
		change func(*dns.RRSIG)
		after  func(*wire.RRset)
		ede    wire.EDE
	}{
		"expired":                     {func(r *dns.RRSIG) { r.Expiration = seconds(-time.Second) }, nil, EDEExpired},
		"not yet valid":               {func(r *dns.RRSIG) { r.Inception = seconds(time.Second) }, nil, EDENotYetValid},
		"expires before it is valid":  {func(r *dns.RRSIG) { r.Inception, r.Expiration = seconds(time.Hour), seconds(-time.Hour) }, nil, EDEExpiredBeforeValid},
		"by another zone":             {func(r *dns.RRSIG) { r.SignerName = "com." }, nil, EDEBogus},
		"by a zone above":             {func(r *dns.RRSIG) { r.SignerName = "." }, nil, EDEBogus},
		"by an unknown key":           {func(r *dns.RRSIG) { r.KeyTag++ }, nil, EDEKeyMissing},
		"none":                        {nil, func(s *wire.RRset) { s.Sigs = nil }, EDESignaturesMissing},
		"of another type":             {nil, func(s *wire.RRset) { s.Sigs[0] = "\x00\x02" + s.Sigs[0][2:] }, EDEBogus},
		"with more labels":            {nil, func(s *wire.RRset) { s.Sigs[0] = s.Sigs[0][:3] + "\x03" + s.Sigs[0][4:] }, EDEBogus},
		"with fewer than its signer":  {nil, func(s *wire.RRset) { s.Sigs[0] = s.Sigs[0][:3] + "\x00" + s.Sigs[0][4:] }, EDEBogus},
		"cut short":                   {nil, func(s *wire.RRset) { s.Sigs[0] = s.Sigs[0][:17] }, EDEBogus},
		"of a name outside the zone":  {nil, func(s *wire.RRset) { s.Name = name("a.examples.") }, EDEBogus},
		"of an algorithm not the key": {nil, func(s *wire.RRset) { s.Sigs[0] = s.Sigs[0][:2] + "\x0f" + s.Sigs[0][3:] }, EDEKeyMissing},
	} {
		t.Run(what, func(t *testing.T) {
			var changes []func(*dns.RRSIG)
			if c.change != nil {
				changes = append(changes, c.change)
			}
			set := s.signed(t, "a.example. A 192.0.2.1", changes...)[0]
			if c.after != nil {
				c.after(&set)
			}
			b := NewBudget(false)
			r := VerifyRRset(&set, name("example."), s.keys(t), when, b)
			if r.OK || r.EDE != c.ede || b.Signatures() != 0 {
				t.Errorf("OK %v, EDE %d (%s), %d checks; want EDE %d and no check", r.OK, r.EDE, r.Reason, b.Signatures(), c.ede)
			}
		})
	}
}

// RFC 1982 by RFC 4034 section 3.1.5: the clock of signatures goes round in 2106.
func TestValidityGoesRoundTheClock(t *testing.T) {
	s := newP256(t, "example.")
	at := time.Unix(1<<32+10, 0)
	set := s.signed(t, "a.example. A 192.0.2.1", func(r *dns.RRSIG) { r.Inception, r.Expiration = 0xffffff00, 0x100 })[0]
	if r := VerifyRRset(&set, name("example."), s.keys(t), at, NewBudget(false)); !r.OK || r.TTL != 0x100-10 {
		t.Errorf("OK %v (%s), TTL %d", r.OK, r.Reason, r.TTL)
	}
}

// RFC 4035 section 5.3.3.
func TestTTLIsCappedByTheSignature(t *testing.T) {
	s := newP256(t, "example.")
	for what, c := range map[string]struct {
		set, left uint32
		want      uint32
	}{
		"the set's own":  {60, 86400, 60},
		"the original":   {90000, 100000, 3600},
		"the expiration": {3600, 30, 30},
	} {
		set := s.signed(t, "a.example. 3600 A 192.0.2.1", func(r *dns.RRSIG) { r.Expiration = uint32(when.Unix()) + c.left })[0]
		set.TTL = c.set
		if r := VerifyRRset(&set, name("example."), s.keys(t), when, NewBudget(false)); !r.OK || r.TTL != c.want {
			t.Errorf("%s: OK %v (%s), TTL %d, want %d", what, r.OK, r.Reason, r.TTL, c.want)
		}
	}
}

// RFC 4035 section 5.3.2.
func TestWildcardsAreVerifiedUnderTheirOwnName(t *testing.T) {
	s := newP256(t, "example.")
	set := s.signed(t, "*.w.example. A 192.0.2.1")[0]
	if r := VerifyRRset(&set, name("example."), s.keys(t), when, NewBudget(false)); !r.OK || r.Wildcard {
		t.Errorf("the wildcard itself: OK %v, wildcard %v (%s)", r.OK, r.Wildcard, r.Reason)
	}
	set.Name = name("a.b.w.example.")
	if r := VerifyRRset(&set, name("example."), s.keys(t), when, NewBudget(false)); !r.OK || !r.Wildcard || r.Encloser != name("w.example.") {
		t.Errorf("an expansion: OK %v, wildcard %v below %s (%s)", r.OK, r.Wildcard, r.Encloser, r.Reason)
	}
}

// A9, CVE-2023-50387.
func TestSignaturesOfOneSetAreCheckedFourTimesAtMost(t *testing.T) {
	s := newP256(t, "example.")
	set := s.signed(t, "a.example. A 192.0.2.1")[0]
	good := set.Sigs[0]
	var keys []*Key
	for i := range 500 {
		k := *s.key
		k.PublicKey = newKeyLike(i)
		g := group(t, &k)
		key := ParseKeys(&g[0])[0]
		key.Tag = s.key.KeyTag()
		keys = append(keys, key)
	}
	set.Sigs = nil
	for i := range 500 {
		set.Sigs = append(set.Sigs, good[:len(good)-2]+string([]byte{byte(i >> 8), byte(i)}))
	}
	b := NewBudget(false)
	if r := VerifyRRset(&set, name("example."), keys, when, b); r.OK || b.Signatures() > maxChecks {
		t.Errorf("OK %v, %d checks", r.OK, b.Signatures())
	}
	for range 10 {
		VerifyRRset(&set, name("example."), keys, when, b)
	}
	if b.Failed() != maxFailed {
		t.Errorf("%d failed checks for one question, want %d", b.Failed(), maxFailed)
	}
	r := VerifyRRset(&set, name("example."), keys, when, b)
	if !r.Limit {
		t.Errorf("the end of the budget is not said: %s", r.Reason)
	}
}

// newKeyLike is a point of P-256, the same for all numbers: what counts is that it
// is a key that can be used.
func newKeyLike(int) string {
	return "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="
}

func TestRecordedLimitsAreCountedAndNotEnforced(t *testing.T) {
	b := NewBudget(true)
	for range maxSignatures + 1 {
		if !b.signature() {
			t.Fatal("enforced")
		}
		b.failed.Add(1)
	}
	if b.Signatures() != maxSignatures+1 {
		t.Errorf("%d counted", b.Signatures())
	}
}

// RFC 4034 section 6.2: the types that the library cannot make, and RDATA that is
// not what its type wants.
func TestNamesInRDATAAreLoweredByType(t *testing.T) {
	const n, low = "\x01A\x02bC\x00", "\x01a\x02bc\x00"
	for _, c := range []struct {
		t        wire.Type
		in, want string
	}{
		{3, n, low}, {4, n, low}, {7, n, low}, {8, n, low}, {9, n, low}, {30, n + "AB", low + "AB"},
		{24, "AAAAAAAAAAAAAAAAAA" + n + "SIG", "AAAAAAAAAAAAAAAAAA" + low + "SIG"},
		{38, "\x00AAAAAAAAAAAAAAAA", "\x00AAAAAAAAAAAAAAAA"},
		{38, "\x40AAAAAAAA" + n, "\x40AAAAAAAA" + low},
		{38, "\x80" + n, "\x80" + low},
		{38, "\xff" + n, "\xff" + n},
		{38, "", ""},
		{wire.TypeTXT, n, n}, {13, n, n}, {65, n, n}, {99, n, n},
		{wire.TypeNS, "\x05A", "\x05A"}, {wire.TypeNS, "", ""}, {wire.TypeMX, "A", "A"},
		{wire.TypeSOA, n, n}, {wire.TypeSOA, n + "\x3fA", n + "\x3fA"},
		{35, "AAAA\x01A\x01A\x01A" + n, "AAAA\x01A\x01A\x01A" + low}, {35, "AAAA\x01A\xffA", "AAAA\x01A\xffA"}, {35, "A", "A"},
	} {
		if got := canonicalRDATA(c.t, c.in); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.t, c.in, got, c.want)
		}
	}
}
