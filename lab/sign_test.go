package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// signed is one zone in each way of signing; %s is the option.
const signedText = `
== zone example.com @ 192.0.2.1 %s
$TTL 300
www      A     192.0.2.80
*.wild   A     192.0.2.99
deep.empty A   192.0.2.7
old      DNAME new
alias    CNAME www
insecure NS    ns.insecure
insecure A     192.0.2.54
ns.insecure A  192.0.2.53
== zone secure.example.com @ 192.0.2.2 signed
www      A     192.0.2.81
`

var waysOfSigning = []string{
	"signed", "signed=nsec3", "signed=optout", "signed=nsec3 iterations=3 salt=ab12",
	"signed alg=ed25519", "signed=nsec3 alg=rsa",
}

// keysOf asks a server for its DNSKEY records.
func keysOf(t *testing.T, n *Internet, server, zone string) []*dns.DNSKEY {
	t.Helper()
	var keys []*dns.DNSKEY
	for _, rr := range ask(t, n, "tcp", server, question(zone, "DNSKEY", "do")).Answer {
		if key, ok := rr.(*dns.DNSKEY); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// verify checks every signature in a section, and that every RRset has one but those excepted by type.
func verify(t *testing.T, keys []*dns.DNSKEY, section []dns.RR, unsigned ...uint16) {
	t.Helper()
	sets := map[string][]dns.RR{}
	sigs := map[string]*dns.RRSIG{}
	id := func(name string, rrtype uint16) string { return fmt.Sprint(canon(name), rrtype) }
	for _, rr := range section {
		if sig, ok := rr.(*dns.RRSIG); ok {
			sigs[id(sig.Hdr.Name, sig.TypeCovered)] = sig
		} else if h := rr.Header(); h.Rrtype != dns.TypeOPT {
			sets[id(h.Name, h.Rrtype)] = append(sets[id(h.Name, h.Rrtype)], rr)
		}
	}
	for k, set := range sets {
		h := set[0].Header()
		sig := sigs[k]
		if slices.Contains(unsigned, h.Rrtype) {
			if sig != nil {
				t.Errorf("%s %s is signed", h.Name, dns.TypeToString[h.Rrtype])
			}
			continue
		}
		if sig == nil {
			t.Errorf("%s %s has no signature", h.Name, dns.TypeToString[h.Rrtype])
			continue
		}
		if sig.Hdr.Ttl != h.Ttl {
			t.Errorf("%s: TTL %d of the signature, %d of the set", h.Name, sig.Hdr.Ttl, h.Ttl)
		}
		i := slices.IndexFunc(keys, func(key *dns.DNSKEY) bool { return key.KeyTag() == sig.KeyTag })
		if i < 0 {
			t.Errorf("%s: no key %d", h.Name, sig.KeyTag)
			continue
		}
		if err := sig.Verify(keys[i], set); err != nil {
			t.Errorf("%s %s: %v", h.Name, dns.TypeToString[h.Rrtype], err)
		}
	}
}

// denials returns the NSEC and NSEC3 records of a section.
func denials(section []dns.RR) (nsec []*dns.NSEC, nsec3 []*dns.NSEC3) {
	for _, rr := range section {
		switch rr := rr.(type) {
		case *dns.NSEC:
			nsec = append(nsec, rr)
		case *dns.NSEC3:
			nsec3 = append(nsec3, rr)
		}
	}
	return nsec, nsec3
}

// matches and covers look for a record that does so among either kind.
func matches(section []dns.RR, name string) []uint16 {
	nsec, nsec3 := denials(section)
	for _, rr := range nsec {
		if canon(rr.Hdr.Name) == name {
			return rr.TypeBitMap
		}
	}
	for _, rr := range nsec3 {
		if rr.Match(name) {
			return rr.TypeBitMap
		}
	}
	return nil
}

func covers(section []dns.RR, name string) bool {
	nsec, nsec3 := denials(section)
	for _, rr := range nsec {
		owner, key, next := orderKey(canon(rr.Hdr.Name)), orderKey(name), orderKey(canon(rr.NextDomain))
		if owner < key && (key < next || next <= owner) {
			return true
		}
	}
	return slices.ContainsFunc(nsec3, func(rr *dns.NSEC3) bool { return rr.Cover(name) })
}

func TestSignedRepliesVerify(t *testing.T) {
	for _, way := range waysOfSigning {
		t.Run(way, func(t *testing.T) {
			n := parse(t, fmt.Sprintf(signedText, way))
			keys := keysOf(t, n, "192.0.2.1", "example.com.")
			if len(keys) != 2 {
				t.Fatalf("%d keys, want 2", len(keys))
			}
			for _, q := range []string{
				"www.example.com. A", "example.com. DNSKEY", "example.com. SOA", "example.com. NS", "alias.example.com. A", "a.wild.example.com. A",
				"a.wild.example.com. TXT", "nope.example.com. A", "www.example.com. TXT", "empty.example.com. A", "old.example.com. DNAME",
				"secure.example.com. DS", "insecure.example.com. DS",
			} {
				name, rrtype, _ := strings.Cut(q, " ")
				r := ask(t, n, "tcp", "192.0.2.1", question(name, rrtype, "do"))
				if len(r.Answer)+len(r.Ns) == 0 {
					t.Errorf("%s: empty reply", q)
				}
				verify(t, keys, r.Answer)
				verify(t, keys, r.Ns)
			}
			r := ask(t, n, "tcp", "192.0.2.1", question("x.old.example.com.", "A", "do"))
			verify(t, keys, r.Answer, dns.TypeCNAME) // RFC 6672 section 5.3.1: the synthesised one is not signed
			verify(t, keys, ask(t, n, "tcp", "192.0.2.1", question("www.secure.example.com.", "A", "do")).Ns, dns.TypeNS)
			r = ask(t, n, "tcp", "192.0.2.1", question("www.insecure.example.com.", "A", "do"))
			verify(t, keys, r.Ns, dns.TypeNS)
			verify(t, keys, r.Extra, dns.TypeA)
		})
	}
}

// withoutSigning removes the types that stand at every signed name.
func withoutSigning(types []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(types), func(t uint16) bool { return t == dns.TypeRRSIG || t == dns.TypeNSEC })
}

func TestDenialProofsAreComplete(t *testing.T) {
	for _, way := range waysOfSigning {
		t.Run(way, func(t *testing.T) {
			n := parse(t, fmt.Sprintf(signedText, way))
			isNSEC3, isOptOut := !strings.HasPrefix(way, "signed ") && way != "signed", way == "signed=optout"
			proof := func(name, rrtype string) []dns.RR {
				return ask(t, n, "tcp", "192.0.2.1", question(name, rrtype, "do")).Ns
			}
			check := func(what string, ok bool) {
				t.Helper()
				if !ok {
					t.Error(what)
				}
			}
			// Name error: RFC 4035 section 3.1.3.2, RFC 5155 section 7.2.2.
			p := proof("a.nope.example.com.", "A")
			check("name error: the wildcard is not denied", covers(p, "*.example.com."))
			if isNSEC3 {
				check("name error: closest encloser", matches(p, "example.com.") != nil)
				check("name error: next closer", covers(p, "nope.example.com."))
			} else {
				check("name error: the name is not denied", covers(p, "a.nope.example.com."))
			}
			// No data: 3.1.3.1, 7.2.3.
			types := matches(proof("www.example.com.", "TXT"), "www.example.com.")
			check("no data: bitmap", slices.Contains(types, dns.TypeA) && slices.Contains(types, dns.TypeRRSIG) && !slices.Contains(types, dns.TypeTXT))
			// Empty non-terminal.
			p = proof("empty.example.com.", "A")
			if isNSEC3 {
				_, records := denials(p)
				check("empty non-terminal", len(records) == 1 && records[0].Match("empty.example.com.") && len(records[0].TypeBitMap) == 0)
			} else {
				check("empty non-terminal", covers(p, "empty.example.com."))
			}
			// Wildcard answer: 3.1.3.3, 7.2.6, and wildcard no data: 3.1.3.4, 7.2.5.
			check("wildcard answer", covers(proof("a.wild.example.com.", "A"), "a.wild.example.com."))
			p = proof("a.wild.example.com.", "TXT")
			check("wildcard no data: name", covers(p, "a.wild.example.com."))
			check("wildcard no data: wildcard", slices.Contains(matches(p, "*.wild.example.com."), dns.TypeA))
			// Referrals: 3.1.4, 7.2.7.
			p = proof("www.insecure.example.com.", "A")
			if isOptOut {
				_, records := denials(p)
				check("opt-out: flag", len(records) > 0 && records[0].Flags == 1)
				check("opt-out: next closer", covers(p, "insecure.example.com.") && matches(p, "example.com.") != nil)
			} else {
				types = matches(p, "insecure.example.com.")
				check("insecure referral", slices.Equal(withoutSigning(types), []uint16{dns.TypeNS}))
			}
			p = proof("www.secure.example.com.", "A")
			nsec, nsec3 := denials(p)
			check("a secure referral needs no proof", len(nsec)+len(nsec3) == 0)
			check("a secure referral has DS", slices.ContainsFunc(p, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeDS }))
		})
	}
}

func TestWithoutDOThereAreNoSignatures(t *testing.T) {
	n := parse(t, fmt.Sprintf(signedText, "signed"))
	wantBrief(t, ask(t, n, "udp", "192.0.2.1", question("nope.example.com.", "A", "edns")), "NXDOMAIN AA / example.com. SOA")
	if r := ask(t, n, "udp", "192.0.2.1", question("www.example.com.", "A", "edns")); len(r.Answer) != 1 {
		t.Errorf("%d records, want 1", len(r.Answer))
	}
}

func TestChainOfTrustReachesFromTheAnchorToTheZone(t *testing.T) {
	n := parse(t, "== zone example.com @ 192.0.2.1 signed=nsec3\n")
	anchor, err := dns.NewRR(n.TrustAnchors())
	if err != nil {
		t.Fatal(err)
	}
	ds := anchor.(*dns.DS)
	for _, step := range []struct{ zone, server, child string }{
		{".", "198.41.0.4", "com."}, {"com.", "192.5.6.30", "example.com."}, {"example.com.", "192.0.2.1", ""},
	} {
		keys := keysOf(t, n, step.server, step.zone)
		if !slices.ContainsFunc(keys, func(key *dns.DNSKEY) bool {
			return key.Flags == 257 && key.KeyTag() == ds.KeyTag && strings.EqualFold(key.ToDS(ds.DigestType).Digest, ds.Digest)
		}) {
			t.Fatalf("%s: no key for %s", step.zone, ds)
		}
		if step.child == "" {
			return
		}
		r := ask(t, n, "udp", step.server, question(step.child, "DS", "do"))
		verify(t, keys, r.Answer)
		ds = r.Answer[0].(*dns.DS)
	}
}

func TestSigningOptions(t *testing.T) {
	hasDS := func(n *Internet) bool {
		return len(ask(t, n, "udp", "192.5.6.30", question("example.com.", "DS")).Answer) > 0
	}
	if hasDS(parse(t, "== zone example.com @ 192.0.2.1 signed nods\n")) {
		t.Error("nods has DS")
	}
	if hasDS(parse(t, "== zone example.com @ 192.0.2.1 unsigned\n== zone example.net @ 192.0.2.2 signed\n")) {
		t.Error("an unsigned zone has DS")
	}
	if n := parse(t, "== zone example.com @ 192.0.2.1\n"); n.TrustAnchors() != "" {
		t.Error("an unsigned root has a trust anchor")
	}
	a := parse(t, "== zone example.com @ 192.0.2.1 signed\n").Zone("example.com")
	if b := parse(t, "== zone example.com @ 192.0.2.1 signed\n").Zone("example.com"); a != b {
		t.Error("keys differ between runs")
	}
	if b := parse(t, "== zone example.com @ 192.0.2.1 signed key=other\n").Zone("example.com"); a == b {
		t.Error("another key word gives the same keys")
	}
}

func TestSignaturesAreTheSameInEveryRun(t *testing.T) {
	for _, alg := range []string{"ecdsa", "ed25519", "rsa"} {
		var first []byte
		for range 2 {
			n := parse(t, "== zone example.com @ 192.0.2.1 signed alg="+alg+"\n")
			q := question("example.com.", "SOA", "do")
			q.Id = 1
			raw := askRaw(t, n, "tcp", "192.0.2.1", q)
			if first != nil && string(raw) != string(first) {
				t.Errorf("%s: two runs differ", alg)
			}
			first = raw
		}
	}
}

func TestValidityComesFromTheHeaderAndCoversSuppliedParents(t *testing.T) {
	n := parse(t, "== zone example.com @ 192.0.2.1 signed inception=19991201 expiration=20000201\n")
	validAt := func(server, zone string, when time.Time) bool {
		for _, rr := range ask(t, n, "udp", server, question(zone, "SOA", "do")).Answer {
			if sig, ok := rr.(*dns.RRSIG); ok {
				return sig.ValidityPeriod(when)
			}
		}
		t.Fatalf("%s: no signature", zone)
		return false
	}
	virtual := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where a synctest bubble starts
	later := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if !validAt("192.0.2.1", "example.com.", virtual) || validAt("192.0.2.1", "example.com.", later) {
		t.Error("the zone's validity is not that of its header")
	}
	for _, when := range []time.Time{virtual, later} {
		if !validAt("198.41.0.4", ".", when) || !validAt("192.5.6.30", "com.", when) {
			t.Errorf("supplied parents are not valid at %s", when)
		}
	}
}

// A zone in the middle of a rollover is good by either pair of keys, and its parent has
// both.
func TestAZoneCanBeSignedTwice(t *testing.T) {
	n := parse(t, "== zone example.com @ 192.0.2.1 signed also=rsa\nwww A 192.0.2.80\n")
	r := ask(t, n, "udp", "192.0.2.1", question("www.example.com.", "A", "do"))
	good := map[uint8]bool{}
	for _, rr := range r.Answer {
		sig, ok := rr.(*dns.RRSIG)
		if !ok {
			continue
		}
		for _, key := range keysOf(t, n, "192.0.2.1", "example.com.") {
			if key.KeyTag() == sig.KeyTag && sig.Verify(key, r.Answer[:1]) == nil {
				good[sig.Algorithm] = true
			}
		}
	}
	if !good[dns.ECDSAP256SHA256] || !good[dns.RSASHA256] {
		t.Errorf("good signatures by algorithm: %v", good)
	}
	ds := 0
	for _, rr := range ask(t, n, "udp", "192.5.6.30", question("example.com.", "DS")).Answer {
		if rr.Header().Rrtype == dns.TypeDS {
			ds++
		}
	}
	if ds != 2 {
		t.Errorf("%d DS records", ds)
	}
}
