package metrics

// This file puts the rooms in front of a private Internet, asks them over UDP,
// and reads what a scrape says.

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	roothints "rootwalk/rootHints"

	"rootwalk/cache"
	"rootwalk/dnssec"
	"rootwalk/lab"
	"rootwalk/policy"
	"rootwalk/resolver"
	"rootwalk/server"
	"rootwalk/upstream"
)

const internet = `
== zone example.com @ 192.0.2.1
$TTL 300
www  A 192.0.2.80
*.many A 192.0.2.81
a0 CNAME a1
a1 CNAME a2
a2 CNAME a3
a3 CNAME a4
a4 CNAME a5
a5 CNAME a6
a6 CNAME a7
a7 CNAME a8
a8 CNAME a9
a9 CNAME a10
a10 CNAME a11
a11 CNAME a12
a12 A 192.0.2.82
== zone signed.example @ 192.0.2.3 signed=nsec3
www A 192.0.2.83
== zone bogus.example @ 192.0.2.4 signed
www A 192.0.2.84
== fault 192.0.2.4
bogus
== zone broken.example @ 192.0.2.2
== fault 192.0.2.2
refuse
`

// patience bounds waiting for what must happen.
const patience = 10 * time.Second

// newRooms wires the rooms; the server listens on the address that is returned.
func newRooms(t *testing.T) (Rooms, netip.AddrPort) {
	t.Helper()
	n, _, err := lab.Parse(internet)
	if err != nil {
		t.Fatal(err)
	}
	hints, err := roothints.Parse("lab", strings.NewReader(n.Hints()))
	if err != nil {
		t.Fatal(err)
	}
	r := Rooms{Cache: cache.New(cache.Options{Size: 16 << 20}), Version: "v1.2.3"}
	r.Upstream = upstream.New(upstream.Options{IPv4: true, Dial: n.Dial})
	anchors, err := roothints.ParseAnchors("lab", strings.NewReader(n.TrustAnchors()))
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := dnssec.AnchorOf(anchors[0].RR)
	if err != nil {
		t.Fatal(err)
	}
	points, _ := dnssec.TrustPoints([]dnssec.Anchor{anchor}, nil)
	validator := dnssec.New(dnssec.Options{Anchors: dnssec.Trusted(points), MaxIterations: 50})
	follower := dnssec.NewFollower(dnssec.FollowOptions{Validator: validator, Points: points})
	r.Validation = func() (dnssec.Stats, dnssec.FollowStats) { return validator.Stats(), follower.Stats() }
	r.Resolver = resolver.New(resolver.Options{Cache: r.Cache, Upstream: r.Upstream, Hints: hints, IPv4: true, Validator: validator})
	r.Server = server.New(server.Options{Cache: r.Cache, Resolver: r.Resolver, EDE: true,
		Allow: policy.NewACL([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})})
	at, err := r.Server.ListenUDP(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { settle(t, r) })
	return r, at
}

// settle ends the server, so that nothing is being counted any more.
func settle(t *testing.T, r Rooms) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.Server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	r.Resolver.Close()
}

// ask asks one question over UDP and returns the rcode.
func ask(t *testing.T, at netip.AddrPort, name string, rrtype uint16) int {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion(name, rrtype)
	c := dns.Client{Timeout: patience}
	r, _, err := c.Exchange(q, at.String())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r.Rcode
}

// send sends a packet that gets no reply.
func send(t *testing.T, at netip.AddrPort, packet string) {
	t.Helper()
	c, err := net.Dial("udp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(packet)); err != nil {
		t.Fatal(err)
	}
}

// scrape is the text of /metrics.
func scrape(t *testing.T, r Rooms) string {
	t.Helper()
	rec := httptest.NewRecorder()
	Mux(r, func() bool { return true }, nil).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("/metrics says %d: %s", rec.Code, rec.Body)
	}
	return rec.Body.String()
}

// family is one metric of a scrape.
type family struct {
	help, kind string
	values     map[string]float64 // by name and labels as printed
}

var sample = regexp.MustCompile(`^([a-z0-9_]+)(\{[^}]*\})? (\S+)$`)

// read takes the families that are ours out of a scrape.
func read(t *testing.T, text string) map[string]*family {
	t.Helper()
	families := map[string]*family{}
	at := func(name string) *family {
		if families[name] == nil {
			families[name] = &family{values: map[string]float64{}}
		}
		return families[name]
	}
	last := ""
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		line := s.Text()
		if rest, ok := strings.CutPrefix(line, "# HELP rootwalk_"); ok {
			name, help, _ := strings.Cut(rest, " ")
			last = name
			at(name).help = help
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE rootwalk_"); ok {
			name, kind, _ := strings.Cut(rest, " ")
			at(name).kind = kind
			continue
		}
		if !strings.HasPrefix(line, "rootwalk_") {
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("cannot read %q", line)
		}
		v, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(m[1], "rootwalk_")
		if !strings.HasPrefix(name, last) { // samples stand below their own help
			t.Errorf("%s stands below %s", name, last)
		}
		at(last).values[name+m[2]] = v
	}
	return families
}
