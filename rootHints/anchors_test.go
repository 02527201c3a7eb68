package roothints

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const (
	ksk2017 = ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
	edKey   = "example. IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n" // RFC 8080 section 6.1
)

func TestBuiltinAnchorsAreKSK2017AndKSK2024(t *testing.T) {
	want := map[uint16]string{
		20326: "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
		38696: "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
	}
	anchors := BuiltinAnchors()
	if len(anchors) != len(want) {
		t.Fatalf("%d anchors, want %d", len(anchors), len(want))
	}
	for _, a := range anchors {
		ds, ok := a.RR.(*dns.DS)
		if !ok || a.Zone != "." || ds.Hdr.Name != "." || ds.Hdr.Class != dns.ClassINET {
			t.Fatalf("%v is no DS of the root", a)
		}
		if ds.Algorithm != dns.RSASHA256 || ds.DigestType != dns.SHA256 || !strings.EqualFold(ds.Digest, want[ds.KeyTag]) {
			t.Errorf("unexpected anchor %v", ds)
		}
		delete(want, ds.KeyTag)
	}
	if len(want) != 0 {
		t.Errorf("not built in: %v", want)
	}
}

func TestBuiltinAnchorsAreAFreshCopy(t *testing.T) {
	BuiltinAnchors()[0].RR.(*dns.DS).Digest = "00"
	if BuiltinAnchors()[0].RR.(*dns.DS).Digest == "00" {
		t.Fatal("a caller changed a built-in trust anchor")
	}
}

func TestAnchorsOfAnyZoneAreRead(t *testing.T) {
	text := "; private\n" + strings.ReplaceAll(ksk2017, ". IN", "Corp.EXAMPLE. 60 IN") + edKey +
		"example. DS 1 RSASHA256 2 (\n E06D44B80B8F1D39A95C0B0D7C65D084\n 58E880409BBC683457104237C7F8EC8D )\n" +
		"unknown.example. DS 1 208 9 AB\n"
	anchors, err := ParseAnchors("anchors", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"corp.example. DS", "example. DNSKEY", "example. DS", "unknown.example. DS"}
	if len(anchors) != len(want) {
		t.Fatalf("%d anchors, want %d: %v", len(anchors), len(want), anchors)
	}
	for i, a := range anchors {
		if got := a.Zone + " " + dns.Type(a.RR.Header().Rrtype).String(); got != want[i] || a.RR.Header().Name != a.Zone {
			t.Errorf("anchor %d is %s (owner %s), want %s", i, got, a.RR.Header().Name, want[i])
		}
	}
	if got := anchors[2].RR.(*dns.DS).Digest; len(got) != 64 {
		t.Errorf("a digest over two lines was read as %q", got)
	}
}

func TestWrongAnchorsNameFileLineAndTheWayOut(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "anchors: no trust anchor in it; add DS or DNSKEY records"},
		{"; ended\n", "anchors: no trust anchor in it"},
		{ksk2017 + ". NS a.example.\n", "anchors:2: a NS record; trust anchors are DS or DNSKEY records"},
		{"\n. DS 20326 8 2 E06D\n", "anchors:2: a digest of type 2 has 32 octets, this one has 2"},
		{". DS 1 8 1 " + strings.Repeat("00", 32) + "\n", "anchors:1: a digest of type 1 has 20 octets, this one has 32"},
		{". DS 1 8 4 " + strings.Repeat("00", 32) + "\n", "anchors:1: a digest of type 4 has 48 octets, this one has 32"},
		{". DS 1 8 2 " + strings.Repeat("zz", 32) + "\n", "anchors:1: the digest is no hexadecimal number"},
		{". DS 1 8 9\n", "anchors:1: "},
		{". DS 65536 8 2 " + strings.Repeat("00", 32) + "\n", "anchors:1: "},
		{". CH DS 1 8 2 " + strings.Repeat("00", 32) + "\n", "anchors:1: class CH; only IN"},
		{strings.Replace(edKey, "257", "1", 1), "anchors:1: flags 1 are not those of a zone key"},
		{strings.Replace(edKey, "257", "385", 1), "anchors:1: flags 385 say that the key is revoked"},
		{strings.Replace(edKey, "257 3", "257 2", 1), "anchors:1: protocol 2; it is always 3"},
		{strings.Replace(edKey, "l02W", "!!!!", 1), "anchors:1: the public key is no base64"},
		{"trust-anchors { . static-ds 20326 8 2 \"E06D\"; };\n", "anchors:1: "},
	} {
		got, err := ParseAnchors("anchors", strings.NewReader(c.text))
		if err == nil {
			t.Errorf("%.80q gave %v, want the error %q", c.text, got, c.want)
		} else if !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.80q gave the error\n\t%v\nwant\n\t%s", c.text, err, c.want)
		}
	}
}

func FuzzParseAnchors(f *testing.F) {
	f.Add(rootDS)
	f.Add(edKey)
	f.Add(". DS \\# 4 00010802\n")
	f.Fuzz(func(t *testing.T, text string) {
		anchors, err := ParseAnchors("anchors", strings.NewReader(text))
		if err != nil {
			return
		}
		if len(anchors) == 0 {
			t.Fatal("neither an anchor nor an error")
		}
		var again strings.Builder
		for _, a := range anchors {
			again.WriteString(a.RR.String() + "\n")
		}
		second, err := ParseAnchors("again", strings.NewReader(again.String()))
		if err != nil {
			t.Fatalf("%v\n%s", err, again.String())
		}
		for i, a := range anchors {
			if second[i].Zone != a.Zone || !dns.IsDuplicate(second[i].RR, a.RR) {
				t.Fatalf("read %v, wrote, read %v", a, second[i])
			}
		}
	})
}
