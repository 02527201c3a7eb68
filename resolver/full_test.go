package resolver

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	roothints "rootwalk/rootHints"

	"rootwalk/cache"
	"rootwalk/lab"
	"rootwalk/upstream"
	"rootwalk/wire"
)

// newOver makes a resolver over a private Internet.
func newOver(t *testing.T, text string, o Options) (*Resolver, *lab.Internet) {
	t.Helper()
	net, _, err := lab.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	hints, err := roothints.Parse("lab", strings.NewReader(net.Hints()))
	if err != nil {
		t.Fatal(err)
	}
	o.Cache, o.Hints, o.IPv4, o.IPv6 = cache.New(cache.Options{Size: 8 << 20, Shards: 1}), hints, true, true
	o.Upstream = upstream.New(upstream.Options{IPv4: true, IPv6: true, Dial: net.Dial, Allowed: func(netip.AddrPort) bool { return true }})
	return New(o), net
}

func TestFullResponsesHaveServersAndAddressesThatAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, net := newOver(t, "== zone example.com @ 192.0.2.1\n@ MX 10 mail\nmail A 192.0.2.25", Options{FullResponses: true})
		defer r.Close()
		ask := func(name string, typ wire.Type) wire.Message {
			q := wire.Question{Name: wire.MustName(name), Type: typ, Class: wire.ClassIN}
			res, err := r.Lookup(context.Background(), Request{Question: q})
			if err != nil {
				t.Fatal(err)
			}
			var m wire.Message
			if err := res.Reply.Unpack(q, &m); err != nil {
				t.Fatal(err)
			}
			return m
		}
		r.Prime(context.Background())
		ask("mail.example.com.", wire.TypeA)
		before := len(net.Queries())
		m := ask("example.com.", wire.TypeMX)
		if n := len(net.Queries()) - before; n != 1 {
			t.Errorf("%d packets, want 1: what is not known is not asked for", n)
		}
		if len(m.Authority) != 1 || m.Authority[0].Type != wire.TypeNS || m.Authority[0].Name != wire.MustName("example.com.") {
			t.Errorf("authority section %v", m.Authority)
		}
		if len(m.Additional) != 1 || m.Additional[0].Name != wire.MustName("mail.example.com.") || m.Additional[0].Type != wire.TypeA {
			t.Errorf("additional section %v", m.Additional)
		}
	})
}
