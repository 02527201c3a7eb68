package scenario

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	roothints "rootwalk/rootHints"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/lab"
	"rootwalk/policy"
	"rootwalk/resolver"
	"rootwalk/server"
	"rootwalk/upstream"
	"rootwalk/wire"
)

// client is the address that questions come from.
var client = netip.MustParseAddr("127.0.0.1")

func TestScenarios(t *testing.T) {
	for _, file := range files(t) {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txt")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) { play(t, string(text)) })
		})
	}
}

// files lists the scenarios.
func files(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(list) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	slices.Sort(list)
	return list
}

// stage is one scenario being played.
type stage struct {
	t        *testing.T
	net      *lab.Internet
	resolver *resolver.Resolver
	server   *server.Server
	o        resolver.Options
	up       upstream.Options
	prime    bool
	line     int
}

// play plays one scenario inside a synctest bubble.
func play(t *testing.T, text string) {
	net, steps, err := lab.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, net: net, prime: true}
	start := time.Now()
	now := func() clock.Time { return clock.Time(time.Since(start) + time.Hour) }
	s.up = upstream.Options{IPv4: true, IPv6: true, Dial: net.Dial, Clock: now, Allowed: policy.NewUpstreams(loopback, nil).Allowed}
	s.o = resolver.Options{IPv4: true, IPv6: true, Clock: now}
	if s.o.Hints, err = roothints.Parse("lab", strings.NewReader(net.Hints())); err != nil {
		t.Fatal(err)
	}
	if len(steps) > 0 && steps[0].Title == "options" {
		s.options(steps[0])
		steps = steps[1:]
	}
	s.o.Cache = cache.New(cache.Options{Size: 16 << 20, Shards: 1})
	s.o.Upstream = upstream.New(s.up)
	s.resolver = resolver.New(s.o)
	s.server = server.New(server.Options{Cache: s.o.Cache, Resolver: s.resolver, Clock: now, EDE: true,
		Allow: policy.NewACL([]netip.Prefix{netip.PrefixFrom(client, 32)})})
	if s.prime {
		s.resolver.Prime(context.Background())
	}
	for _, step := range steps {
		s.line = step.Line
		s.step(step)
	}
	s.resolver.Close()
	time.Sleep(time.Minute) // timers of the bubble end
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func (s *stage) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("line %d: %s", s.line, fmt.Sprintf(format, args...))
}

// lines gives the lines of a section that say something, as words.
func lines(body string) [][]string {
	var out [][]string
	for _, l := range strings.Split(body, "\n") {
		if w := strings.Fields(l); len(w) > 0 && w[0][0] != '#' && w[0][0] != ';' {
			out = append(out, w)
		}
	}
	return out
}

func (s *stage) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.fatalf("%v", err)
	}
	return d
}

func (s *stage) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.fatalf("%v", err)
	}
	return n
}

func (s *stage) options(sec lab.Section) {
	s.line = sec.Line
	for _, w := range lines(sec.Body) {
		arg := ""
		if len(w) > 1 {
			arg = w[1]
		}
		switch w[0] {
		case "full-names":
			s.o.FullNames = true
		case "max-aliases":
			s.o.MaxAliases = s.number(arg)
		case "max-ttl":
			s.o.MaxTTL = s.duration(arg)
		case "min-ttl":
			s.o.MinTTL = s.duration(arg)
		case "max-negative-ttl":
			s.o.MaxNegativeTTL = s.duration(arg)
		case "min-negative-ttl":
			s.o.MinNegativeTTL = s.duration(arg)
		case "ipv4-only":
			s.o.IPv6, s.up.IPv6 = false, false
		case "ipv6-only":
			s.o.IPv4, s.up.IPv4 = false, false
		case "unprimed":
			s.prime = false
		case "keep-case":
			s.up.KeepCase = true
		default:
			s.fatalf("unknown option %q", w[0])
		}
	}
}

func (s *stage) step(sec lab.Section) {
	w := strings.Fields(sec.Title)
	switch {
	case w[0] == "ask" && len(w) >= 3:
		s.ask(w[1], w[2], w[3:], sec.Body)
	case w[0] == "pass" && len(w) == 2:
		time.Sleep(s.duration(w[1]))
	case w[0] == "then" && len(w) >= 2 && w[1] == "mend":
		s.net.ClearFaults()
	case w[0] == "then" && len(w) >= 3 && w[1] == "fault":
		if err := s.net.SetFaults(strings.Join(w[2:], " "), sec.Body); err != nil {
			s.fatalf("%v", err)
		}
	case w[0] == "then" && len(w) >= 3 && w[1] == "zone":
		if err := s.net.SetZone(strings.Join(w[2:], " "), sec.Body); err != nil {
			s.fatalf("%v", err)
		}
	default:
		s.fatalf("unknown step %q", sec.Title)
	}
}

// ask asks a question and compares what comes back with the expectations.
func (s *stage) ask(name, typ string, flags []string, body string) {
	q := new(dns.Msg)
	t, ok := dns.StringToType[typ]
	if !ok {
		if _, err := fmt.Sscanf(typ, "TYPE%d", &t); err != nil {
			s.fatalf("unknown type %q", typ)
		}
	}
	q.SetQuestion(dns.Fqdn(name), t)
	do, plain, times := false, false, 1
	meta := server.Meta{Transport: server.TCP, Client: client}
	for _, f := range flags {
		switch {
		case f == "do":
			do = true
		case f == "cd":
			q.CheckingDisabled = true
		case f == "nord":
			q.RecursionDesired = false
		case f == "plain":
			plain = true
		case f == "udp":
			meta.Transport = server.UDP
		case strings.HasPrefix(f, "times="):
			times = s.number(f[6:])
		default:
			s.fatalf("unknown flag %q", f)
		}
	}
	if !plain {
		q.SetEdns0(1232, do)
	}
	query, err := q.Pack()
	if err != nil {
		s.fatalf("%v", err)
	}
	before := len(s.net.Queries())
	begin := time.Now()
	var wg sync.WaitGroup
	replies := make([][]byte, times)
	for i := range replies {
		wg.Go(func() { replies[i] = s.server.Handle(context.Background(), nil, query, meta) })
	}
	wg.Wait()
	took := time.Since(begin)
	sent := s.net.Queries()[before:]
	for _, raw := range replies {
		r := new(dns.Msg)
		if err := r.Unpack(raw); err != nil {
			s.fatalf("reply does not parse: %v", err)
		}
		if diff := s.compare(r, sent, took, body); diff != "" {
			s.t.Errorf("line %d: ask %s %s\n%s", s.line, name, typ, diff)
			s.explain(r, sent, wire.MustName(dns.Fqdn(name)), wire.Type(t))
			s.t.FailNow()
		}
	}
}

// explain prints what is needed to understand a failure.
func (s *stage) explain(r *dns.Msg, sent []lab.Query, name wire.Name, t wire.Type) {
	s.t.Logf("the reply was\n%s", r)
	var b strings.Builder
	for _, q := range sent {
		fmt.Fprintf(&b, "  %s %s %s %s\n", q.Server, q.Network, q.Name, dns.Type(q.Type))
	}
	s.t.Logf("the servers received\n%s", b.String())
	var trace resolver.Trace
	o := s.o
	o.Cache, o.Upstream = cache.New(cache.Options{Size: 16 << 20, Shards: 1}), upstream.New(s.up)
	fresh := resolver.New(o)
	_, _ = fresh.Lookup(context.Background(), resolver.Request{Question: wire.Question{Name: name, Type: t, Class: wire.ClassIN}, Trace: &trace})
	fresh.Close()
	s.t.Logf("the same question from an empty cache, now\n%s", trace.String())
}
