package server

// This file is about what a client sees of an answer: names, TTLs, the order of
// addresses; and who gets one.

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/policy"
)

func TestLetterCaseOfTheQuestionIsKept(t *testing.T) {
	w := newWorld(t, settings{})
	for _, d := range doors {
		for _, name := range []string{"wWw.eXample.cOm.", "WWW.EXAMPLE.COM.", "www.example.com."} {
			r := w.ask(t, d, question(name, "A", 1232))
			if r.Question[0].Name != name {
				t.Errorf("%s: asked for %s, the reply says %s", d, name, r.Question[0].Name)
			}
			if len(r.Answer) != 1 || r.Answer[0].Header().Name != name {
				t.Errorf("%s: answer is %v", d, r.Answer)
			}
		}
	}
	if n := w.resolver.Stats().Walks; n != 1 {
		t.Errorf("%d walks for one name in three spellings", n)
	}
}

func TestTTLsCountDownToTheEnd(t *testing.T) {
	clk := newFakeClock()
	w := newWorld(t, settings{clock: clk.read, text: `
== zone example.com @ 192.0.2.1
@     3600 SOA ns1 hostmaster 1 2 3 4 60
long  300 A 192.0.2.80
short 10 A 192.0.2.81
alias 100 CNAME long
`})
	for _, c := range []struct {
		after time.Duration
		name  string
		ttls  []uint32
	}{
		{0, "long", []uint32{300}},
		{0, "short", []uint32{10}},
		{0, "alias", []uint32{100, 300}},
		{0, "nowhere", []uint32{60}},
		{9 * time.Second, "short", []uint32{1}},
		{0, "alias", []uint32{91, 291}},
		{0, "nowhere", []uint32{51}},
		{time.Second, "short", []uint32{10}}, // a new one
		{0, "long", []uint32{290}},
		{90 * time.Second, "alias", []uint32{100, 300}}, // new, and the server sent what it leads to
		{200 * time.Second, "long", []uint32{100}},
		{99 * time.Second, "long", []uint32{1}},
		{time.Second, "long", []uint32{300}},
	} {
		clk.advance(c.after)
		for _, d := range doors {
			r := w.ask(t, d, question(c.name+".example.com.", "A", 1232))
			var got []uint32
			for _, rr := range append(r.Answer, r.Ns...) {
				got = append(got, rr.Header().Ttl)
			}
			if !slices.Equal(got, c.ttls) {
				t.Errorf("%s over %s at %d s: TTLs %v, want %v", c.name, d, clk.read().Seconds(), got, c.ttls)
			}
		}
	}
}

func TestEveryAddressOfANameComesFirstEquallyOften(t *testing.T) {
	const rounds, batch = 2000, 50
	w := newWorld(t, settings{})
	query := question("pool.example.com.", "A", 0)
	w.ask(t, overUDP, query)
	packet := pack(t, query)
	for _, d := range []door{overUDP, overTCP} {
		c := w.dial(t, d)
		defer c.Close()
		first := map[string]int{}
		for range rounds / batch {
			_ = c.SetDeadline(time.Now().Add(patience)) // for each batch, however many there are
			for range batch {
				c.send(packet)
			}
			for range batch {
				r := unpack(t, c.receive())
				all := map[string]bool{}
				for _, rr := range r.Answer {
					all[rr.(*dns.A).A.String()] = true
				}
				if len(all) != 4 || len(r.Answer) != 4 {
					t.Fatalf("%s: answer is %v", d, r.Answer)
				}
				first[r.Answer[0].(*dns.A).A.String()]++
			}
		}
		// Chance takes one count of 500 further than that from its mean once in 10^10 runs.
		for a, n := range first {
			if n < rounds/4-135 || n > rounds/4+135 {
				t.Errorf("%s: %s comes first %d times of %d", d, a, n, rounds)
			}
		}
		if len(first) != 4 {
			t.Errorf("%s: only %d of 4 addresses ever come first", d, len(first))
		}
	}
}

// allow replaces the clients that are answered.
func (w *world) allow(a *policy.ACL) {
	o := w.o
	o.Allow = a
	w.Set(o)
}

func TestStrangersAreRefused(t *testing.T) {
	w := newWorld(t, settings{})
	w.ask(t, handle, question("www.example.com.", "A", 0)) // in the cache
	w.allow(policy.NewACL([]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("::1/128")}))
	w.net.ResetQueries()
	for _, d := range doors {
		for _, name := range []string{"www.example.com.", "pool.example.com."} {
			r := w.ask(t, d, question(name, "A", 1232))
			if r.Rcode != dns.RcodeRefused || ede(r) != 18 || r.RecursionAvailable || len(r.Answer)+len(r.Ns) != 0 {
				t.Errorf("%s over %s: %v", name, d, r)
			}
			r = w.ask(t, d, question(name, "A", 0))
			if r.Rcode != dns.RcodeRefused || r.RecursionAvailable || len(r.Extra) != 0 {
				t.Errorf("%s over %s without EDNS: %v", name, d, r)
			}
		}
	}
	if n := len(w.net.Queries()); n != 0 {
		t.Errorf("strangers caused %d queries", n)
	}
	w.allow(policy.NewACL([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}))
	for _, d := range doors {
		if r := w.ask(t, d, question("www.example.com.", "A", 0)); len(r.Answer) != 1 || !r.RecursionAvailable {
			t.Errorf("%s: a client that is allowed again gets %v", d, r)
		}
	}
}

func TestDeniedClientsHearNothing(t *testing.T) {
	w := newWorld(t, settings{})
	here := netip.MustParsePrefix("127.0.0.0/8")
	raw, err := question("www.example.com.", "A", 1232).Pack()
	if err != nil {
		t.Fatal(err)
	}
	ask := func() []byte {
		return w.Handle(context.Background(), nil, raw, Meta{Client: netip.MustParseAddr("127.0.0.1")})
	}
	w.allow(policy.NewACL([]netip.Prefix{here}, policy.Rule{Prefix: here, Action: policy.Deny}))
	if reply := ask(); reply != nil {
		t.Errorf("a reply of %d octets", len(reply))
	}
	w.allow(policy.NewACL([]netip.Prefix{here}))
	if reply := ask(); reply == nil {
		t.Error("no reply to a client that is allowed again")
	}
}

func TestWithoutRDOnlyTheCacheIsAsked(t *testing.T) {
	clk := newFakeClock()
	w := newWorld(t, settings{clock: clk.read})
	iterative := func(name string) *dns.Msg {
		q := question(name, "A", 1232)
		q.RecursionDesired = false
		return q
	}
	unknown := func(when string) {
		t.Helper()
		w.net.ResetQueries()
		for _, d := range doors {
			r := w.ask(t, d, iterative("www.example.com."))
			if r.Rcode != dns.RcodeRefused || ede(r) != 20 || r.RecursionDesired || !r.RecursionAvailable {
				t.Errorf("%s over %s: %v", when, d, r)
			}
		}
		if n := len(w.net.Queries()); n != 0 {
			t.Errorf("%s: %d queries went upstream", when, n)
		}
	}
	unknown("before anybody asked")
	w.ask(t, handle, question("www.example.com.", "A", 0))
	for _, d := range doors {
		r := w.ask(t, d, iterative("www.example.com."))
		if r.Rcode != dns.RcodeSuccess || len(r.Answer) != 1 || r.RecursionDesired || r.Authoritative {
			t.Errorf("a cached name over %s: %v", d, r)
		}
	}
	clk.advance(300 * time.Second)
	unknown("when the TTL has run out")
}

func TestANYIsShortOverUDPAndWholeOverTCP(t *testing.T) {
	w := newWorld(t, settings{text: internet + "all A 192.0.2.85\nall MX 10 www\nall TXT \"" + strings.Repeat("a", 250) + "\" \"" + strings.Repeat("b", 250) + "\"\n"})
	for _, d := range doors {
		for _, edns := range []uint16{0, 512, 4096} {
			if r := w.ask(t, d, question("pool.example.com.", "ANY", edns)); len(r.Answer) != 4 || r.Truncated {
				t.Errorf("what has room over %s: %v", d, r)
			}
			raw := w.exchange(t, d, pack(t, question("all.example.com.", "ANY", edns)))
			switch r := unpack(t, raw); {
			case d != overTCP && (len(raw) > 512 || !r.Truncated || len(r.Answer) != 0):
				t.Errorf("%d octets over %s: %v", len(raw), d, r)
			case d == overTCP && (len(r.Answer) != 3 || r.Truncated):
				t.Errorf("over %s: %v", d, r)
			}
		}
	}
}

func TestAFailureSaysWhy(t *testing.T) {
	w := newWorld(t, settings{text: internet + "== fault 192.0.2.1\nrefuse\n"})
	for _, d := range doors {
		for _, want := range []int{23, 13} { // found out, then remembered
			r := w.ask(t, d, question(string(d)+".example.com.", "A", 1232))
			if r.Rcode != dns.RcodeServerFailure || ede(r) != want || !r.RecursionAvailable {
				t.Errorf("%s: want EDE %d: %v", d, want, r)
			}
		}
	}
	if n := len(w.net.Queries()); n > 3*12 {
		t.Errorf("%d queries for three failing names", n)
	}
}

func TestWithoutEDETheReasonStaysHere(t *testing.T) {
	w := newWorld(t, settings{text: internet + "== fault 192.0.2.1\nrefuse\n", silent: true})
	o := w.o
	o.EDE = false
	w.Set(o)
	for _, q := range []*dns.Msg{question("www.example.com.", "A", 1232), question("example.com.", "AXFR", 1232)} {
		r := w.ask(t, handle, q)
		if r.Rcode == dns.RcodeSuccess || ede(r) != noReason || r.IsEdns0() == nil {
			t.Errorf("%s", r)
		}
	}
}

func TestTheTextOfAReasonNeverMakesAReplyTooLong(t *testing.T) {
	w := newWorld(t, settings{silent: true})
	name := strings.Repeat(strings.Repeat("a", 60)+".", 4)
	q := pack(t, question(name, "A", 512))
	for n := range 600 {
		raw := w.errorFor(q, strings.Repeat("x", n))
		if r := unpack(t, raw); len(raw) > 512 || ede(r) != 0 {
			t.Fatalf("a text of %d octets makes a reply of %d with EDE %d", n, len(raw), ede(r))
		}
	}
}
