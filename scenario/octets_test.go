package scenario

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"rootwalk/dnssec"
	"rootwalk/server"
	"rootwalk/upstream"
)

// This file changes one octet at a time in the replies of signed zones, anywhere
// in the message, and asks through the server's door what comes of it.

// octetZones is a tree whose every zone is secure; %s is how example.com is signed.
const octetZones = `
== options
validate

== zone example.com @ 192.0.2.1 %s
$TTL 300
www       A     192.0.2.80
www       AAAA  2001:db8::80
pool      A     192.0.2.81
pool      A     192.0.2.82
mail      MX    10 www
txt       TXT   "some text"
*.wild    A     192.0.2.99
*.cname   CNAME www
a.b.ent   A     192.0.2.7
old       DNAME new
www.new   A     192.0.2.8
alias     CNAME www
far       CNAME www.example.net.
gone      CNAME nothing
plain     NS    ns.example.net.

== zone sub.example.com @ 192.0.2.2 signed
www       A     192.0.2.83

== zone example.net @ 192.0.2.3 signed=nsec3
www       A     192.0.2.84
`

var octetWays = []string{"signed", "signed=nsec3", "signed=nsec3 iterations=3 salt=ab12", "signed=optout alg=ed25519", "signed alg=rsa", "signed=compact"}

// octetQuestions are the questions of one way of signing; %d makes them many.
var octetQuestions = []string{
	"www A", "www AAAA", "www TXT", "pool A", "mail MX", "txt TXT", "x%d.wild A", "y%d.wild TXT", "z%d.cname A", "ent A", "b.ent MX",
	"www.old A", "n%d.old A", "alias A", "alias AAAA", "far A", "gone A", "gone%d A", "gone%d.www A", "n%d.ent A", "www.sub A", "n%d.sub A",
	"sub DS", "plain DS", "www DS", "@ SOA", "@ NS", "@ DNSKEY",
}

// spoiler changes one octet of the replies to one question.
type spoiler struct {
	dial   upstream.Dialer
	name   string // canonical; "" for the nth reply of all
	rrtype uint16
	nth    atomic.Int64 // how many replies come before the one that is changed; only without a name
	random *rand.Rand
	what   string // was changed last
	done   int
}

func (s *spoiler) Dial(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	c, err := s.dial(ctx, network, server)
	if err != nil || s.random == nil {
		return c, err
	}
	return &spoiled{c, s, network == "tcp"}, nil
}

// spoiled is a path on which replies are changed.
type spoiled struct {
	net.Conn
	*spoiler
	tcp bool
}

func (c *spoiled) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	var m dns.Msg
	if err != nil || c.tcp && n < 12 || m.Unpack(b[:n]) != nil || len(m.Question) != 1 { // over TCP the length comes alone
		return n, err
	}
	q := m.Question[0]
	if c.name == "" && c.nth.Add(-1) != -1 || c.name != "" && (!strings.EqualFold(q.Name, c.name) || q.Qtype != c.rrtype) {
		return n, err
	}
	i := 2 + c.random.IntN(n-2) // a wrong ID is no reply at all
	b[i] ^= byte(1 + c.random.IntN(255))
	c.what = fmt.Sprintf("octet %d of %d in the reply to %s %s", i, n, q.Name, dns.Type(q.Qtype))
	c.done++
	return n, err
}

// said is what a reply says: its code and the records of answer and authority,
// letter case and TTL aside. The TTL is returned as the longest.
func said(m *dns.Msg) (lines []string, ttl uint32) {
	lines = append(lines, dns.RcodeToString[m.Rcode])
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		for _, rr := range section {
			ttl = max(ttl, rr.Header().Ttl)
			c := dns.Copy(rr)
			c.Header().Ttl = 0
			lines = append(lines, strings.ToLower(c.String()))
		}
	}
	slices.Sort(lines[1:])
	return lines, ttl
}

// lookUp asks from an empty cache; the validator may know some zones already.
func (s *stage) lookUp(v *dnssec.Validator, q *dns.Msg) *dns.Msg {
	s.o.Validator = v
	s.build()
	defer s.resolver.Close()
	return s.handle(q)
}

// handle asks the server.
func (s *stage) handle(q *dns.Msg) *dns.Msg {
	query, err := q.Pack()
	if err != nil {
		s.fatalf("%v", err)
	}
	raw := s.server.Handle(context.Background(), nil, query, server.Meta{Transport: server.TCP, Client: client})
	r := new(dns.Msg)
	if err := r.Unpack(raw); err != nil {
		s.fatalf("reply does not parse: %v", err)
	}
	return r
}

// A changed octet in any reply never makes an answer with AD that says something
// else. It is tried on more than 1,000 replies, every one of them signed.
func TestNoChangeOfAnOctetGetsAD(t *testing.T) {
	rounds, replies, changed, authentic := 12, 0, 0, 0
	if testing.Short() {
		rounds = 1
	}
	for _, way := range octetWays {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(4035, 9824))
			s, _ := newStage(t, fmt.Sprintf(octetZones, way))
			s.prime = false
			known := s.validator()
			sp := &spoiler{dial: s.up.Dial}
			s.up.Dial = sp.Dial
			for round := range rounds {
				for _, text := range octetQuestions {
					name, typ, _ := strings.Cut(text, " ")
					if strings.Contains(name, "%d") {
						name = fmt.Sprintf(name, round)
					} else if round > 1 && round%3 != 0 { // the same again in other places, though less often
						continue
					}
					q := new(dns.Msg)
					q.SetQuestion(strings.TrimPrefix(name+".example.com.", "@."), dns.StringToType[typ])
					q.SetEdns0(1232, true)
					sp.random = nil
					time.Sleep(10 * time.Second) // no broken chain is remembered for as long
					good := s.lookUp(known, q)
					if !good.AuthenticatedData {
						continue
					}
					replies++
					want, ttl := said(good)
					for try := range 3 {
						sp.random, sp.name, sp.rrtype, sp.what = random, q.Question[0].Name, q.Question[0].Qtype, ""
						v := known
						if try == 2 { // some reply on the way to the zone, or of the chain of trust
							sp.name, v = "", s.validator()
							sp.nth.Store(random.Int64N(10))
						}
						r := s.lookUp(v, q)
						if sp.what != "" {
							changed++
						}
						if !r.AuthenticatedData {
							if r.Rcode != dns.RcodeServerFailure && !strings.Contains(way, "optout") {
								t.Errorf("%s: %s: after a change of %s a secure answer is\n%s", way, text, sp.what, r)
							}
							continue
						}
						authentic++
						got, longest := said(r)
						for _, line := range got {
							if !slices.Contains(want, line) {
								t.Errorf("%s: %s: after a change of %s AD goes with %s", way, text, sp.what, line)
							}
						}
						if got[0] != want[0] || len(r.Answer) < len(good.Answer) || longest > ttl {
							t.Errorf("%s: %s: after a change of %s AD goes with\n%s\ninstead of\n%s", way, text, sp.what, r, good)
						}
					}
				}
			}
			s.end()
		})
	}
	if !testing.Short() && replies < 1000 || authentic == 0 || authentic > changed {
		t.Errorf("%d replies, %d changed, %d of them with AD: the test does not do what it should", replies, changed, authentic)
	}
	t.Attr("row", fmt.Sprintf("C | one octet changed in the replies of signed zones, anywhere | never AD with anything else | %d replies, %d changes; %d answers with AD, all true | ", replies, changed, authentic))
}
