package server

import (
	"testing"

	"github.com/miekg/dns"
)

// A client that waits gets what it would have got at once: its own ID, letter case,
// flags, cookie, and no more octets than it takes.
func TestWhoWaitedGetsAReplyOfItsOwn(t *testing.T) {
	cookies, err := NewCookies(nil)
	if err != nil {
		t.Fatal(err)
	}
	g := newGate("192.0.2.1")
	w := newWorld(t, settings{dial: g.wrap, cookies: cookies})
	defer g.open()
	ask := func(name, cookie string, size uint16) (*client, *dns.Msg) {
		q := question(name, "A", size)
		if cookie != "" {
			q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 300)}, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie}}
		}
		c, before := w.dial(t, overUDP), w.Stats().Pending
		c.send(pack(t, q))
		eventually(t, "it waits", func() bool { return w.Stats().Pending == before+1 })
		return c, q
	}
	names := []string{"www.example.com.", "WWW.example.com.", "www.EXAMPLE.com.", "wWw.eXaMpLe.cOm."}
	sent := []string{"", "0123456789abcdef", "fedcba9876543210", ""}
	sizes := []uint16{0, 1232, 512, 4096}
	var clients []*client
	var queries []*dns.Msg
	for i := range names {
		c, q := ask(names[i], sent[i], sizes[i])
		defer c.Close()
		clients, queries = append(clients, c), append(queries, q)
	}
	g.open()
	for i, c := range clients {
		r := unpack(t, c.receive())
		if r.Id != queries[i].Id || r.Question[0].Name != names[i] || len(r.Answer) != 1 || (r.IsEdns0() != nil) != (sizes[i] > 0) {
			t.Errorf("the reply to %v\nis %v", queries[i], r)
		}
		got := ""
		if opt := r.IsEdns0(); opt != nil {
			for _, o := range opt.Option {
				if o, ok := o.(*dns.EDNS0_COOKIE); ok {
					got = o.Cookie[:16]
				}
			}
		}
		if got != sent[i] {
			t.Errorf("cookie %q was made for %q", got, sent[i])
		}
	}
	if n := w.resolver.Stats().Walks; n != 1 {
		t.Errorf("%d walks", n)
	}
}
