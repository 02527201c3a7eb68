//go:build long

package soak

// This file sets up the private Internet and the resolver before it.

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	roothints "rootwalk/rootHints"

	"rootwalk/cache"
	"rootwalk/lab"
	"rootwalk/policy"
	"rootwalk/resolver"
	"rootwalk/server"
	"rootwalk/upstream"
)

// internet has a name for each thing that can be asked. Its servers are on loopback.
var internet = `
== zone . @ 127.54.0.1 127.54.0.2
== zone example @ 127.54.0.3
== zone soak.example @ 127.54.0.4 127.54.0.5
$TTL 300
www     A     192.0.2.80
pool    A     192.0.2.81
pool    A     192.0.2.82
pool    A     192.0.2.83
alias   CNAME www
text    TXT   ` + strings.Repeat(fmt.Sprintf("%q ", strings.Repeat("x", 200)), 12) + `
*.wild  A     192.0.2.84
*.brief 1 A   192.0.2.85
== zone slow.example @ 127.54.0.6
$TTL 300
*.wild  A     192.0.2.86
== fault 127.54.0.6 delay 40ms
== zone broken.example @ 127.54.0.7
== fault 127.54.0.7 servfail
== fault all loss 1
`

// patience bounds waiting for what must happen: a question may take 7 s.
const patience = 12 * time.Second

// cacheSize is so small that entries have to make room for others.
const cacheSize = 1 << 20

// world is a resolver that listens, and all that it needs.
type world struct {
	net      *lab.Internet
	servers  *lab.Listener
	cache    *cache.Cache
	resolver *resolver.Resolver
	server   *server.Server
	udp, tcp netip.AddrPort
}

func newWorld(t *testing.T) *world {
	t.Helper()
	n, _, err := lab.Parse(internet)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{net: n, cache: cache.New(cache.Options{Size: cacheSize})}
	if w.servers, err = n.Listen(0); err != nil {
		t.Fatal(err)
	}
	hints, err := roothints.Parse("lab", strings.NewReader(n.Hints()))
	if err != nil {
		t.Fatal(err)
	}
	cookies, err := server.NewCookies(nil)
	if err != nil {
		t.Fatal(err)
	}
	up := upstream.New(upstream.Options{IPv4: true, Port: w.servers.Port(),
		Allowed: func(a netip.AddrPort) bool { return a.Addr().IsLoopback() }})
	w.resolver = resolver.New(resolver.Options{Cache: w.cache, Upstream: up, Hints: hints, IPv4: true, Prefetch: true,
		Stale: resolver.Stale{Enabled: true, MaxAge: time.Hour, ClientTimeout: 1800 * time.Millisecond}})
	w.server = server.New(server.Options{Cache: w.cache, Resolver: w.resolver, EDE: true, Workers: 2, NSID: "soak", Cookies: cookies,
		StaleTTL: 30, Allow: policy.NewACL([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})})
	loopback := netip.MustParseAddrPort("127.0.0.1:0")
	if w.udp, err = w.server.ListenUDP(loopback); err != nil {
		t.Fatal(err)
	}
	if w.tcp, err = w.server.ListenTCP(loopback); err != nil {
		t.Fatal(err)
	}
	w.resolver.Prime(t.Context())
	return w
}

// close ends the resolver and its Internet.
func (w *world) close(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.server.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	w.resolver.Close()
	if err := w.servers.Close(); err != nil {
		t.Errorf("the lab's end: %v", err)
	}
}
