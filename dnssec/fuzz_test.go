package dnssec

import (
	"context"
	"fmt"
	"testing"
	"time"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file fuzzes what reads foreign octets. No input may panic, and none may be
// secure without a key having signed it.

func FuzzKey(f *testing.F) {
	for _, e := range examples {
		f.Add(sets(f, e.key)[0].Data[0])
	}
	f.Add("\x01\x01\x03\x08\x00\x00\x05")
	f.Fuzz(func(t *testing.T, data string) {
		k := parseKey(data)
		if k == nil {
			return
		}
		if p := k.public(); p.check != nil {
			if p.check([]byte("message"), data) {
				t.Errorf("%x verifies a signature that nobody made", data)
			}
		}
		if d, ok := parseDS(data); ok && d.matches(name("example."), k) {
			t.Errorf("%x is its own digest", data)
		}
	})
}

func FuzzSignature(f *testing.F) {
	for _, e := range examples {
		owner := records(f, e.set)[0].Header().Name
		s := sets(f, e.set+"\n"+owner+" "+e.sig)[0]
		f.Add(string(s.Name), uint16(s.Type), s.Data[0], s.Sigs[0])
	}
	keys := ParseKeys(&sets(f, examples[0].key)[0])
	genuine := sets(f, examples[0].set)[0]
	f.Fuzz(func(t *testing.T, owner string, rrtype uint16, data, sig string) {
		n := wire.NameAt(owner, 0).Lower()
		if n == "" {
			return
		}
		set := wire.RRset{Name: n, Type: wire.Type(rrtype), Class: wire.ClassIN, TTL: 300, Data: []string{data}, Sigs: []string{sig}}
		r := VerifyRRset(&set, name("example.net."), keys, time.Unix(1283000000, 0), NewBudget(false))
		if r.OK && (set.Name != genuine.Name || set.Type != genuine.Type || data != genuine.Data[0]) {
			t.Errorf("%s %q verifies", describe(&set), data)
		}
		if !r.OK && r.Reason == "" {
			t.Error("no reason")
		}
	})
}

func FuzzDenial(f *testing.F) {
	for _, text := range []string{"a.example. NSEC z.example. A RRSIG NSEC", "example. NSEC a.example. NS SOA RRSIG NSEC", nsec3Text{}.record("example.", "NS SOA"), nsec3Text{optOut: true}.record("<x.example.", "A")} {
		s := sets(f, text)[0]
		f.Add(string(s.Name), uint16(s.Type), s.Data[0], string(name("x.a.example.")))
	}
	f.Fuzz(func(t *testing.T, owner string, rrtype uint16, data, asked string) {
		n, q := wire.NameAt(owner, 0).Lower(), wire.NameAt(asked, 0).Lower()
		if n == "" || q == "" {
			return
		}
		zone := name("example.")
		d := &denials{zone: zone, budget: NewBudget(false), left: maxResponseHashes}
		d.add(&wire.RRset{Name: n, Type: wire.Type(rrtype), Class: wire.ClassIN, Data: []string{data}}, 50)
		proofs := []proof{d.nameError(q), d.noData(q, wire.TypeA), d.noData(q, wire.TypeDS)}
		_, cut := d.delegation(q)
		proofs = append(proofs, cut)
		if q.Below(zone) {
			proofs = append(proofs, d.wildcardAnswer(q, q.Parent()))
		}
		for i, p := range proofs {
			if (p == proven || p == optOut) && !q.In(zone) {
				t.Errorf("question %d: %s is denied by %s of %s", i, q, n, zone)
			}
		}
		if proofs[0] == proven && proofs[1] == proven && !d.nxName(q) {
			t.Errorf("%s both exists and does not", q)
		}
	})
}

// FuzzCheck reads a whole reply of a stranger. What is secure is what the zone says.
func FuzzCheck(f *testing.F) {
	worlds := []*world{}
	for i, way := range []string{"signed", "signed=nsec3 salt=ab iterations=1", "signed=compact", "signed=optout alg=ed25519"} {
		// With keys of their own: else what is true in one of them proves things in another.
		w := newWorld(f, fmt.Sprintf("== zone example.com @ 192.0.2.1 %s key=k%d%s", way, i, fuzzZone))
		worlds = append(worlds, w)
		for _, q := range []string{"www.example.com. A", "www.example.com. TXT", "gone.example.com. A", "x.wild.example.com. A", "x.wild.example.com. TXT",
			"x.old.example.com. A", "alias.example.com. A", "ent.example.com. A", "plain.example.com. DS", "www.plain.example.com. DS", "example.com. DNSKEY"} {
			query := question(q)
			f.Add(w.reply(query), string(query.Name), uint16(query.Type), uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, reply []byte, asked string, rrtype uint16, which uint8) {
		w := worlds[int(which)%len(worlds)]
		w.t = t
		q := wire.Question{Name: wire.NameAt(asked, 0).Lower(), Type: wire.Type(rrtype), Class: wire.ClassIN}
		var m wire.Message
		if q.Name == "" || q.Type.Meta() || q.Type == wire.TypeANY || q.Type == wire.TypeRRSIG || wire.Parse(reply, &m) != nil {
			return
		}
		a := pieceOf(q, name("example.com."), &m)
		v := w.v.Check(context.Background(), w, NewBudget(false), a, nil)
		if v.Status == cache.Unchecked || v.Status == cache.Bogus && v.Reason == "" {
			t.Errorf("%+v", v)
		}
		if v.Status != cache.Secure {
			return
		}
		var real wire.Message
		if err := wire.Parse(w.reply(q), &real); err != nil {
			t.Fatal(err)
		}
		good := pieceOf(q, name("example.com."), &real)
		if len(a.Links) > 0 && a.Next == "" { // how far a server follows its own aliases is its business
			return
		}
		if !subset(meaningOf(&Answer{Links: a.Links, Final: a.Final}), meaningOf(&Answer{Links: good.Links, Final: good.Final})) {
			t.Errorf("%s: %s\nis secure, and the zone says\n%s", q, meaningOf(a), meaningOf(good))
		}
		denied := len(a.Final) == 0 && len(a.Links) == 0
		if denied && len(good.Final)+len(good.Links) > 0 || denied && a.Rcode == wire.NXDomain && !v.EmptyNonTerminal && good.Rcode != wire.NXDomain && !v.NXName {
			t.Errorf("%s is denied with %s: %s", q, a.Rcode, meaningOf(good))
		}
	})
}

const fuzzZone = `
www    A     192.0.2.80
*.wild A     192.0.2.99
old    DNAME new
x.new  A     192.0.2.81
alias  CNAME www
a.ent  A     192.0.2.82
plain  NS    ns.example.net.
`
