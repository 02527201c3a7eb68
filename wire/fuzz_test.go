package wire

// Fuzz targets: no octets may make this package panic, and what it accepts
// must mean the same to miekg/dns and to itself.

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// plain writes the message without any compression.
func plain(m *Message) []byte {
	b := AppendQuestion(nil, m.ID, m.Flags, m.Question.Name, m.Question.Type, m.Question.Class)
	for i, recs := range [][]Record{m.Answer, m.Authority, m.Additional} {
		putU16(b, offANCount+2*i, uint16(len(recs)))
		for _, r := range recs {
			b = append(b, r.Name...)
			b = append(b, byte(r.Type>>8), byte(r.Type), byte(r.Class>>8), byte(r.Class))
			b = append(b, byte(r.TTL>>24), byte(r.TTL>>16), byte(r.TTL>>8), byte(r.TTL), byte(len(r.Data)>>8), byte(len(r.Data)))
			b = append(b, r.Data...)
		}
	}
	return b
}

func FuzzParse(f *testing.F) {
	for _, m := range replies(f) {
		f.Add(packed(f, m))
	}
	f.Add(pointerChain(20, 3))
	f.Add(bigNames(2, 1))
	f.Add(raw(rec{"\xc0\x0c", TypeA, 1, "abcde"}, rec{"\x00", TypeOPT, 0x8000, "\x00\x0f\x00\x02\x00\x16"}))
	f.Add(raw(rec{"\xc0\x0c", 35, 1, "\x00\x01\x00\x02\x01U\x03sip\x00\xc0\x0c"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Message
		if Parse(b, &m) != nil {
			return
		}
		if n := len(m.Answer) + len(m.Authority) + len(m.Additional) + m.Odd; n > MaxRecords {
			t.Fatalf("%d records", n)
		}
		for _, r := range slices.Concat(m.Answer, m.Authority, m.Additional) {
			if NameAt(string(r.Name), 0) != r.Name || r.Name != r.Name.Lower() || r.TTL > 1<<31-1 {
				t.Fatalf("bad record %+v", r)
			}
		}
		agree(t, b, &m)
		if m.QDCount == 0 {
			return
		}
		rereadPlain(t, &m)
		rereadPacked(t, &m)
	})
}

// agree compares with what miekg/dns reads, where it reads the message too.
func agree(t *testing.T, b []byte, m *Message) {
	var theirs dns.Msg
	if m.Odd != 0 || theirs.Unpack(b) != nil {
		return
	}
	for i, s := range []struct {
		ours   []Record
		theirs []dns.RR
	}{{m.Answer, theirs.Answer}, {m.Authority, theirs.Ns}, {m.Additional, theirs.Extra}} {
		rrs := slices.DeleteFunc(s.theirs, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT })
		if len(rrs) != len(s.ours) {
			t.Fatalf("section %d has %d records, miekg/dns reads %d", i, len(s.ours), len(rrs))
		}
		for j, rr := range rrs {
			h, r := rr.Header(), s.ours[j]
			if n, err := ParseName(h.Name); err != nil || n.Lower() != r.Name || Type(h.Rrtype) != r.Type || Class(h.Class) != r.Class {
				t.Fatalf("section %d, record %d is %+v, miekg/dns reads %v", i, j, r, rr)
			}
		}
	}
}

// rereadPlain writes the records uncompressed and expects them back.
func rereadPlain(t *testing.T, m *Message) {
	b := plain(m)
	if len(b) > 65535 {
		return
	}
	var again Message
	switch err := Parse(b, &again); {
	case errors.Is(err, ErrNames): // owners met twice count twice now
	case err != nil:
		t.Fatalf("the records are not read again: %v", err)
	case again.Question != m.Question || again.Odd != 0 ||
		!slices.Equal(again.Answer, m.Answer) || !slices.Equal(again.Authority, m.Authority) || !slices.Equal(again.Additional, m.Additional):
		t.Fatalf("read again they are\n%+v\nwant\n%+v", again, *m)
	}
}

// rereadPacked packs the RRsets and expects them back, for both kinds of client.
func rereadPacked(t *testing.T, m *Message) {
	r := grouped(m)
	b, err := Pack(nil, r)
	if errors.Is(err, ErrTooLong) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	p := Packed(b)
	if err := p.Check(len(r.Question.Name) + 4); err != nil {
		t.Fatalf("Check refuses what Pack made: %v", err)
	}
	for _, do := range []bool{false, true} {
		msg := AppendQuestion(nil, 1, FlagQR, r.Question.Name, r.Question.Type, r.Question.Class)
		msg = p.Append(msg, 0, Shape{DO: do})
		var again Message
		if err := Parse(msg, &again); errors.Is(err, ErrNames) {
			return
		} else if err != nil {
			t.Fatalf("DO %v: the packed reply is not read again: %v", do, err)
		}
		for i, s := range []struct {
			got  []Record
			sets []RRset
		}{{again.Answer, r.Answer}, {again.Authority, r.Authority}, {again.Additional, r.Additional}} {
			want, dropped := expected(i, s.sets)
			if do {
				want = append(want, dropped...)
			}
			a, b := lines(s.got), lines(want)
			slices.Sort(a)
			slices.Sort(b)
			if !slices.Equal(a, b) {
				t.Fatalf("DO %v: section %d is read again as\n%s\nwant\n%s", do, i, strings.Join(a, "\n"), strings.Join(b, "\n"))
			}
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add(query(FlagRD, [4]byte{1}, wwwA))
	f.Add(query(FlagRD|FlagCD, [4]byte{1, 0, 0, 1}, wwwA, optWith(option(3, 0)+option(10, 24)+option(8, 7))))
	f.Add(query(0, [4]byte{1, 0, 0, 1}, wwwA, opt[:6]+"\x01"+opt[7:]))
	f.Add(query(0, [4]byte{1, 1, 0, 2}, wwwA, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00", opt, opt))
	f.Add(query(4<<11, [4]byte{1}, wwwA))
	f.Add(query(0, [4]byte{1}, "\xc0\x0c\x00\x01\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var q Query
		v := ParseQuery(b, &q)
		if v == Drop {
			if len(b) >= HeaderLen && Flags(b)&FlagQR == 0 {
				t.Fatal("a query is dropped")
			}
			return
		}
		if (v == Accept || v == WrongVersion) && q.NameEnd == 0 {
			t.Fatal("accepted without a question")
		}
		if (v == WrongVersion) != (q.EDNS && q.Version != 0) && v != Malformed {
			t.Fatalf("verdict %d, version %d", v, q.Version)
		}
		if q.UDPSize < 512 || q.UDPSize > 65535 || q.Cookie < 0 || q.Cookie > 40 {
			t.Fatalf("out of range: %+v", q)
		}
		out := q.AppendHeader(nil, b, FlagRA, ServFail)
		out = AppendOPT(out, 0, &OPT{UDPSize: 1232, DO: q.DO, EDE: EDEOther})
		var m dns.Msg
		if err := m.Unpack(out); err != nil {
			t.Fatalf("miekg/dns refuses the reply: %v", err)
		}
		if m.Id != q.ID || !m.Response || m.IsEdns0() == nil || (len(m.Question) == 1) != (q.NameEnd != 0) {
			t.Fatalf("the reply is %v", &m)
		}
		if q.NameEnd == 0 {
			return
		}
		name := q.QuestionName(b)
		if NameAt(string(name), 0) != name || MustName(m.Question[0].Name) != name {
			t.Fatalf("the question %q comes back as %q", string(name), m.Question[0].Name)
		}
		if v != Accept {
			return
		}
		var theirs dns.Msg
		if err := theirs.Unpack(b); err == nil {
			if o := theirs.IsEdns0(); o != nil && (!q.EDNS || o.Do() != q.DO || int(max(512, o.UDPSize())) != q.UDPSize) {
				t.Fatalf("EDNS read as %+v, miekg/dns reads %v", q, o)
			}
		}
	})
}

func FuzzPacked(f *testing.F) {
	for _, m := range replies(f) {
		r := grouped(parsed(f, packed(f, m)))
		f.Add([]byte(pack(f, r)), []byte(r.Question.Name), uint32(3), uint32(77))
	}
	for _, size := range []int{4, 16} {
		r := addresses(f, 7, size)
		f.Add([]byte(pack(f, r)), []byte(r.Question.Name), uint32(5), uint32(1<<31))
	}
	f.Fuzz(func(t *testing.T, b, name []byte, rotate, age uint32) {
		q := Question{NameAt(string(name), 0), TypeA, ClassIN}
		if q.Name == "" {
			return
		}
		before := bytes.Clone(b)
		if err := usePacked(b, q, rotate, age); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, before) {
			t.Fatal("the packed reply was written to")
		}
	})
}

func FuzzName(f *testing.F) {
	for _, s := range []string{".", "a", "www.Example.com.", `a\.b.c.`, `\000\255.`, `\\.`, `\`, "..", `a\1`, "*.x.", strings.Repeat("a.", 127)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			if n != "" {
				t.Fatalf("a name beside an error: %q", string(n))
			}
			return
		}
		if len(n) > MaxName || NameAt(string(n), 0) != n {
			t.Fatalf("%q is no name in wire form", string(n))
		}
		text := n.String()
		if back, err := ParseName(text); err != nil || back != n {
			t.Fatalf("%q prints as %q, which is read as %q, %v", string(n), text, string(back), err)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%q is not fit for a log", text)
		}
		buf := make([]byte, 300)
		if end, err := dns.PackDomainName(text, buf, 0, nil, false); err != nil || string(buf[:end]) != string(n) {
			t.Fatalf("miekg/dns reads %q as %q, %v; want %q", text, buf[:end], err, string(n))
		}
		low := n.Lower()
		if low.Lower() != low || !low.Equal(n) || len(low) != len(n) {
			t.Fatalf("%q is lowered to %q", string(n), string(low))
		}
		k := n.Labels()
		if n.Last(k) != n || n.Last(0) != Root || n.Parent().Labels() != max(0, k-1) {
			t.Fatalf("%q: labels %d, parent %q", string(n), k, string(n.Parent()))
		}
		for p := low; ; p = p.Parent() {
			if !low.In(p) || low.Below(p) != (p != low) {
				t.Fatalf("%q is not in its ancestor %q", string(low), string(p))
			}
			if got, ok := low.ReplaceSuffix(p, p); !ok || got != low {
				t.Fatalf("%q with its own suffix becomes %q", string(low), string(got))
			}
			if p == Root {
				break
			}
		}
	})
}
