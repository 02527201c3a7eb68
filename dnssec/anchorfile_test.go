package dnssec

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// reread writes a trust point down and reads it again, as a restart does.
func reread(t testing.TB, p *TrustPoint) []TrustPoint {
	t.Helper()
	got, err := ReadTrustPoints(AppendTrustPoints(nil, []*TrustPoint{p}))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTrustPointsOutliveARestart(t *testing.T) {
	a, b := newKSK(t), newKSK(t)
	p := pointOf(t, a)
	p.Anchors = append(p.Anchors, Anchor{Zone: p.Zone, Type: 48, Data: b.keys(t)[0].data})
	now, _ := watch(t, p, when, 3, []*ksk{a, newKSK(t)}, []*ksk{a})
	got := reread(t, p)[0]
	if got.Zone != p.Zone || !slices.Equal(got.Anchors, p.Anchors) || !slices.Equal(got.Keys, p.Keys) || !got.Checked.Equal(now) || !got.Next.Equal(p.Next) {
		t.Errorf("wrote %+v\nread %+v", p, got)
	}
	if got.Keys[1].Held != 2*day || got.Keys[1].Need != 30*day {
		t.Errorf("the hold-down is %+v", got.Keys[1])
	}
}

// TestARestartInEachState has each state meet each event behind a restart.
func TestARestartInEachState(t *testing.T) {
	a, b := newKSK(t), newKSK(t)
	data := b.keys(t)[0].data
	for _, c := range []struct {
		state            KeyState
		held             time.Duration
		present, revoked bool
		want             KeyState
		gone             bool
	}{
		{state: AddPend, held: 10 * day, present: true, want: AddPend},
		{state: AddPend, held: 29 * day, present: true, want: Valid},
		{state: AddPend, held: 29 * day, gone: true},
		{state: AddPend, held: 29 * day, present: true, revoked: true, gone: true},
		{state: Valid, present: true, want: Valid},
		{state: Valid, want: Missing},
		{state: Valid, present: true, revoked: true, want: Revoked},
		{state: Missing, want: Missing},
		{state: Missing, present: true, want: Valid},
		{state: Missing, present: true, revoked: true, want: Revoked},
		{state: Revoked, held: 10 * day, present: true, want: Revoked},
		{state: Revoked, held: 29 * day, want: Removed},
		{state: Removed, present: true, want: Removed},
		{state: Removed, want: Removed},
	} {
		p := pointOf(t, a)
		p.Keys = []TrackedKey{{Data: a.keys(t)[0].data, State: Valid}, {Data: data, State: c.state, Held: c.held, Need: addHoldDown}}
		p.Checked = when
		points, notes := TrustPoints(p.Anchors, reread(t, p))
		if len(notes) > 0 {
			t.Errorf("%s: notes are %q", c.state, notes)
		}
		published, signers := []*ksk{a}, []*ksk{a}
		if b.revoked = c.revoked; c.present {
			published, signers = []*ksk{a, b}, []*ksk{a, b}
		}
		watch(t, points[0], when, 1, published, signers)
		if c.gone {
			if points[0].find(data) != nil {
				t.Errorf("%+v: not forgotten", c)
			}
			continue
		}
		wantState(t, points[0], b, c.want)
	}
}

func TestWhatIsConfiguredMeetsWhatIsRemembered(t *testing.T) {
	a, b := newKSK(t), newKSK(t)
	p := pointOf(t, a)
	watch(t, p, when, 3, []*ksk{a, b}, []*ksk{a})
	remembered := reread(t, p)

	points, notes := TrustPoints(append(a.anchors(t), b.anchors(t)...), remembered)
	if wantState(t, points[0], b, Valid); len(notes) != 1 {
		t.Errorf("a pending key that is configured now: notes %q", notes)
	}
	points, notes = TrustPoints(b.anchors(t), remembered)
	if len(notes) != 1 || len(points[0].Keys) != 0 || len(points[0].Trusted()) != 1 {
		t.Errorf("another anchor: notes %q, point %+v", notes, points[0])
	}
	p.Keys[1].State = Valid
	p.Anchors = append(a.anchors(t), b.anchors(t)...)
	points, notes = TrustPoints(a.anchors(t), reread(t, p))
	if points[0].find(b.keys(t)[0].data) != nil || len(notes) != 1 {
		t.Errorf("an anchor that is not configured any more: notes %q", notes)
	}
	if _, notes = TrustPoints(nil, remembered); len(notes) != 1 {
		t.Errorf("a zone without anchors: notes %q", notes)
	}
}

func TestAStateThatIsNotWholeIsRefused(t *testing.T) {
	a := newKSK(t)
	p := pointOf(t, a)
	watch(t, p, when, 3, []*ksk{a, newKSK(t)}, []*ksk{a})
	text := AppendTrustPoints(nil, []*TrustPoint{p})
	for i := range text {
		if _, err := ReadTrustPoints(text[:i]); err == nil {
			t.Fatalf("cut to %d of %d octets it was taken", i, len(text))
		}
		spoilt := slices.Clone(text)
		spoilt[i] ^= 1
		if _, err := ReadTrustPoints(spoilt); err == nil {
			t.Fatalf("with another octet %d it was taken", i)
		}
	}
	for _, text := range []string{"", ". IN DS 20326 8 2 00\n", "rootwalk trust anchor state 2\nwhat\n"} {
		if _, err := ReadTrustPoints([]byte(text)); !errors.Is(err, ErrNotOurs) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func FuzzReadTrustPoints(f *testing.F) {
	a := newKSK(f)
	p := pointOf(f, a)
	watch(f, p, when, 2, []*ksk{a, newKSK(f)}, []*ksk{a})
	text := string(AppendTrustPoints(nil, []*TrustPoint{p}))
	body := text[strings.Index(text, "\nzone")+1 : strings.Index(text, "end ")]
	f.Add(body)
	f.Fuzz(func(t *testing.T, body string) {
		text := stateHeader + "\n" + body + "\n"
		points, err := ReadTrustPoints([]byte(text + seal([]byte(text))))
		if err != nil {
			return
		}
		var list []*TrustPoint
		for i := range points {
			list = append(list, &points[i])
		}
		if _, err := ReadTrustPoints(AppendTrustPoints(nil, list)); err != nil {
			t.Errorf("what was read from %q is written and not read: %v", body, err)
		}
	})
}
