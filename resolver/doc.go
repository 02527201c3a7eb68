// Package resolver is the walk: it answers a question by asking the root, then
// the top-level domain, then the servers of each zone below, until one knows
// (RFC 1034 section 5.3.3).
//
// Lookup is the door, for the server and for programs that embed the resolver, and
// Ask the same for who does not wait: cache, remembered failures, one walk for identical questions, the walk itself,
// storing. Behind it, resolve follows aliases from zone to zone; iterate walks
// from the closest known zone cut to the answer; askZone finds a server of one
// zone that gives a usable reply; classify says what a reply means and scrubs
// from it what the server has no say in.
//
// # In a program
//
// A program that embeds it makes the parts below it: a cache, an upstream side that is
// told whom never to ask, and a validator with the root's keys. All of them are safe
// for many goroutines, keep to their sizes, and need no file.
//
//	var anchors []dnssec.Anchor
//	for _, a := range roothints.BuiltinAnchors() {
//		anchor, err := dnssec.AnchorOf(a.RR)
//		if err != nil {
//			return err
//		}
//		anchors = append(anchors, anchor)
//	}
//	never := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
//	r := resolver.New(resolver.Options{
//		Cache:     cache.New(cache.Options{Size: 64 << 20}),
//		Upstream:  upstream.New(upstream.Options{IPv4: true, IPv6: true, Allowed: policy.NewUpstreams(never, nil).Allowed}),
//		Validator: dnssec.New(dnssec.Options{Anchors: anchors, MaxIterations: 50, Aggressive: true}),
//		Hints:     roothints.Builtin(),
//		Local:     policy.NewLocal(nil), // localhost and private addresses are not asked of the root
//		IPv4:      true,
//		IPv6:      true,
//	})
//	defer r.Close()
//	q := wire.Question{Name: wire.MustName("www.example.com."), Type: wire.TypeAAAA, Class: wire.ClassIN}
//	res, err := r.Lookup(ctx, resolver.Request{Question: q})
//	if err != nil {
//		return err
//	}
//	var m wire.Message
//	if err := res.Reply.Unpack(q, &m); err != nil {
//		return err
//	}
//	fmt.Println(res.Reply.Rcode(), res.Header.Status, len(m.Answer))
//
// The packages are those of rootwalk of the same names; roothints is in rootwalk/rootHints.
//
// An answer is in res.Reply, as packed octets; res.Header.Status says how
// far it can be trusted. NXDOMAIN is an answer. An error is a [Failure], with its reason
// and the extended error for it. The other methods are for a server and its operator:
// what the cache has may be served, refreshed, flushed and carried over a restart.
//
// Every client question has one budget of packets and octets, which all its
// sub-questions spend and nothing resets. The code is straight-line: a walk is
// a goroutine, and waiting is a blocking call.
package resolver
