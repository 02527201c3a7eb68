package scenario

// This file lets the whole resolver walk through a world that is made up as it
// goes: whatever a server says, how late, and whatever is reloaded meanwhile, a
// question ends in time and has sent no more than it may.

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	roothints "rootwalk/rootHints"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/policy"
	"rootwalk/resolver"
	"rootwalk/upstream"
	"rootwalk/wire"
)

// chaos is an Internet whose every reply is drawn from a stream of octets, and
// then from chance that the stream has seeded.
type chaos struct {
	mu     sync.Mutex
	octets []byte
	random *rand.Rand
	sent   int  // queries and connections
	costly bool // replies come at once, and each makes more work
}

// draw is a number below n.
func (c *chaos) draw(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.octets) > 0 {
		b := c.octets[0]
		c.octets = c.octets[1:]
		return int(b) % n
	}
	return c.random.IntN(n)
}

func (c *chaos) count() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent++
}

func (c *chaos) out() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

func (c *chaos) dial(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	if network == "tcp" {
		c.count()
		if c.draw(8) == 0 {
			return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
		}
	}
	return &chaosConn{world: c, network: network, in: make(chan []byte, 8)}, nil
}

// name is one of few names, so that they meet again.
func (c *chaos) name() string {
	labels := []string{"a.", "b.", "ns.", "www.", "_tcp.", "*."}
	n := []string{".", "com.", "org.", "net."}[c.draw(4)]
	for range c.draw(4) {
		if n == "." {
			n = ""
		}
		n = labels[c.draw(len(labels))] + n
	}
	return n
}

// near is a name at, above or below one, or any.
func (c *chaos) near(name string) string {
	switch c.draw(5) {
	case 0:
		return name
	case 1:
		if labels := dns.SplitDomainName(name); len(labels) > 1 {
			return dns.Fqdn(name[len(labels[0])+1:])
		}
		return "."
	case 2:
		if len(name) < 200 {
			return "x." + name
		}
	}
	return c.name()
}

func (c *chaos) record(owner string) dns.RR {
	h := func(t uint16) dns.RR_Header {
		return dns.RR_Header{Name: owner, Rrtype: t, Class: dns.ClassINET, Ttl: uint32([]int{0, 1, 60, 86400}[c.draw(4)])}
	}
	switch c.draw(8) {
	case 0, 1:
		return &dns.A{Hdr: h(dns.TypeA), A: net.IPv4(192, 0, 2, byte(1+c.draw(6)))}
	case 2:
		return &dns.CNAME{Hdr: h(dns.TypeCNAME), Target: c.name()}
	case 3:
		return &dns.DNAME{Hdr: h(dns.TypeDNAME), Target: c.name()}
	case 4, 5:
		return &dns.NS{Hdr: h(dns.TypeNS), Ns: c.name()}
	case 6:
		return &dns.SOA{Hdr: h(dns.TypeSOA), Ns: c.name(), Mbox: c.name(), Minttl: uint32(c.draw(100))}
	}
	return &dns.AAAA{Hdr: h(dns.TypeAAAA), AAAA: net.ParseIP(fmt.Sprintf("2001:db8::%d", 1+c.draw(4)))}
}

// reply makes up what comes back for a query; nil is silence.
func (c *chaos) reply(query []byte) []byte {
	q := new(dns.Msg)
	if q.Unpack(query) != nil || len(q.Question) != 1 {
		return nil
	}
	r := new(dns.Msg)
	r.SetReply(q)
	name := q.Question[0].Name
	if name == "." && q.Question[0].Qtype == dns.TypeNS { // priming succeeds, which is not what is looked at here
		r.Authoritative = true
		h := dns.RR_Header{Name: ".", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 86400}
		r.Answer = []dns.RR{&dns.NS{Hdr: h, Ns: "a.root-servers.net."}}
		m, _ := r.Pack()
		return m
	}
	r.Authoritative = c.draw(3) > 0
	if c.costly {
		c.makeWork(r, name)
		m, _ := r.Pack()
		return m
	}
	switch c.draw(10) {
	case 0:
		return nil
	case 1:
		r.Rcode = []int{dns.RcodeFormatError, dns.RcodeServerFailure, dns.RcodeNotImplemented, dns.RcodeRefused, dns.RcodeYXDomain}[c.draw(5)]
	case 2:
		r.Truncated = true
	case 3:
		r.Rcode = dns.RcodeNameError
		r.Ns = append(r.Ns, c.record(c.near(name)))
	case 4, 5, 6: // a referral
		zone := c.near(name)
		for range 1 + c.draw(4) {
			ns := c.near(name)
			r.Ns = append(r.Ns, &dns.NS{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: ns})
			for range c.draw(3) {
				r.Extra = append(r.Extra, c.record(ns))
			}
		}
	default:
		for range c.draw(4) {
			r.Answer = append(r.Answer, c.record(c.near(name)))
		}
		for range c.draw(2) {
			r.Ns = append(r.Ns, c.record(c.near(name)))
		}
	}
	if q.IsEdns0() != nil && c.draw(4) > 0 {
		r.SetEdns0(1232, c.draw(2) == 0)
	}
	m, err := r.Pack()
	if err != nil {
		return nil
	}
	switch c.draw(20) {
	case 0:
		m[0] ^= 1 // somebody guesses
	case 1:
		m[c.draw(len(m))] ^= byte(1 + c.draw(255))
	case 2:
		m = m[:c.draw(len(m))]
	}
	return m
}

// makeWork fills a reply with whatever costs a resolver the most: refusals, aliases,
// and delegations to thirteen servers, with and without addresses.
func (c *chaos) makeWork(r *dns.Msg, name string) {
	switch c.draw(12) {
	case 0:
		r.Authoritative = true
		r.Answer = []dns.RR{&dns.CNAME{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 60}, Target: c.name()}}
	case 1, 2:
		r.Authoritative = false
		for i := range 13 {
			ns := fmt.Sprintf("ns%d.%s", i, name)
			if c.draw(4) == 0 {
				ns = c.name()
			}
			r.Ns = append(r.Ns, &dns.NS{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: ns})
			r.Extra = append(r.Extra, &dns.A{Hdr: dns.RR_Header{Name: ns, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(198, 18, byte(c.draw(250)), byte(c.draw(250)))})
		}
	default:
		r.Rcode = dns.RcodeRefused
	}
}

// chaosConn is a path to any server.
type chaosConn struct {
	world   *chaos
	network string
	in      chan []byte
	rest    []byte

	mu       sync.Mutex
	deadline time.Time
}

func (c *chaosConn) Write(b []byte) (int, error) {
	c.world.count()
	query := b
	if c.network == "tcp" {
		query = b[2:]
	}
	m := c.world.reply(query)
	if m == nil {
		return len(b), nil
	}
	if c.network == "tcp" {
		m = append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...)
	}
	if c.world.costly {
		c.in <- m
		return len(b), nil
	}
	delays := []time.Duration{0, 0, 0, time.Millisecond, 40 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second}
	time.AfterFunc(delays[c.world.draw(len(delays))], func() {
		select {
		case c.in <- m:
		default:
		}
	})
	return len(b), nil
}

func (c *chaosConn) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		c.mu.Lock()
		timer := time.NewTimer(time.Until(c.deadline))
		c.mu.Unlock()
		defer timer.Stop()
		select {
		case c.rest = <-c.in:
		case <-timer.C:
			return 0, os.ErrDeadlineExceeded
		}
	}
	n := copy(b, c.rest)
	if c.rest = c.rest[n:]; c.network != "tcp" {
		c.rest = nil
	}
	return n, nil
}

func (c *chaosConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return nil
}

func (c *chaosConn) Close() error                     { return nil }
func (c *chaosConn) LocalAddr() net.Addr              { return nil }
func (c *chaosConn) RemoteAddr() net.Addr             { return nil }
func (c *chaosConn) SetReadDeadline(time.Time) error  { return nil }
func (c *chaosConn) SetWriteDeadline(time.Time) error { return nil }

// walkThroughChaos asks a few questions, one after the other, with time and
// reloads between them.
func walkThroughChaos(t *testing.T, seed uint64, octets []byte) (mostOut int, longest time.Duration) {
	world := &chaos{octets: octets, random: rand.New(rand.NewPCG(seed, 1034))}
	world.costly = world.draw(2) == 0
	start := time.Now()
	now := func() clock.Time { return clock.Time(time.Since(start) + time.Hour) }
	up := upstream.Options{IPv4: true, IPv6: true, Dial: world.dial, Clock: now, Allowed: policy.NewUpstreams(loopback, nil).Allowed}
	o := resolver.Options{IPv4: true, IPv6: true, Clock: now, Cache: cache.New(cache.Options{Size: 4 << 20, Shards: 1}), Upstream: upstream.New(up),
		Hints: []roothints.Server{{Name: "a.root-servers.net.", Addrs: []netip.Addr{netip.MustParseAddr("198.41.0.4"), netip.MustParseAddr("2001:503:ba3e::2:30")}}}}
	r := resolver.New(o)
	for !r.Primed() { // what that costs is not looked at here
		r.Prime(context.Background())
		time.Sleep(time.Minute)
	}
	for range 8 {
		q := wire.Question{Name: wire.MustName(world.name()), Type: []wire.Type{wire.TypeA, wire.TypeNS, wire.TypeCNAME, wire.TypeDS, wire.TypeAAAA}[world.draw(5)], Class: wire.ClassIN}
		before, began := world.out(), time.Now()
		_, err := r.Lookup(context.Background(), resolver.Request{Question: q, CD: world.draw(8) == 0})
		took := time.Since(began)
		if longest = max(longest, took); took > resolver.QuestionTime {
			t.Errorf("%s took %v (%v)", q, took, err)
		}
		time.Sleep(resolver.QuestionTime) // what goes on behind the answer belongs to it
		synctest.Wait()
		out := world.out() - before
		if mostOut = max(mostOut, out); out > 100 {
			t.Errorf("%s sent %d packets (%v)", q, out, err)
		}
		switch world.draw(6) {
		case 0:
			time.Sleep(time.Duration(world.draw(200)) * time.Second)
		case 1: // a reload
			o.FullNames, o.Stale.Enabled, o.Prefetch = world.draw(2) == 0, world.draw(2) == 0, world.draw(2) == 0
			up.KeepCase = world.draw(2) == 0
			o.Upstream = o.Upstream.With(up)
			r = r.With(o)
		}
	}
	r.Close()
	time.Sleep(time.Minute)
	return mostOut, longest
}

func FuzzWalk(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, []byte{})
	}
	f.Fuzz(func(t *testing.T, seed uint64, octets []byte) {
		synctest.Test(t, func(t *testing.T) { walkThroughChaos(t, seed, octets) })
	})
}

func TestNoWorldMakesAQuestionCostTooMuch(t *testing.T) {
	const worlds = 100
	most, longest := 0, time.Duration(0)
	for seed := range uint64(worlds) {
		synctest.Test(t, func(t *testing.T) {
			out, took := walkThroughChaos(t, 1000+seed, nil)
			most, longest = max(most, out), max(longest, took)
		})
	}
	t.Attr("row", fmt.Sprintf("F | %d worlds of random replies, delays and reloads, 8 questions each; also fuzzed | OUT <= 100, an end within 7 s | %d, %.1f s | ", worlds, most, longest.Seconds()))
}
