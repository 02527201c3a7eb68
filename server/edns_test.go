package server

// This file is about EDNS in replies, and what it decides: the size over UDP and
// whether DNSSEC records are shown.

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestOPTIsInTheReplyWhereItIsInTheQuery(t *testing.T) {
	w := newWorld(t, settings{})
	for _, d := range doors {
		for range 2 { // walked for, then cached
			if r := w.ask(t, d, question("www.example.com.", "A", 0)); r.IsEdns0() != nil {
				t.Errorf("%s: OPT in the reply to a query without", d)
			}
			r := w.ask(t, d, question("www.example.com.", "A", 1232))
			o := r.IsEdns0()
			if o == nil {
				t.Fatalf("%s: no OPT in the reply to a query with one", d)
			}
			if o.Do() || len(o.Option) != 0 || o.UDPSize() != payloadSize {
				t.Errorf("%s: DO %v, %d options, size %d", d, o.Do(), len(o.Option), o.UDPSize())
			}
		}
		if o := w.ask(t, d, withDO(question("www.example.com.", "A", 1232))).IsEdns0(); o == nil || !o.Do() {
			t.Errorf("%s: DO is not in the reply (RFC 3225 section 3)", d)
		}
	}
}

func TestDNSSECRecordsAreForClientsThatWantThem(t *testing.T) {
	w := newWorld(t, settings{text: `
== zone example.com @ 192.0.2.1 signed
www   A 192.0.2.80
alias CNAME www
`})
	signed := map[string][]string{ // the types of a reply with DO
		"www.example.com. A":       {"A", "RRSIG"},
		"alias.example.com. A":     {"CNAME", "A", "RRSIG", "RRSIG"},
		"www.example.com. MX":      {"/", "SOA", "NSEC", "RRSIG", "RRSIG"},
		"nowhere.example.com. A":   {"/", "SOA", "NSEC", "RRSIG", "NSEC", "RRSIG", "RRSIG"},
		"www.example.com. RRSIG":   nil,
		"example.com. DNSKEY":      nil,
		"example.com. NSEC":        {"NSEC", "RRSIG"},
		"example.com. NSEC3PARAM":  {"/", "SOA", "NSEC", "RRSIG", "RRSIG"},
		"alias.example.com. CNAME": {"CNAME", "RRSIG"},
	}
	for q, want := range signed {
		name, rrtype, _ := strings.Cut(q, " ")
		for _, d := range doors {
			r := w.ask(t, d, withDO(question(name, rrtype, 4096)))
			if want != nil && !sameTypes(typesOf(r), want) {
				t.Errorf("%s over %s with DO has %v, want %v", q, d, typesOf(r), want)
			}
			if r.AuthenticatedData {
				t.Errorf("%s over %s: AD on an answer that nobody has checked", q, d)
			}
			for _, edns := range []uint16{0, 1232} {
				for _, got := range typesOf(w.ask(t, d, question(name, rrtype, edns))) {
					if got != rrtype && (got == "RRSIG" || got == "NSEC" || got == "NSEC3") {
						t.Errorf("%s over %s without DO has %s", q, d, got)
					}
				}
			}
		}
	}
}

// typesOf lists the types of the answer section, "/" and those of the authority
// section.
func typesOf(r *dns.Msg) []string {
	var out []string
	for _, rr := range r.Answer {
		out = append(out, dns.TypeToString[rr.Header().Rrtype])
	}
	if len(r.Ns) > 0 {
		out = append(out, "/")
	}
	for _, rr := range r.Ns {
		out = append(out, dns.TypeToString[rr.Header().Rrtype])
	}
	return out
}

// sameTypes compares without order.
func sameTypes(a, b []string) bool {
	count := map[string]int{}
	for _, s := range a {
		count[s]++
	}
	for _, s := range b {
		count[s]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// text is a zone line of a TXT record whose RDATA has n octets; its name is
// t0000.example.com with n in the place of the zeros.
func text(n int) string {
	line := fmt.Sprintf("t%04d TXT", n)
	for left := n; left > 0; {
		k := min(left, 256)
		if left-k == 1 { // no string of no octets, whose length alone is left over
			k--
		}
		line += ` "` + strings.Repeat("x", k-1) + `"`
		left -= k
	}
	return line + "\n"
}

// withoutEDNS is the length of the reply to such a question beside the RDATA:
// header, question, owner, type, class, TTL and length.
const withoutEDNS = 12 + 19 + 4 + 2 + 10

func TestAReplyThatIsTooLongIsTruncatedToTheOctet(t *testing.T) {
	const opt = 11
	cases := []struct {
		what  string
		edns  uint16 // 0 is none
		limit int
		extra int
	}{
		{"no EDNS", 0, 512, 0},
		{"size 1, which counts as 512", 1, 512, opt},
		{"size 512", 512, 512, opt},
		{"size 1232", 1232, 1232, opt},
		{"size 1000", 1000, 1000, opt},
		{"size 4096, of which we use 1232", 4096, 1232, opt},
	}
	zone := "== zone example.com @ 192.0.2.1\n"
	seen := map[int]bool{}
	for _, c := range cases {
		n := c.limit - withoutEDNS - c.extra
		for _, n := range []int{n, n + 1} {
			if !seen[n] {
				zone += text(n)
			}
			seen[n] = true
		}
	}
	w := newWorld(t, settings{text: zone})
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			n := c.limit - withoutEDNS - c.extra
			for _, longer := range []int{0, 1} {
				name := fmt.Sprintf("t%04d.example.com.", n+longer)
				for range 2 { // walked for, then cached
					raw := w.exchange(t, overUDP, pack(t, question(name, "TXT", c.edns)))
					r := unpack(t, raw)
					if r.Truncated != (longer == 1) || longer == 0 && len(raw) != c.limit {
						t.Errorf("reply of %d octets, TC %v, where a whole one has %d of %d", len(raw), r.Truncated, c.limit+longer, c.limit)
					}
					if r.Truncated && (len(r.Answer) != 0 || len(r.Question) != 1) {
						t.Errorf("a truncated reply has %d answers and %d questions", len(r.Answer), len(r.Question))
					}
					if o := r.IsEdns0(); (o != nil) != (c.edns != 0) || o != nil && o.UDPSize() != payloadSize {
						t.Errorf("OPT is %v", o)
					}
				}
				r := w.ask(t, overTCP, question(name, "TXT", c.edns))
				if r.Truncated || len(r.Answer) != 1 {
					t.Errorf("over TCP: TC %v, %d answers, want it whole", r.Truncated, len(r.Answer))
				}
			}
		})
	}
	if got := w.Stats().Truncated; got != uint64(2*len(cases)) {
		t.Errorf("%d replies counted as truncated, want %d", got, 2*len(cases))
	}
}

func TestALongAnswerComesWholeOverTCP(t *testing.T) {
	w := newWorld(t, settings{text: "== zone example.com @ 192.0.2.1\nlong TXT" + strings.Repeat(` "`+strings.Repeat("y", 255)+`"`, 200) + "\n"})
	for _, edns := range []uint16{0, 512, 1232} {
		r := w.ask(t, overTCP, question("long.example.com.", "TXT", edns))
		if r.Truncated || len(r.Answer) != 1 || len(r.Answer[0].(*dns.TXT).Txt) != 200 {
			t.Errorf("EDNS size %d: TC %v, %d answers", edns, r.Truncated, len(r.Answer))
		}
		if r := w.ask(t, overUDP, question("long.example.com.", "TXT", edns)); !r.Truncated {
			t.Errorf("EDNS size %d: 51,200 octets came over UDP", edns)
		}
	}
}
