package lab

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const tampered = `
== zone example.com @ 192.0.2.1 signed
www     A 192.0.2.80
*.wild  A 192.0.2.99
== zone sub.example.com @ 192.0.2.2 signed
== fault 192.0.2.1
`

// shape lists the types of a section, signatures by what they cover.
func shape(section []dns.RR) string {
	var out []string
	for _, rr := range section {
		t := dns.TypeToString[rr.Header().Rrtype]
		if sig, ok := rr.(*dns.RRSIG); ok {
			t = "sig-" + dns.TypeToString[sig.TypeCovered]
		}
		out = append(out, t)
	}
	return strings.Join(out, " ")
}

func TestTamperedReplies(t *testing.T) {
	for _, c := range []struct{ fault, name, want string }{
		{"", "www", "NOERROR A sig-A /"},
		{"rcode 3", "www", "NXDOMAIN A sig-A /"},
		{"without A", "www", "NOERROR sig-A /"},
		{"unsigned A TXT", "www", "NOERROR A /"},
		{"unsigned TXT", "www", "NOERROR A sig-A /"},
		{"without NSEC\nunsigned SOA", "gone", "NXDOMAIN / SOA sig-NSEC"},
		{"signatures-first", "www", "NOERROR sig-A A /"},
		{"wrong-signatures 2", "www", "NOERROR A sig-A sig-A sig-A /"},
		{"signed-answer x.example.com. TXT hello", "www", "NOERROR A sig-A TXT sig-TXT /"},
		{"signed-authority x.example.com. NSEC y.example.com. A", "www", "NOERROR A sig-A / NSEC sig-NSEC"},
		{"reply-of 192.0.2.1 gone.example.com A", "www", "NXDOMAIN / SOA sig-SOA NSEC sig-NSEC"},
		{"authority-of 192.0.2.2 sub.example.com A", "www", "NOERROR A sig-A / SOA sig-SOA NSEC sig-NSEC"},
	} {
		n := parse(t, tampered+c.fault+"\n")
		r := ask(t, n, "tcp", "192.0.2.1", question(c.name+".example.com.", "A", "do"))
		got := strings.TrimSpace(strings.Join(strings.Fields(fmt.Sprint(dns.RcodeToString[r.Rcode], " ", shape(r.Answer), " / ", shape(r.Ns))), " "))
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.fault, got, c.want)
		}
	}
}

// signatureOf asks for an address and returns it with its signature, and whether that is good under the zone's keys.
func signatureOf(t *testing.T, n *Internet, name string) (sig *dns.RRSIG, good bool) {
	t.Helper()
	r := ask(t, n, "tcp", "192.0.2.1", question(name, "A", "do"))
	if len(r.Answer) != 2 {
		t.Fatalf("%d records", len(r.Answer))
	}
	sig = r.Answer[1].(*dns.RRSIG)
	good = slices.ContainsFunc(keysOf(t, n, "192.0.2.1", "example.com."), func(k *dns.DNSKEY) bool {
		return k.KeyTag() == sig.KeyTag && sig.Verify(k, r.Answer[:1]) == nil
	})
	return sig, good
}

func TestSignaturesMadeAnew(t *testing.T) {
	day := func(text string) uint32 { at, _ := time.Parse(time.DateOnly, text); return uint32(at.Unix()) }
	for _, c := range []struct {
		fields, name string
		good         bool
		check        func(s *dns.RRSIG) bool
	}{
		{"inception=20250101 expiration=20250201", "www", true, func(s *dns.RRSIG) bool { return s.Inception == day("2025-01-01") && s.Expiration == day("2025-02-01") }},
		{"labels=2", "www", true, func(s *dns.RRSIG) bool { return s.Labels == 2 }},
		{"labels=1", "www", true, func(s *dns.RRSIG) bool { return s.Labels == 1 }},
		{"labels=5", "www", false, func(s *dns.RRSIG) bool { return s.Labels == 5 }},
		{"signer=com", "www", false, func(s *dns.RRSIG) bool { return s.SignerName == "com." }},
		{"ttl=60", "www", true, func(s *dns.RRSIG) bool { return s.OrigTtl == 60 && s.Hdr.Ttl == 3600 }},
		{"key=ksk", "www", true, func(s *dns.RRSIG) bool { return true }},
		{"key=other", "www", false, func(s *dns.RRSIG) bool { return true }},
		{"algorithm=8", "www", false, func(s *dns.RRSIG) bool { return s.Algorithm == 8 }},
		{"tag=1", "www", false, func(s *dns.RRSIG) bool { return s.KeyTag == 1 }},
		{"", "a.wild", true, func(s *dns.RRSIG) bool { return s.Labels == 3 }},
	} {
		n := parse(t, tampered+"only-type A resign A "+c.fields+"\n")
		sig, good := signatureOf(t, n, c.name+".example.com.")
		if good != c.good || !c.check(sig) {
			t.Errorf("%q: good is %v, %s", c.fields, good, sig)
		}
	}
}

func TestHashesOfNobody(t *testing.T) {
	n := parse(t, "== zone example.com @ 192.0.2.1 signed=nsec3\nwww A 192.0.2.80\n== fault 192.0.2.1\nnsec3 hash=9 flags=6\n")
	r := ask(t, n, "tcp", "192.0.2.1", question("gone.example.com.", "A", "do"))
	_, records := denials(r.Ns)
	if len(records) == 0 || records[0].Hash != 9 || records[0].Flags != 6 {
		t.Errorf("%s", r)
	}
	n.ClearFaults()
	verify(t, keysOf(t, n, "192.0.2.1", "example.com."), r.Ns)
}

func TestFaultsOfSigningThatMakeNoSense(t *testing.T) {
	for _, fault := range []string{"without", "without NOTYPE", "resign", "resign A labels", "resign A labels=x", "resign A hue=1",
		"reply-of 192.0.2.1 x", "reply-of here x A", "rcode 5000", "nsec3 salt=1", "nsec3 hash=256", "signed-answer"} {
		if _, _, err := Parse(tampered + fault + "\n"); err == nil {
			t.Errorf("%q is accepted", fault)
		}
	}
	for _, option := range []string{"alg=13", "alg=none", "ds=md5", "ds=", "bits=x", "colliding=1000", "flags=70000"} {
		if _, _, err := Parse("== zone example.com @ 192.0.2.1 signed " + option + "\n"); err == nil {
			t.Errorf("%q is accepted", option)
		}
	}
}

func TestDSRecordsAreThoseOfTheOption(t *testing.T) {
	n := parse(t, "== zone example.com @ 192.0.2.1 signed ds=sha1!,sha256,sha384,99,alg99\n")
	keys := keysOf(t, n, "192.0.2.1", "example.com.")
	var got []string
	for _, rr := range ask(t, n, "tcp", "192.5.6.30", question("example.com.", "DS")).Answer {
		ds := rr.(*dns.DS)
		right := slices.ContainsFunc(keys, func(k *dns.DNSKEY) bool {
			d := k.ToDS(ds.DigestType)
			return d != nil && d.KeyTag == ds.KeyTag && d.Digest == ds.Digest
		})
		got = append(got, fmt.Sprint(ds.Algorithm, " ", ds.DigestType, " ", right))
	}
	if want := []string{"13 1 false", "13 2 true", "13 4 true", "13 99 false", "99 2 true"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCollidingKeysHaveOneTag(t *testing.T) {
	for _, alg := range []string{"rsa", "ed25519"} {
		n := parse(t, "== zone example.com @ 192.0.2.1 signed colliding=40 alg="+alg+"\n")
		tags := map[uint16]int{}
		publics := map[string]bool{}
		for _, k := range keysOf(t, n, "192.0.2.1", "example.com.") {
			tags[k.KeyTag()]++
			publics[k.PublicKey] = true
		}
		if len(tags) != 2 || len(publics) != 42 {
			t.Errorf("%s: %d tags, %d keys", alg, len(tags), len(publics))
		}
	}
}

func TestCompactDenialIsAnsweredAtTheName(t *testing.T) {
	n := parse(t, "== zone example.com @ 192.0.2.1 signed=compact\nwww A 192.0.2.80\na.b TXT x\n*.wild TXT y\n")
	verify(t, keysOf(t, n, "192.0.2.1", "example.com."), ask(t, n, "tcp", "192.0.2.1", question("x.wild.example.com.", "TXT", "do")).Answer)
	for name, want := range map[string]string{"gone": "RRSIG NSEC NXNAME", "www": "A RRSIG NSEC", "b": "RRSIG NSEC", "x.wild": "TXT RRSIG NSEC"} {
		r := ask(t, n, "tcp", "192.0.2.1", question(name+".example.com.", "MX", "do"))
		nsec, _ := denials(r.Ns)
		if r.Rcode != dns.RcodeSuccess || len(nsec) != 1 || nsec[0].Hdr.Name != name+".example.com." || !strings.HasPrefix(nsec[0].NextDomain, `\000.`) {
			t.Fatalf("%s: %s", name, r)
		}
		var types []string
		for _, b := range nsec[0].TypeBitMap {
			types = append(types, dns.TypeToString[b])
		}
		if got := strings.Join(types, " "); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
		verify(t, keysOf(t, n, "192.0.2.1", "example.com."), r.Ns)
	}
}

func TestAlgorithmsOfTheLab(t *testing.T) {
	for alg := range algorithms {
		n := parse(t, "== zone example.com @ 192.0.2.1 signed alg="+alg+"\nwww A 192.0.2.80\n")
		if _, good := signatureOf(t, n, "www.example.com."); !good {
			t.Errorf("%s: wrong signature", alg)
		}
	}
	for _, option := range []string{"alg=rsa bits=4096", "alg=99"} {
		n := parse(t, "== zone example.com @ 192.0.2.1 signed "+option+"\nwww A 192.0.2.80\n")
		if _, good := signatureOf(t, n, "www.example.com."); good {
			t.Errorf("%s: who signed that?", option)
		}
	}
}
