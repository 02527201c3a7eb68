package scenario

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"rootwalk/server"
	"rootwalk/upstream"
	"rootwalk/wire"
)

// This file plays every scenario in other ways too: what the DNS says is the same over
// TCP, from the cache, under whole names, where zones are signed, and from stale data. What servers
// receive and how long it takes is then another matter, so only replies are compared. A
// scenario about just that names the ways in which it goes otherwise, behind "differs:".

// way is another way to play a scenario.
type way struct {
	name string
	text func(string) string // of the scenario, changed; "" where it cannot be played so
	set  func(*stage)        // changes settings
	// again makes every client ask a second time, and it is that reply that counts.
	again bool
	// afterwards is done when all steps have been played.
	afterwards func(*stage)
}

var ways = []way{
	{name: "full-names", set: func(s *stage) { s.o.FullNames = true }},
	{name: "tcp", set: func(s *stage) { s.up.Dial = truncating(s.up.Dial) }},
	{name: "again", again: true},
	{name: "eager", set: func(s *stage) { s.o.Prefetch, s.validation.o.Aggressive = true, true }},
	{name: "signed", text: signEverything},
	{name: "stale", set: func(s *stage) {
		if !s.o.Stale.Enabled {
			s.stale([]string{"max-age", "0s"})
		}
	}, afterwards: (*stage).growStale},
}

// TestScenariosHoldInOtherWays plays what TestScenarios does: in all ways where time does
// not matter, else each scenario in one of them.
func TestScenariosHoldInOtherWays(t *testing.T) {
	for k, file := range files(t) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		named := headWords(text, "differs:")
		for _, n := range named {
			if !slices.ContainsFunc(ways, func(w way) bool { return w.name == n }) {
				t.Errorf("%s differs in way %q, which there is not", file, n)
			}
		}
		for i := range ways {
			if !everyWay && (i+k)%len(ways) != 0 {
				continue
			}
			w := &ways[i]
			t.Run(strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txt")+"/"+w.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { playOtherwise(t, w, text, slices.Contains(named, w.name)) })
			})
		}
	}
}

// playOtherwise plays a scenario in another way, and tells whether it goes otherwise as it
// says itself.
func playOtherwise(t *testing.T, w *way, text string, differs bool) {
	if w.text != nil {
		if text = w.text(text); text == "" {
			if differs {
				t.Error("it cannot be played in this way: there is no need to say that it differs")
			}
			return
		}
	}
	s, steps := newStage(t, text)
	s.way = w
	if w.set != nil {
		w.set(s)
		s.o.Validator = s.validator()
	}
	s.build()
	s.follow()
	for _, step := range steps {
		s.begin(step.Line)
		s.step(step)
	}
	if w.afterwards != nil && len(s.differences) == 0 {
		w.afterwards(s)
	}
	s.end()
	switch {
	case differs && len(s.differences) == 0:
		t.Error("it goes the same in this way: there is no need to say that it differs")
	case !differs && len(s.differences) > 0:
		t.Error(strings.Join(s.differences, ""))
	}
}

// ofServers are the expectations that are about what servers received, and how long it took.
var ofServers = []string{"upstream", "out", "asked", "saw", "never-saw", "over", "desired", "checking-disabled",
	"signatures", "failed-signatures", "hashes", "within", "after"}

// otherwise drops the expectations that no way keeps. What is asked for again is
// answered from the cache, and if that was a failure its reason may be that it is known.
func (w *way) otherwise(expect [][]string) [][]string {
	failed := slices.ContainsFunc(expect, func(l []string) bool { return l[0] == "rcode" && l[1] == "SERVFAIL" })
	return slices.DeleteFunc(slices.Clone(expect), func(l []string) bool {
		return slices.Contains(ofServers, l[0]) || w.again && failed && strings.HasPrefix(l[0], "ede")
	})
}

// truncating cuts every reply over UDP, so that servers are asked over TCP.
func truncating(dial upstream.Dialer) upstream.Dialer {
	return func(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
		c, err := dial(ctx, network, server)
		if err != nil || network != "udp" {
			return c, err
		}
		return &truncated{c}, nil
	}
}

// truncated is a path whose replies have TC set.
type truncated struct{ net.Conn }

func (c *truncated) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 2 {
		b[2] |= 2
	}
	return n, err
}

var (
	zoneTitle = regexp.MustCompile(`(?m)^(== (?:then )?zone [^\n]*)$`)
	// Settings and faults that signatures make another scenario of.
	notToSign = regexp.MustCompile(`(?m)\b(validate|aggressive|follow|forward|stub|add-|without|rcode|reply-of|clear|no-signatures|edns-|drop-over)|^== ask [^\n]* do\b`)
)

// signEverything signs all zones of a scenario that has none, and has answers validated.
func signEverything(text string) string {
	head, body, _ := strings.Cut(text, "\n== ")
	body = "\n== " + body
	if strings.Contains(body, "signed") || notToSign.MatchString(body) {
		return ""
	}
	body = zoneTitle.ReplaceAllString(body, "$1 signed")
	if before, after, ok := strings.Cut(body, "\n== options\n"); ok {
		return head + before + "\n== options\nvalidate\n" + after
	}
	return head + "\n== options\nvalidate\n" + body
}

// asked is a question of a scenario and the last reply to it.
type asked struct {
	query []byte
	meta  server.Meta
	reply *dns.Msg
}

// remember takes note of a reply, for growStale.
func (s *stage) remember(q *dns.Msg, query []byte, meta server.Meta, r *dns.Msg) {
	if len(q.Question) != 1 || q.CheckingDisabled || !q.RecursionDesired || q.Question[0].Qclass != dns.ClassINET {
		return
	}
	if s.asked == nil {
		s.asked = map[string]asked{}
	}
	s.asked[strings.ToLower(q.Question[0].String())] = asked{query, meta, r}
}

// growStale asks everything again when all has run out and all servers are dead: what was
// to be had must be what it was, as stale data without AD, or nothing.
func (s *stage) growStale() {
	for _, server := range s.net.Servers() {
		if err := s.net.SetFaults(server.String(), "drop"); err != nil {
			s.fatalf("%v", err)
		}
	}
	time.Sleep(25 * time.Hour)
	for _, key := range slices.Sorted(maps.Keys(s.asked)) {
		a := s.asked[key]
		if !lasting(a.reply) {
			continue
		}
		r := new(dns.Msg)
		if err := r.Unpack(s.server.Handle(context.Background(), nil, a.query, a.meta)); err != nil {
			s.fatalf("%v", err)
		}
		if s.o.Local != nil {
			q := a.reply.Question[0]
			if _, local := s.o.Local.Answer(wire.Question{Name: s.name(q.Name), Type: wire.Type(q.Qtype), Class: wire.ClassIN}); local {
				continue
			}
		}
		got, _ := said(r)
		want, _ := said(a.reply)
		stale := slices.ContainsFunc(options(r), func(o dns.EDNS0) bool {
			e, ok := o.(*dns.EDNS0_EDE)
			return ok && (e.InfoCode == dns.ExtendedErrorCodeStaleAnswer || e.InfoCode == dns.ExtendedErrorCodeStaleNXDOMAINAnswer)
		})
		if !slices.Equal(got, want) || r.AuthenticatedData || !stale && r.IsEdns0() != nil {
			s.differences = append(s.differences, fmt.Sprintf("stale, the answer to %s is\n%s\nand was\n%s\n", key, r, a.reply))
		}
	}
}

// lasting tells whether a reply is one that may be kept, and may become stale.
func lasting(r *dns.Msg) bool {
	soa := slices.ContainsFunc(r.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA })
	if r.Truncated || r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError || len(r.Answer) == 0 && !soa {
		return false
	}
	return !slices.ContainsFunc(slices.Concat(r.Answer, r.Ns), func(rr dns.RR) bool { return rr.Header().Ttl == 0 })
}

func options(r *dns.Msg) []dns.EDNS0 {
	if opt := r.IsEdns0(); opt != nil {
		return opt.Option
	}
	return nil
}
