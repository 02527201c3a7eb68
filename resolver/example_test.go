package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	roothints "rootwalk/rootHints"

	"rootwalk/cache"
	"rootwalk/dnssec"
	"rootwalk/lab"
	"rootwalk/resolver"
	"rootwalk/upstream"
	"rootwalk/wire"
)

// internet stands for the real one: where a program has it, upstream.Options needs no
// Dial, the hints are roothints.Builtin(), and the anchors roothints.BuiltinAnchors().
const internet = `
== zone . @ 198.41.0.4 signed
== zone com @ 192.5.6.30 signed
== zone example.com @ 192.0.2.1 signed
www    A 192.0.2.80
alias  CNAME www
== zone broken.com @ 192.0.2.9
== fault 192.0.2.9 servfail
`

// newResolver puts a validating resolver together.
func newResolver() *resolver.Resolver {
	net, _, err := lab.Parse(internet)
	if err != nil {
		panic(err)
	}
	hints, err := roothints.Parse("lab", strings.NewReader(net.Hints()))
	if err != nil {
		panic(err)
	}
	list, err := roothints.ParseAnchors("lab", strings.NewReader(net.TrustAnchors()))
	if err != nil {
		panic(err)
	}
	var anchors []dnssec.Anchor
	for _, a := range list {
		anchor, err := dnssec.AnchorOf(a.RR)
		if err != nil {
			panic(err)
		}
		anchors = append(anchors, anchor)
	}
	return resolver.New(resolver.Options{
		Cache:     cache.New(cache.Options{Size: 16 << 20}),
		Upstream:  upstream.New(upstream.Options{IPv4: true, Dial: net.Dial}),
		Hints:     hints,
		IPv4:      true,
		Validator: dnssec.New(dnssec.Options{Anchors: anchors, MaxIterations: 50}),
	})
}

// A question is answered by a walk, and from then on from the cache.
func ExampleResolver_Lookup() {
	r := newResolver()
	defer r.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	q := wire.Question{Name: wire.MustName("alias.example.com."), Type: wire.TypeA, Class: wire.ClassIN}
	for range 2 {
		res, err := r.Lookup(ctx, resolver.Request{Question: q})
		if err != nil {
			fmt.Println(err)
			return
		}
		var m wire.Message
		if err := res.Reply.Unpack(q, &m); err != nil {
			fmt.Println(err)
			return
		}
		for _, rec := range m.Answer {
			if addr, ok := netip.AddrFromSlice([]byte(rec.Data)); ok && rec.Type == wire.TypeA {
				fmt.Println(rec.Name, addr, res.Header.Status, "cached:", res.Cached)
			}
		}
	}
	// Output:
	// www.example.com. 192.0.2.80 secure cached: false
	// www.example.com. 192.0.2.80 secure cached: true
}

// A name that does not exist is an answer. Only what could not be found out is an
// error, and says why.
func ExampleFailure() {
	r := newResolver()
	defer r.Close()
	for _, name := range []string{"nothing.example.com.", "www.broken.com."} {
		res, err := r.Lookup(context.Background(), resolver.Request{Question: wire.Question{Name: wire.MustName(name), Type: wire.TypeA, Class: wire.ClassIN}})
		var f *resolver.Failure
		switch {
		case errors.As(err, &f):
			fmt.Println(name, f.Text)
		case err == nil:
			fmt.Println(name, res.Reply.Rcode())
		}
	}
	// Output:
	// nothing.example.com. NXDOMAIN
	// www.broken.com. no server of broken.com. gave a usable answer: 192.0.2.9 SERVFAIL
}

// The story of a walk is data, and prints as a tree.
func ExampleTrace() {
	r := newResolver()
	defer r.Close()
	r.Prime(context.Background())
	var t resolver.Trace
	_, err := r.Lookup(context.Background(), resolver.Request{Trace: &t,
		Question: wire.Question{Name: wire.MustName("www.example.com."), Type: wire.TypeA, Class: wire.ClassIN}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range t.Steps[0].Steps {
		if step.Kind == resolver.StepVerdict || step.Kind == resolver.StepAnswer {
			fmt.Println(step.Line())
		}
	}
	// Output:
	// verdict: secure
	// answer: www.example.com. has 1 A record
}
