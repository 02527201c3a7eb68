package wire

// This file builds messages for the tests of this package: from zone text
// with miekg/dns, which shares no code with it, and by hand where a sane
// library refuses.

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// zone reads records in master file form, one a line and each with its owner;
// names without a last dot are below example.com.
func zone(t testing.TB, text string) []dns.RR {
	t.Helper()
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	zp := dns.NewZoneParser(strings.NewReader(strings.Join(lines, "\n")+"\n"), "example.com.", "")
	zp.SetDefaultTTL(3600)
	var out []dns.RR
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		out = append(out, rr)
	}
	if err := zp.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// reply builds a compressed reply to "name type" with the three sections in
// master file form.
func reply(t testing.TB, question, answer, authority, additional string) *dns.Msg {
	t.Helper()
	name, typ, _ := strings.Cut(question, " ")
	m := new(dns.Msg)
	m.SetQuestion(name, dns.StringToType[typ])
	m.Id, m.Response, m.Compress = 0x1234, true, true
	m.Answer, m.Ns, m.Extra = zone(t, answer), zone(t, authority), zone(t, additional)
	return m
}

func packed(t testing.TB, m *dns.Msg) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parsed(t testing.TB, b []byte) *Message {
	t.Helper()
	var m Message
	if err := Parse(b, &m); err != nil {
		t.Fatal(err)
	}
	return &m
}

// grouped turns a message into the reply that Pack takes.
func grouped(m *Message) *Reply {
	return &Reply{
		Question: m.Question, Rcode: m.Rcode,
		Answer: Group(m.Answer), Authority: Group(m.Authority), Additional: Group(m.Additional),
	}
}

// pack packs r and checks it, since what Pack made must always pass.
func pack(t testing.TB, r *Reply) Packed {
	t.Helper()
	b, err := Pack(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	p := Packed(b)
	if err := p.Check(len(r.Question.Name) + 4); err != nil {
		t.Fatalf("Check refuses what Pack made: %v", err)
	}
	return p
}

// answer writes the packed reply for one client, as a server does. It begins
// behind a prefix, the length octets of TCP, to catch offsets that count from
// the wrong place.
func answer(t testing.TB, q Question, p Packed, s Shape) []byte {
	t.Helper()
	const prefix = 2
	query := AppendQuestion(nil, 0x4321, FlagRD, q.Name, q.Type, q.Class)
	var in Query
	if v := ParseQuery(query, &in); v != Accept {
		t.Fatalf("the test's own query has verdict %d", v)
	}
	dst := in.AppendHeader(make([]byte, prefix), query, FlagRA, p.Rcode())
	return p.Append(dst, prefix, s)[prefix:]
}

// unpack reads a message with miekg/dns.
func unpack(t testing.TB, b []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatalf("miekg/dns refuses the message of %d octets: %v", len(b), err)
	}
	return m
}

var scratch [70000]byte // for rdataOf, which tests call for every record

// rdataOf is the uncompressed RDATA that miekg/dns packs for the record.
func rdataOf(t testing.TB, rr dns.RR) string {
	t.Helper()
	buf := scratch[:]
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		t.Fatalf("%v: %v", rr, err)
	}
	_, at, err := dns.UnpackDomainName(buf, 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[at+10 : end])
}

// rec is a record for raw messages; owner and data are wire form and may hold
// pointers.
type rec struct {
	owner string
	typ   Type
	ttl   uint32
	data  string
}

// raw builds a message by hand: the question example.com A at offset 12, then
// the records in the answer section.
func raw(recs ...rec) []byte { return rawWith("\x07example\x03com\x00", recs...) }

func rawWith(qname string, recs ...rec) []byte {
	b := []byte{0, 1, 0x80, 0, 0, 1, byte(len(recs) >> 8), byte(len(recs)), 0, 0, 0, 0}
	b = append(b, qname...)
	b = append(b, 0, 1, 0, 1)
	for _, r := range recs {
		b = append(b, r.owner...)
		b = binary.BigEndian.AppendUint16(b, uint16(r.typ))
		b = append(b, 0, 1)
		b = binary.BigEndian.AppendUint32(b, r.ttl)
		b = binary.BigEndian.AppendUint16(b, uint16(len(r.data)))
		b = append(b, r.data...)
	}
	return b
}

// lowered is s with A to Z lowered, to compare what compression may recase.
func lowered(s string) string {
	b := []byte(s)
	Lower(b)
	return string(b)
}
