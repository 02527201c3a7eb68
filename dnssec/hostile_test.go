package dnssec

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"rootwalk/cache"
	"rootwalk/wire"
)

// A9, A11: what a hostile zone can make one question cost.
func TestHostileZonesCostLittle(t *testing.T) {
	i := newIsland(t, "example.")
	// 500 keys of one tag, and 500 signatures by it over every set.
	trap := func(sets []wire.RRset) []wire.RRset {
		for n := range sets {
			good := sets[n].Sigs[0]
			sets[n].Sigs = nil
			for k := range 500 {
				sets[n].Sigs = append(sets[n].Sigs, good[:len(good)-3]+string([]byte{byte(k >> 8), byte(k), 0}))
			}
		}
		return sets
	}
	keys := i.book["example. DNSKEY"]
	i.book["example. DNSKEY"] = Fetched{Answer: trap([]wire.RRset{keys.Answer[0]})}
	v := i.check(&Answer{Question: question("a.example. A"), Final: i.signed(t, "a.example. A 192.0.2.1")})
	if v.Status != cache.Bogus || i.b.Signatures() > maxChecks {
		t.Errorf("a trap of keys: %s after %d checks", statusNames[v.Status], i.b.Signatures())
	}
	i.book["example. DNSKEY"] = keys
	for what, a := range map[string]*Answer{
		"signatures": {Question: question("a.example. A"), Final: trap(i.signed(t, "a.example. A 192.0.2.1"))},
		"aliases":    {Question: question("a.example. A"), Links: trap(i.signed(t, "a.example. CNAME b.example.\nb.example. CNAME c.example.")), Next: name("c.example.")},
		"200 NSEC3":  {Question: question("x.example. A"), Rcode: wire.NXDomain, Proofs: trap(i.signed(t, manyNSEC3(200)))},
		"7 NSEC3":    {Question: question("x.example. A"), Rcode: wire.NXDomain, Proofs: trap(i.signed(t, manyNSEC3(7)))},
	} {
		i.v, i.b = New(i.v.o), NewBudget(false)
		v := i.check(a)
		if v.Status != cache.Bogus || i.b.Failed() > maxFailed || i.b.Signatures() > maxFailed+1 {
			t.Errorf("%s: %s after %d checks, %d failed", what, statusNames[v.Status], i.b.Signatures(), i.b.Failed())
		}
	}
	// 200 that are all well signed.
	i.v, i.b = New(i.v.o), NewBudget(false)
	v = i.check(&Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, Proofs: i.signed(t, manyNSEC3(200))})
	if v.Status != cache.Bogus || i.b.Signatures() > maxDenials+1 || !strings.HasPrefix(v.Reason, "limit: ") {
		t.Errorf("200 good NSEC3: %s (%s) after %d checks", statusNames[v.Status], v.Reason, i.b.Signatures())
	}
}

func manyNSEC3(n int) string {
	var plain nsec3Text
	var b strings.Builder
	for i := range n {
		b.WriteString(plain.record(fmt.Sprintf("n%d.example.", i), "A RRSIG"))
	}
	return b.String()
}

// A server that strips all signatures cannot make a long name cost much.
func TestUnsignedRepliesAreFollowedForAWhileOnly(t *testing.T) {
	i := newIsland(t, "example.")
	for _, hint := range []wire.Name{name("example."), ""} {
		i.v, i.b = New(i.v.o), NewBudget(false)
		silent := &strip{book: i.book, zone: hint}
		v := i.v.Check(context.Background(), silent, i.b, &Answer{Question: question(strings.Repeat("a.", 100) + "example. A"), Zone: name("example."), Rcode: wire.NXDomain}, nil)
		if v.Status != cache.Bogus || silent.asked > maxMisses+2 {
			t.Errorf("%s (%s) after %d fetches", statusNames[v.Status], v.Reason, silent.asked)
		}
	}
}

// strip is a Fetcher whose servers send no signatures but for the keys.
type strip struct {
	book  book
	zone  wire.Name
	asked int
}

func (s *strip) Fetch(ctx context.Context, q wire.Question) (Fetched, error) {
	s.asked++
	if got, err := s.book.Fetch(ctx, q); err == nil {
		return got, nil
	}
	return Fetched{Rcode: wire.NXDomain, Zone: s.zone}, nil
}

// What a name within a zone keeps alive is counted with it.
func TestTheCostOfANameWithinAZoneIncludesItsKeys(t *testing.T) {
	s := newP256(t, "example.")
	zone := &state{kind: secureZone, zone: name("example."), keys: s.keys(t)}
	within := &state{kind: notACut, zone: zone.zone, above: zone}
	if zone.cost(zone.zone) <= stateOverhead+keyOverhead || within.cost(zone.zone) != zone.cost(zone.zone) {
		t.Errorf("a zone costs %d, a name within it %d", zone.cost(zone.zone), within.cost(zone.zone))
	}
}
