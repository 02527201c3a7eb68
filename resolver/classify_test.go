package resolver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"rootwalk/wire"
)

// message makes an upstream reply of records as text, one a line, in sections
// that are divided by a line of dashes.
func message(t *testing.T, q wire.Question, flags string, text string) *wire.Message {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(q.Name.String(), uint16(q.Type))
	m.Response = true
	for _, f := range strings.Fields(flags) {
		switch f {
		case "aa":
			m.Authoritative = true
		case "ra":
			m.RecursionAvailable = true
		case "tc":
			m.Truncated = true
		default:
			rcode, ok := dns.StringToRcode[f]
			if !ok {
				t.Fatalf("flag %q", f)
			}
			m.Rcode = rcode
		}
	}
	sections := []*[]dns.RR{&m.Answer, &m.Ns, &m.Extra}
	for i, part := range strings.Split(text, "--") {
		for _, l := range strings.Split(part, "\n") {
			if l = strings.TrimSpace(l); l == "" {
				continue
			}
			rr, err := dns.NewRR(l)
			if err != nil {
				t.Fatal(err)
			}
			*sections[i] = append(*sections[i], rr)
		}
	}
	raw, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var out wire.Message
	if err := wire.Parse(raw, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

// words puts a meaning into words: its kind, and what was kept.
func (res meaning) words() string {
	var b strings.Builder
	b.WriteString(res.kind.String())
	if res.reason != "" {
		b.WriteString(": " + res.reason)
	}
	for _, l := range res.links {
		fmt.Fprintf(&b, "; %s %s %s", l.Name, l.Type, wire.NameAt(l.Data[0], 0))
	}
	if res.next != "" {
		b.WriteString("; next " + res.next.String())
	}
	for _, f := range res.final {
		fmt.Fprintf(&b, "; %s %s x%d", f.Name, f.Type, len(f.Data))
	}
	for _, s := range res.soa {
		b.WriteString("; SOA of " + s.Name.String())
	}
	for _, p := range res.proofs {
		fmt.Fprintf(&b, "; proof %s %s", p.Name, p.Type)
	}
	if res.kind == isReferral {
		fmt.Fprintf(&b, " to %s for %d s", res.cut.Zone, res.cutTTL)
		for _, s := range res.cut.Servers {
			fmt.Fprintf(&b, "; %s %v", s.Name, s.Glue)
		}
	}
	return b.String()
}

func TestWhatAReplyMeans(t *testing.T) {
	const soa = "example.com. 300 SOA ns1.example.com. h.example.com. 1 2 3 4 300"
	const nsec = "www.example.com. 300 NSEC zzz.example.com. A\nwww.example.com. 300 RRSIG NSEC 13 3 300 20360101000000 20200101000000 1 example.com. AAAA"
	for _, c := range []struct{ what, zone, question, flags, reply, want string }{
		{"an answer", "example.com.", "www.example.com. A", "aa", "www.example.com. 300 A 192.0.2.1\nwww.example.com. 300 A 192.0.2.2", "answer; www.example.com. A x2"},
		{"records of others are left behind", "example.com.", "www.example.com. A", "aa", "www.example.com. 300 A 192.0.2.1\nbank.example. 300 A 192.0.2.66\nwww.example.com. 300 TXT x", "answer; www.example.com. A x1"},
		{"an alias in the zone", "example.com.", "a.example.com. A", "aa", "a.example.com. 300 CNAME b.example.com.\nb.example.com. 300 A 192.0.2.1", "answer; a.example.com. CNAME b.example.com.; b.example.com. A x1"},
		{"in any order", "example.com.", "a.example.com. A", "aa", "b.example.com. 300 A 192.0.2.1\na.example.com. 300 CNAME b.example.com.", "answer; a.example.com. CNAME b.example.com.; b.example.com. A x1"},
		{"an alias out of the zone: what the server says of its target is not believed", "example.com.", "a.example.com. A", "aa", "a.example.com. 300 CNAME www.bank.example.\nwww.bank.example. 300 A 192.0.2.66", "alias; a.example.com. CNAME www.bank.example.; next www.bank.example."},
		{"the rcode of a target out of the zone neither", "example.com.", "a.example.com. A", "aa NXDOMAIN", "a.example.com. 300 CNAME www.bank.example.", "alias; a.example.com. CNAME www.bank.example.; next www.bank.example."},
		{"an alias that was asked for itself", "example.com.", "a.example.com. CNAME", "aa", "a.example.com. 300 CNAME b.example.com.", "answer; a.example.com. CNAME x1"},
		{"an alias to a name without the type", "example.com.", "a.example.com. A", "aa", "a.example.com. 300 CNAME b.example.com.\n--\n" + soa, "no data; a.example.com. CNAME b.example.com.; SOA of example.com."},
		{"an alias to a name that does not exist", "example.com.", "a.example.com. A", "aa NXDOMAIN", "a.example.com. 300 CNAME b.example.com.\n--\n" + soa, "NXDOMAIN; a.example.com. CNAME b.example.com.; SOA of example.com."},
		{"an alias that the server did not follow", "example.com.", "a.example.com. A", "aa", "a.example.com. 300 CNAME b.example.com.", "alias; a.example.com. CNAME b.example.com.; next b.example.com."},
		{"an alias to itself", "example.com.", "a.example.com. A", "aa", "a.example.com. 300 CNAME a.example.com.", "alias; a.example.com. CNAME a.example.com.; next a.example.com."},
		{"two aliases at one name", "example.com.", "a.example.com. A", "aa", "a.example.com. 300 CNAME b.example.com.\na.example.com. 300 CNAME c.example.com.", "no data: empty answer"},
		{"a DNAME", "example.com.", "x.old.example.com. A", "aa", "old.example.com. 300 DNAME new.example.org.\nx.old.example.com. 300 CNAME evil.example.org.", "alias; old.example.com. DNAME new.example.org.; x.old.example.com. CNAME x.new.example.org.; next x.new.example.org."},
		{"a DNAME of a zone above", "example.com.", "x.example.com. A", "aa", "com. 300 DNAME evil.example.", "no data: empty answer"},
		{"no data", "example.com.", "www.example.com. MX", "aa", "--\n" + soa, "no data; SOA of example.com."},
		{"no data, by the server of a zone below", "com.", "www.example.com. MX", "aa", "--\n" + soa, "no data; SOA of example.com."},
		{"no data with an SOA of elsewhere", "example.com.", "www.example.com. MX", "aa", "--\nexample.org. 300 SOA a. b. 1 2 3 4 5", "no data: empty answer"},
		{"no data without authority", "example.com.", "www.example.com. MX", "", "", "lame: neither answer nor referral"},
		{"NXDOMAIN", "example.com.", "www.example.com. MX", "aa NXDOMAIN", "--\n" + soa, "NXDOMAIN; SOA of example.com."},
		{"NXDOMAIN of a cache", "example.com.", "www.example.com. MX", "ra NXDOMAIN", "--\n" + soa, "NXDOMAIN: answers from a cache; SOA of example.com."},
		{"an empty answer", "example.com.", "www.example.com. MX", "aa", "", "no data: empty answer"},
		{"no data with the zone's servers alone", "example.com.", "www.example.com. MX", "aa", "--\nexample.com. 3600 NS ns1.example.com.", "no data"},
		{"no data that is proved, without SOA and AA", "example.com.", "www.example.com. MX", "", "--\n" + nsec, "no data; proof www.example.com. NSEC"},
		{"NXDOMAIN that is proved, without SOA and AA", "example.com.", "www.example.com. MX", "NXDOMAIN", "--\n" + nsec, "NXDOMAIN; proof www.example.com. NSEC"},
		{"NXDOMAIN without AA, SOA and signature", "example.com.", "www.example.com. MX", "NXDOMAIN", "--\nwww.example.com. 300 NSEC zzz.example.com. A", "lame: negative answer without authority"},
		{"YXDOMAIN without a DNAME", "example.com.", "www.example.com. A", "aa YXDOMAIN", "www.example.com. 300 A 192.0.2.1", "broken: YXDOMAIN without a DNAME"},
		{"a referral", "com.", "www.example.com. A", "", "--\nexample.com. 3600 NS ns1.example.com.\nexample.com. 3600 NS ns.example.org.\n--\nns1.example.com. 1800 A 192.0.2.1\nns1.example.com. 1800 AAAA 2001:db8::1\nns.example.org. 1800 A 192.0.2.66\nwww.example.com. 60 A 192.0.2.66",
			"referral to example.com. for 1800 s; ns1.example.com. [192.0.2.1 2001:db8::1]; ns.example.org. []"},
		{"a referral to an uncle", "com.", "www.example.com. A", "", "--\nexample.org. 3600 NS ns1.example.org.", "lame: neither answer nor referral"},
		{"a referral to itself", "com.", "www.example.com. A", "", "--\ncom. 3600 NS ns1.nic.com.", "lame: neither answer nor referral"},
		{"an upward referral", "example.com.", "www.example.com. A", "", "--\n. 3600 NS a.root-servers.net.", "lame: upward referral to ."},
		{"an upward referral with authority", "example.com.", "www.example.com. A", "aa", "--\n. 3600 NS a.root-servers.net.", "lame: upward referral to ."},
		{"the deepest of two", "com.", "a.b.example.com. A", "", "--\nexample.com. 3600 NS ns1.example.com.\nb.example.com. 3600 NS ns2.example.com.", "referral to b.example.com. for 3600 s; ns2.example.com. []"},
		{"DS at a server from before DNSSEC", "com.", "example.com. DS", "", "--\nexample.com. 3600 NS ns1.example.com.", "no data"},
		{"a signed referral", "com.", "www.example.com. A", "", "--\nexample.com. 3600 NS ns1.example.com.\nexample.com. 3600 DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000", "referral; proof example.com. DS to example.com. for 3600 s; ns1.example.com. []"},
		{"a positive answer with its zone's servers", "example.com.", "www.example.com. A", "aa", "www.example.com. 300 A 192.0.2.1\n--\nexample.com. 3600 NS ns9.evil.example.", "answer; www.example.com. A x1"},
		{"a referral of a server that also does recursion", "com.", "www.example.com. A", "ra", "--\nexample.com. 3600 NS ns1.example.com.", "referral to example.com. for 3600 s; ns1.example.com. []"},
		{"an answer of a cache", "example.com.", "www.example.com. A", "ra", "www.example.com. 300 A 192.0.2.1", "answer: answers from a cache; www.example.com. A x1"},
		{"refused", "example.com.", "www.example.com. A", "REFUSED", "", "lame: REFUSED"},
		{"server failure", "example.com.", "www.example.com. A", "SERVFAIL", "", "broken: SERVFAIL"},
		{"truncated", "example.com.", "www.example.com. A", "aa tc", "www.example.com. 300 A 192.0.2.1", "broken: truncated"},
	} {
		t.Run(c.what, func(t *testing.T) {
			name, typ, _ := strings.Cut(c.question, " ")
			q := wire.Question{Name: wire.MustName(name), Type: wire.Type(dns.StringToType[typ]), Class: wire.ClassIN}
			got := classify(wire.MustName(c.zone), false, q, message(t, q, c.flags, c.reply)).words()
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestSignaturesOfAnAnswerMayStandInTheAdditionalSection(t *testing.T) {
	const sig = " 300 RRSIG A 13 3 300 20360101000000 20200101000000 1 example.com. AAAA\n"
	q := wire.Question{Name: wire.MustName("www.example.com."), Type: wire.TypeA, Class: wire.ClassIN}
	m := message(t, q, "aa", "www.example.com. 300 A 192.0.2.1\n--\n--\nwww.example.com."+sig+"ns.example.com."+sig)
	if got := len(classify(wire.MustName("example.com."), false, q, m).final[0].Sigs); got != 1 {
		t.Errorf("%d signatures, want 1", got)
	}
}

func TestADNAMEThatGrowsANameTooLong(t *testing.T) {
	long := strings.Repeat("abcdefghijklmnopqrstuvwxyz.", 9)
	q := wire.Question{Name: wire.MustName(long + "x.example."), Type: wire.TypeA, Class: wire.ClassIN}
	m := message(t, q, "aa YXDOMAIN", "x.example. 300 DNAME a.much.longer.name.example.")
	if got := classify(wire.MustName("example."), false, q, m).kind; got != isYXDomain {
		t.Errorf("got %s", got)
	}
}

func TestGlueIsBounded(t *testing.T) {
	var ns, glue strings.Builder
	for i := range 40 {
		fmt.Fprintf(&ns, "example.com. 3600 NS ns%d.example.com.\n", i)
	}
	for i := range 40 {
		fmt.Fprintf(&glue, "ns0.example.com. 3600 A 192.0.2.%d\n", i)
	}
	q := wire.Question{Name: wire.MustName("www.example.com."), Type: wire.TypeA, Class: wire.ClassIN}
	m := classify(wire.MustName("com."), false, q, message(t, q, "", "--\n"+ns.String()+"--\n"+glue.String()))
	if len(m.cut.Servers) != maxServers || len(m.cut.Servers[0].Glue) != maxGlue {
		t.Errorf("%d servers, %d addresses of the first; want %d and %d", len(m.cut.Servers), len(m.cut.Servers[0].Glue), maxServers, maxGlue)
	}
}

func TestMinimisedSteps(t *testing.T) {
	for _, c := range []struct {
		name, typ, zone string
		want            string
	}{
		{"www.example.com.", "MX", ".", "com. A, example.com. A, www.example.com. MX"},
		{"www.example.com.", "MX", "com.", "example.com. A, www.example.com. MX"},
		{"com.", "NS", ".", "com. NS"},
		{"_25._tcp.mail.example.com.", "TLSA", "example.com.", "mail.example.com. A, _25._tcp.mail.example.com. TLSA"},
		{"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.example.", "A", "example.", "t.example. A, s.t.example. A, r.s.t.example. A, q.r.s.t.example. A, n.o.p.q.r.s.t.example. A, k.l.m.n.o.p.q.r.s.t.example. A, h.i.j.k.l.m.n.o.p.q.r.s.t.example. A, e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.example. A, c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.example. A, a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.example. A"},
	} {
		q := wire.Question{Name: wire.MustName(c.name), Type: wire.Type(dns.StringToType[c.typ]), Class: wire.ClassIN}
		m := minimiser{q: q}
		var got []string
		for range 20 {
			ask := m.next(wire.MustName(c.zone))
			got = append(got, ask.String())
			if ask == q {
				break
			}
			m.answered(ask.Name, wire.NoError)
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s below %s:\ngot  %s\nwant %s", q, c.zone, s, c.want)
		}
	}
}

func TestTheBudgetNeverFallsBack(t *testing.T) {
	b := new(budget)
	for i := range maxPackets {
		if err := b.spend(false); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	for range 3 {
		if b.spend(false) == nil {
			t.Fatal("a spent budget pays")
		}
	}
	b = new(budget)
	for range maxAddressPackets {
		if err := b.spend(true); err != nil {
			t.Fatal(err)
		}
	}
	if b.spend(true) == nil {
		t.Error("addresses of servers may cost the whole budget")
	}
	if err := b.spend(false); err != nil {
		t.Error("nothing is left for the question itself")
	}
}
