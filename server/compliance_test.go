package server

// This file asks what RFC 8906 section 8 has the servers of the world asked,
// with what it expects of a recursive server: RD is set, AA is not expected.

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"rootwalk/wire"
)

// tested is one query of RFC 8906 section 8, and its reply.
type tested struct {
	section string
	what    string
	packet  []byte
	rcode   int
	answer  uint16 // the type of the answer; 0 for none
	opt     bool   // there is an OPT record, of version 0
	do      bool
	cut     bool // truncated over UDP
}

func compliance() []tested {
	const rd = wire.FlagRD
	soa := func(flags uint16) []byte { return asked(rd|flags, "example.com", wire.TypeSOA, wire.ClassIN) }
	edns := func(version uint8, flags uint16, options ...byte) []byte {
		return with(soa(0), opt(root, 4096, version, flags, options...))
	}
	unknown := []byte{0, 100, 0, 0}                                   // the option of the RFC's examples
	defined := append([]byte{0, 3, 0, 0, 0, 9, 0, 0}, cookie(8)...)   // NSID, EXPIRE, COOKIE
	defined = append(defined, 0, 8, 0, 4, 0, 1, 0, 0)                 // the client's subnet, 0.0.0.0/0
	long := asked(rd, "long.example.com", wire.TypeTXT, wire.ClassIN) // more than 512 octets
	return []tested{
		{section: "8.1.1", what: "SOA", packet: soa(0), answer: dns.TypeSOA},
		{section: "8.1.2", what: "an unknown type", packet: asked(rd, "example.com", 1000, wire.ClassIN)},
		{section: "8.1.3.1", what: "CD", packet: soa(wire.FlagCD), answer: dns.TypeSOA},
		{section: "8.1.3.2", what: "AD", packet: soa(wire.FlagAD), answer: dns.TypeSOA},
		{section: "8.1.3.3", what: "the reserved bit", packet: soa(1 << 6), answer: dns.TypeSOA},
		{section: "8.1.3.4", what: "RD", packet: soa(0), answer: dns.TypeSOA},
		{section: "8.1.4", what: "an unknown opcode, and no question", packet: changed(asked(15<<11, ".", wire.TypeA, wire.ClassIN)[:wire.HeaderLen], 5, 0),
			rcode: dns.RcodeNotImplemented},
		{section: "8.2.1", what: "EDNS", packet: edns(0, 0), answer: dns.TypeSOA, opt: true},
		{section: "8.2.2", what: "version 1", packet: edns(1, 0), rcode: dns.RcodeBadVers, opt: true},
		{section: "8.2.3", what: "an unknown option", packet: edns(0, 0, unknown...), answer: dns.TypeSOA, opt: true},
		{section: "8.2.4", what: "an unknown flag", packet: edns(0, 0x40), answer: dns.TypeSOA, opt: true},
		{section: "8.2.5", what: "version 1 and an unknown flag", packet: edns(1, 0x40), rcode: dns.RcodeBadVers, opt: true},
		{section: "8.2.6", what: "version 1 and an unknown option", packet: edns(1, 0, unknown...), rcode: dns.RcodeBadVers, opt: true},
		{section: "8.2.7", what: "512 octets and DO", packet: with(long, opt(root, 512, 0, 0x8000)), answer: dns.TypeTXT, opt: true, do: true, cut: true},
		{section: "8.2.8", what: "DO", packet: edns(0, 0x8000), answer: dns.TypeSOA, opt: true, do: true},
		{section: "8.2.9", what: "version 1 and DO", packet: edns(1, 0x8000), rcode: dns.RcodeBadVers, opt: true, do: true},
		{section: "8.2.10", what: "several defined options", packet: edns(0, 0, defined...), answer: dns.TypeSOA, opt: true},
	}
}

func TestWhatRFC8906AsksIsAnsweredAsItExpects(t *testing.T) {
	w := newWorld(t, settings{text: internet + "long TXT" + strings.Repeat(` "`+strings.Repeat("y", 255)+`"`, 3) + "\n"})
	for _, q := range compliance() {
		for _, d := range doors {
			t.Run("section "+q.section+", "+q.what+", by "+string(d), func(t *testing.T) {
				q.check(t, w, d) // walked for, unless another door was first
				q.check(t, w, d) // cached
			})
		}
	}
}

func (q *tested) check(t *testing.T, w *world, d door) {
	t.Helper()
	b := w.exchange(t, d, q.packet)
	if b == nil {
		t.Fatal("no reply")
	}
	r := unpack(t, b)
	if r.Rcode != q.rcode || r.Authoritative || r.Zero {
		t.Errorf("rcode %s, AA %v, Z %v; want %s and neither", dns.RcodeToString[r.Rcode], r.Authoritative, r.Zero, dns.RcodeToString[q.rcode])
	}
	if r.CheckingDisabled != (wire.Flags(q.packet)&wire.FlagCD != 0) || r.Opcode != int(wire.Opcode(wire.Flags(q.packet))) {
		t.Errorf("CD is %v and the opcode %d, want what was asked", r.CheckingDisabled, r.Opcode)
	}
	cut := q.cut && d != overTCP
	switch {
	case r.Truncated != cut:
		t.Errorf("TC is %v", r.Truncated)
	case cut:
	case q.answer == 0 && len(r.Answer) != 0, q.answer != 0 && (len(r.Answer) != 1 || r.Answer[0].Header().Rrtype != q.answer):
		t.Errorf("the answer is %v", r.Answer)
	}
	o := r.IsEdns0()
	if (o != nil) != q.opt {
		t.Fatalf("OPT is there: %v", o != nil)
	}
	if o == nil {
		return
	}
	if o.Version() != 0 || o.Do() != q.do || o.Hdr.Ttl&0x7fff != 0 {
		t.Errorf("OPT has version %d, DO %v, other flags %#x", o.Version(), o.Do(), o.Hdr.Ttl&0x7fff)
	}
	for _, option := range o.Option {
		if option.Option() != dns.EDNS0EDE {
			t.Errorf("option %d, which this server has nothing to say to, is in the reply", option.Option())
		}
	}
}
