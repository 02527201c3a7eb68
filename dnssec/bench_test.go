package dnssec

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/wire"
)

func BenchmarkVerify(b *testing.B) {
	for _, a := range []struct {
		name      string
		algorithm uint8
		bits      int
	}{{"RSA-1024", dns.RSASHA256, 1024}, {"RSA-2048", dns.RSASHA256, 2048}, {"P-256", dns.ECDSAP256SHA256, 256}, {"P-384", dns.ECDSAP384SHA384, 384}, {"Ed25519", dns.ED25519, 256}} {
		b.Run(a.name, func(b *testing.B) {
			s := newSigner(b, "example.", a.algorithm, a.bits)
			benchVerify(b, &s.signed(b, "a.example. A 192.0.2.1\na.example. A 192.0.2.2")[0], s.keys(b), name("example."), when.Unix())
		})
	}
	b.Run("Ed448", func(b *testing.B) {
		e := examples[4]
		set := sets(b, e.set+"\nexample.com. "+e.sig)[0]
		sig, _ := parseSignature(set.Sigs[0])
		benchVerify(b, &set, ParseKeys(&sets(b, e.key)[0]), name("example.com."), int64(sig.inception)+1)
	})
	b.Run("RSA-1024, large exponent", func(b *testing.B) {
		key, sig := largeExponent(b, []byte("message"))
		p := readPublic(RSASHA256, key)
		b.ReportAllocs()
		for b.Loop() {
			if !p.check([]byte("message"), sig) {
				b.Fatal("does not verify")
			}
		}
	})
}

func benchVerify(b *testing.B, set *wire.RRset, keys []*Key, zone wire.Name, at int64) {
	b.ReportAllocs()
	for b.Loop() {
		if r := VerifyRRset(set, zone, keys, time.Unix(at, 0), NewBudget(false)); !r.OK {
			b.Fatal(r.Reason)
		}
	}
}

// One name error proved with NSEC3 as signers should make it, and as the worst that
// is still looked at.
func BenchmarkNSEC3Proof(b *testing.B) {
	for _, n := range []int{0, 50} {
		b.Run(fmt.Sprintf("%d iterations", n), func(b *testing.B) {
			r := nsec3Text{iterations: n}.record
			proto := denialsOf(b, "example.", r("example.", "NS SOA")+r("<x.example.", "A")+r("<*.example.", "A"))
			x := name("x.example.")
			b.ReportAllocs()
			for b.Loop() {
				d := *proto
				d.hashes, d.budget, d.left = nil, NewBudget(false), maxResponseHashes
				if d.nameError(x) != proven {
					b.Fatal("not proved")
				}
			}
		})
	}
}

// One answer of a zone that is known, as it is most of the time.
func BenchmarkCheckWarm(b *testing.B) {
	for _, q := range []struct{ owner, rrtype string }{{"www.example.com.", "A"}, {"gone.example.com.", "A"}} {
		b.Run(q.owner, func(b *testing.B) {
			w := newWorld(b, fmt.Sprintf(labText, "signed"))
			a := w.answer(q.owner, typeOf(q.rrtype))
			w.check(a)
			b.ReportAllocs()
			for b.Loop() {
				w.v.Check(context.Background(), w, NewBudget(false), a, nil)
			}
		})
	}
}

func BenchmarkCheckCold(b *testing.B) {
	w := newWorld(b, fmt.Sprintf(labText, "signed"))
	a := w.answer("www.example.com.", wire.TypeA)
	fetched := book{}
	for _, q := range []string{". DNSKEY", "com. DS", "com. DNSKEY", "example.com. DS", "example.com. DNSKEY"} {
		fetched[q], _ = w.Fetch(context.Background(), question(q))
	}
	b.ReportAllocs()
	for b.Loop() {
		w.v.SetAnchors(w.o.Anchors)
		w.v.Check(context.Background(), fetched, NewBudget(false), a, nil)
	}
}
