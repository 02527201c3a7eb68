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
)

// This file puts replies of signed zones together anew: answers to other
// questions, other codes, proofs from here and there. Every record is as the
// zones signed it, and yet it must not get AD where it says something else.

// collage orders faults that make a reply out of others.
func collage(random *rand.Rand, q dns.Question, questions []dns.Question) string {
	var b strings.Builder
	order := func(format string, args ...any) {
		fmt.Fprintf(&b, "only-name %s only-type %s "+format+"\n", append([]any{q.Name, dns.TypeToString[q.Qtype]}, args...)...)
	}
	other := func() string {
		o := questions[random.IntN(len(questions))]
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

// What good records say put together wrongly never gets AD.
func TestNoCollageOfGoodRecordsGetsAD(t *testing.T) {
	tries, asked, authentic, refused := 20, 0, 0, 0
	if testing.Short() {
		tries = 5
	}
	for _, way := range octetWays {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(5155, 8198))
			s, _ := newStage(t, fmt.Sprintf(octetZones, way))
			s.prime = false
			known := s.validator()
			var questions []dns.Question
			for _, text := range octetQuestions {
				name, typ, _ := strings.Cut(strings.ReplaceAll(text, "%d", ""), " ")
				questions = append(questions, dns.Question{Name: strings.TrimPrefix(name+".example.com.", "@."), Qtype: dns.StringToType[typ], Qclass: dns.ClassINET})
			}
			for _, question := range questions {
				q := new(dns.Msg)
				q.SetQuestion(question.Name, question.Qtype)
				q.SetEdns0(1232, true)
				s.net.ClearFaults()
				good := s.lookUp(known, q)
				good.Ns = nil // proofs may be other ones
				want, ttl := said(good)
				for range tries {
					time.Sleep(10 * time.Second) // no broken chain is remembered for as long
					faults := collage(random, question, questions)
					for _, server := range []string{"192.0.2.1", "192.0.2.2"} {
						if err := s.net.SetFaults(server, faults); err != nil {
							t.Fatal(err)
						}
					}
					r := s.lookUp(known, q)
					asked++
					if !r.AuthenticatedData {
						refused++
						continue
					}
					authentic++
					r.Ns = nil
					if got, longest := said(r); !slices.Equal(got, want) || longest > ttl {
						t.Errorf("%s: after\n%sAD goes with\n%s\ninstead of\n%s", way, faults, r, good)
					}
				}
			}
		})
	}
	if authentic == 0 || refused < asked/4 {
		t.Errorf("%d collages, %d with AD, %d without: the test does not do what it should", asked, authentic, refused)
	}
	t.Logf("%d collages: %d that say what is right, %d refused", asked, authentic, refused)
}
