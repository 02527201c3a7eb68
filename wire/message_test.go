package wire

// Parse: what it reads, and the bounds within which it does.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestParseReadsAllSections(t *testing.T) {
	m := reply(t, "WWW.example.com. A",
		`WWW 300 CNAME Host.Example.com.
		 Host 60 A 192.0.2.1
		 Host 60 A 192.0.2.2`,
		`@ 3600 NS ns1
		 @ 3600 NS ns2.example.net.`,
		`ns1 3600 A 192.0.2.53
		 ns1 3600 AAAA 2001:db8::53`)
	m.Authoritative, m.Truncated, m.Rcode = true, true, dns.RcodeNameError
	b := packed(t, m)
	got := parsed(t, b)
	if got.ID != 0x1234 || !got.AA() || !got.TC() || got.Rcode != NXDomain || got.QDCount != 1 || got.EDNS || got.Odd != 0 {
		t.Errorf("header read as %+v", got)
	}
	if want := (Question{MustName("www.example.com"), TypeA, ClassIN}); got.Question != want {
		t.Errorf("question %v, want %v", got.Question, want)
	}
	for _, s := range []struct {
		name string
		got  []Record
		want []dns.RR
	}{{"answer", got.Answer, m.Answer}, {"authority", got.Authority, m.Ns}, {"additional", got.Additional, m.Extra}} {
		sameRecords(t, s.name, s.got, s.want)
	}
	// The sections share an array, but growing one must not write into the next.
	first := got.Authority[0]
	_ = append(got.Answer, Record{})
	if got.Authority[0] != first {
		t.Error("appending to the answer overwrites the authority")
	}
}

// sameRecords compares what Parse read with what miekg/dns packed.
func sameRecords(t testing.TB, what string, got []Record, want []dns.RR) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d records, want %d", what, len(got), len(want))
	}
	for i, rr := range want {
		h := rr.Header()
		w := Record{MustName(h.Name).Lower(), Type(h.Rrtype), Class(h.Class), h.Ttl, rdataOf(t, rr)}
		if got[i] != w {
			t.Errorf("%s %d:\ngot  %+v %q\nwant %+v %q (%v)", what, i, got[i], got[i].Data, w, w.Data, rr)
		}
	}
}

func TestParseReadsEDNS(t *testing.T) {
	m := reply(t, "example.com. A", "@ 60 A 192.0.2.1", "", "ns1 60 A 192.0.2.2")
	m.SetEdns0(1400, true)
	o := m.IsEdns0()
	o.SetVersion(1)
	o.Option = append(o.Option, &dns.EDNS0_EDE{InfoCode: 22, ExtraText: "x"})
	m.Rcode = dns.RcodeBadVers
	m.Extra = append(m.Extra, zone(t, "ns2 60 A 192.0.2.3")...)
	got := parsed(t, packed(t, m))
	if !got.EDNS || got.UDPSize != 1400 || got.Version != 1 || !got.DO || got.Rcode != BadVers || got.Options != "\x00\x0f\x00\x03\x00\x16x" {
		t.Errorf("EDNS read as %+v", got)
	}
	if len(got.Additional) != 2 {
		t.Errorf("additional holds %d records, want those beside OPT", len(got.Additional))
	}
}

func TestParseReadsAMessageWithoutAQuestion(t *testing.T) {
	var m Message
	m.Odd, m.EDNS = 5, true // what an earlier message left
	if err := Parse([]byte{0, 9, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0}, &m); err != nil {
		t.Fatal(err)
	}
	if m.ID != 9 || m.Rcode != FormErr || m.QDCount != 0 || m.Question != (Question{}) || m.Odd != 0 || m.EDNS {
		t.Errorf("read as %+v", m)
	}
}

func TestParseSurvivesBeingPooled(t *testing.T) {
	// A message must own its bytes: the next Parse reuses the buffers.
	a := parsed(t, raw(rec{"\xc0\x0c", TypeTXT, 1, "\x03one"}))
	first := a.Answer[0]
	for range 10 {
		parsed(t, raw(rec{"\xc0\x0c", TypeTXT, 2, "\x03two"}, rec{"\x01x\x00", TypeTXT, 2, "\x03two"}))
	}
	if a.Answer[0] != first || first.Data != "\x03one" || first.Name != MustName("example.com") {
		t.Errorf("the message changed to %+v", a.Answer[0])
	}
}

func TestOwnersFoundAgainAreTheSameName(t *testing.T) {
	// More owners than the parser remembers, each met twice, in mixed case.
	var recs []rec
	off := HeaderLen + 13 + 4
	var at []int
	for i := range 20 {
		at = append(at, off)
		r := rec{"\x03N" + string(rune('a'+i)) + "X\xc0\x0c", TypeA, 1, "abcd"}
		off += len(r.owner) + 10 + 4
		recs = append(recs, r)
	}
	for i := range 20 {
		recs = append(recs, rec{string([]byte{0xc0 | byte(at[i]>>8), byte(at[i])}), TypeA, 1, "efgh"})
	}
	m := parsed(t, raw(recs...))
	for i := range 20 {
		want := MustName("n" + string(rune('a'+i)) + "x.example.com")
		if m.Answer[i].Name != want || m.Answer[20+i].Name != want {
			t.Errorf("owner %d is %s and %s, want %s", i, m.Answer[i].Name, m.Answer[20+i].Name, want)
		}
	}
}

func TestOwnerPointingIntoALabelIsNotTheOwnerBefore(t *testing.T) {
	// At 29 stands a label that holds a label: a pointer may hit either.
	m := parsed(t, raw(
		rec{"\x02\x01x\xc0\x0c", TypeA, 1, "abcd"},
		rec{"\xc0\x1e", TypeA, 1, "abcd"},
		rec{"\xc0\x1d", TypeA, 1, "abcd"}))
	for i, want := range []string{`\001x.example.com`, "x.example.com", `\001x.example.com`} {
		if got := m.Answer[i].Name; got != MustName(want) {
			t.Errorf("owner %d is %s, want %s", i, got, want)
		}
	}
}

func TestTTLOver31BitsIsZero(t *testing.T) {
	for ttl, want := range map[uint32]uint32{0: 0, 1: 1, 1<<31 - 1: 1<<31 - 1, 1 << 31: 1<<31 - 1, 1<<32 - 1: 1<<31 - 1} {
		m := parsed(t, raw(rec{"\xc0\x0c", TypeA, ttl, "abcd"}))
		if m.Answer[0].TTL != want {
			t.Errorf("TTL %d is read as %d", ttl, m.Answer[0].TTL)
		}
	}
}

func TestBrokenStructureIsAnError(t *testing.T) {
	good := raw(rec{"\xc0\x0c", TypeA, 1, "abcd"})
	if err := Parse(good, new(Message)); err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if err := Parse(good[:n], new(Message)); !errors.Is(err, ErrShort) {
			t.Errorf("cut to %d octets: %v", n, err)
		}
	}
	here := HeaderLen + 13 + 4 // where the first record begins
	self := string([]byte{0xc0, byte(here)})
	two := raw()
	two[5] = 2
	for what, c := range map[string]struct {
		msg  []byte
		want error
	}{
		"an owner that points to itself":         {raw(rec{self, TypeA, 1, "abcd"}), ErrName},
		"an owner that points into its own name": {raw(rec{"\x01a" + self, TypeA, 1, "abcd"}), ErrName},
		"an owner that points forward":           {raw(rec{"\xc0\x60", TypeA, 1, "abcd"}, rec{"\x01b\x00", TypeTXT, 1, strings.Repeat("x", 80)}), ErrName},
		"an owner that points into the header":   {raw(rec{"\xc0\x0b", TypeA, 1, "abcd"}), ErrName},
		"an owner that points past the message":  {raw(rec{"\xff\xff", TypeA, 1, "abcd"}), ErrName},
		"a label type 0x40":                      {raw(rec{"\x40a\x00", TypeA, 1, "abcd"}), ErrName},
		"a label type 0x80":                      {raw(rec{"\x80a\x00", TypeA, 1, "abcd"}), ErrName},
		"a pointer in the question":              {rawWith("\xc0\x0c"), ErrName},
		"a question of 256 octets":               {rawWith("\x02ab" + strings.Repeat("\x01a", 126) + "\x00"), ErrName},
		"an owner of 256 octets by a pointer":    {rawWith(strings.Repeat("\x01a", 126)+"\x00", rec{"\x02ab\xc0\x0c", TypeA, 1, "abcd"}), ErrName},
		"two questions":                          {two, ErrRecords},
		"two OPT records":                        {raw(rec{"\x00", TypeOPT, 0, ""}, rec{"\x00", TypeOPT, 0, ""}), ErrOPT},
	} {
		if err := Parse(c.msg, new(Message)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	// A pointer loop of two: each record's owner is the other's.
	loop := raw(rec{"\x01a\xc0\x2d", TypeA, 1, "abcd"}, rec{"\x01b\xc0\x1d", TypeA, 1, "abcd"})
	if err := Parse(loop, new(Message)); !errors.Is(err, ErrName) {
		t.Errorf("a loop of two: %v", err)
	}
}

func TestRecordsAreBounded(t *testing.T) {
	many := func(n int) []byte {
		recs := make([]rec, n)
		for i := range recs {
			recs[i] = rec{"\xc0\x0c", TypeA, 1, string([]byte{1, 2, byte(i >> 8), byte(i)})}
		}
		return raw(recs...)
	}
	if m := parsed(t, many(MaxRecords)); len(m.Answer) != MaxRecords {
		t.Errorf("%d records", len(m.Answer))
	}
	if err := Parse(many(MaxRecords+1), new(Message)); !errors.Is(err, ErrRecords) {
		t.Errorf("%d records: %v", MaxRecords+1, err)
	}
	// The bound is on all sections together, and on what is announced.
	b := raw()
	putU16(b, offANCount, 200)
	putU16(b, offNSCount, 200)
	putU16(b, offARCount, 113)
	if err := Parse(b, new(Message)); !errors.Is(err, ErrRecords) {
		t.Errorf("513 records announced: %v", err)
	}
	putU16(b, offARCount, 112)
	if err := Parse(b, new(Message)); !errors.Is(err, ErrShort) {
		t.Errorf("512 records announced, none there: %v", err)
	}
}

// pointerChain is a message in which n pointers stand in a row, each to the
// one before, and that many records are owned by the last of them. The owners
// carry a label each, so that none is found among the remembered ones.
func pointerChain(n, owners int) []byte {
	b := raw()
	at := len(b) + 1 + 10 // where the RDATA of the record below begins
	var chain []byte
	for i, to := 0, HeaderLen; i < n; i++ {
		chain = binary.BigEndian.AppendUint16(chain, 0xc000|uint16(to))
		to = at + 2*i
	}
	recs := []rec{{"\x00", TypeTXT, 1, string(chain)}}
	last := at + 2*(n-1)
	for range owners {
		recs = append(recs, rec{"\x01a" + string([]byte{0xc0 | byte(last>>8), byte(last)}), TypeA, 1, "abcd"})
	}
	return raw(recs...)
}

func TestPointersAreBounded(t *testing.T) {
	m := parsed(t, pointerChain(MaxPointers-1, 1))
	if got := m.Answer[1].Name; got != MustName("a.example.com") {
		t.Errorf("the name behind %d pointers is %s", MaxPointers, got)
	}
	if err := Parse(pointerChain(MaxPointers, 1), new(Message)); !errors.Is(err, ErrNames) {
		t.Errorf("%d pointers: %v", MaxPointers+1, err)
	}
	// The bound is on the message, not on a name.
	if err := Parse(pointerChain(MaxPointers/16-1, 16), new(Message)); err != nil {
		t.Errorf("%d pointers in 16 names: %v", MaxPointers, err)
	}
	if err := Parse(pointerChain(MaxPointers/16-1, 17), new(Message)); !errors.Is(err, ErrNames) {
		t.Errorf("%d pointers in 17 names: %v", MaxPointers+MaxPointers/16, err)
	}
	// In RDATA the bound is an error too, not an odd record.
	b := pointerChain(MaxPointers, 0)
	last := len(b) - 2
	b = append(b, 0, 0, 2, 0, 1, 0, 0, 0, 1, 0, 2, 0xc0|byte(last>>8), byte(last))
	b[offANCount+1] = 2
	if err := Parse(b, new(Message)); !errors.Is(err, ErrNames) {
		t.Errorf("%d pointers in RDATA: %v", MaxPointers+1, err)
	}
}

// bigNames is a message whose names have 255 + 256*n + roots octets, the last
// ones being those of records that the root owns.
func bigNames(n, roots int) []byte {
	long := strings.Repeat("\x01a", 127) + "\x00"
	var recs []rec
	for range n {
		recs = append(recs, rec{"\x00", TypeCNAME, 1, "\xc0\x0c"})
	}
	for range roots {
		recs = append(recs, rec{"\x00", TypeA, 1, "abcd"})
	}
	return rawWith(long, recs...)
}

func TestDecompressedNamesAreBounded(t *testing.T) {
	if m := parsed(t, bigNames(255, 1)); len(m.Answer) != 256 || len(m.Answer[0].Target()) != MaxName {
		t.Errorf("%d records", len(m.Answer))
	}
	if err := Parse(bigNames(255, 2), new(Message)); !errors.Is(err, ErrNames) {
		t.Errorf("64 KiB and one octet of names: %v", err)
	}
	if err := Parse(bigNames(256, 0), new(Message)); !errors.Is(err, ErrNames) {
		t.Errorf("64 KiB and 255 octets of names: %v", err)
	}
}

// TestChainedPointersCostLittle is the message of 64 KiB made of chained
// pointers: whatever is said of it, it must not make the reader allocate.
func TestChainedPointersCostLittle(t *testing.T) {
	var soas []rec
	for range MaxRecords {
		soas = append(soas, rec{"\x00", TypeSOA, 1, "\xc0\x0c\xc0\x0c" + strings.Repeat("x", 20)})
	}
	msgs := map[string][]byte{
		"one long chain":     pointerChain(8000, MaxRecords-1),
		"many medium chains": pointerChain(4000, 100),
		"long names":         rawWith(strings.Repeat("\x01a", 127)+"\x00", soas...),
	}
	most, slowest := uint64(0), time.Duration(0)
	for what, b := range msgs {
		for len(b) < 65535 {
			b = append(b, 0xc0)
		}
		runtime.GC()
		runtime.GC() // empties the pool, so that the buffers count
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := Parse(b, new(Message))
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrNames) {
			t.Errorf("%s: %v", what, err)
		}
		n := after.TotalAlloc - before.TotalAlloc
		if most = max(most, n); n > 512<<10 {
			t.Errorf("%s: %d octets allocated", what, n)
		}
		took := time.Hour
		for range 10 {
			began := time.Now()
			_ = Parse(b, new(Message))
			took = min(took, time.Since(began))
		}
		slowest = max(slowest, took)
	}
	t.Attr("row", fmt.Sprintf("A13 | 64 KiB of chained compression pointers and of long names | 512 KiB allocated; 2 ms | %d KiB; %d µs | ", most>>10, slowest.Microseconds()))
}

func TestGroupGathersRRsets(t *testing.T) {
	m := parsed(t, packed(t, reply(t, "example.com. A",
		`@ 300 A 192.0.2.1
		 www 90 A 192.0.2.9
		 www 60 A 192.0.2.10
		 www 75 A 192.0.2.11
		 @ 100 RRSIG A 8 2 300 20300101000000 20200101000000 1 example.com. AAAA
		 @ 200 A 192.0.2.2
		 @ 300 A 192.0.2.1
		 @ 300 RRSIG MX 8 2 300 20300101000000 20200101000000 1 example.com. AAAA
		 @ 300 RRSIG A 8 2 300 20300101000000 20200101000000 1 example.com. AAAA
		 @ 400 RRSIG A 13 2 300 20300101000000 20200101000000 2 example.com. AAAA`, "", "")))
	sets := Group(m.Answer)
	if len(sets) != 2 {
		t.Fatalf("%d sets", len(sets))
	}
	s := sets[0]
	if s.Name != MustName("example.com") || s.Type != TypeA || s.TTL != 100 || len(s.Data) != 2 || len(s.Sigs) != 2 {
		t.Errorf("first set %+v", s)
	}
	if s.Data[0] != "\xc0\x00\x02\x01" || s.Data[1] != "\xc0\x00\x02\x02" {
		t.Errorf("records are not in their order: %q", s.Data)
	}
	if w := sets[1]; w.Name != MustName("www.example.com") || w.TTL != 60 || len(w.Data) != 3 || w.Sigs != nil {
		t.Errorf("second set %+v", w)
	}
	recs := s.Records()
	if len(recs) != 4 || recs[0].Type != TypeA || recs[3].Type != TypeRRSIG || recs[3].TTL != 100 || Covered(recs[3].Data) != TypeA {
		t.Errorf("records %+v", recs)
	}
	if Covered("x") != 0 {
		t.Error("a signature of one octet covers something")
	}
}
