package main

// This file is about reading the configuration again while queries are answered.

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

// rewrite replaces a configuration file: what is in base, and these lines.
func rewrite(t *testing.T, path, base string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(base+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// hup sends SIGHUP and waits for its outcome in the log.
func (s *service) hup(t *testing.T, message string) map[string]any {
	t.Helper()
	before := len(logged(t, s, message))
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, message, func() bool { return len(logged(t, s, message)) > before })
	all := logged(t, s, message)
	return all[len(all)-1]
}

const notReloaded = "the configuration was not reloaded; the one before stays in force"

func TestAReloadSwapsWhatCanBeSwappedAndKeepsTheCache(t *testing.T) {
	n, path, base := loopbackSettings(t)
	s, at := serve(t, "-c", path)
	if got := brief(ask(t, "udp", at, "www.example.com.", "A")); got != "NOERROR | www.example.com. A 192.0.2.80" {
		t.Fatal(got)
	}
	n.ResetQueries()

	rewrite(t, path, base, "access: {allow: [192.0.2.0/24]}", "server: {workers: 7, cookies: false}")
	line := s.hup(t, "reloaded")
	if got := fmt.Sprint(line["changed"]); got != "[access.allow server.cookies]" {
		t.Errorf("changed %s", got)
	}
	if later := logged(t, s, "a change of this key takes effect at the next start"); len(later) != 1 || later[0]["key"] != "server.workers" {
		t.Errorf("what needs a new start is named as %v", later)
	}
	if r := ask(t, "udp", at, "www.example.com.", "A"); r.Rcode != dns.RcodeRefused {
		t.Errorf("a client that is not allowed any more gets %s", brief(r))
	}

	rewrite(t, path, base, "access: {alow: [192.0.2.0/24]}")
	if line = s.hup(t, notReloaded); !strings.Contains(fmt.Sprint(line["reason"]), "access.alow: unknown key; did you mean access.allow?") {
		t.Errorf("the mistake is told as %v", line)
	}
	if r := ask(t, "udp", at, "www.example.com.", "A"); r.Rcode != dns.RcodeRefused {
		t.Errorf("a file with a mistake changed something: %s", brief(r))
	}

	rewrite(t, path, base, "access: {private-addresses: [203.0.113.0/24]}")
	s.hup(t, "reloaded")
	if got := brief(ask(t, "udp", at, "www.example.com.", "A")); got != "NOERROR | www.example.com. A 192.0.2.80" {
		t.Errorf("allowed again: %s", got)
	}
	if q := n.Queries(); len(q) != 0 {
		t.Errorf("the cache was dropped: %d queries", len(q))
	}
}

func TestWhatWasFoundByOtherRulesIsForgottenByAReload(t *testing.T) {
	_, path, base := loopbackSettings(t)
	s, at := serve(t, "-c", path)
	const pages, www = "NOERROR | pages.example.net. A 203.0.113.80", "NOERROR | www.example.com. A 192.0.2.80"
	for _, x := range []struct {
		what, lines string
		pages, www  string
	}{
		{"no rules", "", pages, www},
		{"private addresses", "access: {private-addresses: [203.0.113.0/24]}", "NOERROR", www},
		{"no rules again", "", pages, www},
		{"a zone with a server that does not serve it", `zones: [{name: example.com., type: stub, servers: ["127.53.0.31"]}]`, pages, "SERVFAIL"},
		{"no zone any more", "", pages, www},
	} {
		rewrite(t, path, base, x.lines)
		s.hup(t, "reloaded")
		if got := brief(ask(t, "udp", at, "pages.example.net.", "A")); got != x.pages {
			t.Errorf("%s: %s", x.what, got)
		}
		if got := brief(ask(t, "tcp", at, "pages.example.net.", "ANY")); strings.Contains(got, "203.0.113.80") != (x.pages == pages) {
			t.Errorf("%s, all there is: %s", x.what, got)
		}
		if got := brief(ask(t, "udp", at, "www.example.com.", "A")); got != x.www {
			t.Errorf("%s: %s", x.what, got)
		}
	}
}

func TestNegativeTrustAnchorsComeAndGoWithReloads(t *testing.T) {
	n, path, base := loopbackSettings(t)
	base, _, _ = strings.Cut(base, "dnssec:")
	base = strings.Replace(base, "root: {", fmt.Sprintf("root: {trust-anchors: %q, ", file(t, "root.ds", n.TrustAnchors())), 1) +
		"log: {format: json}\nmetrics: {listen: \"\"}\n"
	rewrite(t, path, base)
	s, at := serve(t, "-c", path)
	for _, x := range []struct {
		lines  string
		secure bool
	}{
		{"", true},
		{"dnssec: {negative-trust-anchors: [com.]}", false},
		{"dnssec: {negative-trust-anchors: [{name: com., until: \"2001-01-01T00:00:00Z\"}]}", true},
		{"dnssec: {validate: false}", false},
		{"", true},
	} {
		rewrite(t, path, base, x.lines)
		s.hup(t, "reloaded")
		q := new(dns.Msg)
		q.SetQuestion("www.example.com.", dns.TypeA)
		q.AuthenticatedData = true
		r, _, err := (&dns.Client{Timeout: patience}).Exchange(q, at.String())
		if err != nil {
			t.Fatal(err)
		}
		if r.AuthenticatedData != x.secure || len(r.Answer) != 1 {
			t.Errorf("with %q: AD is %v: %s", x.lines, r.AuthenticatedData, brief(r))
		}
	}
}

func TestNoQueryIsLostOverReloads(t *testing.T) {
	_, path, base := loopbackSettings(t)
	s, at := serve(t, "-c", path)
	var end atomic.Bool
	var asked atomic.Int64
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := 0; !end.Load(); j++ {
				name := "www.example.com."
				if j%4 == 3 { // not in the cache
					name = fmt.Sprintf("w%d-%d.guests.example.org.", i, j)
				}
				if r := answerOf(at, name); r != dns.RcodeSuccess {
					t.Errorf("%s: code %d", name, r)
					return
				}
				asked.Add(1)
			}
		})
	}
	for i := range 20 {
		rewrite(t, path, base, fmt.Sprintf("cache: {size: %dMiB, max-ttl: %ds}", 16+i, 100+i), `zones: [{name: corp., type: stub, servers: ["127.53.0.31"]}]`)
		s.hup(t, "reloaded")
		rewrite(t, path, base, "nonsense: true")
		s.hup(t, notReloaded)
	}
	end.Store(true)
	wg.Wait()
	if asked.Load() < 100 {
		t.Errorf("only %d queries while 40 reloads went on", asked.Load())
	}
	t.Attr("row", "F | 40 reloads under load, every other one of a wrong configuration | the one before stays; no query is lost | 100% answered | ")
}

// answerOf asks once, without a second try, and returns the code, or -1.
func answerOf(at netip.AddrPort, name string) int {
	q := new(dns.Msg)
	q.SetQuestion(name, dns.TypeA)
	c := dns.Client{Timeout: patience}
	r, _, err := c.Exchange(q, at.String())
	if err != nil {
		return -1
	}
	return r.Rcode
}
