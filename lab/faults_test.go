package lab

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// www is the answer that faults spoil.
const www = "| www.example.com. A 192.0.2.80"

func TestFaultsOfTheAnswer(t *testing.T) {
	const soa = " / example.com. SOA"
	for _, c := range []struct{ fault, name, flags, network, want string }{
		{"", "www", "edns", "udp", "NOERROR AA " + www},
		{"refuse", "www", "", "udp", "REFUSED"},
		{"servfail", "www", "", "tcp", "SERVFAIL"},
		{"notimp", "www", "", "udp", "NOTIMP"},
		{"formerr", "www", "", "udp", "FORMERR"},
		{"answer-rcode 3", "www", "", "udp", "NXDOMAIN AA"},
		{"lame", "www", "", "udp", "REFUSED"},
		{"lame-upward", "www", "", "udp", "NOERROR / . NS a.root-servers.net. + a.root-servers.net. A 198.41.0.4"},
		{"lame-noaa", "www", "", "udp", "NOERROR " + www},
		{"lame-nodata", "www", "", "udp", "NOERROR"},
		{"edns-formerr", "www", "edns", "udp", "FORMERR"},
		{"edns-formerr", "www", "", "udp", "NOERROR AA " + www},
		{"edns-formerr-header", "www", "edns", "udp", "FORMERR"},
		{"edns-badvers", "www", "edns", "udp", dns.RcodeToString[dns.RcodeBadVers]},
		{"edns-badvers", "www", "", "udp", "NOERROR AA " + www},
		{"edns-notimp", "www", "edns", "udp", "NOTIMP"},
		{"edns-notimp", "www", "", "udp", "NOERROR AA " + www},
		{"edns-ignore", "www", "edns", "udp", "NOERROR AA " + www},
		{"edns-drop", "www", "edns", "udp", "silence"},
		{"edns-drop", "www", "", "udp", "NOERROR AA " + www},
		{"nxdomain-ent", "empty", "", "udp", "NXDOMAIN AA" + soa},
		{"nxdomain-ent", "www", "", "udp", "NOERROR AA " + www},
		{"minimal-break", "empty", "", "udp", "SERVFAIL"},
		{"minimal-break", "deep.empty", "", "udp", "NOERROR AA | deep.empty.example.com. A 192.0.2.7"},
		{"recursive", "www", "", "udp", "NOERROR AA RA " + www},
		{"recursive", "deep.sub", "", "udp", "NOERROR RA / sub.example.com. NS ns.sub.example.com. / sub.example.com. NS ns.elsewhere.org. + ns.sub.example.com. A 192.0.2.53"},
		{"lame-noaa\nrecursive", "www", "", "tcp", "NOERROR RA " + www},
		{"clear", "www", "", "udp", "NOERROR AA"},
		{"add-answer evil.example. A 203.0.113.1", "www", "", "udp", "NOERROR AA " + www + " | evil.example. A 203.0.113.1"},
		{"add-authority com. NS evil.example.", "www", "", "udp", "NOERROR AA " + www + " / com. NS evil.example."},
		{"add-additional evil.example. A 203.0.113.1", "www", "edns", "udp", "NOERROR AA " + www + " + evil.example. A 203.0.113.1"},
		{"clear\nadd-answer www.example.com. A 203.0.113.1", "www", "", "udp", "NOERROR AA | www.example.com. A 203.0.113.1"},
		{"truncate", "www", "edns", "udp", "NOERROR AA TC"},
		{"truncate", "www", "edns", "tcp", "NOERROR AA " + www},
		{"drop", "www", "", "tcp", "silence"},
		{"drop-over 40", "www", "", "udp", "silence"},
		{"drop-over 40", "www", "", "tcp", "NOERROR AA " + www},
		{"drop-over 512", "www", "", "udp", "NOERROR AA " + www},
		{"only-type AAAA drop", "www", "", "udp", "NOERROR AA " + www},
		{"only-type A drop", "www", "", "udp", "silence"},
		{"only-name WWW.example.com. only-type A servfail", "www", "", "udp", "SERVFAIL"},
		{"only-name mail.example.com. servfail", "www", "", "udp", "NOERROR AA " + www},
		{"lower-case", "WwW", "", "udp", "NOERROR AA " + www},
	} {
		t.Run(strings.Join([]string{c.fault, c.name, c.flags, c.network}, " "), func(t *testing.T) {
			n := parse(t, plain+"== fault 192.0.2.1\n"+c.fault+"\n")
			r := ask(t, n, c.network, "192.0.2.1", question(c.name+".example.com.", "A", c.flags))
			wantBrief(t, r, c.want)
			if len(n.Queries()) != 1 {
				t.Error("the query is not remembered")
			}
			if strings.HasPrefix(c.fault, "edns-") && c.fault != "edns-badvers" && r != nil && r.IsEdns0() != nil {
				t.Error("OPT from a server without EDNS")
			}
			if r != nil && (c.fault == "edns-formerr-header") != (len(r.Question) == 0) {
				t.Errorf("%d questions", len(r.Question))
			}
		})
	}
}

func TestFaultsOfTheMessage(t *testing.T) {
	reply := func(t *testing.T, fault string) (q *dns.Msg, raw []byte) {
		n := parse(t, plain+"== fault all udp "+fault+"\n")
		q = question("WWW.example.com.", "A")
		return q, askRaw(t, n, "udp", "192.0.2.1", q)
	}
	unpack := func(t *testing.T, raw []byte) *dns.Msg {
		m := new(dns.Msg)
		if err := m.Unpack(raw); err != nil {
			t.Fatal(err)
		}
		return m
	}
	t.Run("wrong-id", func(t *testing.T) {
		if q, raw := reply(t, "wrong-id"); unpack(t, raw).Id == q.Id {
			t.Error("the ID is right")
		}
	})
	t.Run("wrong-question", func(t *testing.T) {
		if q, raw := reply(t, "wrong-question"); strings.EqualFold(unpack(t, raw).Question[0].Name, q.Question[0].Name) {
			t.Error("the question is right")
		}
	})
	t.Run("no-question", func(t *testing.T) {
		if _, raw := reply(t, "no-question"); len(unpack(t, raw).Question) != 0 || len(unpack(t, raw).Answer) != 1 {
			t.Error("there is a question, or no answer")
		}
	})
	t.Run("lower-case", func(t *testing.T) {
		if _, raw := reply(t, "lower-case"); unpack(t, raw).Question[0].Name != "www.example.com." {
			t.Error("the letter case is kept")
		}
	})
	t.Run("garbage", func(t *testing.T) {
		if q, raw := reply(t, "garbage"); len(raw) != 12 || int(raw[0])<<8|int(raw[1]) == int(q.Id) {
			t.Errorf("%d octets", len(raw))
		}
	})
	t.Run("short", func(t *testing.T) {
		if _, raw := reply(t, "short"); len(raw) != 6 {
			t.Errorf("%d octets", len(raw))
		}
	})
}

func TestForgedReplyComesBeforeTheGoodOne(t *testing.T) {
	n := parse(t, plain+"== fault 192.0.2.1 udp wrong-id-first\n")
	c := dial(t, n, "udp", "192.0.2.1")
	defer c.Close()
	q := question("www.example.com.", "A")
	send(t, c, "udp", q)
	forged, good := new(dns.Msg), new(dns.Msg)
	if err := forged.Unpack(receive(t, c, "udp")); err != nil {
		t.Fatal(err)
	}
	if err := good.Unpack(receive(t, c, "udp")); err != nil {
		t.Fatal(err)
	}
	if forged.Id == q.Id || good.Id != q.Id {
		t.Errorf("IDs %d and %d to query %d", forged.Id, good.Id, q.Id)
	}
	wantBrief(t, forged, "NOERROR AA | www.example.com. A 203.0.113.66")
	wantBrief(t, good, "NOERROR AA "+www)
}

func TestFaultsThatCount(t *testing.T) {
	for _, c := range []struct{ fault, want string }{
		{"drop 3", "---+++++"},
		{"max-queries 2", "++------"},
		{"drop 1\ndrop 1", "-+++++++"},
		{"loss 0", "++++++++"},
		{"loss 100", "--------"},
	} {
		n := parse(t, plain+"== fault 192.0.2.1\n"+c.fault+"\n")
		have := ""
		for range 8 {
			if ask(t, n, "udp", "192.0.2.1", question("www.example.com.", "A")) == nil {
				have += "-"
			} else {
				have += "+"
			}
		}
		if have != c.want {
			t.Errorf("%q: %s, want %s", c.fault, have, c.want)
		}
	}
}

func TestLossIsTheSameInEveryRun(t *testing.T) {
	pattern := func() (s string, lost int) {
		n := parse(t, plain+"== fault 192.0.2.1 loss 30\n")
		for range 1000 {
			out := n.exchange(mustAddr("192.0.2.1"), "udp", packed(t, question("www.example.com.", "A")))
			s += fmt.Sprint(len(out.replies))
			lost += 1 - len(out.replies)
		}
		return s, lost
	}
	first, lost := pattern()
	if second, _ := pattern(); first != second {
		t.Error("two runs differ")
	}
	if lost < 250 || lost > 350 {
		t.Errorf("%d of 1000 lost, want about 300", lost)
	}
}

func packed(t *testing.T, m *dns.Msg) []byte {
	raw, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestSetFaultsReplacesThoseOfTheSameServer(t *testing.T) {
	n := parse(t, plain+"== fault 192.0.2.1\nservfail\ntruncate\n== fault all udp\nlower-case\n")
	get := func() string { return brief(ask(t, n, "udp", "192.0.2.1", question("www.example.com.", "A"))) }
	for _, c := range []struct{ title, body, want string }{
		{"fault 192.0.2.1", "refuse", "REFUSED"},
		{"192.0.2.1", "", "NOERROR AA " + www},
		{"192.0.2.1 tcp", "refuse", "NOERROR AA " + www},
		{"fault all lame-nodata", "", "NOERROR"},
	} {
		if err := n.SetFaults(c.title, c.body); err != nil {
			t.Fatal(err)
		}
		if have := get(); have != c.want {
			t.Errorf("after %q: have %s, want %s", c.title, have, c.want)
		}
	}
	if err := n.SetFaults("all", "nonsense"); err == nil || get() != "NOERROR" {
		t.Errorf("error %v, then %s", err, get())
	}
	n.ClearFaults()
	if have := get(); have != "NOERROR AA "+www {
		t.Errorf("after ClearFaults: %s", have)
	}
}

func TestFaultsMakeAServerWithoutZones(t *testing.T) {
	n := parse(t, plain+"== fault 203.0.113.1 delay 0s\n")
	wantBrief(t, ask(t, n, "udp", "203.0.113.1", question("www.example.com.", "A")), "REFUSED")
	wantBrief(t, ask(t, n, "tcp", "203.0.113.1", question("www.example.com.", "A")), "REFUSED")
}

func TestFaultsOfSignatures(t *testing.T) {
	for _, c := range []struct {
		fault  string
		signed bool
		valid  bool
	}{{"", true, true}, {"bogus", true, false}, {"no-signatures", false, false}, {"edns-ignore", false, false}} {
		n := parse(t, fmt.Sprintf(signedText, "signed"))
		keys := keysOf(t, n, "192.0.2.1", "example.com.")
		if err := n.SetFaults("192.0.2.1", c.fault); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a broken copy must not break the original
			r := ask(t, n, "udp", "192.0.2.1", question("www.example.com.", "A", "do"))
			if (len(r.Answer) == 2) != c.signed {
				t.Fatalf("%q: %d records", c.fault, len(r.Answer))
			}
			if !c.signed {
				continue
			}
			sig := r.Answer[1].(*dns.RRSIG)
			var err error
			for _, key := range keys {
				if key.KeyTag() == sig.KeyTag {
					err = sig.Verify(key, r.Answer[:1])
				}
			}
			if (err == nil) != c.valid {
				t.Errorf("%q: verification says %v", c.fault, err)
			}
		}
	}
}
