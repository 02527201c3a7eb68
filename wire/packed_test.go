package wire

// Packed: TTLs, rotation of addresses, and bytes that Pack did not make.

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestAgeCountsTTLsDownAndNeverBelowZero(t *testing.T) {
	r := grouped(parsed(t, packed(t, replies(t)["everything"])))
	r.Answer[0].TTL = 1<<31 - 1
	p := pack(t, r)
	before := string(p)
	for _, do := range []bool{false, true} {
		fresh := unpack(t, answer(t, r.Question, p, Shape{DO: do}))
		for _, s := range []Shape{
			{Age: 0}, {Age: 1}, {Age: 59}, {Age: 60}, {Age: 61}, {Age: 3599}, {Age: 1<<32 - 1},
			{MaxTTL: 30}, {Age: 59, MaxTTL: 30}, {Age: 60, MaxTTL: 30}, {Age: 100000, MaxTTL: 30}, {Age: 5, MaxTTL: 1 << 31},
		} {
			s.DO = do
			aged := unpack(t, answer(t, r.Question, p, s))
			for i, rrs := range [][2][]dns.RR{{fresh.Answer, aged.Answer}, {fresh.Ns, aged.Ns}, {fresh.Extra, aged.Extra}} {
				if len(rrs[0]) != len(rrs[1]) {
					t.Fatalf("%+v: section %d has %d records, want %d", s, i, len(rrs[1]), len(rrs[0]))
				}
				for j, rr := range rrs[0] {
					want := max(0, int64(rr.Header().Ttl)-int64(s.Age))
					if s.MaxTTL != 0 {
						if want = min(want, int64(s.MaxTTL)); want == 0 {
							want = int64(s.MaxTTL) // a stale record: RFC 8767 section 4
						}
					}
					if got := int64(rrs[1][j].Header().Ttl); got != want {
						t.Errorf("%+v: section %d, %v has TTL %d, want %d", s, i, rr, got, want)
					}
				}
			}
		}
	}
	if string(p) != before {
		t.Error("Append writes into the packed reply, which many clients share")
	}
}

// addresses is a reply of n addresses of the given size behind an alias, with
// signatures, and kept records in the later sections.
func addresses(t testing.TB, n, size int) *Reply {
	r := grouped(parsed(t, packed(t, replies(t)["everything"])))
	typ := map[int]Type{4: TypeA, 16: TypeAAAA}[size]
	target := MustName("web.example.net")
	set := RRset{Name: target, Type: typ, Class: ClassIN, TTL: 300, Sigs: r.Answer[0].Sigs}
	for i := range n {
		set.Data = append(set.Data, strings.Repeat(string([]byte{byte(i + 1)}), size))
	}
	r.Answer = []RRset{
		{Name: r.Question.Name, Type: TypeCNAME, Class: ClassIN, TTL: 300, Data: []string{string(target)}, Sigs: r.Answer[0].Sigs},
		set,
	}
	r.Question.Type = typ
	return r
}

// order is the first octet of each address of the answer.
func order(t testing.TB, b []byte) (out []int) {
	for _, rec := range parsed(t, b).Answer {
		if fixedLen(rec.Type) != 0 {
			if strings.Trim(rec.Data, rec.Data[:1]) != "" {
				t.Errorf("an address became %x", rec.Data)
			}
			out = append(out, int(rec.Data[0]))
		}
	}
	return out
}

func TestRotateBeginsWithTheKthAddress(t *testing.T) {
	for _, size := range []int{4, 16} {
		for n := 1; n <= 9; n++ {
			r := addresses(t, n, size)
			p := checkPacked(t, r)
			for k := range uint32(2*n + 1) {
				for _, do := range []bool{false, true} {
					got := order(t, answer(t, r.Question, p, Shape{DO: do, Rotate: k}))
					want := make([]int, n)
					for i := range want {
						want[i] = (i+int(k))%n + 1
					}
					if !slices.Equal(got, want) {
						t.Errorf("%d addresses of %d octets turned by %d, DO %v: %v, want %v", n, size, k, do, got, want)
					}
					rotations(t, r, p, k)
				}
			}
		}
	}
	// A large count is taken modulo the number of addresses.
	r := addresses(t, 7, 4)
	if got := order(t, answer(t, r.Question, pack(t, r), Shape{Rotate: 1<<32 - 1})); got[0] != (1<<32-1)%7+1 {
		t.Errorf("turned by 2^32-1: %v", got)
	}
}

func TestOnlyAddressesOfTheAnswerRotate(t *testing.T) {
	for name, m := range replies(t) {
		if name == "addresses" || name == "alias" {
			continue
		}
		r := grouped(parsed(t, packed(t, m)))
		p := pack(t, r)
		if got, want := answer(t, r.Question, p, Shape{DO: true, Rotate: 1}), answer(t, r.Question, p, Shape{DO: true}); string(got) != string(want) {
			t.Errorf("%s: rotation changes a reply without a set of addresses", name)
		}
	}
}

// TestAddressesRotateOnlyWhereTheyStandEvenly covers the sets whose owners are
// not two octets each in the body: rotating by a fixed stride would tear them.
func TestAddressesRotateOnlyWhereTheyStandEvenly(t *testing.T) {
	four := []string{"\x01\x01\x01\x01", "\x02\x02\x02\x02", "\x03\x03\x03\x03", "\x04\x04\x04\x04"}
	a := func(n Name) RRset { return RRset{Name: n, Type: TypeA, Class: ClassIN, TTL: 60, Data: four} }
	cname := func(n, to Name) RRset {
		return RRset{Name: n, Type: TypeCNAME, Class: ClassIN, TTL: 60, Data: []string{string(to)}}
	}
	deep := MustName(strings.Repeat("d.", 60) + "example")
	target := MustName("web.example.net")
	var filler RRset
	for i := range 70 {
		filler = RRset{Name: MustName("q.example"), Type: TypeTXT, Class: ClassIN, TTL: 60, Data: append(filler.Data, fmt.Sprintf("\xfe%0254d", i))}
	}
	many := RRset{Name: target, Type: TypeA, Class: ClassIN, TTL: 60}
	for i := range 300 {
		many.Data = append(many.Data, string([]byte{byte(i >> 8), byte(i), byte(i), byte(i)}))
	}
	for what, r := range map[string]*Reply{
		"the root's addresses":              {Question: Question{Root, TypeA, ClassIN}, Answer: []RRset{a(Root)}},
		"more names than Pack remembers":    {Question: Question{deep, TypeA, ClassIN}, Answer: []RRset{cname(deep, target), a(target)}},
		"an owner beyond a pointer's reach": {Question: Question{MustName("q.example"), TypeA, ClassIN}, Answer: []RRset{filler, a(target)}},
		"two sets of addresses":             {Question: Question{target, TypeANY, ClassIN}, Answer: []RRset{a(target), a(Root)}},
		"records without RDATA":             {Question: Question{target, 65400, ClassIN}, Answer: []RRset{{Name: target, Type: 65400, Class: ClassIN, Data: []string{"", ""}}}},
		"300 addresses":                     {Question: Question{target, TypeA, ClassIN}, Answer: []RRset{many}},
	} {
		p := checkPacked(t, r)
		for k := range uint32(9) {
			rotations(t, r, p, k)
		}
		if t.Failed() {
			t.Fatal(what)
		}
	}
	// Of a larger set the first 255 take turns.
	r := &Reply{Question: Question{target, TypeA, ClassIN}, Answer: []RRset{many}}
	if got := parsed(t, answer(t, r.Question, pack(t, r), Shape{Rotate: 200})).Answer; got[0].Data != many.Data[200] || got[255].Data != many.Data[255] {
		t.Errorf("of 300 addresses turned by 200 the first is %x, the 256th %x", got[0].Data, got[255].Data)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	r := addresses(t, 5, 16)
	p := pack(t, r)
	query := AppendQuestion(nil, 1, FlagRD, r.Question.Name, r.Question.Type, ClassIN)
	dst := make([]byte, 0, 4096)
	for _, s := range []Shape{{Age: 7, Rotate: 3}, {Age: 7, Rotate: 3, DO: true, MaxTTL: 30}} {
		var q Query
		n := testing.AllocsPerRun(100, func() {
			ParseQuery(query, &q)
			out := q.AppendHeader(dst[:0], query, FlagRA, p.Rcode())
			out = p.Append(out, 0, s)
			AppendOPT(out, 0, &OPT{UDPSize: 1232, EDE: EDEStale, Text: "stale"})
		})
		if n != 0 {
			t.Errorf("%+v: %v allocations", s, n)
		}
	}
}

func TestCheckRefusesWhatPackDidNotMake(t *testing.T) {
	r := addresses(t, 3, 4)
	p := pack(t, r)
	qlen := len(r.Question.Name) + 4
	check := func(what string, b []byte, length int) {
		t.Helper()
		if err := Packed(b).Check(length); err != ErrPacked {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := range p {
		check(fmt.Sprintf("cut to %d octets", n), p[:n], qlen)
	}
	check("an octet too many", append(slices.Clone(p), 0), qlen)
	check("a question that leaves no room", p, 65536)
	check("nothing", nil, qlen)
	// Every number of the fixed part says where something stands; the rcode
	// alone means nothing to Check. A rotation switched off is one that Pack
	// could have made.
	for off := packSections; off < packFixed; off++ {
		for _, d := range []byte{1, 0x7f, 0x80, 0xff} {
			b := slices.Clone(p)
			b[off] += d
			if off == packRotate+2 && b[off] < p[off] {
				continue // fewer addresses to rotate
			}
			check(fmt.Sprintf("octet %d plus %d", off, d), b, qlen)
		}
	}
	for off := packFixed; off < packFixed+2*int(u16(p, packTTLs)); off++ {
		b := slices.Clone(p)
		b[off]++
		check(fmt.Sprintf("TTL offset octet %d", off), b, qlen)
	}
	for _, size := range []byte{0, 1, 17, 255} { // an address has 4 or 16 octets
		b := slices.Clone(p)
		b[packRotate+3] = size
		check("addresses of another size", b, qlen)
	}
	// Records of equal length that are no addresses.
	q := Question{MustName("q.example"), TypeTXT, ClassIN}
	b := pack(t, &Reply{Question: q, Answer: []RRset{{Name: q.Name, Type: TypeTXT, Class: ClassIN, Data: []string{"\x13" + strings.Repeat("a", 19), "\x13" + strings.Repeat("b", 19)}}}})
	putU16(b, packRotate, 12)
	b[packRotate+2], b[packRotate+3] = 2, 20
	check("texts to rotate", b, len(q.Name)+4)
}

// TestWhatCheckAcceptsIsSafeToRead changes every octet of packed replies in
// turn: those that pass must be appended as a message that can be walked.
func TestWhatCheckAcceptsIsSafeToRead(t *testing.T) {
	for name, m := range replies(t) {
		r := grouped(parsed(t, packed(t, m)))
		p := pack(t, r)
		for i := range p {
			for _, d := range []byte{1, 0x40, 0xc0, 0xff} {
				b := slices.Clone(p)
				b[i] += d
				if err := usePacked(b, r.Question, 3, 77); err != nil {
					t.Errorf("%s: octet %d plus %d: %v", name, i, d, err)
				}
			}
		}
	}
}

// usePacked reads a packed reply in all ways if Check accepts it; it reports
// what is wrong with the message that came of it.
func usePacked(p Packed, q Question, rotate, age uint32) error {
	if p.Check(len(q.Name)+4) != nil {
		return nil
	}
	for _, s := range []Shape{{}, {DO: true}, {Rotate: rotate, Age: age}, {Rotate: rotate, Age: age, DO: true, MaxTTL: 30}} {
		msg := AppendQuestion(nil, 1, FlagQR, q.Name, q.Type, q.Class)
		msg = p.Append(msg, 0, s)
		off := q.end()
		for n := int(u16(msg, offANCount)) + int(u16(msg, offNSCount)) + int(u16(msg, offARCount)); n > 0; n-- {
			if off = skipRecord(msg, off); off < 0 {
				return fmt.Errorf("%+v: %d records are not there", s, n)
			}
		}
		if off != len(msg) {
			return fmt.Errorf("%+v: the records end at %d of %d", s, off, len(msg))
		}
	}
	var m Message
	_ = p.Unpack(q, &m) // an error is fine, a panic is not
	return nil
}
