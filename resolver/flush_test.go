package resolver

import (
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rootwalk/cache"
	"rootwalk/policy"
	"rootwalk/wire"
)

func TestAFlushForgetsWhatWasDeniedOfTheName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, net, _ := newValidating(t, "== zone example.com @ 192.0.2.1 signed\nwww A 192.0.2.80\nmail A 192.0.2.25\n")
		defer r.Close()
		r.Prime(t.Context())
		ask := func(name string) int {
			before := len(net.Queries())
			if _, err := r.Lookup(t.Context(), Request{Question: wire.Question{Name: wire.MustName(name), Type: wire.TypeA, Class: wire.ClassIN}}); err != nil {
				t.Fatal(err)
			}
			return len(net.Queries()) - before
		}
		ask("nothing.example.com.")
		if n := ask("nobody.example.com."); n != 0 {
			t.Fatalf("%d packets for a name that the zone has denied", n)
		}
		r.Flush(wire.MustName("nobody.example.com."), false)
		if n := ask("nobody.example.com."); n == 0 {
			t.Error("after the flush nobody was asked")
		}
		r.Flush(wire.MustName("com."), true)
		if n := ask("www.example.com."); n < 3 {
			t.Errorf("after a flush of all below com. %d packets were sent", n)
		}
	})
}

// What an operator forgets must not come back with a walk that was under way, nor be
// shared by who asks after that.
func TestAWalkBeforeAFlushLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, net := newOver(t, wwwZone+"== fault all delay 300ms", Options{Clock: virtual()})
		defer r.Close()
		r.Prime(t.Context())
		ask := func() (cached bool) {
			res, err := r.Lookup(t.Context(), www())
			if err != nil || res.Reply.Answers() != 1 {
				t.Errorf("got %+v, %v", res, err)
			}
			return res.Cached
		}
		for i, queries := range []int{3, 4, 3} { // of the new walk, and what is left of the old one where they do not meet
			moment := time.Duration(100+300*i) * time.Millisecond // at the root, com., example.com.
			r.Flush(wire.MustName("com."), true)
			var older sync.WaitGroup
			older.Go(func() { ask() })
			time.Sleep(moment)
			r.Flush(wire.MustName("com."), true)
			net.ResetQueries()
			older.Go(func() { ask() })
			older.Wait()
			if n := len(net.Queries()); n != queries {
				t.Errorf("after %v: %d queries by a walk that went on and one that began, want %d", moment, n, queries)
			}
			if !ask() {
				t.Errorf("after %v: what was found since is not kept", moment)
			}
		}
		r.Flush(wire.MustName("com."), true)
		var older sync.WaitGroup
		older.Go(func() { ask() })
		time.Sleep(100 * time.Millisecond)
		r.Flush(wire.MustName("com."), true)
		older.Wait()
		var kept []string
		r.o.Cache.Each(func(e *cache.Entry) bool {
			if q := e.Key.Question(); wire.Name(q.Name).In("\x03com\x00") {
				kept = append(kept, wire.Name(q.Name).String())
			}
			return true
		})
		if len(kept) > 0 {
			t.Errorf("a walk that was under way has kept something of %q", kept)
		}
	})
}

func TestStricterRulesOnAddressesForgetTheAnswersTheyForbid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newOver(t, `== zone example.com @ 192.0.2.1
www A 10.0.0.1
web HTTPS 1 . ipv4hint=10.0.0.1
far HTTPS 1 . ipv4hint=192.0.2.80
alias CNAME www.corp.example.org.
== zone example.org @ 192.0.2.1
www.corp A 10.0.0.1
`, Options{Clock: virtual()})
		defer func() { r.Close() }()
		r.Prime(t.Context())
		questions := []struct {
			name    string
			typ     wire.Type
			answers int // by the stricter rules
		}{
			{"www.example.com.", wire.TypeA, 0},
			{"web.example.com.", wire.TypeHTTPS, 0},
			{"far.example.com.", wire.TypeHTTPS, 1},
			{"alias.example.com.", wire.TypeA, 1}, // the alias alone
			{"www.corp.example.org.", wire.TypeA, 1},
		}
		ask := func(name string, typ wire.Type) int {
			res, err := r.Lookup(t.Context(), Request{Question: wire.Question{Name: wire.MustName(name), Type: typ, Class: wire.ClassIN}})
			if err != nil {
				t.Fatal(err)
			}
			return res.Reply.Answers()
		}
		for _, q := range questions {
			if ask(q.name, q.typ) == 0 {
				t.Errorf("no answer for %s where every address is allowed", q.name)
			}
		}
		o := *r.o
		o.Rebinding = policy.NewRebinding([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, []wire.Name{wire.MustName("corp.example.org.")})
		r = r.With(o)
		r.Recheck()
		for _, q := range questions {
			if n := ask(q.name, q.typ); n != q.answers {
				t.Errorf("%s %s: %d records by the stricter rules, want %d", q.name, q.typ, n, q.answers)
			}
		}
	})
}
