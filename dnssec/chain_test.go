package dnssec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/wire"
)

func TestValidityIsThatOfTheWallClock(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed inception=20251201 expiration=20260201"))
	at := when
	w.o.Now = func() time.Time { return at }
	for _, c := range []struct {
		at     time.Time
		status cache.Status
		ede    wire.EDE
	}{
		{when, cache.Secure, wire.NoEDE},
		{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), cache.Bogus, EDEExpired},
		{time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC), cache.Bogus, EDENotYetValid},
	} {
		at = c.at
		w.fresh()
		v := w.judge("www.example.com.", "A")
		want(t, c.at.String(), v, c.status, c.ede)
		if c.status == cache.Secure && v.TTL != 300 {
			t.Errorf("TTL %d, want 300", v.TTL)
		}
	}
	at = time.Date(2026, 1, 31, 23, 59, 0, 0, time.UTC)
	w.fresh()
	if v := w.judge("www.example.com.", "A"); v.TTL != 60 {
		t.Errorf("TTL %d a minute before expiration", v.TTL)
	}
}

// RFC 7646.
func TestNegativeTrustAnchorsMakeInsecure(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed"))
	w.o.NegativeAnchors = NegativeAnchors(map[wire.Name]time.Time{name("example.com."): {}}, nil)
	faults(t, w, "192.0.2.1", "bogus")
	for owner, status := range map[string]cache.Status{"www.example.com.": cache.Insecure, "example.com.": cache.Insecure, "gone.secure.example.com.": cache.Insecure, "gone.com.": cache.Secure} {
		w.fresh()
		want(t, owner, w.judge(owner, "A"), status, wire.NoEDE)
	}
	w.fresh()
	want(t, "the DS records are the parent's", w.judge("example.com.", "DS"), cache.Secure, wire.NoEDE)
}

func TestWithoutATrustAnchorNothingIsSecure(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed"))
	w.o.Anchors = nil
	w.fresh()
	want(t, "no anchor", w.judge("www.example.com.", "A"), cache.Insecure, wire.NoEDE)
	if len(w.fetched) > 0 {
		t.Errorf("fetched %q", w.fetched)
	}
}

// An island of security: a zone with an anchor of its own below an insecure one.
func TestTheClosestAnchorCounts(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed"))
	key, err := dns.NewRR(keyOf(t, w, "nods.net."))
	if err != nil {
		t.Fatal(err)
	}
	island, err := AnchorOf(key)
	if err != nil {
		t.Fatal(err)
	}
	w.o.Anchors = append(w.o.Anchors, island)
	w.fresh()
	want(t, "the island", w.judge("www.nods.net.", "A"), cache.Secure, wire.NoEDE)
	want(t, "its denial", w.judge("gone.nods.net.", "A"), cache.Secure, wire.NoEDE)
	want(t, "its parent's side", w.judge("nods.net.", "DS"), cache.Secure, wire.NoEDE)
	want(t, "beside it", w.judge("www.unsigned.net.", "A"), cache.Insecure, wire.NoEDE)
	// The parent's records cannot stand in for the island's.
	faults(t, w, "192.0.2.7", "no-signatures")
	w.fresh()
	if v := w.judge("www.nods.net.", "A"); v.Status != cache.Bogus {
		t.Errorf("without signatures the island is %s", statusNames[v.Status])
	}
}

// RFC 6840 section 5.10 and appendix C.2: any anchor that leads to success counts,
// but a zone above an anchor cannot make insecure what is below it.
func TestAnyAnchorThatSucceedsCounts(t *testing.T) {
	i := newIsland(t, "example.")
	sub := newP256(t, "sub.example.")
	i.book["a.sub.example. DS"] = Fetched{Authority: sub.signed(t, "a.sub.example. NSEC sub.example. A RRSIG NSEC")}
	byZone := &Answer{Question: question("a.sub.example. A"), Final: sub.signed(t, "a.sub.example. A 192.0.2.1")}
	byParent := &Answer{Question: question("a.sub.example. A"), Final: i.signed(t, "a.sub.example. A 192.0.2.1")}
	secureDS := Fetched{Answer: i.delegation(t, sub)}
	insecureDS := Fetched{Authority: i.signed(t, "sub.example. NSEC z.example. NS RRSIG NSEC")}
	other := newP256(t, "sub.example.")
	top := newP256(t, ".")
	i.book[". DNSKEY"] = top.keySet(t)
	unsignedExample := Fetched{Authority: top.signed(t, "example. NSEC z. NS RRSIG NSEC")}
	for _, c := range []struct {
		what    string
		anchors []Anchor
		a       *Answer
		ds      Fetched
		status  cache.Status
	}{
		{"the zone's own anchor", join2(i.anchors(t), sub.anchors(t)), byZone, insecureDS, cache.Secure},
		{"signed by a secure zone above", join2(i.anchors(t), sub.anchors(t)), byParent, insecureDS, cache.Secure},
		{"an anchor that is out of date below one that is not", join2(i.anchors(t), other.anchors(t)), byZone, secureDS, cache.Secure},
		{"out of date below an insecure delegation", join2(i.anchors(t), other.anchors(t)), byZone, insecureDS, cache.Bogus},
		{"signed by an insecure zone above", join2(top.anchors(t), sub.anchors(t)), byParent, insecureDS, cache.Bogus},
	} {
		i.book["sub.example. DNSKEY"], i.book["sub.example. DS"] = sub.keySet(t), c.ds
		i.book["example. DS"] = unsignedExample
		i.v, i.b = New(options(c.anchors)), NewBudget(false)
		if v := i.check(c.a); v.Status != c.status {
			t.Errorf("%s: %s (%s), want %s", c.what, statusNames[v.Status], v.Reason, statusNames[c.status])
		}
	}
}

func join2(a, b []Anchor) []Anchor { return append(append([]Anchor(nil), a...), b...) }

// A name within a zone is remembered no longer than the zone's keys.
func TestANameWithinAZoneIsForgottenWithIt(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed"))
	var now clock.Time
	w.o.Clock = func() clock.Time { return now }
	w.fresh()
	a := w.answer("www.example.com.", wire.TypeA)
	w.check(a) // the keys are good for 300 s
	a.Final = unsigned(a.Final)
	for _, c := range []struct {
		at   clock.Time
		asks bool
	}{{200, true}, {299, false}, {301, true}} {
		now, w.fetched = c.at*clock.Second, nil
		if v := w.check(a); v.Status != cache.Bogus || slices.Contains(w.fetched, "www.example.com. DS") != c.asks {
			t.Errorf("at %d s: %s, fetched %q", c.at, statusNames[v.Status], w.fetched)
		}
	}
}

// keyOf prints a zone's key-signing key.
func keyOf(t *testing.T, w *world, zone string) string {
	t.Helper()
	for _, line := range strings.Split(w.net.Zone(zone), "\n") {
		if strings.Contains(line, "DNSKEY\t257") || strings.Contains(line, "DNSKEY 257") {
			return line
		}
	}
	t.Fatalf("no key in\n%s", w.net.Zone(zone))
	return ""
}

func TestAWrongAnchorMakesAllBogus(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed"))
	a := w.o.Anchors[0]
	a.Data = a.Data[:len(a.Data)-1] + "x"
	w.o.Anchors = []Anchor{a}
	w.fresh()
	want(t, "wrong digest", w.judge("www.example.com.", "A"), cache.Bogus, EDEKeyMissing)
	a.Data = a.Data[:2] + "\xc8" + a.Data[3:]
	w.v.SetAnchors([]Anchor{a})
	want(t, "unsupported algorithm", w.judge("www.example.com.", "A"), cache.Insecure, EDEUnsupportedAlgorithm)
}

// failing is a Fetcher that cannot get one set.
type failing struct {
	*world
	q   string
	err error
}

func (f failing) Fetch(ctx context.Context, q wire.Question) (Fetched, error) {
	if q.String() == f.q {
		return Fetched{}, f.err
	}
	return f.world.Fetch(ctx, q)
}

type walkError struct{ ede wire.EDE }

func (walkError) Error() string             { return "no\nserver" }
func (e walkError) ExtendedError() wire.EDE { return e.ede }

func TestWhatCannotBeFetchedIsIndeterminate(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed"))
	for _, q := range []string{"com. DS", "example.com. DS", "example.com. DNSKEY", ". DNSKEY"} {
		for _, c := range []struct {
			err error
			ede wire.EDE
		}{{errNotInBook, EDEIndeterminate}, {fmt.Errorf("walk: %w", walkError{wire.EDENetworkError}), wire.EDENetworkError}} {
			w.fresh()
			v := w.v.Check(context.Background(), failing{w, q, c.err}, w.budget, w.answer("www.example.com.", wire.TypeA), nil)
			ede := c.ede
			if strings.HasSuffix(q, " DNSKEY") { // RFC 8914 section 4.10
				ede = EDEKeyMissing
			}
			want(t, q, v, cache.Indeterminate, ede)
			if !errors.Is(v.Err, c.err) {
				t.Errorf("%s: the error %v is lost", q, v.Err)
			}
			if strings.Contains(v.Reason, "\n") {
				t.Errorf("%q is two lines", v.Reason)
			}
			want(t, "once it can be fetched", w.judge("www.example.com.", "A"), cache.Secure, wire.NoEDE)
		}
	}
	w.fresh()
	faults(t, w, "192.5.6.30", "only-type DS answer-rcode 5")
	want(t, "an error reply", w.judge("www.example.com.", "A"), cache.Indeterminate, EDEIndeterminate)
}

// An alias has no DS records, and no proof of that: where the alias is not
// signed, that is what is wrong.
func TestAnAliasThatIsNotSignedIsCalledSo(t *testing.T) {
	w := newWorld(t, "== zone example.com @ 192.0.2.1 signed\nwww A 192.0.2.80\nalias CNAME www\nold DNAME new\nwww.new A 192.0.2.81\n")
	faults(t, w, "192.0.2.1", "unsigned CNAME DNAME")
	want(t, "CNAME", w.judge("alias.example.com.", "A"), cache.Bogus, EDESignaturesMissing)
	want(t, "DNAME", w.judge("www.old.example.com.", "A"), cache.Bogus, EDESignaturesMissing)
	faults(t, w, "192.0.2.1", "")
	w.fresh()
	want(t, "signed", w.judge("alias.example.com.", "A"), cache.Secure, wire.NoEDE)
}

// second is a Fetcher whose first server lies.
type second struct {
	*world
	lies     int
	rejected []string
}

func (s *second) Reject(q wire.Question, reason string) bool {
	s.rejected = append(s.rejected, q.String())
	if s.lies--; s.lies <= 0 {
		s.world.change = nil
	}
	return true
}

func TestBogusSetsAreFetchedFromOtherServers(t *testing.T) {
	lie := func(only wire.Type) func(wire.Question, *wire.Message) {
		return func(q wire.Question, m *wire.Message) {
			if q.Type != only || q.Name != name("example.com.") {
				return
			}
			for i := range m.Answer {
				if r := &m.Answer[i]; r.Type == wire.TypeRRSIG {
					r.Data = r.Data[:len(r.Data)-1] + "?"
				}
			}
		}
	}
	for _, only := range []wire.Type{wire.TypeDS, wire.TypeDNSKEY} {
		for lies, status := range map[int]cache.Status{1: cache.Secure, 2: cache.Secure, 3: cache.Bogus} {
			w := newWorld(t, fmt.Sprintf(labText, "signed"))
			a := w.answer("www.example.com.", wire.TypeA)
			w.change = lie(only)
			s := &second{world: w, lies: lies}
			v := w.v.Check(context.Background(), s, w.budget, a, nil)
			if v.Status != status || len(s.rejected) != min(lies, 2) {
				t.Errorf("%s, %d lies: %s (%s), rejected %q", only, lies, statusNames[v.Status], v.Reason, s.rejected)
			}
		}
	}
}

func TestStatesAreForgottenInTime(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed"))
	var now clock.Time
	w.o.Clock = func() clock.Time { return now }
	w.fresh()
	w.judge("www.example.com.", "A")
	for _, c := range []struct {
		after   time.Duration
		fetches []string
	}{
		{299 * time.Second, nil},
		{300 * time.Second, []string{"example.com. DS", "example.com. DNSKEY"}}, // its DNSKEY has a TTL of 300
		{3600 * time.Second, []string{"example.com. DS", "com. DS", ". DNSKEY", "com. DNSKEY", "example.com. DNSKEY"}},
	} {
		now, w.fetched = clock.Time(c.after), nil
		want(t, c.after.String(), w.judge("www.example.com.", "A"), cache.Secure, wire.NoEDE)
		if !slices.Equal(w.fetched, c.fetches) {
			t.Errorf("after %s: fetched %q, want %q", c.after, w.fetched, c.fetches)
		}
	}
	w.fetched = nil
	w.v.Flush(name("com."))
	w.judge("www.example.com.", "A")
	if len(w.fetched) != 4 {
		t.Errorf("after a flush: fetched %q", w.fetched)
	}
}

func TestABrokenChainIsRememberedForSeconds(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed"))
	var now clock.Time
	w.o.Clock = func() clock.Time { return now }
	w.fresh()
	a := w.answer("www.example.com.", wire.TypeA)
	faults(t, w, "192.0.2.1", "bogus")
	if v := w.check(a); v.Status != cache.Bogus {
		t.Fatal(v)
	}
	checks := w.budget.Failed()
	faults(t, w, "192.0.2.1", "")
	now = clock.Time((bogusTTL - 1) * clock.Second)
	if v := w.check(a); v.Status != cache.Bogus || w.budget.Failed() != checks {
		t.Errorf("%s after %d failed checks", statusNames[v.Status], w.budget.Failed())
	}
	now = clock.Time(bogusTTL * clock.Second)
	want(t, "after the repair", w.check(a), cache.Secure, wire.NoEDE)
}

// What the budget of one question made bogus is not remembered for others.
func TestAnEmptyBudgetIsNotRemembered(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed=nsec3"))
	a := w.answer("www.insecure.example.com.", wire.TypeA)
	for range maxSignatures {
		w.budget.signature()
	}
	if v := w.check(a); v.Status != cache.Bogus || !strings.HasPrefix(v.Reason, "limit: ") {
		t.Errorf("no checks left: %s (%s)", statusNames[v.Status], v.Reason)
	}
	w.budget = NewBudget(false)
	for range maxHashes {
		w.budget.hash()
	}
	if v := w.check(a); v.Status != cache.Bogus || !strings.HasPrefix(v.Reason, "limit: ") {
		t.Errorf("no hashes left: %s (%s)", statusNames[v.Status], v.Reason)
	}
	w.budget = NewBudget(false)
	want(t, "another question", w.check(a), cache.Insecure, wire.NoEDE)
}

func TestTheMemoryOfZonesIsBounded(t *testing.T) {
	z := newZoneCache(10_000)
	s := &state{kind: insecureZone, until: 1}
	for i := range 1000 {
		z.put(name(fmt.Sprintf("z%d.example.", i)), s, 0)
	}
	n, bytes := z.size()
	if bytes > 10_000 || n < 10 || n > 25 {
		t.Errorf("%d zones in %d bytes", n, bytes)
	}
	z.flush(wire.Root)
	if n, bytes := z.size(); n != 0 || bytes != 0 {
		t.Errorf("%d zones in %d bytes after a flush", n, bytes)
	}
	if z.put(name("late."), s, 0); z.get(name("late."), 0) != nil {
		t.Error("what was begun before a flush is stored after it")
	}
}

// A trace says every step in words.
func TestTheTraceTellsEveryStep(t *testing.T) {
	w := newWorld(t, fmt.Sprintf(labText, "signed"))
	w.judge("gone.example.com.", "A")
	all := strings.Join(w.lines, "\n")
	for _, words := range []string{". DNSKEY: 2 keys, secure", "com. DS: 1 record, secure", "example.com. DNSKEY: 2 keys, secure", "no gone.example.com. A: secure: proved by example.com.", "example.com. SOA: secure"} {
		if !strings.Contains(all, words) {
			t.Errorf("%q is not in\n%s", words, all)
		}
	}
	s := w.v.Stats()
	if s.Secure != 1 || s.Signatures == 0 || s.Zones != 3 {
		t.Errorf("%+v", s)
	}
}
