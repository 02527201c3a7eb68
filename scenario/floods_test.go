package scenario

// This file is about attacks that are many questions rather than one: what each
// costs is bounded elsewhere, here it is what they leave for others.

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"rootwalk/server"
)

// raise makes the private Internet of a text with a resolver in front of it, inside
// a synctest bubble.
func raise(t *testing.T, text string) *stage {
	t.Helper()
	s, _ := newStage(t, text)
	s.build()
	return s
}

// question asks for the addresses of a name and returns the response code, or -1
// where there is no reply.
func (s *stage) question(name string) int {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), dns.TypeA)
	packet, err := q.Pack()
	if err != nil {
		s.t.Error(err)
		return -1
	}
	raw := s.server.Handle(context.Background(), nil, packet, server.Meta{Transport: server.UDP, Client: client})
	r := new(dns.Msg)
	if raw == nil || r.Unpack(raw) != nil {
		return -1
	}
	return r.Rcode
}

// every runs f for i = 0, 1, ... n-1, one after each pause and not waiting for the
// ones before, and returns when all have ended.
func every(pause time.Duration, n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
		time.Sleep(pause)
	}
	wg.Wait()
}

const honest = `
== zone honest.com @ 192.0.2.9
* 1 A 192.0.2.80
www 3600 A 192.0.2.81
== fault all
delay 20ms
`

// A20: a name that fails, asked a thousand times a second.
func TestAStormForAFailingNameIsAnsweredFromTheFailureCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := raise(t, `
== zone failing.com @ 192.0.2.1 192.0.2.2
== fault all
delay 20ms
== fault 192.0.2.1
servfail
== fault 192.0.2.2
refuse
`)
		s.begin(0)
		const perSecond, seconds = 1000, 60
		every(time.Second/perSecond, perSecond*seconds, func(int) {
			if code := s.question("www.failing.com"); code != dns.RcodeServerFailure {
				t.Errorf("answered with %s", dns.RcodeToString[code])
			}
		})
		out := len(s.sent()) + s.net.TCPConnects() - s.connects
		if out > 60 {
			t.Errorf("OUT is %d, want at most 60", out)
		}
		s.end()
		t.Attr("row", fmt.Sprintf("A20 | %d questions a second for a name that fails, for %d s | OUT <= 60 in all | %d | BIND 1 s, PowerDNS 60 s of memory", perSecond, seconds, out))
	})
}

// A6: a hundred clients that ask for names in zones which live in each other.
func TestZonesThatLiveInEachOtherCostLittleHoweverManyAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := raise(t, `
== zone one.com @ 192.0.2.1 noglue
@ NS ns.two.net.
== zone two.net @ 192.0.2.2 noglue
@ NS ns.one.com.
== fault all
delay 20ms
`)
		s.begin(0)
		every(time.Second/20, 20*60, func(i int) { s.question(fmt.Sprintf("n%d.one.com", i%100)) })
		out := len(s.sent())
		if out > 60 {
			t.Errorf("OUT is %d, want at most 60", out)
		}
		s.end()
		t.Attr("row", fmt.Sprintf("A6 | 100 names in zones that live in each other, for 60 s (TsuNAME) | OUT <= 60 in all | %d | ", out))
	})
}
