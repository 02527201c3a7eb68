package wire

// Pack and Packed.Append: whatever goes in comes out again, for a client with
// DO and, parts cut off, for one without, as miekg/dns reads it.

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const signature = " 8 2 300 20300101000000 20200101000000 12345 example.com. AwEAAcw5QLr0IjC0wKbGoBPQv4qmeqHy9mvL5qGQTuaG5TSrNqEAR6b/"

// replies are the kinds of answers that a resolver gives.
func replies(t testing.TB) map[string]*dns.Msg {
	nx := reply(t, "nope.example.com. A", "", `
		@ SOA ns1 hostmaster 1 7200 3600 1209600 300
		@ RRSIG SOA`+signature+`
		a NSEC c A MX RRSIG NSEC
		a RRSIG NSEC`+signature+`
		@ NSEC a A NS SOA
		@ RRSIG NSEC`+signature, "")
	nx.Rcode = dns.RcodeNameError
	return map[string]*dns.Msg{
		"empty":     reply(t, "example.com. A", "", "", ""),
		"one":       reply(t, "www.example.com. A", "www 300 A 192.0.2.1", "", ""),
		"nxdomain":  nx,
		"addresses": reply(t, "example.com. A", "@ 300 A 192.0.2.1\n@ 300 A 192.0.2.2\n@ 300 A 192.0.2.3", "", ""),
		"alias": reply(t, "www.example.com. AAAA", `
			www 300 CNAME web.cdn.example.net.
			www 300 RRSIG CNAME`+signature+`
			web.cdn.example.net. 60 CNAME edge.cdn.example.net.
			edge.cdn.example.net. 20 AAAA 2001:db8::1
			edge.cdn.example.net. 20 AAAA 2001:db8::2
			edge.cdn.example.net. 20 RRSIG AAAA`+signature, "", ""),
		"dname": reply(t, "a.old.example.com. A", `
			old 300 DNAME new.example.net.
			old 300 RRSIG DNAME`+signature+`
			a.old 300 CNAME a.new.example.net.
			a.new.example.net. 60 A 192.0.2.1`, "", ""),
		// Kept records stand behind dropped ones in each section, with names in
		// common with both.
		"everything": reply(t, "www.example.com. MX", `
			www 300 MX 10 mail.example.com.
			www 300 MX 20 mail.example.org.
			www 300 RRSIG MX`+signature, `
			example.com. 3600 NS ns1.example.com.
			example.com. 3600 NS ns2.example.org.
			example.com. 3600 RRSIG NS`+signature+`
			w.example.com. 300 NSEC x.example.com. A RRSIG NSEC
			w.example.com. 300 RRSIG NSEC`+signature, `
			mail.example.com. 60 A 192.0.2.1
			mail.example.com. 60 RRSIG A`+signature+`
			mail.example.org. 60 A 192.0.2.2
			ns1.example.com. 60 AAAA 2001:db8::1
			ns1.example.com. 60 RRSIG AAAA`+signature+`
			ns2.example.org. 60 AAAA 2001:db8::2`),
		"nsec3": reply(t, "sub.example.com. DS", "", `
			@ 300 SOA ns1 hostmaster 1 7200 3600 1209600 300
			@ 300 RRSIG SOA`+signature+`
			2t7b4g4vsa5smi47k61mv5bv1a22bojr 300 NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG
			2t7b4g4vsa5smi47k61mv5bv1a22bojr 300 RRSIG NSEC3`+signature, ""),
		"keys": reply(t, "example.com. DNSKEY", `
			@ 300 DNSKEY 256 3 8 AwEAAcw5QLr0IjC0wKbGoBPQv4qmeqHy9mvL5qGQTuaG5TSrNqEAR6b/
			@ 300 DNSKEY 257 3 8 AwEAAbbbQLr0IjC0wKbGoBPQv4qmeqHy9mvL5qGQTuaG5TSrNqEAR6b/
			@ 300 RRSIG DNSKEY`+signature, "", ""),
		"denial asked for": reply(t, "a.example.com. NSEC", `
			a 300 NSEC c A MX RRSIG NSEC
			a 300 RRSIG NSEC`+signature, "", ""),
		"services": reply(t, "_sip._udp.example.com. SRV", `
			_sip._udp 300 SRV 1 2 5060 sip.example.com.
			_sip._udp 300 SRV 2 2 5060 sip.example.org.`, "", `
			sip 300 A 192.0.2.1
			sip 300 A 192.0.2.2`),
		"root": reply(t, ". NS", ". 518400 NS a.root-servers.net.\n. 518400 NS b.root-servers.net.\n. 518400 RRSIG NS"+signature, "",
			"a.root-servers.net. 60 A 192.0.2.1\nb.root-servers.net. 60 A 192.0.2.2"),
		"unknown": reply(t, "example.com. TYPE65400", `@ 300 TYPE65400 \# 4 c00cc00c`, "", ""),
	}
}

// expected lists what a client shall see of the sets of section i: the kept
// records, and those that only a client with DO gets.
func expected(i int, sets []RRset) (kept, dropped []Record) {
	for _, s := range sets {
		recs := s.Records()
		for _, r := range recs[:len(s.Data)] {
			if i == 1 && (r.Type == TypeNSEC || r.Type == TypeNSEC3 || r.Type == TypeDS) {
				dropped = append(dropped, r)
			} else {
				kept = append(kept, r)
			}
		}
		dropped = append(dropped, recs[len(s.Data):]...)
	}
	return kept, dropped
}

// line is a record in a form that can be compared: names that compression may
// have recased are lowered.
func line(r Record) string {
	data := r.Data
	if s, ok := shapeOf(r.Type); ok && s.compress {
		data = lowered(data)
	}
	return fmt.Sprintf("%s %d %v %v %x", r.Name.Lower(), r.TTL, r.Class, r.Type, data)
}

func lines(recs []Record) []string {
	out := make([]string, len(recs))
	for i, r := range recs {
		out[i] = line(r)
	}
	return out
}

func read(t testing.TB, rrs []dns.RR) []string {
	out := make([]string, len(rrs))
	for i, rr := range rrs {
		h := rr.Header()
		out[i] = line(Record{MustName(h.Name), Type(h.Rrtype), Class(h.Class), h.Ttl, rdataOf(t, rr)})
	}
	return out
}

// checkPacked packs r and compares what both kinds of client get of it.
func checkPacked(t testing.TB, r *Reply) Packed {
	t.Helper()
	p := pack(t, r)
	if p.Rcode() != r.Rcode {
		t.Errorf("rcode %v, want %v", p.Rcode(), r.Rcode)
	}
	for _, do := range []bool{false, true} {
		b := answer(t, r.Question, p, Shape{DO: do})
		m := unpack(t, b)
		if len(m.Question) != 1 || !MustName(m.Question[0].Name).Equal(r.Question.Name) {
			t.Errorf("DO %v: question %v", do, m.Question)
		}
		for i, s := range []struct {
			got  []dns.RR
			sets []RRset
		}{{m.Answer, r.Answer}, {m.Ns, r.Authority}, {m.Extra, r.Additional}} {
			kept, dropped := expected(i, s.sets)
			count := int(u16(b, offANCount+2*i))
			if count != len(s.got) {
				t.Errorf("DO %v, section %d: header counts %d, %d are there", do, i, count, len(s.got))
			}
			want := lines(kept)
			if i == 0 && p.Answers() != len(kept) {
				t.Errorf("Answers = %d, want %d", p.Answers(), len(kept))
			}
			got := read(t, s.got)
			if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
				t.Fatalf("DO %v, section %d begins with\n%s\nwant\n%s", do, i, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			got, want = got[len(want):], nil
			if do {
				want = lines(dropped)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("DO %v, section %d goes on with\n%s\nwant\n%s", do, i, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		// Nothing may stand behind the records.
		end := r.Question.end()
		for range m.Answer {
			end = skipRecord(b, end)
		}
		for range len(m.Ns) + len(m.Extra) {
			end = skipRecord(b, end)
		}
		if end != len(b) {
			t.Errorf("DO %v: the records end at %d of %d", do, end, len(b))
		}
	}
	return p
}

func (q Question) end() int { return HeaderLen + len(q.Name) + 4 }

func TestPackedRepliesReadTheSameForBothKindsOfClient(t *testing.T) {
	for name, m := range replies(t) {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			got := parsed(t, packed(t, m))
			if got.Odd != 0 {
				t.Fatalf("%d odd records", got.Odd)
			}
			p := checkPacked(t, grouped(got))
			without := unpack(t, answer(t, got.Question, p, Shape{}))
			for i, rrs := range [][]dns.RR{without.Answer, without.Ns, without.Extra} {
				for _, rr := range rrs {
					switch rr.Header().Rrtype {
					case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3:
						if i != 0 || rr.Header().Rrtype != m.Question[0].Qtype {
							t.Errorf("a client without DO gets %v", rr)
						}
					}
				}
			}
			var back Message
			if err := p.Unpack(got.Question, &back); err != nil {
				t.Fatal(err)
			}
			again := pack(t, grouped(&back))
			if string(again) != string(p) {
				t.Errorf("unpacked and packed again it differs:\n%x\n%x", p, again)
			}
		})
	}
}

func TestPackAppends(t *testing.T) {
	r := grouped(parsed(t, packed(t, replies(t)["everything"])))
	b, err := Pack([]byte("before"), r)
	if err != nil || string(b) != "before"+string(pack(t, r)) {
		t.Errorf("Pack does not append: %v, %x", err, b)
	}
}

func TestPackKeepsExtendedRcodes(t *testing.T) {
	r := &Reply{Question: Question{MustName("a."), TypeA, ClassIN}, Rcode: BadVers}
	p := pack(t, r)
	var m Message
	if err := p.Unpack(r.Question, &m); err != nil || m.Rcode != BadVers || p.Rcode() != BadVers {
		t.Errorf("rcode %v, %v, %v", p.Rcode(), m.Rcode, err)
	}
}

func TestPackCompressesToTheQuestionAndToKeptNames(t *testing.T) {
	m := reply(t, "www.example.com. MX", `
		www 300 MX 10 mail.example.com.
		www 300 MX 20 mail.example.org.`, "example.com. 3600 NS ns1.example.com.", `
		mail.example.com. 60 A 192.0.2.1
		mail.example.com. 60 AAAA 2001:db8::1
		mail.example.org. 60 A 192.0.2.2
		ns1.example.com. 60 A 192.0.2.3`)
	theirs := packed(t, m)
	r := grouped(parsed(t, theirs))
	if b := answer(t, r.Question, pack(t, r), Shape{}); len(b) != len(theirs) {
		t.Errorf("%d octets, miekg/dns needs %d", len(b), len(theirs))
	}
	// RFC 3597 section 4: a name in any later type is spelled out.
	r = grouped(parsed(t, packed(t, replies(t)["services"])))
	if n := strings.Count(string(answer(t, r.Question, pack(t, r), Shape{})), "\x03sip\x07example\x03com\x00"); n != 1 {
		t.Errorf("the SRV record's target is spelled out %d times", n)
	}
	// Behind the first signature nothing may be pointed to: those octets move.
	r = grouped(parsed(t, packed(t, replies(t)["everything"])))
	if n := strings.Count(string(answer(t, r.Question, pack(t, r), Shape{})), "\x03ns2\x07example\x03org\x00"); n != 0 {
		t.Errorf("a name of the authority section is not compressed to the answer's kept ones")
	}
	if n := strings.Count(string(answer(t, r.Question, pack(t, r), Shape{})), "\x03ns2\xc0"); n != 2 {
		t.Errorf("a name behind the first cut is pointed to: ns2 stands there %d times", n)
	}
}

func TestReplyOver64KiBIsRefused(t *testing.T) {
	q := Question{MustName("big.example."), TypeTXT, ClassIN}
	set := func(n int) *Reply {
		s := RRset{Name: q.Name, Type: TypeTXT, Class: ClassIN, TTL: 1}
		for i := range n {
			s.Data = append(s.Data, fmt.Sprintf("\xfe%0254d", i))
		}
		return &Reply{Question: q, Answer: []RRset{s}}
	}
	dst := []byte("kept")
	b, err := Pack(dst, set(250))
	if err != ErrTooLong || string(b) != "kept" {
		t.Errorf("Pack = %d octets, %v", len(b), err)
	}
	checkPacked(t, set(240))
	// To the octet: header, question, 12 octets of the record, RDATA.
	exact := func(total int) *Reply {
		n := total - HeaderLen - len(q.Name) - 4 - 12
		return &Reply{Question: q, Answer: []RRset{{Name: q.Name, Type: 65400, Class: ClassIN, Data: []string{strings.Repeat("x", n)}}}}
	}
	if b := answer(t, q, checkPacked(t, exact(65535)), Shape{}); len(b) != 65535 {
		t.Errorf("the longest reply has %d octets", len(b))
	}
	if _, err := Pack(nil, exact(65536)); err != ErrTooLong {
		t.Errorf("a reply of 65,536 octets: %v", err)
	}
}

// rotations checks that a rotated reply holds the records that it holds
// unrotated, section by section.
func rotations(t testing.TB, r *Reply, p Packed, k uint32) {
	t.Helper()
	for _, do := range []bool{false, true} {
		plain := unpack(t, answer(t, r.Question, p, Shape{DO: do}))
		turned := unpack(t, answer(t, r.Question, p, Shape{DO: do, Rotate: k}))
		for i, s := range [][2][]dns.RR{{plain.Answer, turned.Answer}, {plain.Ns, turned.Ns}, {plain.Extra, turned.Extra}} {
			a, b := read(t, s[0]), read(t, s[1])
			slices.Sort(a)
			slices.Sort(b)
			if !slices.Equal(a, b) {
				t.Errorf("section %d turned by %d holds\n%s\nwant\n%s", i, k, strings.Join(b, "\n"), strings.Join(a, "\n"))
			}
		}
	}
}

// uncommon is a reply of n sets whose names share nothing, the worst case for
// a search for suffixes.
func uncommon(n, octets int) *Reply {
	r := &Reply{Question: Question{MustName("q."), TypeA, ClassIN}}
	for i := range n {
		owner := fmt.Sprintf("%0*d", octets, i)
		r.Answer = append(r.Answer, RRset{
			Name: Name(string(rune(len(owner)))+owner) + "\x00", Type: TypeA, Class: ClassIN, TTL: 300, Data: []string{"\xc0\x00\x02\x01"},
		})
	}
	return r
}

// crowd is a reply of 4,000 records without a common suffix, about as many as
// a message holds.
func crowd() *Reply {
	r := &Reply{Question: Question{MustName("q."), TypeA, ClassIN}}
	for i := range 4000 { // octets below 64 have no letter case
		r.Answer = append(r.Answer, RRset{
			Name: Name([]byte{2, byte(i >> 6), byte(i & 63), 0}), Type: 65400, Class: ClassIN, TTL: 300, Data: []string{"xx"},
		})
	}
	return r
}

func TestNamesWithoutACommonSuffixArePacked(t *testing.T) {
	r := uncommon(500, 40)
	p := checkPacked(t, r)
	var m Message
	if err := p.Unpack(r.Question, &m); err != nil || len(m.Answer) != 500 {
		t.Errorf("500 sets are unpacked as %d records, %v", len(m.Answer), err)
	}
	// Pack itself holds no bound but the message's length, Parse does.
	many := crowd()
	b := answer(t, many.Question, checkPacked(t, many), Shape{})
	if err := Parse(b, new(Message)); err != ErrRecords {
		t.Errorf("Parse of 4,000 records: %v", err)
	}
	deep := &Reply{Question: Question{MustName("q."), TypeNS, ClassIN}}
	for i := range 120 { // 127 labels each, none shared
		n := strings.Repeat(string([]byte{1, byte(128 + i)}), 126)
		deep.Answer = append(deep.Answer, RRset{Name: Name(n + "\x01x\x00"), Type: TypeNS, Class: ClassIN, TTL: 1, Data: []string{n + "\x01y\x00"}})
	}
	checkPacked(t, deep)
}
