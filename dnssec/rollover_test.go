package dnssec

import (
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/wire"
)

const day = 24 * time.Hour

// ksk is a key-signing key that can be revoked.
type ksk struct {
	*signer
	revoked bool
}

func newKSK(t testing.TB) *ksk { return &ksk{signer: newP256(t, ".")} }

// record is the key as it is published now.
func (k *ksk) record() *dns.DNSKEY {
	r := dns.Copy(k.key).(*dns.DNSKEY)
	if k.revoked {
		r.Flags |= dns.REVOKE
	}
	r.Hdr.Ttl = 172800
	return r
}

// keySetOf is a DNSKEY set as some keys have signed it at an instant, for ten days.
func keySetOf(t testing.TB, at time.Time, published, signers []*ksk) *wire.RRset {
	t.Helper()
	var rrs []dns.RR
	for _, k := range published {
		rrs = append(rrs, k.record())
	}
	all := slices.Clone(rrs)
	for _, k := range signers {
		all = append(all, k.sign(t, rrs, func(s *dns.RRSIG) {
			s.KeyTag = k.record().KeyTag()
			s.Inception, s.Expiration = uint32(at.Add(-time.Hour).Unix()), uint32(at.Add(10*day).Unix())
		}))
	}
	return &group(t, all...)[0]
}

// pointOf is a trust point that begins with the keys' DS records.
func pointOf(t testing.TB, keys ...*ksk) *TrustPoint {
	t.Helper()
	var anchors []Anchor
	for _, k := range keys {
		anchors = append(anchors, k.anchors(t)...)
	}
	points, notes := TrustPoints(anchors, nil)
	if len(points) != 1 || len(notes) != 0 {
		t.Fatalf("%d points, notes %q", len(points), notes)
	}
	return points[0]
}

// watch shows a point the same set once a day, from an instant on.
func watch(t testing.TB, p *TrustPoint, from time.Time, days int, published, signers []*ksk) (now time.Time, changes []Change) {
	t.Helper()
	for now = from; days > 0; days-- {
		now = now.Add(day)
		c, err := p.Observe(keySetOf(t, now, published, signers), Look{Now: now, Passed: day})
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, c...)
	}
	return now, changes
}

func wantState(t testing.TB, p *TrustPoint, k *ksk, want KeyState) {
	t.Helper()
	data := unrevoked(k.keys(t)[0])
	got := p.find(data)
	if got == nil || got.State != want {
		t.Errorf("key %d is %+v, want %s", k.key.KeyTag(), got, want)
	}
	trusts := slices.ContainsFunc(p.Trusted(), func(a Anchor) bool { return a.matches(data) })
	if trusts != want.trusted() {
		t.Errorf("key %d in state %s: trusted is %v", k.key.KeyTag(), want, trusts)
	}
}

func TestConfiguredKeysAreTrustedAtOnceAndOthersAreNot(t *testing.T) {
	a, b := newKSK(t), newKSK(t)
	p := pointOf(t, a)
	if len(p.Trusted()) != 1 || p.Trusted()[0].Type != wire.TypeDS {
		t.Fatal("before the first look the configured anchor counts")
	}
	watch(t, p, when, 1, []*ksk{a, b}, []*ksk{a})
	wantState(t, p, a, Valid)
	wantState(t, p, b, AddPend)
}

func TestAKeyIsTrustedWhenThirtyDaysHavePassed(t *testing.T) {
	a, b := newKSK(t), newKSK(t)
	p := pointOf(t, a)
	now, _ := watch(t, p, when, 30, []*ksk{a, b}, []*ksk{a})
	wantState(t, p, b, AddPend) // seen for the first time at the end of day one
	_, changes := watch(t, p, now, 1, []*ksk{a, b}, []*ksk{a})
	wantState(t, p, b, Valid)
	if len(changes) != 1 || changes[0].From != AddPend || changes[0].To != Valid {
		t.Errorf("changes are %v", changes)
	}
}

func TestALongerTTLMakesALongerHoldDown(t *testing.T) {
	p := pointOf(t, newKSK(t))
	k := newKSK(t).keys(t)[0]
	if _, ok := p.discover(k, Signed{original: 40 * 86400}); !ok || p.Keys[0].Need != 40*day {
		t.Errorf("the hold-down is %v", p.Keys[0].Need)
	}
}

func TestAKeyThatIsAwayForOneLookBeginsAnew(t *testing.T) {
	a, b := newKSK(t), newKSK(t)
	p := pointOf(t, a)
	now, _ := watch(t, p, when, 29, []*ksk{a, b}, []*ksk{a})
	now, changes := watch(t, p, now, 1, []*ksk{a}, []*ksk{a})
	if len(changes) != 1 || !changes[0].Gone {
		t.Fatalf("changes are %v", changes)
	}
	now, _ = watch(t, p, now, 30, []*ksk{a, b}, []*ksk{a})
	wantState(t, p, b, AddPend)
	watch(t, p, now, 1, []*ksk{a, b}, []*ksk{a})
	wantState(t, p, b, Valid)
}

func TestAnAnchorThatIsNotPublishedIsMissingAndTrusted(t *testing.T) {
	a, b := newKSK(t), newKSK(t)
	p := pointOf(t, a, b)
	now, _ := watch(t, p, when, 1, []*ksk{a, b}, []*ksk{a})
	now, _ = watch(t, p, now, 60, []*ksk{a}, []*ksk{a})
	wantState(t, p, b, Missing)
	watch(t, p, now, 1, []*ksk{a, b}, []*ksk{b})
	wantState(t, p, b, Valid)
}

func TestAKeyRevokesItself(t *testing.T) {
	a, b := newKSK(t), newKSK(t)
	p := pointOf(t, a, b)
	now, _ := watch(t, p, when, 1, []*ksk{a, b}, []*ksk{a, b})
	a.revoked = true
	now, changes := watch(t, p, now, 1, []*ksk{a, b}, []*ksk{a, b})
	if len(changes) != 1 || changes[0].To != Revoked {
		t.Fatalf("changes are %v", changes)
	}
	wantState(t, p, a, Revoked)
	now, _ = watch(t, p, now, 29, []*ksk{b}, []*ksk{b})
	wantState(t, p, a, Revoked)
	watch(t, p, now, 2, []*ksk{b}, []*ksk{b})
	wantState(t, p, a, Removed)
}

func TestARevocationCountsThoughNoOtherAnchorHasSigned(t *testing.T) {
	a := newKSK(t)
	for _, seen := range []bool{true, false} {
		p := pointOf(t, a)
		if a.revoked = false; seen {
			watch(t, p, when, 1, []*ksk{a}, []*ksk{a})
		}
		a.revoked = true
		now := when.Add(2 * day)
		changes, err := p.Observe(keySetOf(t, now, []*ksk{a}, []*ksk{a}), Look{Now: now, Passed: day})
		if err == nil || len(changes) != 1 {
			t.Errorf("changes are %v, error %v", changes, err)
		}
		wantState(t, p, a, Revoked)
		if len(p.Trusted()) != 0 {
			t.Error("the zone has no trust anchor any more")
		}
	}
}

func TestTheRevokeBitWithoutTheKeysOwnSignatureRevokesNothing(t *testing.T) {
	a, b := newKSK(t), newKSK(t)
	p := pointOf(t, a, b)
	now, _ := watch(t, p, when, 1, []*ksk{a, b}, []*ksk{a, b})
	a.revoked = true
	watch(t, p, now, 1, []*ksk{a, b}, []*ksk{b})
	wantState(t, p, a, Missing)
}

func TestARevokedKeyNeverComesBack(t *testing.T) {
	a, b := newKSK(t), newKSK(t)
	for _, days := range []int{1, 40} { // Revoked, Removed
		p := pointOf(t, a, b)
		now, _ := watch(t, p, when, 1, []*ksk{a, b}, []*ksk{a, b})
		a.revoked = true
		now, _ = watch(t, p, now, days, []*ksk{a, b}, []*ksk{a, b})
		a.revoked = false // somebody has the key, and publishes it as if nothing had happened
		now = now.Add(day)
		if _, err := p.Observe(keySetOf(t, now, []*ksk{a}, []*ksk{a}), Look{Now: now, Passed: day}); err == nil {
			t.Error("a set that only the revoked key has signed was taken")
		}
		wantState(t, p, b, Valid) // not Missing
		now, changes := watch(t, p, now, 40, []*ksk{a, b}, []*ksk{b})
		for _, c := range changes {
			if c.Tag == a.key.KeyTag() && c.To != Removed {
				t.Errorf("the revoked key: %v", c)
			}
		}
		points, notes := TrustPoints(append(a.anchors(t), b.anchors(t)...), reread(t, p)) // though it is configured still
		if len(notes) != 1 {
			t.Errorf("notes are %q", notes)
		}
		watch(t, points[0], now, 1, []*ksk{a, b}, []*ksk{b})
		wantState(t, points[0], a, Removed)
	}
}

func TestASetThatNoCurrentAnchorHasSignedCountsForNothing(t *testing.T) {
	a, b, c := newKSK(t), newKSK(t), newKSK(t)
	p := pointOf(t, a)
	now, _ := watch(t, p, when, 20, []*ksk{a, b}, []*ksk{a}) // b is pending
	before := AppendTrustPoints(nil, []*TrustPoint{p})
	both := []*ksk{a, b, c}
	spoilt := keySetOf(t, now, both, []*ksk{a})
	spoilt.Sigs[0] = spoilt.Sigs[0][:len(spoilt.Sigs[0])-1] + "\x00"
	zone := newP256(t, ".")
	zone.key.Flags = 256
	for name, set := range map[string]*wire.RRset{
		"nothing":         nil,
		"not signed":      keySetOf(t, now, both, nil),
		"new key alone":   keySetOf(t, now, both, []*ksk{c}),
		"pending key":     keySetOf(t, now, both, []*ksk{b}),
		"expired":         keySetOf(t, now.Add(-11*day), both, []*ksk{a}),
		"not yet valid":   keySetOf(t, now.Add(11*day), both, []*ksk{a}),
		"wrong signature": spoilt,
		"zone key":        keySetOf(t, now, append(both, &ksk{signer: zone}), []*ksk{{signer: zone}}),
		"other zone":      {Name: name("com."), Type: wire.TypeDNSKEY, Class: wire.ClassIN, Data: keySetOf(t, now, both, []*ksk{a}).Data, Sigs: keySetOf(t, now, both, []*ksk{a}).Sigs},
	} {
		changes, err := p.Observe(set, Look{Now: now, Passed: 10 * day})
		if err == nil || len(changes) > 0 {
			t.Errorf("%s: changes %v, error %v", name, changes, err)
		}
		p.Next = when
		q := *p
		q.Next = now.Add(day) // what is planned may differ, what is believed may not
		if got := reread(t, &q); !slices.Equal(got[0].Keys, reread(t, p)[0].Keys) || len(got[0].Keys) != 2 {
			t.Errorf("%s: keys are %v", name, got[0].Keys)
		}
	}
	if old, err := ReadTrustPoints(before); err != nil || !slices.Equal(old[0].Keys, p.Keys) {
		t.Errorf("keys were %v, are %v (%v)", old[0].Keys, p.Keys, err)
	}
}

func TestKeysThatCannotBeAnchorsAreNotFollowed(t *testing.T) {
	a, zone, unknown := newKSK(t), newKSK(t), newKSK(t)
	zone.key.Flags = 256
	unknown.key.Algorithm = 200
	p := pointOf(t, a)
	watch(t, p, when, 1, []*ksk{a, zone, unknown}, []*ksk{a})
	if len(p.Keys) != 1 {
		t.Errorf("%d keys are followed", len(p.Keys))
	}
}

func TestTheNumberOfKeysIsBounded(t *testing.T) {
	a := newKSK(t)
	p := pointOf(t, a)
	for i := range 3 * maxTracked {
		k := parseKey("\x01\x01\x03\x0d" + string(rune('a'+i)) + "key")
		p.discover(k, Signed{})
		if i == 5 {
			p.Keys[5].State = Removed
		}
	}
	if len(p.Keys) != maxTracked || slices.ContainsFunc(p.Keys, func(k TrackedKey) bool { return k.State == Removed }) {
		t.Errorf("%d keys; those that were removed make room", len(p.Keys))
	}
}

func TestAClockThatJumpsMakesNoAnchor(t *testing.T) {
	a, b := newKSK(t), newKSK(t)
	for _, jump := range []time.Duration{400 * day, -400 * day} {
		p := pointOf(t, a)
		now, _ := watch(t, p, when, 5, []*ksk{a, b}, []*ksk{a}) // 4 days
		now = now.Add(jump)
		if _, err := p.Observe(keySetOf(t, now, []*ksk{a, b}, []*ksk{a}), Look{Now: now, Passed: jump}); err != nil {
			t.Fatal(err)
		}
		wantState(t, p, b, AddPend)
		if held := p.find(b.keys(t)[0].data).Held; held > 19*day || held < 4*day {
			t.Errorf("after a jump of %v it counts as watched for %v", jump, held)
		}
		if wait := p.due(now.Add(-jump)); wait > 5*day {
			t.Errorf("when the clock is set right the next look is in %v", wait)
		}
	}
}

func TestWhenTheNextLookIs(t *testing.T) {
	for _, c := range []struct {
		ttl, left  uint32
		good, fail time.Duration
	}{
		{172800, 20 * 86400, day, 172800 / 10 * time.Second},
		{172800, 86400, 12 * time.Hour, 8640 * time.Second},
		{60, 20 * 86400, time.Hour, time.Hour},
		{60 * 86400, 60 * 86400, 15 * day, day},
		{60 * 86400, 5 * 86400, 5 * day / 2, 5 * day / 10},
	} {
		p := TrustPoint{}
		if p.lookAgain(when, Signed{original: c.ttl, left: c.left}); p.Next.Sub(when) != c.good {
			t.Errorf("TTL %d, %d s left: after %v, want %v", c.ttl, c.left, p.Next.Sub(when), c.good)
		}
		for range 2 { // and it stays so
			if p.retry(when); p.Next.Sub(when) != c.fail {
				t.Errorf("TTL %d, %d s left: again after %v, want %v", c.ttl, c.left, p.Next.Sub(when), c.fail)
			}
		}
	}
	p := TrustPoint{}
	if p.retry(when); p.Next.Sub(when) != time.Hour {
		t.Error("a first look that fails is repeated after an hour")
	}
}
