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
	door     server.Options
	prime    bool
	line     int
	began    time.Time // the present step
	seen     int       // queries that servers had received before it
	spent    work      // what validation had cost before it
	connects int       // TCP connections before it

	figures figures

	way         *way             // nil for the one that is written
	differences []string         // of that way
	asked       map[string]asked // questions and their last replies

	validation validation
	unfollow   func() // ends the following of trust anchors; nil where nobody follows
}

// play plays one scenario inside a synctest bubble.
func play(t *testing.T, text string) {
	s, steps := newStage(t, text)
	s.build()
	s.follow()
	for _, step := range steps {
		s.begin(step.Line)
		s.step(step)
	}
	s.end()
	s.board(text)
}

// begin begins a step: what is counted from now on belongs to it.
func (s *stage) begin(line int) {
	s.line, s.began, s.seen, s.spent, s.connects = line, time.Now(), len(s.net.Queries()), s.cost(), s.net.TCPConnects()
}

// newStage reads a scenario up to its steps.
func newStage(t *testing.T, text string) (*stage, []lab.Section) {
	net, steps, err := lab.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, net: net, prime: true, validation: newValidation()}
	start := time.Now()
	now := func() clock.Time { return clock.Time(time.Since(start) + time.Hour) }
	s.up = upstream.Options{IPv4: true, IPv6: true, Dial: net.Dial, Clock: now, Allowed: policy.NewUpstreams(loopback, nil).Allowed}
	s.o = resolver.Options{IPv4: true, IPv6: true, Clock: now}
	s.door = server.Options{Clock: now, EDE: true, Allow: policy.NewACL([]netip.Prefix{netip.PrefixFrom(client, 32)})}
	if s.door.Cookies, err = server.NewCookies(nil); err != nil {
		t.Fatal(err)
	}
	if s.o.Hints, err = roothints.Parse("lab", strings.NewReader(net.Hints())); err != nil {
		t.Fatal(err)
	}
	if len(steps) > 0 && steps[0].Title == "options" {
		s.options(steps[0])
		steps = steps[1:]
	}
	s.o.Validator = s.validator()
	return s, steps
}

// build makes the server and what it needs; nothing is in its cache.
func (s *stage) build() {
	s.o.Cache = cache.New(cache.Options{Size: 16 << 20, Shards: 1})
	s.o.Upstream = upstream.New(s.up)
	s.resolver = resolver.New(s.o)
	s.door.Cache, s.door.Resolver = s.o.Cache, s.resolver
	s.server = server.New(s.door)
	if s.prime {
		s.resolver.Prime(context.Background())
	}
}

// end waits for what goes on behind the answers.
func (s *stage) end() {
	if s.unfollow != nil {
		s.unfollow()
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

func (s *stage) step(sec lab.Section) {
	w := strings.Fields(sec.Title)
	switch {
	case w[0] == "ask" && len(w) >= 3:
		s.ask(w[1], w[2], w[3:], sec.Body)
	case w[0] == "pass" && len(w) == 2:
		s.pass(s.duration(w[1]), sec.Body)
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

// pass lets time pass, and compares what servers received meanwhile.
func (s *stage) pass(d time.Duration, body string) {
	time.Sleep(d)
	synctest.Wait()
	sent := s.sent()
	if diff := s.compare(nil, sent, body); diff != "" {
		s.t.Fatalf("line %d: pass %s\n%s%s", s.line, d, diff, received(sent))
	}
}

// sent are the queries that servers received in the present step.
func (s *stage) sent() []lab.Query { return s.net.Queries()[s.seen:] }

// received lists queries for people.
func received(sent []lab.Query) string {
	b := strings.Builder{}
	b.WriteString("the servers received\n")
	for _, q := range sent {
		fmt.Fprintf(&b, "  %s %s %s %s\n", q.Server, q.Network, q.Name, dns.Type(q.Type))
	}
	return b.String()
}
