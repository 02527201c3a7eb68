package dnssec

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rootwalk/cache"
	"rootwalk/wire"
)

// labText is a tree of zones; %s is how example.com. is signed.
const labText = `
== zone example.com @ 192.0.2.1 %s
$TTL 300
www         A     192.0.2.80
www         AAAA  2001:db8::80
*.wild      A     192.0.2.99
a.b.c.ent   A     192.0.2.7
old         DNAME new
x.new       A     192.0.2.8
far         DNAME www.insecure.example.com.
alias       CNAME www
aliasout    CNAME www.unsigned.net.
aliasgone   CNAME gone
aliaswild   CNAME any.wild
*.cw        CNAME www
insecure    NS    ns.insecure
ns.insecure A     192.0.2.3
deep.down.cut NS  ns.deep.down.cut
ns.deep.down.cut A 192.0.2.4
== zone insecure.example.com @ 192.0.2.3 unsigned
www         A     192.0.2.81
a.b.c.d.e   A     192.0.2.81
== zone deep.down.cut.example.com @ 192.0.2.4 signed
www         A     192.0.2.82
== zone secure.example.com @ 192.0.2.2 signed
www         A     192.0.2.81
== zone same.example.com @ 192.0.2.1 unsigned
www         A     192.0.2.83
== zone unsigned.net @ 192.0.2.6 unsigned
www         A     192.0.2.84
== zone nods.net @ 192.0.2.7 signed nods
www         A     192.0.2.85
sub         A     192.0.2.85
`

var waysOfSigning = []string{
	"signed", "signed=nsec3", "signed=optout", "signed=nsec3 iterations=3 salt=ab12", "signed alg=ed25519", "signed=nsec3 alg=rsa",
}

// labCases are questions to the tree above, and what they are worth. Under opt-out
// a proof that a name does not exist does not hold for delegations.
var labCases = []struct {
	owner, rrtype string
	status        cache.Status
	optOut        cache.Status // where it differs
}{
	{"www.example.com.", "A", cache.Secure, 0},
	{"www.example.com.", "AAAA", cache.Secure, 0},
	{"example.com.", "SOA", cache.Secure, 0},
	{"example.com.", "DNSKEY", cache.Secure, 0},
	{"example.com.", "NS", cache.Secure, 0},
	{"example.com.", "DS", cache.Secure, 0},
	{"com.", "DS", cache.Secure, 0},
	{".", "DNSKEY", cache.Secure, 0},
	{".", "DS", cache.Secure, 0},
	{"www.example.com.", "TXT", cache.Secure, 0},
	{"www.example.com.", "DS", cache.Secure, 0},
	{"gone.example.com.", "A", cache.Secure, cache.Insecure},
	{"gone.www.example.com.", "A", cache.Secure, cache.Insecure},
	{"gone.", "A", cache.Secure, 0},
	{"gone.com.", "A", cache.Secure, 0},
	{"ent.example.com.", "A", cache.Secure, 0},
	{"c.ent.example.com.", "A", cache.Secure, 0},
	{"any.wild.example.com.", "A", cache.Secure, cache.Insecure},
	{"a.b.wild.example.com.", "A", cache.Secure, cache.Insecure},
	{"any.wild.example.com.", "TXT", cache.Secure, cache.Insecure},
	{"*.wild.example.com.", "A", cache.Secure, 0},
	{"x.old.example.com.", "A", cache.Secure, 0},
	{"gone.old.example.com.", "A", cache.Secure, cache.Insecure},
	{"x.old.example.com.", "CNAME", cache.Secure, 0},
	{"old.example.com.", "DNAME", cache.Secure, 0},
	{"old.example.com.", "A", cache.Secure, 0},
	{"alias.example.com.", "A", cache.Secure, 0},
	{"alias.example.com.", "CNAME", cache.Secure, 0},
	{"aliasout.example.com.", "A", cache.Secure, 0},
	{"aliasgone.example.com.", "A", cache.Secure, cache.Insecure},
	{"aliaswild.example.com.", "A", cache.Secure, cache.Insecure},
	{"x.cw.example.com.", "A", cache.Secure, cache.Insecure},
	{"www.secure.example.com.", "A", cache.Secure, 0},
	{"www.deep.down.cut.example.com.", "A", cache.Secure, 0},
	{"secure.example.com.", "DS", cache.Secure, 0},
	{"insecure.example.com.", "DS", cache.Secure, cache.Insecure},
	{"down.cut.example.com.", "A", cache.Secure, 0},
	{"www.insecure.example.com.", "A", cache.Insecure, 0},
	{"insecure.example.com.", "SOA", cache.Insecure, 0},
	{"gone.insecure.example.com.", "A", cache.Insecure, 0},
	{"a.b.c.d.e.insecure.example.com.", "A", cache.Insecure, 0},
	{"www.same.example.com.", "A", cache.Insecure, 0},
	{"same.example.com.", "A", cache.Insecure, 0},
	{"www.unsigned.net.", "A", cache.Insecure, 0},
	{"www.nods.net.", "A", cache.Insecure, 0},
	{"gone.nods.net.", "A", cache.Insecure, 0},
	{"nods.net.", "DNSKEY", cache.Insecure, 0},
	{"www.example.com.", "RRSIG", cache.Insecure, 0},
}

// RFC 4035 section 5, over zones signed in every way.
func TestAnswersAreWorthWhatTheirChainIs(t *testing.T) {
	for _, way := range waysOfSigning {
		t.Run(way, func(t *testing.T) {
			w := newWorld(t, fmt.Sprintf(labText, way))
			for _, warm := range []string{"cold", "warm"} {
				for _, c := range labCases {
					if warm == "cold" {
						w.fresh()
					}
					w.budget, w.lines = NewBudget(false), nil
					status := c.status
					if c.optOut != 0 && strings.HasPrefix(way, "signed=optout") {
						status = c.optOut
					}
					v := w.judge(c.owner, c.rrtype)
					want(t, warm+" "+c.owner+" "+c.rrtype, v, status, wire.NoEDE)
					if t.Failed() {
						t.Fatalf("fetched %q\n%s", w.fetched, strings.Join(w.lines, "\n"))
					}
					if w.budget.Failed() > 0 || w.budget.Signatures() > 20 {
						t.Errorf("%s: %d checks, %d failed", c.owner, w.budget.Signatures(), w.budget.Failed())
					}
				}
			}
		})
	}
}

// The chain costs one question for DS and one for DNSKEY per zone, however many
// labels lie between zones, and nothing once it is known.
func TestChainCostsTwoQuestionsPerZone(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed"))
	for _, c := range []struct {
		owner string
		cold  []string
	}{
		{"www.deep.down.cut.example.com.", []string{"deep.down.cut.example.com. DS", "example.com. DS", "com. DS", ". DNSKEY", "com. DNSKEY", "example.com. DNSKEY", "deep.down.cut.example.com. DNSKEY"}},
		{"www.insecure.example.com.", []string{"insecure.example.com. DS", "example.com. DS", "com. DS", ". DNSKEY", "com. DNSKEY", "example.com. DNSKEY"}},
	} {
		w.fresh()
		w.judge(c.owner, "A")
		if !slices.Equal(w.fetched, c.cold) {
			t.Errorf("%s: fetched %q, want %q", c.owner, w.fetched, c.cold)
		}
		w.fetched = nil
		before := w.budget.Signatures()
		w.judge(c.owner, "A")
		if len(w.fetched) != 0 || w.budget.Signatures()-before > 1 {
			t.Errorf("%s again: fetched %q, %d checks", c.owner, w.fetched, w.budget.Signatures()-before)
		}
	}
}

// What the lab's faults make of answers. Every signature changed, and every
// signature and proof removed, at one server.
func TestFaultsMakeSecureAnswersBogus(t *testing.T) {
	for _, way := range waysOfSigning {
		for _, f := range []struct {
			fault, server string
			ede           []wire.EDE
		}{
			{"bogus", "192.0.2.1", []wire.EDE{EDEBogus, EDEExpiredBeforeValid, EDENotYetValid, EDEExpired, EDEKeyMissing}},
			{"no-signatures", "192.0.2.1", []wire.EDE{EDESignaturesMissing, EDEDenialMissing}},
		} {
			w := newWorld(t, fmt.Sprintf(labText, way))
			if err := w.net.SetFaults(f.server, f.fault); err != nil {
				t.Fatal(err)
			}
			for _, c := range labCases {
				if c.status != cache.Secure || !strings.HasSuffix(c.owner, ".example.com.") || strings.Contains(c.owner, "secure") || strings.Contains(c.owner, "deep") {
					continue
				}
				w.fresh()
				v := w.judge(c.owner, c.rrtype)
				if v.Status != cache.Bogus || !slices.Contains(f.ede, v.EDE) || v.Reason == "" {
					t.Errorf("%s, %s: %s %s: %s, EDE %d (%s)", way, f.fault, c.owner, c.rrtype, statusNames[v.Status], int16(v.EDE), v.Reason)
				}
			}
		}
	}
}

// A parent whose replies are broken breaks what is below it, insecure zones too.
func TestABrokenParentBreaksItsChildren(t *testing.T) {
	for _, way := range waysOfSigning {
		for _, fault := range []string{"bogus", "no-signatures"} {
			w := newWorld(t, fmt.Sprintf(labText, way))
			if err := w.net.SetFaults("192.0.2.1", fault); err != nil {
				t.Fatal(err)
			}
			for _, owner := range []string{"www.secure.example.com.", "www.insecure.example.com.", "gone.insecure.example.com."} {
				w.fresh()
				if v := w.judge(owner, "A"); v.Status != cache.Bogus {
					t.Errorf("%s, %s: %s is %s (%s)", way, fault, owner, statusNames[v.Status], v.Reason)
				}
			}
		}
	}
}
