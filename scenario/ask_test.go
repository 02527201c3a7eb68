package scenario

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"rootwalk/cache"
	"rootwalk/resolver"
	"rootwalk/server"
	"rootwalk/upstream"
	"rootwalk/wire"
)

// reply is what came back, and how long it took.
type reply struct {
	*dns.Msg
	took time.Duration
}

// ask asks a question and compares what comes back with the expectations. What
// goes on behind the reply and takes no time belongs to the step too.
func (s *stage) ask(name, typ string, flags []string, body string) {
	q, meta, times := s.query(name, typ, flags)
	query, err := q.Pack()
	if err != nil {
		s.fatalf("%v", err)
	}
	var wg sync.WaitGroup
	replies := make([][]byte, times)
	handle := func() {
		for i := range replies {
			wg.Go(func() { replies[i] = s.server.Handle(context.Background(), nil, query, meta) })
		}
		wg.Wait()
	}
	handle()
	took := time.Since(s.began)
	synctest.Wait()
	if s.way != nil && s.way.again {
		handle()
	}
	sent := s.sent()
	for _, raw := range replies {
		r := &reply{new(dns.Msg), took}
		if err := r.Unpack(raw); err != nil {
			s.fatalf("reply does not parse: %v", err)
		}
		s.remember(q, query, meta, r.Msg)
		diff := s.compare(r, sent, body)
		if diff != "" && s.way != nil {
			s.differences = append(s.differences, fmt.Sprintf("line %d: ask %s %s\n%s%s\n", s.line, name, typ, diff, r))
			return
		}
		if diff != "" {
			s.t.Errorf("line %d: ask %s %s\n%s", s.line, name, typ, diff)
			s.t.Logf("the reply was\n%s", r)
			s.t.Log(received(sent))
			if len(q.Question) > 0 {
				s.explain(q.Question[0])
			}
			s.t.FailNow()
		}
	}
}

// coBit is the flag of EDNS for compact answers (RFC 9824 section 5.1).
const coBit = 0x4000

// query makes the message, says how it arrives, and how many clients send it.
func (s *stage) query(name, typ string, flags []string) (*dns.Msg, server.Meta, int) {
	q := new(dns.Msg)
	t, ok := dns.StringToType[typ]
	if !ok {
		if _, err := fmt.Sscanf(typ, "TYPE%d", &t); err != nil {
			s.fatalf("unknown type %q", typ)
		}
	}
	q.SetQuestion(dns.Fqdn(name), t)
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT, Class: 1232}}
	plain, times := false, 1
	meta := server.Meta{Transport: server.TCP, Client: client}
	for _, f := range flags {
		key, value, _ := strings.Cut(f, "=")
		switch key {
		case "do":
			opt.SetDo()
		case "co":
			opt.Hdr.Ttl |= coBit
		case "cd":
			q.CheckingDisabled = true
		case "ad":
			q.AuthenticatedData = true
		case "nord":
			q.RecursionDesired = false
		case "plain":
			plain = true
		case "udp":
			meta.Transport = server.UDP
		case "no-question":
			q.Question = nil
		case "class":
			if q.Question[0].Qclass, ok = dns.StringToClass[value]; !ok {
				s.fatalf("unknown class %q", value)
			}
		case "nsid":
			opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
		case "cookie":
			opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: value})
		case "keepalive":
			opt.Option = append(opt.Option, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE})
		case "times":
			times = s.number(value)
		default:
			s.fatalf("unknown flag %q", f)
		}
	}
	if !plain {
		q.Extra = []dns.RR{opt}
	}
	return q, meta, times
}

// explain walks for a question once more and prints the story, to understand a
// failure.
func (s *stage) explain(q dns.Question) {
	var trace resolver.Trace
	o := s.o
	o.Cache, o.Upstream, o.Validator = cache.New(cache.Options{Size: 16 << 20, Shards: 1}), upstream.New(s.up), s.validator()
	fresh := resolver.New(o)
	_, _ = fresh.Lookup(context.Background(), resolver.Request{
		Question: wire.Question{Name: wire.MustName(q.Name), Type: wire.Type(q.Qtype), Class: wire.Class(q.Qclass)}, Trace: &trace})
	fresh.Close()
	s.t.Logf("the same question from an empty cache, now\n%s", trace.String())
}
