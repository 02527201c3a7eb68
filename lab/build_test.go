package lab

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

func manyAddresses(name string, count int) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "%s A 192.0.2.%d\n", name, i)
	}
	return b.String()
}

func TestTextErrorsNameTheLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"== zone example.com", "line 1:"},
		{"\n== zone example.com @ www", `line 2: zone: unknown option "www"`},
		{"comment\n\n== zone example.com @ signed", "line 3: zone: example.com. has no address"},
		{"== zone example.com @ 192.0.2.1\n; fine\nwww A 192.0.2.2\nbad A 1.2.3\n", "line: 4:"},
		{"== zone example.com @ 192.0.2.1\nwww.example.net. A 192.0.2.2\n", "outside the zone"},
		{"== zone example.com @ 192.0.2.1\n@ CNAME a\n@ CNAME b\n", "more than one CNAME"},
		{"== zone example.com @ 192.0.2.1 signed=maybe", "signed=maybe"},
		{"== zone example.com @ 192.0.2.1\n== zone example.com @ 192.0.2.1", "line 2: zone example.com. is on the same server as that of line 1"},
		{"== fault nobody", "line 1: fault:"},
		{"== fault all\ndrop\n\nexplode", `line 4: fault: unknown fault "explode"`},
		{"== fault all delay soon", "line 1: fault: delay:"},
		{"== fault all\nloss 101", "line 2: fault: loss: 101 is out of range"},
		{"== fault all\nrefuse twice", "line 2: fault: refuse: takes no argument"},
		{"== fault all\nonly-type NONE drop", "line 2: fault: only-type"},
		{"== fault all\nadd-answer www", "line 2: fault: add-answer"},
	} {
		if _, _, err := Parse(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error is %v, want one with %q", c.text, err, c.want)
		}
	}
}

func TestUnknownSectionsAreReturned(t *testing.T) {
	_, sections, err := Parse("free\n== zone example.com @ 192.0.2.1\nwww A 192.0.2.2\n== step 1  \nask\n\n  more\n== end\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Section{{"step 1", "ask\n\n  more\n", 4}, {"end", "", 8}}
	if fmt.Sprint(sections) != fmt.Sprint(want) {
		t.Errorf("have %+v, want %+v", sections, want)
	}
}

func TestMissingParentsAreSupplied(t *testing.T) {
	n := parse(t, "== zone a.example.com @ 192.0.2.1\n== zone b.example.net @ 192.0.2.2 2001:db8::2\n")
	wantBrief(t, ask(t, n, "udp", "198.41.0.4", question("a.example.com.", "A")),
		"NOERROR / com. NS ns1.nic.com. + ns1.nic.com. A 192.5.6.30")
	wantBrief(t, ask(t, n, "udp", "192.5.6.30", question("a.example.com.", "A")),
		"NOERROR / a.example.com. NS ns1.a.example.com. + ns1.a.example.com. A 192.0.2.1")
	wantBrief(t, ask(t, n, "udp", "192.5.6.31", question("b.example.net.", "A")),
		"NOERROR / b.example.net. NS ns1.b.example.net. + ns1.b.example.net. A 192.0.2.2 + ns1.b.example.net. AAAA 2001:db8::2")
	wantBrief(t, ask(t, n, "udp", "198.41.0.4", question(".", "NS")),
		"NOERROR AA | . NS a.root-servers.net. + a.root-servers.net. A 198.41.0.4")
	wantBrief(t, ask(t, n, "udp", "198.41.0.4", question("a.root-servers.net.", "A")),
		"NOERROR AA | a.root-servers.net. A 198.41.0.4")
	if text := n.Zone("a.Example.com"); !strings.Contains(text, "SOA\tns1.a.example.com.") || !strings.Contains(text, "A\t192.0.2.1") {
		t.Errorf("the zone does not show what was supplied:\n%s", text)
	}
}

func TestGlueGoesWhereTheParentNeedsIt(t *testing.T) {
	const zones = `
== zone host.net @ 192.0.2.9
ns A 192.0.2.2
== zone sibling.com @ 192.0.2.8
ns A 192.0.2.3
`
	for _, c := range []struct{ what, child, want string }{
		{"in-domain", "== zone example.com @ 192.0.2.1\n@ NS ns\nns A 192.0.2.1\n", "NOERROR / example.com. NS ns.example.com. + ns.example.com. A 192.0.2.1"},
		{"noglue", "== zone example.com @ 192.0.2.1 noglue\n@ NS ns\nns A 192.0.2.1\n", "NOERROR / example.com. NS ns.example.com."},
		{"out of the parent", "== zone example.com @ 192.0.2.2\n@ NS ns.host.net.\n", "NOERROR / example.com. NS ns.host.net."},
		{"sibling", "== zone example.com @ 192.0.2.3\n@ NS ns.sibling.com.\n", "NOERROR / example.com. NS ns.sibling.com."},
		{"sibling glue", "== zone example.com @ 192.0.2.3 glue\n@ NS ns.sibling.com.\n", "NOERROR / example.com. NS ns.sibling.com. + ns.sibling.com. A 192.0.2.3"},
		{"nodelegate", "== zone example.com @ 192.0.2.1 nodelegate\n", "NXDOMAIN AA / com. SOA"},
		{"as written in the parent", "== zone com @ 192.5.6.30\nexample NS ns.written.com.\n== zone example.com @ 192.0.2.1\n", "NOERROR / example.com. NS ns.written.com."},
	} {
		t.Run(c.what, func(t *testing.T) {
			n := parse(t, zones+c.child)
			server := n.world.Load().zone("com.").addrs[0].String()
			wantBrief(t, ask(t, n, "udp", server, question("www.example.com.", "A")), c.want)
		})
	}
}

func TestServersMayDisagreeAboutAZone(t *testing.T) {
	n := parse(t, "== zone example.com @ 192.0.2.1\nwww A 192.0.2.80\n== zone example.com @ 192.0.2.2 signed\nwww A 192.0.2.81\n")
	wantBrief(t, ask(t, n, "udp", "192.0.2.1", question("www.example.com.", "A")), "NOERROR AA | www.example.com. A 192.0.2.80")
	wantBrief(t, ask(t, n, "udp", "192.0.2.2", question("www.example.com.", "A")), "NOERROR AA | www.example.com. A 192.0.2.81")
	wantBrief(t, ask(t, n, "udp", "192.5.6.30", question("example.com.", "NS")),
		"NOERROR / example.com. NS ns1.example.com. + ns1.example.com. A 192.0.2.1")
	wantBrief(t, ask(t, n, "udp", "192.5.6.30", question("example.com.", "DS")), "NOERROR AA / com. SOA")
}

func TestSetZoneReplacesAtRunTime(t *testing.T) {
	n := parse(t, "== zone example.com @ 192.0.2.1\nwww A 192.0.2.80\n")
	if err := n.SetZone("example.com @ 192.0.2.1 192.0.2.2 nodelegate", "www A 192.0.2.90\n"); err != nil {
		t.Fatal(err)
	}
	wantBrief(t, ask(t, n, "udp", "192.0.2.2", question("www.example.com.", "A")), "NOERROR AA | www.example.com. A 192.0.2.90")
	wantBrief(t, ask(t, n, "udp", "192.5.6.30", question("www.example.com.", "A")), "NXDOMAIN AA / com. SOA")
	if err := n.SetZone("example.com @ 192.0.2.1", "www A 1.2.3\n"); err == nil {
		t.Error("a bad zone is accepted")
	}
	wantBrief(t, ask(t, n, "udp", "192.0.2.1", question("www.example.com.", "A")), "NOERROR AA | www.example.com. A 192.0.2.90")
}

func TestHintsAreTheRootServers(t *testing.T) {
	n := parse(t, "== zone . @ 198.41.0.4 198.41.0.5 2001:db8::4\n")
	parser := dns.NewZoneParser(strings.NewReader(n.Hints()), ".", "")
	var have []string
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		have = append(have, strings.Join(strings.Fields(rr.String()), " "))
	}
	if parser.Err() != nil {
		t.Fatal(parser.Err())
	}
	want := []string{
		". 3600 IN NS a.root-servers.net.", "a.root-servers.net. 3600 IN A 198.41.0.4", "a.root-servers.net. 3600 IN AAAA 2001:db8::4",
		". 3600 IN NS b.root-servers.net.", "b.root-servers.net. 3600 IN A 198.41.0.5",
	}
	if strings.Join(have, "\n") != strings.Join(want, "\n") {
		t.Errorf("have\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

func TestNamesSortAsInRFC4034(t *testing.T) {
	names := []string{"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.", `\000.z.example.`, `x.\000.z.example.`, `\000\000.z.example.`, `\001.z.example.`, "*.z.example.", `\200.z.example.`}
	for i := 1; i < len(names); i++ {
		if a, b := canon(names[i-1]), canon(names[i]); orderKey(a) >= orderKey(b) {
			t.Errorf("%s does not sort before %s", names[i-1], names[i])
		}
	}
}
