package wire

// Names: presentation form, limits, and the relations between names.

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestNameReadsAndPrintsPresentationForm(t *testing.T) {
	for _, c := range []struct{ in, wire, out string }{
		{".", "\x00", "."},
		{"com", "\x03com\x00", "com."},
		{"com.", "\x03com\x00", "com."},
		{"www.Example.COM.", "\x03www\x07Example\x03COM\x00", "www.Example.COM."},
		{`a\.b.c.`, "\x03a.b\x01c\x00", `a\.b.c.`},
		{`a\.`, "\x02a.\x00", `a\..`},
		{`\046.`, "\x01.\x00", `\..`},
		{`\\.`, "\x01\\\x00", `\\.`},
		{`\000\255.`, "\x02\x00\xff\x00", `\000\255.`},
		{`\065.`, "\x01A\x00", `A.`},
		{`a b.`, "\x03a b\x00", `a\032b.`},
		{"a\nb.", "\x03a\nb\x00", `a\010b.`},
		{"\x7f.", "\x01\x7f\x00", `\127.`},
		{`a\"\(\)\;\@\$.`, "\x07a\"();@$\x00", `a\"\(\)\;\@\$.`},
		{"*.example.", "\x01*\x07example\x00", "*.example."},
		{"_dns._udp.x-1.", "\x04_dns\x04_udp\x03x-1\x00", "_dns._udp.x-1."},
	} {
		n, err := ParseName(c.in)
		if err != nil {
			t.Errorf("ParseName(%q): %v", c.in, err)
			continue
		}
		if string(n) != c.wire {
			t.Errorf("ParseName(%q) = %q, want %q", c.in, string(n), c.wire)
		}
		if got := n.String(); got != c.out {
			t.Errorf("%q prints as %q, want %q", c.in, got, c.out)
		}
		if back, err := ParseName(n.String()); err != nil || back != n {
			t.Errorf("%q does not survive the round trip: %q, %v", c.in, string(back), err)
		}
		buf := make([]byte, 300)
		if end, err := dns.PackDomainName(n.String(), buf, 0, nil, false); err != nil || string(buf[:end]) != c.wire {
			t.Errorf("miekg/dns reads %q as %q, %v", n.String(), buf[:end], err)
		}
	}
	if got := Name("").String(); got != "" {
		t.Errorf("no name prints as %q", got)
	}
}

func TestNameRefusesBadPresentationForm(t *testing.T) {
	for _, in := range []string{"", "..", ".a", "a..b", "a..", `a\`, `a\1`, `a\12`, `a\1x2.`, `a\12x.`, `a\256.`, `a\999`} {
		if n, err := ParseName(in); err == nil {
			t.Errorf("ParseName(%q) = %q, want an error", in, string(n))
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("MustName of a bad name does not panic")
		}
	}()
	MustName("a..b")
}

func TestNameLimitsAre63And255Octets(t *testing.T) {
	l63, l62 := strings.Repeat("a", 63), strings.Repeat("b", 62)
	longest := l63 + "." + l63 + "." + l63 + "." + l62[:61] + "." // 3*64 + 62 + 1 = 255
	for _, c := range []struct {
		in string
		ok bool
	}{
		{l63 + ".", true},
		{l63 + "a.", false},
		{strings.Repeat(`\097`, 63), true},
		{strings.Repeat(`\097`, 64), false},
		{longest, true},
		{strings.TrimSuffix(longest, "."), true},
		{l63 + "." + l63 + "." + l63 + "." + l62 + ".", false},
		{strings.TrimSuffix(l63+"."+l63+"."+l63+"."+l62+".", "."), false},
		{strings.Repeat("a.", 127), true},
		{strings.Repeat("a.", 128), false},
	} {
		n, err := ParseName(c.in)
		if (err == nil) != c.ok {
			t.Errorf("ParseName of %d characters: %v, want ok=%v", len(c.in), err, c.ok)
		}
		if err == nil && NameAt(string(n), 0) != n {
			t.Errorf("NameAt does not read a name of %d octets", len(n))
		}
	}
	if n := MustName(longest); len(n) != MaxName {
		t.Errorf("the longest name has %d octets", len(n))
	}
}

func TestLowerTouchesOnlyAToZ(t *testing.T) {
	n := MustName(`WWW.\091\064Az\200.eXample.`)
	want := Name("\x03www\x05[@az\xc8\x07example\x00")
	if got := n.Lower(); got != want {
		t.Errorf("Lower = %q, want %q", string(got), string(want))
	}
	if got := want.Lower(); got != want {
		t.Errorf("Lower of a lower name = %q", string(got))
	}
	if a := testing.AllocsPerRun(100, func() { _ = want.Lower() }); a != 0 {
		t.Errorf("Lower of a lower name allocates %v times", a)
	}
	// A label of 63 octets has a length octet just below the letters.
	long := MustName(strings.Repeat("A", 63))
	if got := long.Lower(); got[0] != 63 || got[1] != 'a' {
		t.Errorf("Lower of a long label = %q", string(got))
	}
}

func TestNameRelations(t *testing.T) {
	n := MustName("a.b.example.com")
	if got := n.Labels(); got != 4 {
		t.Errorf("Labels = %d", got)
	}
	if Root.Labels() != 0 || Name("").Labels() != 0 {
		t.Error("the root has labels")
	}
	if Root.Parent() != Root {
		t.Error("the root has a parent")
	}
	for k, want := range []string{".", "com.", "example.com.", "b.example.com.", "a.b.example.com.", "a.b.example.com."} {
		if got := n.Last(k).String(); got != want {
			t.Errorf("Last(%d) = %s, want %s", k, got, want)
		}
	}
	for p, want := n, []string{"b.example.com.", "example.com.", "com.", ".", "."}; len(want) > 0; want = want[1:] {
		p = p.Parent()
		if p.String() != want[0] {
			t.Errorf("Parent = %s, want %s", p, want[0])
		}
	}
	for _, c := range []struct {
		name, zone string
		in, below  bool
	}{
		{"a.example.com", "example.com", true, true},
		{"example.com", "example.com", true, false},
		{"com", "example.com", false, false},
		{"notexample.com", "example.com", false, false},
		{"a.example.com", ".", true, true},
		{".", ".", true, false},
		{".", "com", false, false},
		{"a.b.c", "b.d", false, false},
		// The octets of the zone end the name, but no label begins there.
		{`a\003com`, "com", false, false},
		{`x\007example\003com.`, "example.com", false, false},
	} {
		name, zone := MustName(c.name), MustName(c.zone)
		if name.In(zone) != c.in || name.Below(zone) != c.below {
			t.Errorf("%s in %s: %v, below: %v", c.name, c.zone, name.In(zone), name.Below(zone))
		}
	}
}

func TestEqualIgnoresLetterCaseAlone(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"WWW.example.", "www.EXAMPLE.", true},
		{"a.", "b.", false},
		{"a.", "a.b.", false},
		{`\064.`, "`.", false}, // 0x40 and 0x60 differ in the letters' bit
		{`\091.`, `\123.`, false},
		{`\193.`, `\225.`, false},
	} {
		if got := MustName(c.a).Equal(MustName(c.b)); got != c.want {
			t.Errorf("%s equals %s: %v", c.a, c.b, got)
		}
	}
}

func TestWildcardIsTheFirstLabelAsterisk(t *testing.T) {
	for in, want := range map[string]bool{"*.a.": true, "*.": true, "a.*.": false, "**.a.": false, ".": false, "x*.": false} {
		if got := MustName(in).Wildcard(); got != want {
			t.Errorf("%s is a wildcard: %v", in, got)
		}
	}
}

func TestReplaceSuffixIsWhatADNAMEDoes(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"a.b.example.com", "example.com", "example.net", "a.b.example.net."},
		{"a.example.com", "example.com", ".", "a."},
		{"a.", ".", "example.", "a.example."},
		{"example.com", "example.com", "x.", "x."},
	} {
		got, ok := MustName(c.name).ReplaceSuffix(MustName(c.from), MustName(c.to))
		if !ok || got.String() != c.want {
			t.Errorf("%s with %s for %s = %s, %v", c.name, c.to, c.from, got, ok)
		}
	}
	long := MustName(strings.Repeat("a.", 125) + "x") // 253 octets
	if n, ok := long.ReplaceSuffix(MustName("x"), MustName("xxx")); !ok || len(n) != MaxName {
		t.Errorf("a result of 255 octets is refused: %d, %v", len(n), ok)
	}
	if _, ok := long.ReplaceSuffix(MustName("x"), MustName("xxxx")); ok {
		t.Error("a result of 256 octets is allowed")
	}
}

func TestNameAtReadsOnlyWholeNames(t *testing.T) {
	for _, c := range []struct {
		data string
		off  int
		want Name
	}{
		{"\x01a\x00rest", 0, "\x01a\x00"},
		{"xx\x00", 2, Root},
		{"\x01a", 0, ""},
		{"\x05a\x00", 0, ""},
		{"\xc0\x0c", 0, ""},
		{"\x40a\x00", 0, ""},
		{"", 0, ""},
		{"\x00", 1, ""},
		{strings.Repeat("\x01a", 127) + "\x00", 0, Name(strings.Repeat("\x01a", 127) + "\x00")},
		{"\x02ab" + strings.Repeat("\x01a", 126) + "\x00", 0, ""}, // 256 octets
		{strings.Repeat("\x01a", 128) + "\x00", 0, ""},
	} {
		if got := NameAt(c.data, c.off); got != c.want {
			t.Errorf("NameAt(%q, %d) = %q, want %q", c.data, c.off, string(got), string(c.want))
		}
	}
}

func TestCodesPrintTheirMnemonic(t *testing.T) {
	for got, want := range map[string]string{
		TypeA.String(): "A", TypeNSEC3PARAM.String(): "NSEC3PARAM", Type(65400).String(): "TYPE65400",
		NXDomain.String(): "NXDOMAIN", BadVers.String(): "BADVERS", Rcode(3841).String(): "RCODE3841",
		Question{MustName("a."), TypeMX, ClassIN}.String(): "a. MX",
		Question{MustName("a."), TypeMX, ClassCH}.String(): "a. CLASS3 MX",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for typ, want := range map[Type]bool{0: true, TypeA: false, TypeOPT: true, 127: false, TypeNXNAME: true, TypeANY: true, 256: false} {
		if typ.Meta() != want {
			t.Errorf("%v is a meta type: %v", typ, typ.Meta())
		}
	}
}
