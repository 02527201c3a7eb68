package lab

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const plain = `
== zone example.com @ 192.0.2.1 2001:db8::1
$TTL 300
www      A     192.0.2.80
mail     MX    10 mx
mx       A     192.0.2.25
alias    CNAME www
away     CNAME www.example.net.
dangling CNAME missing
loop1    CNAME loop2
loop2    CNAME loop1
into     CNAME host.sub
old      DNAME new
host.new A     192.0.2.90
*.wild   A     192.0.2.99
set.wild TXT   "here"
leaf.ent.wild A 192.0.2.98
deep.empty A   192.0.2.7
round1   DNAME round2
round2   DNAME round1
sub      NS    ns.sub
ns.sub   A     192.0.2.53
sub      NS    ns.elsewhere.org.
`

func TestAnswersFollowTheAlgorithmOfRFC1034(t *testing.T) {
	n := parse(t, plain)
	const soa = " / example.com. SOA"
	const cut = " / sub.example.com. NS ns.sub.example.com. / sub.example.com. NS ns.elsewhere.org. + ns.sub.example.com. A 192.0.2.53"
	for _, c := range []struct{ what, name, rrtype, want string }{
		{"an address", "www.example.com.", "A", "NOERROR AA | www.example.com. A 192.0.2.80"},
		{"additional data", "mail.example.com.", "MX", "NOERROR AA | mail.example.com. MX 10 mx.example.com. + mx.example.com. A 192.0.2.25"},
		{"no data", "www.example.com.", "AAAA", "NOERROR AA" + soa},
		{"no such name", "nope.example.com.", "A", "NXDOMAIN AA" + soa},
		{"below a leaf", "a.www.example.com.", "A", "NXDOMAIN AA" + soa},
		{"empty non-terminal", "empty.example.com.", "A", "NOERROR AA" + soa},
		{"alias within the zone", "alias.example.com.", "A", "NOERROR AA | alias.example.com. CNAME www.example.com. | www.example.com. A 192.0.2.80"},
		{"alias without the type", "alias.example.com.", "AAAA", "NOERROR AA | alias.example.com. CNAME www.example.com." + soa},
		{"the alias itself", "alias.example.com.", "CNAME", "NOERROR AA | alias.example.com. CNAME www.example.com."},
		{"alias that leads out", "away.example.com.", "A", "NOERROR AA | away.example.com. CNAME www.example.net."},
		{"alias to nothing", "dangling.example.com.", "A", "NXDOMAIN AA | dangling.example.com. CNAME missing.example.com." + soa},
		{"alias loop", "loop1.example.com.", "A", "NOERROR AA | loop1.example.com. CNAME loop2.example.com. | loop2.example.com. CNAME loop1.example.com."},
		{"alias below a cut", "into.example.com.", "A", "NOERROR AA | into.example.com. CNAME host.sub.example.com." + cut},
		{"DNAME", "host.old.example.com.", "A", "NOERROR AA | old.example.com. DNAME new.example.com. | host.old.example.com. CNAME host.new.example.com. | host.new.example.com. A 192.0.2.90"},
		{"the DNAME itself", "old.example.com.", "DNAME", "NOERROR AA | old.example.com. DNAME new.example.com."},
		{"DNAME loop", "x.round1.example.com.", "A", "NOERROR AA | round1.example.com. DNAME round2.example.com. | x.round1.example.com. CNAME x.round2.example.com. | round2.example.com. DNAME round1.example.com. | x.round2.example.com. CNAME x.round1.example.com."},
		{"wildcard", "any.thing.wild.example.com.", "A", "NOERROR AA | any.thing.wild.example.com. A 192.0.2.99"},
		{"wildcard without the type", "any.wild.example.com.", "MX", "NOERROR AA" + soa},
		{"wildcard blocked by a name", "set.wild.example.com.", "A", "NOERROR AA" + soa},
		{"wildcard blocked below a name", "x.set.wild.example.com.", "A", "NXDOMAIN AA" + soa},
		{"wildcard blocked by an empty non-terminal", "ent.wild.example.com.", "A", "NOERROR AA" + soa},
		{"wildcard blocked below an empty non-terminal", "x.ent.wild.example.com.", "A", "NXDOMAIN AA" + soa},
		{"referral", "www.sub.example.com.", "A", "NOERROR" + cut},
		{"referral at the cut", "sub.example.com.", "NS", "NOERROR" + cut},
		{"glue is not an answer", "ns.sub.example.com.", "A", "NOERROR" + cut},
		{"DS at the cut", "sub.example.com.", "DS", "NOERROR AA" + soa},
		{"DS at the apex", "example.com.", "DS", "NOERROR AA" + soa},
		{"outside", "www.example.net.", "A", "REFUSED"},
		{"transfer", "example.com.", "AXFR", "REFUSED"},
	} {
		t.Run(c.what, func(t *testing.T) {
			wantBrief(t, ask(t, n, "udp", "192.0.2.1", question(c.name, c.rrtype, "edns")), c.want)
		})
	}
}

func TestNegativeAnswersCarryTheSmallerTTLOfRFC2308(t *testing.T) {
	n := parse(t, "== zone example.com @ 192.0.2.1\n@ 3600 SOA ns1 hostmaster 1 2 3 4 60\n")
	r := ask(t, n, "udp", "192.0.2.1", question("nope.example.com.", "A"))
	if ttl := r.Ns[0].Header().Ttl; ttl != 60 {
		t.Errorf("SOA has TTL %d, want 60", ttl)
	}
}

func TestDNAMEThatGrowsTooLongIsYXDOMAIN(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 60)+".", 3)
	n := parse(t, "== zone example.com @ 192.0.2.1\nold DNAME "+long+"example.com.\n")
	r := ask(t, n, "udp", "192.0.2.1", question(strings.Repeat("b", 60)+".old.example.com.", "A", "edns"))
	if r.Rcode != dns.RcodeYXDomain || len(r.Answer) != 1 {
		t.Errorf("have %s, want YXDOMAIN with the DNAME only", brief(r))
	}
}

func TestReplyKeepsTheLetterCaseOfTheQuestion(t *testing.T) {
	n := parse(t, plain)
	for _, name := range []string{"wWw.eXaMpLe.CoM.", "nOpE.ExAmPlE.cOm.", "a.sUb.ExAmPlE.cOm."} {
		raw := askRaw(t, n, "udp", "192.0.2.1", question(name, "A"))
		r := new(dns.Msg)
		if err := r.Unpack(raw); err != nil {
			t.Fatal(err)
		}
		if r.Question[0].Name != name {
			t.Errorf("question is %s, want %s", r.Question[0].Name, name)
		}
		first := append(r.Answer, r.Ns...)[0].Header().Name
		if !strings.HasSuffix(name, first) {
			t.Errorf("owner %s is not spelled as in the question %s", first, name)
		}
		// The first owner follows the question: 12 octets of header, the name, type and class.
		if at := 12 + wireLength(name) + 4; raw[at]&0xc0 != 0xc0 {
			t.Errorf("owner %s does not compress to the question", first)
		}
	}
}

func TestAServerAnswersFromItsClosestZone(t *testing.T) {
	n := parse(t, `
== zone com @ 192.0.2.1
== zone example.com @ 192.0.2.1 signed
www A 192.0.2.80
`)
	wantBrief(t, ask(t, n, "udp", "192.0.2.1", question("www.example.com.", "A")), "NOERROR AA | www.example.com. A 192.0.2.80")
	wantBrief(t, ask(t, n, "udp", "192.0.2.1", question("example.com.", "DS")), "NOERROR AA / com. SOA")
}

func TestRefusedMessages(t *testing.T) {
	n := parse(t, plain)
	for _, c := range []struct {
		what, want string
		change     func(*dns.Msg)
	}{
		{"another opcode", "NOTIMP", func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }},
		{"two questions", "FORMERR", func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }},
		{"no question", "FORMERR", func(m *dns.Msg) { m.Question = nil }},
		{"class CH", "REFUSED", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }},
		{"class ANY", "REFUSED", func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassANY }},
		{"EDNS version 1", "BADVERS", func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) }},
		{"a reply", "silence", func(m *dns.Msg) { m.Response = true }},
	} {
		t.Run(c.what, func(t *testing.T) {
			q := question("www.example.com.", "A")
			c.change(q)
			wantBrief(t, ask(t, n, "udp", "192.0.2.1", q), strings.Replace(c.want, "BADVERS", dns.RcodeToString[dns.RcodeBadVers], 1))
		})
	}
}

func TestQueryThatCannotBeParsedIsAFormatError(t *testing.T) {
	out := parse(t, plain).exchange(mustAddr("192.0.2.1"), "udp", []byte{1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 255})
	if len(out.replies) != 1 || string(out.replies[0][:4]) != "\x01\x02\x81\x01" {
		t.Errorf("have %x", out.replies)
	}
}

func TestOPTIsEchoedWhenAskedOnly(t *testing.T) {
	n := parse(t, plain)
	if r := ask(t, n, "udp", "192.0.2.1", question("www.example.com.", "A")); r.IsEdns0() != nil {
		t.Error("OPT to a query without")
	}
	r := ask(t, n, "udp", "192.0.2.1", question("www.example.com.", "A", "do"))
	if opt := r.IsEdns0(); opt == nil || !opt.Do() {
		t.Error("no OPT with DO to a query with")
	}
}

func TestEDNSSizeBelow512Is512(t *testing.T) {
	q := question("mail.example.com.", "MX")
	q.SetEdns0(60, false)
	wantBrief(t, ask(t, parse(t, plain), "udp", "192.0.2.1", q),
		"NOERROR AA | mail.example.com. MX 10 mx.example.com. + mx.example.com. A 192.0.2.25")
}

func TestRepliesTooLongForUDPAreTruncated(t *testing.T) {
	n := parse(t, "== zone example.com @ 192.0.2.1\nbig TXT "+strings.Repeat(`"`+strings.Repeat("x", 200)+`" `, 4)+`
mx MX 1 `+strings.Repeat("m", 60)+"\n"+strings.Repeat("m", 60)+" TXT nothing\n"+manyAddresses(strings.Repeat("m", 60), 40))
	for _, c := range []struct {
		what, network, name, rrtype string
		size                        uint16
		truncated                   bool
	}{
		{"without EDNS", "udp", "big.example.com.", "TXT", 0, true},
		{"with room", "udp", "big.example.com.", "TXT", 1232, false},
		{"TCP", "tcp", "big.example.com.", "TXT", 0, false},
		{"additional data is left out silently", "udp", "mx.example.com.", "MX", 0, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			q := question(c.name, c.rrtype)
			if c.size > 0 {
				q.SetEdns0(c.size, false)
			}
			raw := askRaw(t, n, c.network, "192.0.2.1", q)
			r := new(dns.Msg)
			if err := r.Unpack(raw); err != nil {
				t.Fatal(err)
			}
			if r.Truncated != c.truncated {
				t.Errorf("TC is %v", r.Truncated)
			}
			if limit := max(512, int(c.size)); c.network == "udp" && len(raw) > limit {
				t.Errorf("%d octets, limit %d", len(raw), limit)
			}
			if c.size > 0 && r.IsEdns0() == nil {
				t.Error("OPT is lost")
			}
			if !c.truncated && len(r.Answer) != 1 {
				t.Errorf("%d answers, want 1", len(r.Answer))
			}
		})
	}
}
