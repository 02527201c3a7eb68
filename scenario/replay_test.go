package scenario

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"rootwalk/dnssec"
)

// This file puts replies of signed zones together anew: answers to other
// questions, other codes, proofs from here and there. Every record is as the
// zones signed it, and yet it must not get AD where it says something else.

// collage orders faults that make a reply out of others.
func collage(random *rand.Rand, q dns.Question, questions []*dns.Msg) string {
	var b strings.Builder
	order := func(format string, args ...any) {
		fmt.Fprintf(&b, "only-name %s only-type %s "+format+"\n", append([]any{q.Name, dns.TypeToString[q.Qtype]}, args...)...)
	}
	other := func() string {
		o := questions[random.IntN(len(questions))].Question[0]
		server := "192.0.2.1"
		if random.IntN(6) == 0 {
			server = []string{"192.0.2.2", "192.0.2.3", "192.5.6.30", "198.41.0.4"}[random.IntN(4)]
		}
		return fmt.Sprintf("%s %s %s", server, o.Name, dns.TypeToString[o.Qtype])
	}
	switch random.IntN(3) {
	case 0:
		order("reply-of %s", other())
	case 1:
		order("without A AAAA TXT MX CNAME DNAME NS DS DNSKEY")
	}
	switch random.IntN(3) {
	case 0:
		order("rcode %d", dns.RcodeNameError)
	case 1:
		order("rcode %d", dns.RcodeSuccess)
	}
	if random.IntN(4) == 0 {
		order("without NSEC NSEC3 SOA")
	}
	for range random.IntN(3) {
		order("authority-of %s", other())
	}
	return b.String()
}

// questionsOf are the questions of octetZones, and what is right for each: the reply
// without its proofs, which may be other ones.
func (s *stage) questionsOf(v *dnssec.Validator) (questions []*dns.Msg, right []*dns.Msg) {
	for _, text := range octetQuestions {
		name, typ, _ := strings.Cut(strings.ReplaceAll(text, "%d", ""), " ")
		q := new(dns.Msg)
		q.SetQuestion(strings.TrimPrefix(name+".example.com.", "@."), dns.StringToType[typ])
		q.SetEdns0(1232, true)
		good := s.lookUp(v, q)
		good.Ns = nil
		questions, right = append(questions, q), append(right, good)
	}
	return questions, right
}

// What good records say put together wrongly never gets AD, neither at once nor
// later from a cache that holds what came of it.
func TestNoCollageOfGoodRecordsGetsAD(t *testing.T) {
	tries, asked, authentic, refused := 20, 0, 0, 0
	if testing.Short() {
		tries = 5
	}
	for i, way := range octetWays {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(5155, uint64(i)))
			s, _ := newStage(t, fmt.Sprintf(octetZones, way))
			s.prime, s.validation.o.Aggressive = false, true
			known := s.validator()
			questions, right := s.questionsOf(known)
			s.o.Validator = s.validator()
			s.build()
			for range tries * len(questions) {
				k := random.IntN(len(questions))
				q, good := questions[k], right[k]
				time.Sleep(40 * time.Second) // no failure and no broken chain is remembered for as long
				faults := collage(random, q.Question[0], questions)
				for _, server := range []string{"192.0.2.1", "192.0.2.2"} {
					if err := s.net.SetFaults(server, faults); err != nil {
						t.Fatal(err)
					}
				}
				r := s.handle(q)
				asked++
				if !r.AuthenticatedData {
					refused++
					if r.Rcode != dns.RcodeServerFailure && good.AuthenticatedData && !strings.Contains(way, "optout") {
						t.Errorf("%s: after\n%sa secure answer is\n%s", way, faults, r)
					}
					continue
				}
				authentic++
				r.Ns = nil
				want, ttl := said(good)
				if got, longest := said(r); !slices.Equal(got, want) || longest > ttl {
					t.Errorf("%s: after\n%sAD goes with\n%s\ninstead of\n%s", way, faults, r, good)
				}
			}
			s.end()
		})
	}
	if authentic == 0 || refused < asked/4 {
		t.Errorf("%d collages, %d with AD, %d without: the test does not do what it should", asked, authentic, refused)
	}
	t.Logf("%d collages: %d that say what is right, %d refused", asked, authentic, refused)
}

// parents is a tree whose com. has insecure zones as well; %s is how com. is signed.
const parents = `
== options
validate

== zone com @ 192.5.6.30 %s
$TTL 300
example-a A 192.0.2.60
a.ent     A 192.0.2.61
*.wild    A 192.0.2.62
alias     CNAME example-a

== zone example.com @ 192.0.2.1 signed=nsec3
www  A 192.0.2.80

== zone plain.com @ 192.0.2.2 unsigned
== zone other.com @ 192.0.2.3 signed
www  A 192.0.2.81
== zone plain.other.com @ 192.0.2.4 unsigned
== zone net @ 192.5.6.31 signed=optout
== zone plain.net @ 192.0.2.5 unsigned
`

// parentQuestions are what servers are asked whose replies downgrade the delegation
// of example.com., as the attacker hopes.
var parentQuestions = []string{"192.5.6.30 plain.com DS", "192.5.6.30 plain.com A", "192.5.6.30 gone.com A", "192.5.6.30 example-b.com A", "192.5.6.30 exampld.com A",
	"192.5.6.30 com SOA", "192.5.6.30 com TXT", "192.5.6.30 ent.com A", "192.5.6.30 x.wild.com TXT", "192.5.6.30 x.wild.com A", "192.5.6.30 alias.com MX",
	"192.5.6.30 www.plain.com A", "192.5.6.30 other.com DS", "192.5.6.30 example.com DS", "192.5.6.31 plain.net DS", "192.5.6.31 gone.net A",
	"192.0.2.3 plain.other.com DS", "192.0.2.3 other.com TXT", "192.0.2.1 example.com TXT", "192.0.2.1 gone.example.com A", "198.41.0.4 com DS", "198.41.0.4 gone A", "198.41.0.4 example.com DS"}

// A secure delegation stays one, whatever the parent's replies are made of: data
// without signatures below it never gets through.
func TestNoCollageOfTheParentDowngrades(t *testing.T) {
	tries, asked := 80, 0
	if testing.Short() {
		tries = 5
	}
	for _, way := range []string{"signed", "signed=nsec3", "signed=optout", "signed=compact"} {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(4035, 52))
			s, _ := newStage(t, fmt.Sprintf(parents, way))
			s.prime = false
			q := new(dns.Msg)
			q.SetQuestion("www.example.com.", dns.TypeA)
			q.SetEdns0(1232, true)
			for range tries {
				var b strings.Builder
				for _, prefix := range []string{"only-type DS ", "only-name example.com only-type A ", "only-name example.com only-type DNSKEY ", "only-name www.example.com "} {
					order := func(format string, args ...any) { fmt.Fprintf(&b, prefix+format+"\n", args...) }
					some := func() string { return parentQuestions[random.IntN(len(parentQuestions))] }
					switch random.IntN(4) {
					case 0:
						order("without DS")
						order("unsigned DS")
					case 1:
						order("reply-of %s", some())
					case 2:
						order("without DS SOA NSEC NSEC3")
						order("unsigned DS SOA")
					}
					if random.IntN(3) == 0 {
						order("rcode %d", random.IntN(2)*dns.RcodeNameError)
					}
					for range random.IntN(3) {
						order("authority-of %s", some())
					}
				}
				for server, faults := range map[string]string{"192.5.6.30": b.String(), "192.0.2.1": "no-signatures"} {
					if err := s.net.SetFaults(server, faults); err != nil {
						t.Fatal(err)
					}
				}
				asked++
				if r := s.lookUp(s.validator(), q); r.Rcode != dns.RcodeServerFailure {
					t.Errorf("%s: after\n%sthe answer is\n%s", way, b.String(), r)
				}
			}
		})
	}
	t.Logf("%d collages", asked)
}
