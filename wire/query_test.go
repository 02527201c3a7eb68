package wire

// A client's query: one test case for every kind of packet that a server
// meets, and the header and OPT record of the reply.

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// query is a header with the given flags and counts, then the body.
func query(flags uint16, counts [4]byte, body ...string) []byte {
	b := []byte{0xab, 0xcd, byte(flags >> 8), byte(flags)}
	for _, c := range counts {
		b = append(b, 0, c)
	}
	return append(b, strings.Join(body, "")...)
}

const (
	wwwA = "\x03wWw\x07example\x03com\x00\x00\x01\x00\x01"
	opt  = "\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00" // 1232 octets, version 0, DO, no options
)

// optWith is an OPT record with the given options.
func optWith(options string) string {
	return opt[:9] + string([]byte{byte(len(options) >> 8), byte(len(options))}) + options
}

func option(code, n int) string {
	return string([]byte{0, byte(code), byte(n >> 8), byte(n)}) + strings.Repeat("c", n)
}

func TestParseQueryVerdicts(t *testing.T) {
	one := [4]byte{1, 0, 0, 0}
	edns := [4]byte{1, 0, 0, 1}
	long := strings.Repeat("\x01a", 127) + "\x00\x00\x01\x00\x01"
	type row struct {
		what string
		in   []byte
		want Verdict
	}
	rows := []row{
		{"an empty packet", nil, Drop},
		{"under 12 octets", query(0, one)[:11], Drop},
		{"a reply", query(FlagQR, one, wwwA), Drop},
		{"a reply with an unknown opcode", query(FlagQR|7<<11, one, wwwA), Drop},
		{"a header alone", query(0, one), Malformed},
		{"QDCOUNT 0", query(0, [4]byte{}), Malformed},
		{"QDCOUNT 2", query(0, [4]byte{2}, wwwA, wwwA), Malformed},
		{"a plain query", query(FlagRD, one, wwwA), Accept},
		{"a query with the Z bit", query(FlagRD|1<<6, one, wwwA), Accept},
		{"a query with octets behind it", query(FlagRD, one, wwwA, "xyz"), Accept},
		{"the root", query(0, one, "\x00\x00\x02\x00\x01"), Accept},
		{"an unknown type", query(0, one, "\x00\xff\x78\x00\x01"), Accept},
		{"a zone transfer", query(0, one, "\x00\x00\xfc\x00\x01"), Accept}, // policy, not form
		{"another class", query(0, one, "\x00\x00\x01\x00\x03"), Accept},
		{"a name without an end", query(0, one, "\x03www"), Malformed},
		{"a name that leaves the packet", query(0, one, "\x3fwww"), Malformed},
		{"a question without a type", query(0, one, "\x03www\x00"), Malformed},
		{"a question cut in its class", query(0, one, wwwA[:len(wwwA)-1]), Malformed},
		{"a pointer to itself", query(0, one, "\xc0\x0c\x00\x01\x00\x01"), Malformed},
		{"a pointer into the header", query(0, one, "\x01a\xc0\x00\x00\x01\x00\x01"), Malformed},
		{"a label of 64 octets", query(0, one, "\x40"+strings.Repeat("a", 64)+"\x00\x00\x01\x00\x01"), Malformed},
		{"a label of 63 octets", query(0, one, "\x3f"+strings.Repeat("a", 63)+"\x00\x00\x01\x00\x01"), Accept},
		{"a name of 255 octets", query(0, one, long), Accept},
		{"a name of 256 octets", query(0, one, "\x02ab"+long[2:]), Malformed},
		{"a name of 257 octets", query(0, one, "\x01a"+long), Malformed},
		{"NOTIFY", query(4<<11, one, wwwA), NotImplemented},
		{"UPDATE", query(5<<11, [4]byte{1, 0, 1, 0}, wwwA), NotImplemented},
		{"an unknown opcode with nothing behind it", query(15<<11, [4]byte{}), NotImplemented},
		{"EDNS", query(0, edns, wwwA, opt), Accept},
		{"EDNS announced but absent", query(0, edns, wwwA), Malformed},
		{"EDNS cut short", query(0, edns, wwwA, opt[:10]), Malformed},
		{"two OPT records", query(0, [4]byte{1, 0, 0, 2}, wwwA, opt, opt), Malformed},
		{"an OPT record that the root does not own", query(0, edns, wwwA, "\x01a", opt), Malformed},
		{"an OPT record owned by a pointer", query(0, edns, wwwA, "\xc0\x0c", opt[1:]), Malformed},
		{"options past the end of the packet", query(0, edns, wwwA, opt[:9], "\x00\x08", option(10, 8)[:4]), Malformed},
		{"an option past the end of the record", query(0, edns, wwwA, optWith("\x00\x63\x00\x09cccccccc"), "c"), Malformed},
		{"an option header cut short", query(0, edns, wwwA, optWith("\x00\x0a\x00")), Malformed},
		{"an unknown option", query(0, edns, wwwA, optWith(option(99, 5))), Accept},
		{"a doubled unknown option", query(0, edns, wwwA, optWith(option(99, 5)+option(99, 5))), Accept},
		{"60 KiB of options", query(0, edns, wwwA, optWith(strings.Repeat(option(99, 0), 15000))), Accept},
		{"EDNS version 1", query(0, edns, wwwA, opt[:6]+"\x01"+opt[7:]), WrongVersion},
		{"EDNS version 255", query(0, edns, wwwA, opt[:6]+"\xff"+opt[7:]), WrongVersion},
		{"EDNS version 1 twice", query(0, [4]byte{1, 0, 0, 2}, wwwA, opt[:6]+"\x01"+opt[7:], opt), Malformed},
		{"a record before the OPT record", query(0, [4]byte{1, 1, 0, 1}, wwwA, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00", opt), Accept},
		{"a signature behind the OPT record", query(0, [4]byte{1, 0, 0, 2}, wwwA, opt, "\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x02xx"), Accept},
		{"an answer that is announced but absent", query(0, [4]byte{1, 1}, wwwA), Malformed},
		{"a record with a label of 64 octets", query(0, [4]byte{1, 0, 0, 1}, wwwA, "\x40", strings.Repeat("a", 64), "\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"), Malformed},
		{"a record with a label of 63 octets", query(0, [4]byte{1, 0, 0, 1}, wwwA, "\x3f", strings.Repeat("a", 63), "\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"), Accept},
	}
	for n := range 43 {
		want := Malformed
		if n == 8 || n >= 16 && n <= 40 {
			want = Accept
		}
		rows = append(rows, row{"a cookie of " + itoa(n) + " octets", query(0, edns, wwwA, optWith(option(10, n))), want})
	}
	for _, r := range rows {
		t.Run(strings.ReplaceAll(r.what, " ", "_"), func(t *testing.T) {
			var q Query
			if got := ParseQuery(r.in, &q); got != r.want {
				t.Fatalf("verdict %d, want %d", got, r.want)
			}
			if r.want == Drop {
				return
			}
			if q.ID != 0xabcd || q.Flags != Flags(r.in) {
				t.Errorf("ID %x, flags %x", q.ID, q.Flags)
			}
			// Whatever the verdict, the reply that it leads to is a message.
			out := q.AppendHeader(nil, r.in, FlagRA, FormErr)
			m := unpack(t, out)
			if m.Id != 0xabcd || !m.Response || m.Opcode != int(Opcode(q.Flags)) || m.Zero || m.Rcode != dns.RcodeFormatError {
				t.Errorf("reply header %v", m.MsgHdr)
			}
			if r.want == NotImplemented && len(out) != HeaderLen {
				t.Errorf("a question is echoed for an opcode nobody knows")
			}
			if q.NameEnd != 0 && !bytes.Equal(out[HeaderLen:], r.in[HeaderLen:q.QuestionEnd()]) {
				t.Errorf("the question is not echoed as it came: %q", out[HeaderLen:])
			}
		})
	}
}

func TestParseQueryReadsEveryField(t *testing.T) {
	b := query(FlagRD|FlagCD, [4]byte{1, 0, 0, 1}, wwwA, optWith(option(3, 0)+option(10, 24)+option(8, 7)))
	var q Query
	if v := ParseQuery(b, &q); v != Accept {
		t.Fatal(v)
	}
	want := Query{
		ID: 0xabcd, Flags: FlagRD | FlagCD, NameEnd: HeaderLen + 17, Type: TypeA, Class: ClassIN,
		EDNS: true, DO: true, UDPSize: 1232, Cookie: 24, CookieAt: HeaderLen + 17 + 4 + 11 + 4 + 4, NSID: true,
	}
	if q != want {
		t.Errorf("got  %+v\nwant %+v", q, want)
	}
	if !q.RD() || !q.CD() {
		t.Error("RD or CD is not read")
	}
	if got := q.QuestionName(b).String(); got != "wWw.example.com." {
		t.Errorf("the question's case is lost: %s", got)
	}
	if v := ParseQuery(query(0, [4]byte{1}, wwwA), &q); v != Accept || q.EDNS || q.DO || q.NSID || q.Cookie != 0 || q.RD() || q.CD() {
		t.Errorf("a query keeps fields of the one before: %+v", q)
	}
}

func TestUDPSizeIsNeverBelow512(t *testing.T) {
	for size, want := range map[int]int{0: 512, 511: 512, 512: 512, 513: 513, 1232: 1232, 65535: 65535} {
		b := query(0, [4]byte{1, 0, 0, 1}, wwwA, opt[:3], string([]byte{byte(size >> 8), byte(size)}), opt[5:])
		var q Query
		if v := ParseQuery(b, &q); v != Accept || q.UDPSize != want {
			t.Errorf("size %d is taken as %d (verdict %d), want %d", size, q.UDPSize, v, want)
		}
	}
	var q Query
	if ParseQuery(query(0, [4]byte{1}, wwwA), &q); q.UDPSize != 512 {
		t.Errorf("without EDNS the size is %d", q.UDPSize)
	}
}

func TestReplyHeaderEchoesOnlyWhatItMay(t *testing.T) {
	all := uint16(0xffff) &^ FlagQR &^ (0xf << 11)
	b := query(all, [4]byte{1}, wwwA)
	var q Query
	if v := ParseQuery(b, &q); v != Accept {
		t.Fatal(v)
	}
	prefix := []byte("xx")
	out := q.AppendHeader(prefix, b, FlagRA, NXDomain)
	if !bytes.HasPrefix(out, prefix) {
		t.Fatal("the header is not appended")
	}
	out = out[2:]
	if want := FlagQR | FlagRD | FlagRA | FlagCD | uint16(NXDomain); Flags(out) != want {
		t.Errorf("flags %04x, want %04x", Flags(out), want)
	}
	// Of an extended code only the lower bits stand in the header.
	if got := Flags(q.AppendHeader(nil, b, 0, BadVers)) & 0xf; got != 0 {
		t.Errorf("BADVERS leaves code %d in the header", got)
	}
	SetID(out, 7)
	SetTC(out)
	if ID(out) != 7 || Flags(out)&FlagTC == 0 {
		t.Error("SetID or SetTC writes nothing")
	}
}

func TestAppendOPTIsReadByOthers(t *testing.T) {
	b := query(FlagRD, [4]byte{1}, wwwA)
	var q Query
	ParseQuery(b, &q)
	for _, o := range []OPT{
		{UDPSize: 1232, EDE: NoEDE},
		{UDPSize: 4096, DO: true, EDE: NoEDE, Rcode: BadVers},
		{UDPSize: 1232, DO: true, EDE: EDEOther, Text: "nothing fits"},
		{UDPSize: 512, EDE: EDEInvalidQueryType, Rcode: FormErr},
	} {
		dst := q.AppendHeader([]byte("tcp"), b, FlagRA, o.Rcode)
		dst = AppendOPT(dst, 3, &o)
		m := unpack(t, dst[3:])
		e := m.IsEdns0()
		if e == nil || len(m.Extra) != 1 {
			t.Fatalf("%+v: no OPT record", o)
		}
		if e.UDPSize() != o.UDPSize || e.Do() != o.DO || e.Version() != 0 || m.Rcode != int(o.Rcode) {
			t.Errorf("%+v: read as %v, rcode %d", o, e, m.Rcode)
		}
		switch {
		case o.EDE == NoEDE && len(e.Option) != 0:
			t.Errorf("%+v: options %v", o, e.Option)
		case o.EDE != NoEDE:
			if len(e.Option) != 1 {
				t.Fatalf("%+v: options %v", o, e.Option)
			}
			if x, ok := e.Option[0].(*dns.EDNS0_EDE); !ok || x.InfoCode != uint16(o.EDE) || x.ExtraText != o.Text {
				t.Errorf("%+v: option %v", o, e.Option[0])
			}
		}
	}
}

func TestTruncateLeavesHeaderAndQuestion(t *testing.T) {
	b := query(FlagRD, [4]byte{1}, wwwA)
	var q Query
	ParseQuery(b, &q)
	dst := q.AppendHeader([]byte("tcp"), b, FlagRA, NoError)
	for off := offANCount; off <= offARCount; off += 2 {
		putU16(dst, 3+off, 0x0101) // records that did not fit
	}
	dst = AppendOPT(Truncate(dst, 3), 3, &OPT{UDPSize: 1232, EDE: NoEDE})
	m := unpack(t, dst[3:])
	if !m.Truncated || len(m.Question) != 1 || len(m.Answer)+len(m.Ns) != 0 || len(m.Extra) != 1 || m.IsEdns0() == nil {
		t.Errorf("the truncated reply is %v", m)
	}
}

func TestAppendQuestionIsAQuery(t *testing.T) {
	b := AppendQuestion([]byte("x"), 99, FlagCD, MustName("a.Example."), TypeDNSKEY, ClassIN)[1:]
	m := unpack(t, b)
	if m.Id != 99 || m.Response || !m.CheckingDisabled || m.RecursionDesired || len(m.Question) != 1 {
		t.Errorf("header %v", m.MsgHdr)
	}
	if got := m.Question[0]; got != (dns.Question{Name: "a.Example.", Qtype: dns.TypeDNSKEY, Qclass: dns.ClassINET}) {
		t.Errorf("question %v", got)
	}
}

func TestParseQueryAllocatesNothing(t *testing.T) {
	for _, b := range [][]byte{
		query(FlagRD, [4]byte{1}, wwwA),
		query(FlagRD, [4]byte{1, 0, 0, 1}, wwwA, optWith(option(10, 24)+option(3, 0))),
		query(0, [4]byte{1, 0, 0, 1}, wwwA, optWith(strings.Repeat(option(99, 0), 15000))),
		pointerChain(8000, 1),
	} {
		var q Query
		if a := testing.AllocsPerRun(100, func() { ParseQuery(b, &q) }); a != 0 {
			t.Errorf("%d octets: %v allocations", len(b), a)
		}
	}
}
