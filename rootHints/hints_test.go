package roothints

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestBuiltinIsTheThirteenRootServers(t *testing.T) {
	servers := Builtin()
	if len(servers) != 13 {
		t.Fatalf("%d servers, want 13", len(servers))
	}
	seen := map[netip.Addr]string{}
	for i, s := range servers {
		if want := string(rune('a'+i)) + ".root-servers.net."; s.Name != want {
			t.Errorf("server %d is %s, want %s", i, s.Name, want)
		}
		if len(s.Addrs) != 2 || !s.Addrs[0].Is4() || !s.Addrs[1].Is6() {
			t.Errorf("%s has %v, want one IPv4 and one IPv6 address", s.Name, s.Addrs)
		}
		for _, a := range s.Addrs {
			if other, dup := seen[a]; dup {
				t.Errorf("%s and %s share %s", other, s.Name, a)
			}
			seen[a] = s.Name
		}
	}
	for addr, name := range map[string]string{
		"198.41.0.4": "a.root-servers.net.", "170.247.170.2": "b.root-servers.net.", "2801:1b8:10::b": "b.root-servers.net.",
		"192.112.36.4": "g.root-servers.net.", "2001:500:12::d0d": "g.root-servers.net.", "2001:dc3::35": "m.root-servers.net.",
	} {
		if got := seen[netip.MustParseAddr(addr)]; got != name {
			t.Errorf("%s is an address of %q, want %s", addr, got, name)
		}
	}
}

func TestBuiltinIsAFreshCopy(t *testing.T) {
	first := Builtin()
	first[0].Name = "changed."
	first[1].Addrs[0] = netip.MustParseAddr("192.0.2.1")
	second := Builtin()
	if second[0].Name != "a.root-servers.net." || second[1].Addrs[0] != netip.MustParseAddr("170.247.170.2") {
		t.Fatalf("a caller changed the built-in hints: %v", second[:2])
	}
}

func TestHintsAreReadInEveryFormOfAMasterFile(t *testing.T) {
	want := []Server{
		{Name: "a.example.", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}},
		{Name: "b.example.", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.2")}},
	}
	for name, text := range map[string]string{
		"named.root": ". 3600000 NS A.EXAMPLE.\nA.EXAMPLE. 3600000 A 192.0.2.1\nA.EXAMPLE. 3600000 AAAA 2001:db8::1\n" +
			". 3600000 NS B.EXAMPLE.\nB.EXAMPLE. 3600000 A 192.0.2.2\n",
		"classes and no TTL":       ". IN NS a.example.\n. IN NS b.example.\na.example. IN A 192.0.2.1\na.example. IN AAAA 2001:db8::1\nb.example. IN A 192.0.2.2\n",
		"TTL before class":         ". 60 IN NS a.example.\n. IN 60 NS b.example.\na.example. A 192.0.2.1\na.example. AAAA 2001:db8::1\nb.example. A 192.0.2.2\n",
		"no last newline":          ". NS a.example.\n. NS b.example.\na.example. A 192.0.2.1\na.example. AAAA 2001:db8::1\nb.example. A 192.0.2.2",
		"comments and CRLF":        "; hints\r\n\r\n. NS a.example. ; first\r\n. NS b.example.\r\na.example. A 192.0.2.1\r\na.example. AAAA 2001:db8::1\r\nb.example. A 192.0.2.2\r\n",
		"addresses first":          "b.example. A 192.0.2.2\na.example. A 192.0.2.1\na.example. AAAA 2001:db8::1\n. NS a.example.\n. NS b.example.\n",
		"repeated lines":           ". NS a.example.\n. NS A.example.\n. NS b.example.\na.example. A 192.0.2.1\na.example. A 192.0.2.1\na.example. AAAA 2001:db8::1\nb.example. A 192.0.2.2\n",
		"blank owners":             ". NS a.example.\n  NS b.example.\na.example. A 192.0.2.1\n\tAAAA 2001:db8::1\nb.example. A 192.0.2.2\n",
		"parentheses":              ". NS ( ; one\n a.example. )\n. NS b.example.\na.example. A (\n192.0.2.1\n)\na.example. AAAA 2001:db8::1\nb.example. A 192.0.2.2\n",
		"$ORIGIN and $TTL":         "$TTL 3600000\n. NS a.example.\n. NS b.example.\n$ORIGIN example.\na A 192.0.2.1\n AAAA 2001:db8::1\nb A 192.0.2.2\n",
		"an escape is no new name": ". NS \\097.example.\n. NS b.example.\na.example. A 192.0.2.1\n\\A.example. AAAA 2001:db8::1\nb.example. A 192.0.2.2\n",
		"a server without address": ". NS none.example.\n. NS a.example.\n. NS b.example.\na.example. A 192.0.2.1\na.example. AAAA 2001:db8::1\nb.example. A 192.0.2.2\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse("hints", strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("got %v, want %v", got, want)
			}
		})
	}
}

func TestWrongHintsNameFileLineAndTheWayOut(t *testing.T) {
	const good = ". NS a.example.\na.example. A 192.0.2.1\n"
	for _, c := range []struct{ text, want string }{
		{"", "hints: no NS record of the root in it; add `. NS NAME`"},
		{"; nothing\n", "hints: no NS record of the root in it"},
		{". NS a.example.\n. NS b.example.\n", "hints: none of its 2 root servers has an address; add an A or AAAA record, for example of a.example."},
		{good + "example. NS a.example.\n", "hints:3: an NS record of example.; root hints name the servers of the root only"},
		{good + "\n; x\nb.example. A 192.0.2.2\n", "hints:5: an address of b.example., which is no server of the root; add `. NS b.example.`"},
		{good + "a.example. TXT \"x\"\n", "hints:3: a TXT record; root hints hold NS, A and AAAA records only"},
		{good + ". CH NS a.example.\n", "hints:3: class CH; only IN"},
		{good + "a.example. A 192.0.2.256\n", "hints:3: bad A A: \"192.0.2.256\"; write a record"},
		{good + "a.example. AAAA 192.0.2.1\n", "hints:3: bad AAAA AAAA: \"192.0.2.1\"; write a record"},
		{good + "a.example. A 0.0.0.0\n", "hints:3: 0.0.0.0 is no address of a server"},
		{good + "a.example. A 224.0.0.1\n", "hints:3: 224.0.0.1 is no address of a server"},
		{good + "a.example. AAAA ::\n", "hints:3: :: is no address of a server"},
		{good + "a.example. AAAA ::ffff:192.0.2.1\n", "hints:3: ::ffff:192.0.2.1 is no address of a server"},
		{good + "$INCLUDE other\n", "hints:3: $INCLUDE is not taken here"},
		{good + "$GENERATE 1-9 a$ A 192.0.2.$\n", "hints:3: $GENERATE is not taken here"},
		{good + "$ORIGIN example\n", "hints:3: $ORIGIN example is not a full name"},
		{"  NS a.example.\n", "hints:1: the first record has no owner"},
		{good + "a.example. A (\n192.0.2.2\n", "hints:3: a quote or parenthesis that is never closed"},
		{good + "a.example. A 192.0.2.2 )\n", "hints:3: a parenthesis that closes nothing"},
		{good + "a.example. TXT \"x\n", "hints:3: a quote that the line does not close"},
		{good + "zone {\n", "hints:3: "},
		{good + "a..example. A 192.0.2.2\n", "hints:3: "},
		{good + strings.Repeat("x", 64) + ".example. A 192.0.2.2\n", "hints:3: "},
		{strings.Repeat("; padding\n", maxFile/10+1), "hints: more than 1048576 octets"},
	} {
		got, err := Parse("hints", strings.NewReader(c.text))
		if err == nil {
			t.Errorf("%.80q gave %v, want the error %q", c.text, got, c.want)
		} else if !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.80q gave the error\n\t%v\nwant\n\t%s", c.text, err, c.want)
		} else if strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("the error for %.80q is not one line: %q", c.text, err)
		}
	}
}

func TestReadErrorIsPassedOn(t *testing.T) {
	broken := errors.New("disk on fire")
	if _, err := Parse("hints", iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Fatalf("got %v, want %v", err, broken)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(namedRoot)
	f.Add(". NS a.\na. A 192.0.2.1\n$ORIGIN b.\n c ( AAAA\n::1 ) ; x\n")
	f.Add(". NS \\097\\.b.\n\\097\\.b. A 192.0.2.1")
	f.Fuzz(func(t *testing.T, text string) {
		servers, err := Parse("hints", strings.NewReader(text))
		if err != nil {
			if servers != nil {
				t.Fatal("servers beside an error")
			}
			return
		}
		var again strings.Builder
		for _, s := range servers {
			again.WriteString(". NS " + s.Name + "\n")
			for _, a := range s.Addrs {
				if a.Is4() {
					again.WriteString(s.Name + " A " + a.String() + "\n")
				} else {
					again.WriteString(s.Name + " AAAA " + a.String() + "\n")
				}
			}
		}
		second, err := Parse("again", strings.NewReader(again.String()))
		if err != nil {
			t.Fatalf("%v\n%s", err, again.String())
		}
		if !reflect.DeepEqual(servers, second) {
			t.Fatalf("read %v, wrote, read %v", servers, second)
		}
	})
}
