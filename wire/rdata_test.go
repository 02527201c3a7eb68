package wire

// RDATA: names are decompressed wherever RFC 3597 section 4 says that they may
// be compressed, and RDATA that does not fit its type costs that record alone.

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestCompressedRDATAIsReadAsPackedUncompressed(t *testing.T) {
	// RDATA written by hand with pointers to the question's example.com at 12,
	// beside the text of the same record.
	const ptr = "\xc0\x0c"
	serials := "\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x05"
	for _, c := range []struct{ data, text string }{
		{"\x03Ns1" + ptr, "NS Ns1.example.com."},
		{ptr, "NS example.com."},
		{"\x00", "NS ."},
		{"\x01a" + ptr, "CNAME a"},
		{"\x01a" + ptr, "PTR a"},
		{"\x01a" + ptr, "MD a"},
		{"\x01a" + ptr, "MF a"},
		{"\x01a" + ptr, "MB a"},
		{"\x01a" + ptr, "MG a"},
		{"\x01a" + ptr, "MR a"},
		{"\x01a" + ptr + "\x01B\x01c" + ptr, "MINFO a B.c"},
		{"\x01a" + ptr + ptr + serials, "SOA a @ 1 2 3 4 5"},
		{"\x00\x0a\x02mx" + ptr, "MX 10 mx"},
		{"\x0a\x00\x00\x01", "A 10.0.0.1"},
		{"\x03CPU\x02OS", `HINFO "CPU" "OS"`},
		{"\x03one\x00\x03two", `TXT "one" "" "two"`},
		{"\x04\xc0\x0c\xc0\x0c", `TXT "\192\012\192\012"`},
		{"any\xc0\x0c", `NULL \# 5 616e79c00c`},
		{"\x0a\x00\x00\x01\x06\xc0\x0c", `TYPE11 \# 7 0a00000106c00c`}, // WKS
		{"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", "AAAA 2001:db8::1"},
		{"\x01a" + ptr + "\x01b" + ptr, "RP a b"},
		{"\x00\x01\x01a" + ptr, "AFSDB 1 a"},
		{"\x00\x01\x01a" + ptr, "RT 1 a"},
		{"\x00\x01\x01a" + ptr, "KX 1 a"},
		{"\x00\x01\x01a" + ptr + "\x01b" + ptr, "PX 1 a b"},
		{"\x00\x01\x00\x02\x00\x35\x03Srv" + ptr, "SRV 1 2 53 Srv"},
		{"\x00\x01\x00\x02\x01U\x03sip\x06!^.*$!\x01a" + ptr, `NAPTR 1 2 "U" "sip" "!^.*$!" a`},
		{"\x00\x01\x00\x02\x00\x00\x00\x00", `NAPTR 1 2 "" "" "" .`},
		{"\x03new" + ptr, "DNAME new"},
		{"\xc0\x0c\xc0\x0c", `TYPE65400 \# 4 c00cc00c`},
		{"", `TYPE65400 \# 0`},
	} {
		t.Run(strings.Fields(c.text)[0], func(t *testing.T) {
			rr := zone(t, "@ 300 IN "+c.text)[0]
			m := parsed(t, raw(rec{ptr, Type(rr.Header().Rrtype), 300, c.data}))
			if m.Odd != 0 {
				t.Fatal("left out as odd")
			}
			sameRecords(t, "hand-made", m.Answer, []dns.RR{rr})
		})
	}
}

func TestRecordsPackedByOthersAreReadUnchanged(t *testing.T) {
	m := reply(t, "example.com. ANY", `
@ SOA ns1 hostmaster 1 7200 3600 1209600 300
@ NS ns1
@ NS Ns2.Example.net.
@ MX 10 mail
@ MX 20 mail.example.net.
@ TXT "v=spf1 -all" "more"
@ A 192.0.2.1
@ AAAA 2001:db8::1
www CNAME @
_sip._udp SRV 1 2 5060 sip
@ NAPTR 10 20 "S" "SIP+D2U" "" _sip._udp
@ RP hostmaster txt
@ KX 10 kx
old DNAME new
1.0.0.10.in-addr.arpa. PTR www
@ MINFO a b
@ LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
@ CAA 0 issue "ca.example.net"
@ HTTPS 1 . alpn=h2
_443._tcp TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971
@ SSHFP 1 1 123456789abcdef67890123456789abcdef67890
sub DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
@ DNSKEY 256 3 8 AwEAAcw5QLr0IjC0wKbGoBPQv4qmeqHy9mvL5qGQTuaG5TSrNqEAR6b/
@ RRSIG A 8 2 300 20300101000000 20200101000000 1 example.com. AwEAAcw5
a NSEC c A MX RRSIG NSEC TYPE1234
2t7b4g4vsa5smi47k61mv5bv1a22bojr NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG
@ NSEC3PARAM 1 0 12 aabbccdd
@ TYPE65400 \# 4 c00cc00c
x CLASS3 TXT "chaos"
`, "", "")
	got := parsed(t, packed(t, m))
	if got.Odd != 0 {
		t.Errorf("%d records left out", got.Odd)
	}
	sameRecords(t, "answer", got.Answer, m.Answer)
}

func TestOddRDATAIsLeftOutAndTheRestSurvives(t *testing.T) {
	const ptr = "\xc0\x0c"
	soa := ptr + ptr + strings.Repeat("x", 20)
	naptr := "\x00\x01\x00\x02\x01U\x03sip\x00"
	for what, r := range map[string]rec{
		"A of 5 octets":                    {ptr, TypeA, 1, "abcde"},
		"A of 3 octets":                    {ptr, TypeA, 1, "abc"},
		"A of nothing":                     {ptr, TypeA, 1, ""},
		"AAAA of 4 octets":                 {ptr, TypeAAAA, 1, "abcd"},
		"NS with octets behind it":         {ptr, TypeNS, 1, ptr + "x"},
		"NS of nothing":                    {ptr, TypeNS, 1, ""},
		"NS that is longer than its RDATA": {ptr, TypeNS, 1, "\x05ab"},
		"NS that points forward":           {ptr, TypeNS, 1, "\xc0\xff"},
		"NS that points to itself":         {ptr, TypeNS, 1, "\xc0\x39"},
		"NS with half a pointer":           {ptr, TypeNS, 1, "\x01a\xc0"},
		"NS of 256 octets":                 {ptr, TypeNS, 1, "\x02ab" + strings.Repeat("\x01a", 126) + "\x00"},
		"CNAME of a bad label type":        {ptr, TypeCNAME, 1, "\x80\x00"},
		"MX without a name":                {ptr, TypeMX, 1, "\x00\x0a"},
		"MX of one octet":                  {ptr, TypeMX, 1, "\x00"},
		"SOA with 19 octets of numbers":    {ptr, TypeSOA, 1, soa[:len(soa)-1]},
		"SOA with 21 octets of numbers":    {ptr, TypeSOA, 1, soa + "x"},
		"SOA with one name":                {ptr, TypeSOA, 1, ptr},
		"SRV of 5 octets":                  {ptr, 33, 1, "abcde"},
		"DNAME with octets behind it":      {ptr, TypeDNAME, 1, "\x00\x00"},
		"NAPTR without a name":             {ptr, 35, 1, naptr},
		"NAPTR with octets behind it":      {ptr, 35, 1, naptr + ptr + "x"},
		"NAPTR with a string over the end": {ptr, 35, 1, "\x00\x01\x00\x02\xff"},
		"NAPTR of 4 octets":                {ptr, 35, 1, "\x00\x01\x00\x02"},
		"RRSIG of 19 octets":               {ptr, TypeRRSIG, 1, strings.Repeat("x", 19)},
		"DS without a digest":              {ptr, TypeDS, 1, "abcd"},
		"DNSKEY of 3 octets":               {ptr, TypeDNSKEY, 1, "abc"},
		"NSEC of nothing":                  {ptr, TypeNSEC, 1, ""},
		"NSEC3 of 5 octets":                {ptr, TypeNSEC3, 1, "abcde"},
	} {
		before := rec{ptr, TypeA, 1, "abcd"}
		after := rec{"\x01z" + ptr, TypeMX, 2, "\x00\x05\x02mx" + ptr}
		m := parsed(t, raw(before, r, r, after))
		if m.Odd != 2 || len(m.Answer) != 2 {
			t.Errorf("%s: %d odd, %d left", what, m.Odd, len(m.Answer))
			continue
		}
		if got := m.Answer[0]; got != (Record{MustName("example.com"), TypeA, ClassIN, 1, "abcd"}) {
			t.Errorf("%s: the record before became %+v", what, got)
		}
		if got := m.Answer[1]; got != (Record{MustName("z.example.com"), TypeMX, ClassIN, 2, "\x00\x05" + string(MustName("mx.example.com"))}) {
			t.Errorf("%s: the record behind became %+v", what, got)
		}
	}
}

func TestRDATAMustEndInsideTheMessage(t *testing.T) {
	b := raw(rec{"\xc0\x0c", TypeTXT, 1, "\x03abc"})
	if err := Parse(b[:len(b)-1], new(Message)); err != ErrShort {
		t.Errorf("RDATA cut by an octet: %v", err)
	}
}

func TestSOAMinimumIsTheLastField(t *testing.T) {
	m := parsed(t, packed(t, reply(t, "x.example.com. A", "", "@ SOA ns1 h 1 2 3 4 123456789", "")))
	if got := SOAMinimum(m.Authority[0].Data); got != 123456789 {
		t.Errorf("SOAMinimum = %d", got)
	}
	if got := SOAMinimum("short"); got != 0 {
		t.Errorf("SOAMinimum of odd data = %d", got)
	}
}
