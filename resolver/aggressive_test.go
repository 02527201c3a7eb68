package resolver

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	roothints "rootwalk/rootHints"

	"rootwalk/cache"
	"rootwalk/dnssec"
	"rootwalk/lab"
	"rootwalk/wire"
)

// newValidating is newOver with a validator that trusts the lab's root, and
// remembers what is denied.
func newValidating(t *testing.T, text string) (*Resolver, *lab.Internet, *dnssec.Validator) {
	t.Helper()
	net, _, err := lab.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	list, err := roothints.ParseAnchors("lab", strings.NewReader(net.TrustAnchors()))
	if err != nil {
		t.Fatal(err)
	}
	var anchors []dnssec.Anchor
	for _, a := range list {
		anchor, err := dnssec.AnchorOf(a.RR)
		if err != nil {
			t.Fatal(err)
		}
		anchors = append(anchors, anchor)
	}
	clock := virtual()
	v := dnssec.New(dnssec.Options{Anchors: anchors, Aggressive: true, MaxIterations: 50, Clock: clock,
		Now: func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }})
	r, net := newOver(t, text, Options{Clock: clock, Validator: v})
	return r, net, v
}

// Attack A19: names that are made up by the thousand, in a zone that is signed.
func TestRandomSubdomainsOfASignedZoneAreNotAskedFor(t *testing.T) {
	for _, way := range []string{"signed", "signed=nsec3 iterations=1 salt=ab"} {
		synctest.Test(t, func(t *testing.T) {
			r, net, v := newValidating(t, "== zone example.com @ 192.0.2.1 "+way+"\nwww A 192.0.2.80\nmail A 192.0.2.25\na.b.c A 192.0.2.7\n")
			defer r.Close()
			r.Prime(t.Context())
			const floods = 2000
			for i := range floods {
				q := wire.Question{Name: wire.MustName(fmt.Sprintf("r%x.example.com.", i*2654435761)), Type: wire.TypeA, Class: wire.ClassIN}
				if res, err := r.Lookup(t.Context(), Request{Question: q}); err != nil || res.Reply.Rcode() != wire.NXDomain {
					t.Fatalf("%s: %v, error %v", q, res.Reply.Rcode(), err)
				}
			}
			if n := len(net.Queries()); n > 30 {
				t.Errorf("%s: %d packets for %d names", way, n, floods)
			}
			if n := r.Stats().Inferred["nxdomain"]; n < floods*99/100 {
				t.Errorf("%s: %d of %d inferred", way, n, floods)
			}
			if s := v.Stats(); s.Signatures > 60 || s.Hashes > 4*floods {
				t.Errorf("%s: %d signatures checked, %d hashes", way, s.Signatures, s.Hashes)
			}
		})
	}
}

// What was verified is kept with its status: keys with their zone, answers and the
// denials of a zone until their TTL has run out.
func TestWhatIsKeptIsNotVerifiedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, v := newValidating(t, "== zone example.com @ 192.0.2.1 signed\nwww A 192.0.2.80\nalias CNAME www\nother CNAME www\nmail MX 10 www\n")
		defer r.Close()
		for _, x := range []struct {
			owner      string
			rrtype     wire.Type
			signatures uint64
		}{
			{"www.example.com.", wire.TypeA, 6}, // two keys and two DS above, the zone's own key, the answer
			{"www.example.com.", wire.TypeA, 0},
			{"alias.example.com.", wire.TypeA, 2}, // the server's reply has both
			{"other.example.com.", wire.TypeA, 2},
			{"alias.example.com.", wire.TypeCNAME, 0},
			{"www.example.com.", wire.TypeTXT, 2}, // SOA record and denial
			{"www.example.com.", wire.TypeMX, 0},
			{"www.example.com.", wire.TypeDS, 0},
			{"mail.example.com.", wire.TypeA, 1}, // the SOA record is known
			{"gone.example.com.", wire.TypeA, 2}, // two records of the chain
			{"www.gone.example.com.", wire.TypeA, 0},
		} {
			before := v.Stats().Signatures
			q := wire.Question{Name: wire.MustName(x.owner), Type: x.rrtype, Class: wire.ClassIN}
			for range 2 {
				if res, err := r.Lookup(t.Context(), Request{Question: q}); err != nil || res.Header.Status != cache.Secure {
					t.Fatalf("%s: %v", q, err)
				}
			}
			if n := v.Stats().Signatures - before; n != x.signatures {
				t.Errorf("%s: %d signatures checked, want %d", q, n, x.signatures)
			}
		}
	})
}

// Names that are made up come once, names that are of use again.
func TestMadeUpNamesDisplaceNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := newValidating(t, "== zone example.com @ 192.0.2.1 signed\n*.wild A 192.0.2.99\nwww A 192.0.2.80\n")
		defer r.Close()
		ask := func(owner string) Result {
			res, err := r.Lookup(t.Context(), Request{Question: wire.Question{Name: wire.MustName(owner), Type: wire.TypeA, Class: wire.ClassIN}})
			if err != nil || res.Header.Status != cache.Secure {
				t.Fatalf("%s: %v", owner, err)
			}
			return res
		}
		for _, owner := range []string{"a.", "z.", "a.wild.", "a.www."} {
			ask(owner + "example.com.")
		}
		before := r.o.Cache.Stats().Entries
		for i := range 250 {
			for _, below := range []string{"", "wild.", "www.", "a.a."} {
				ask(fmt.Sprintf("r%d.%sexample.com.", i, below))
			}
		}
		if n := r.o.Cache.Stats().Entries - before; n > 4 { // of those that were learned from
			t.Errorf("1000 names that were asked for once take %d places in the cache", n)
		}
		for _, owner := range []string{"often.example.com.", "often.wild.example.com.", "often.a.example.com."} {
			for i, cached := range []bool{false, false, true} {
				if res := ask(owner); res.Cached != cached {
					t.Errorf("%s: from the cache is %v for question %d", owner, res.Cached, i+1)
				}
			}
		}
	})
}

func TestAskingAnewInfersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, net, _ := newValidating(t, "== zone example.com @ 192.0.2.1 signed\nalpha A 192.0.2.80\nomega A 192.0.2.81\n")
		defer r.Close()
		r.Prime(t.Context())
		for i, packets := range []int{6, 0, 1} { // with keys, inferred, anew
			before := len(net.Queries())
			q := wire.Question{Name: wire.MustName(fmt.Sprintf("gone%d.example.com.", i)), Type: wire.TypeA, Class: wire.ClassIN}
			if res, err := r.Lookup(t.Context(), Request{Question: q, Anew: i == 2}); err != nil || res.Reply.Rcode() != wire.NXDomain {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := len(net.Queries()) - before; n != packets {
				t.Errorf("question %d: %d packets, want %d", i+1, n, packets)
			}
		}
	})
}

func TestATraceTellsWhatAnAnswerFollowsFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := newValidating(t, "== zone example.com @ 192.0.2.1 signed\nalpha A 192.0.2.80\nomega A 192.0.2.81\n")
		defer r.Close()
		for _, x := range []struct {
			owner string
			kind  string
			want  string
		}{
			{"gone.example.com.", "", "secure: proved by example.com."},
			{"lost.example.com.", "nxdomain", "NXDOMAIN follows for lost.example.com. A (secure records of example.com.: alpha.example.com. NSEC to ns1.example.com., example.com. NSEC to alpha.example.com.)"},
			{"www.gone.example.com.", "nxdomain", "NXDOMAIN follows for www.gone.example.com. A (nothing is below a name that is known not to exist)"},
		} {
			var trace Trace
			before := r.Stats().Inferred[x.kind]
			if _, err := r.Lookup(t.Context(), Request{Question: wire.Question{Name: wire.MustName(x.owner), Type: wire.TypeA, Class: wire.ClassIN}, Trace: &trace}); err != nil {
				t.Fatal(err)
			}
			if s := trace.String(); !strings.Contains(s, x.want) {
				t.Errorf("%q is not in\n%s", x.want, s)
			}
			if x.kind != "" && r.Stats().Inferred[x.kind] != before+1 {
				t.Errorf("%s is not counted as %s", x.owner, x.kind)
			}
		}
	})
}
