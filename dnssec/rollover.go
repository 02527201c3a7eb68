package dnssec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rootwalk/wire"
)

// This file follows the keys of a zone that has trust anchors, as RFC 5011 says:
// a new key that the current ones have vouched for during thirty days becomes an
// anchor, and one that revokes itself is none any more. It reads no clock and
// asks nobody: each DNSKEY set that was fetched is shown to it.

// KeyState is what is thought of a key (RFC 5011 section 4.2). A key that was
// never seen, Start, is not written down.
type KeyState uint8

// The states of a key.
const (
	AddPend KeyState = iota // seen, not yet for long enough
	Valid                   // a trust anchor
	Missing                 // a trust anchor that is not published at the moment
	Revoked                 // it has revoked itself
	Removed                 // revoked long ago; never trusted again
	numKeyStates
)

var keyStates = [numKeyStates]string{"addpend", "valid", "missing", "revoked", "removed"}

func (s KeyState) String() string { return keyStates[s] }

// trusted tells whether a key in the state is a trust anchor.
func (s KeyState) trusted() bool { return s == Valid || s == Missing }

const (
	// addHoldDown is how long a key is watched before it is trusted, and
	// removeHoldDown how long a revoked one is before it is put away (RFC 5011
	// sections 2.4.1 and 2.4.2).
	addHoldDown    = 30 * 24 * time.Hour
	removeHoldDown = 30 * 24 * time.Hour
	// maxTracked is the most keys of a zone that are followed; the root has had four
	// since 2010.
	maxTracked = 32
	// maxPassed is the most time that may pass between two looks and still count as
	// watched: the longest interval between queries. A clock that jumps over a month
	// makes no anchor.
	maxPassed = 15 * 24 * time.Hour
)

// TrackedKey is a key that is followed.
type TrackedKey struct {
	Data  string // RDATA, without the Revoke bit
	State KeyState
	Held  time.Duration // in AddPend and Revoked: how much of the hold-down has passed
	Need  time.Duration // in AddPend: the hold-down
}

// Tag is the key tag, as it is without the Revoke bit.
func (k *TrackedKey) Tag() uint16 { return keyTag(k.Data) }

// TrustPoint is a zone with trust anchors, and what is known of its keys.
type TrustPoint struct {
	Zone    wire.Name
	Anchors []Anchor // as configured: alternatives
	Keys    []TrackedKey
	Checked time.Time // when the last DNSKEY set was seen that a trusted key had signed; zero: never
	Next    time.Time // when to look again

	interval time.Duration // between two looks that succeed; 0: not known
}

// Change is a key that went from one state to another; New where it was seen for
// the first time.
type Change struct {
	Zone     wire.Name
	Tag      uint16
	From, To KeyState
	New      bool
	Gone     bool // was AddPend, and is forgotten (Start)
}

// String is the change on one line.
func (c Change) String() string {
	from, to := c.From.String(), c.To.String()
	if c.New {
		from = "start"
	}
	if c.Gone {
		to = "start"
	}
	return fmt.Sprintf("key %d of %s: %s -> %s", c.Tag, c.Zone, from, to)
}

// Look is when a DNSKEY set was fetched.
type Look struct {
	Now    time.Time     // by the wall clock, to judge signatures
	Passed time.Duration // since the last look
	SHA1   bool          // algorithms 5 and 7 count
}

// Observe shows the trust point a DNSKEY set. It moves keys on only where a
// current trust anchor has signed the set; a key may revoke itself alone (RFC 5011
// section 2.1). An error says why the set counts for nothing.
func (p *TrustPoint) Observe(set *wire.RRset, look Look) ([]Change, error) {
	if set == nil {
		p.retry(look.Now)
		return nil, fmt.Errorf("%s has no DNSKEY records", p.Zone)
	}
	keys := ParseKeys(set)
	changes := p.revocations(set, keys, look.Now) // first: a key that revokes itself vouches for nothing else
	r := judgeKeys(p.Zone, set, p.trust(look.SHA1), look.SHA1, look.Now, NewBudget(false))
	if r.keys == nil {
		p.retry(look.Now)
		return changes, fmt.Errorf("DNSKEY set of %s: %s", p.Zone, r.reason)
	}
	passed := min(max(look.Passed, 0), maxPassed)
	if p.Checked.IsZero() {
		passed = 0
	}
	present := map[string]bool{}
	for _, k := range keys {
		if k.Flags&FlagRevoke != 0 || k.Flags&FlagSEP == 0 || k.problem(look.SHA1) != fine || k.public().problem != fine {
			continue
		}
		present[k.data] = true
	}
	changes = p.step(present, passed, changes)
	for _, k := range keys {
		if present[k.data] && p.find(k.data) == nil {
			if c, ok := p.discover(k, r.signed); ok {
				changes = append(changes, c)
			}
		}
	}
	p.Checked = look.Now
	p.lookAgain(look.Now, r.signed)
	return changes, nil
}

// revocations looks for trust anchors that revoke themselves: that they have signed
// the set is enough (RFC 5011 section 2.1).
func (p *TrustPoint) revocations(set *wire.RRset, keys []*Key, now time.Time) []Change {
	var changes []Change
	for _, k := range keys {
		if k.Flags&FlagRevoke == 0 {
			continue
		}
		data := unrevoked(k)
		t := p.find(data)
		anchor := t == nil && p.configured(data) || t != nil && t.State.trusted()
		if !anchor || !signsItself(set, p.Zone, k, now) {
			continue
		}
		if t == nil {
			p.Keys = append(p.Keys, TrackedKey{Data: strings.Clone(data), State: Valid})
			t = &p.Keys[len(p.Keys)-1]
		}
		changes = append(changes, p.move(t, Revoked))
	}
	return changes
}

// step moves the keys that are known already (RFC 5011 section 4.1), but not those
// that have just changed.
func (p *TrustPoint) step(present map[string]bool, passed time.Duration, changes []Change) []Change {
	kept := p.Keys[:0]
	for i := range p.Keys {
		k := p.Keys[i]
		here := present[k.Data]
		switch {
		case slices.ContainsFunc(changes, func(c Change) bool { return c.Tag == k.Tag() && c.To == k.State }):
		case k.State == AddPend && !here: // KeyRem
			changes = append(changes, Change{Zone: p.Zone, Tag: k.Tag(), From: AddPend, Gone: true})
			continue
		case k.State == AddPend:
			if k.Held += passed; k.Held >= k.Need { // AddTime
				changes = append(changes, p.move(&k, Valid))
			}
		case k.State == Valid && !here: // KeyRem
			changes = append(changes, p.move(&k, Missing))
		case k.State == Missing && here: // KeyPres
			changes = append(changes, p.move(&k, Valid))
		case k.State == Revoked:
			if k.Held += passed; k.Held >= removeHoldDown { // RemTime
				changes = append(changes, p.move(&k, Removed))
			}
		}
		kept = append(kept, k)
	}
	p.Keys = kept
	return changes
}

// discover takes note of a key that was never seen. One that is configured is
// trusted at once: somebody has vouched for it.
func (p *TrustPoint) discover(k *Key, s Signed) (Change, bool) {
	t := TrackedKey{Data: strings.Clone(k.data), State: AddPend, Need: max(addHoldDown, time.Duration(s.original)*time.Second)}
	if p.configured(t.Data) {
		t.State, t.Need = Valid, 0
	}
	if len(p.Keys) >= maxTracked {
		old := slices.IndexFunc(p.Keys, func(k TrackedKey) bool { return k.State == Removed && !p.configured(k.Data) })
		if old < 0 {
			return Change{}, false
		}
		p.Keys = slices.Delete(p.Keys, old, old+1)
	}
	p.Keys = append(p.Keys, t)
	return Change{Zone: p.Zone, Tag: t.Tag(), To: t.State, New: true}, true
}

func (p *TrustPoint) move(k *TrackedKey, to KeyState) Change {
	c := Change{Zone: p.Zone, Tag: k.Tag(), From: k.State, To: to}
	k.State, k.Held, k.Need = to, 0, 0
	return c
}

// The bounds of the time between two looks (RFC 5011 section 2.3).
const (
	minLook  = time.Hour
	maxLook  = 15 * 24 * time.Hour
	maxRetry = 24 * time.Hour
)

// lookAgain sets the time of the next look after one that succeeded: when half of
// the TTL has run out, or half of the signature's time.
func (p *TrustPoint) lookAgain(now time.Time, s Signed) {
	p.interval = min(maxLook, time.Duration(min(s.original, s.left))*time.Second/2)
	p.Next = now.Add(max(minLook, p.interval))
}

// retry sets it after one that failed: a fifth of the interval.
func (p *TrustPoint) retry(now time.Time) {
	p.Next = now.Add(max(minLook, min(maxRetry, p.interval/5)))
}

// due is how long it is until the next look. A time that is further off than the
// interval was written by a clock that was wrong then or is now.
func (p *TrustPoint) due(now time.Time) time.Duration {
	longest := maxLook
	if p.interval > 0 {
		longest = max(minLook, p.interval)
	}
	if left := p.Next.Sub(now); left <= longest {
		return left
	}
	return 0
}

// trust is what a DNSKEY set has to be signed by at the moment.
func (p *TrustPoint) trust(sha1 bool) trust {
	var t trust
	var sets []string
	for _, a := range p.Trusted() {
		if a.Type == wire.TypeDS {
			sets = append(sets, a.Data)
		} else {
			t.keys = append(t.keys, a.Data)
		}
	}
	t.ds, _ = usableDS(sets, sha1)
	return t
}

// Trusted are the anchors that validation begins with: keys that are valid or
// missing, and configured anchors whose key was not seen yet. None at all means
// that every key was revoked, and that the zone is as one without trust anchors
// (RFC 5011 section 5).
func (p *TrustPoint) Trusted() []Anchor {
	var out []Anchor
	for i := range p.Keys {
		if p.Keys[i].State.trusted() {
			out = append(out, Anchor{Zone: p.Zone, Type: wire.TypeDNSKEY, Data: p.Keys[i].Data})
		}
	}
	for _, a := range p.Anchors {
		if !slices.ContainsFunc(p.Keys, func(k TrackedKey) bool { return a.matches(k.Data) }) {
			out = append(out, a)
		}
	}
	return out
}

func (p *TrustPoint) find(data string) *TrackedKey {
	for i := range p.Keys {
		if p.Keys[i].Data == data {
			return &p.Keys[i]
		}
	}
	return nil
}

// configured tells whether a configured anchor means the key.
func (p *TrustPoint) configured(data string) bool {
	return slices.ContainsFunc(p.Anchors, func(a Anchor) bool { return a.matches(data) })
}

// matches tells whether the anchor means the key with this RDATA.
func (a Anchor) matches(key string) bool {
	if a.Type == wire.TypeDNSKEY {
		return a.Data == key
	}
	d, ok := parseDS(a.Data)
	k := parseKey(key)
	return ok && k != nil && d.matches(a.Zone, k)
}

// unrevoked is the RDATA of a key without the Revoke bit, by which it is known.
func unrevoked(k *Key) string {
	if k.Flags&FlagRevoke == 0 {
		return k.data
	}
	return string([]byte{k.data[0], k.data[1] &^ byte(FlagRevoke)}) + k.data[2:]
}

// signsItself tells whether a key has signed the set that it is in.
func signsItself(set *wire.RRset, zone wire.Name, k *Key, at time.Time) bool {
	if k.Flags&FlagZone == 0 || k.Protocol != 3 || k.public().problem != fine {
		return false
	}
	return VerifyRRset(set, zone, []*Key{k}, at, NewBudget(false)).OK
}

// TrustPoints lays what is remembered over the configured anchors: one trust point
// for each zone that has any. What is remembered counts where it began with an
// anchor that is still configured. The notes say in words what was left out.
func TrustPoints(configured []Anchor, remembered []TrustPoint) (points []*TrustPoint, notes []string) {
	for _, a := range configured {
		i := slices.IndexFunc(points, func(p *TrustPoint) bool { return p.Zone == a.Zone })
		if i < 0 {
			i, points = len(points), append(points, &TrustPoint{Zone: a.Zone})
		}
		points[i].Anchors = append(points[i].Anchors, a)
	}
	for _, old := range remembered {
		i := slices.IndexFunc(points, func(p *TrustPoint) bool { return p.Zone == old.Zone })
		if i < 0 || !slices.ContainsFunc(old.Anchors, func(a Anchor) bool { return slices.Contains(points[i].Anchors, a) }) {
			notes = append(notes, fmt.Sprintf("%s: what was remembered began with other trust anchors than are configured, and is left out", old.Zone))
			continue
		}
		p := points[i]
		p.Checked, p.Next, p.interval = old.Checked, old.Next, old.interval
		for _, k := range old.Keys {
			switch known := p.configured(k.Data); {
			case known && k.State == AddPend: // somebody has vouched for it meanwhile
				notes = append(notes, p.move(&k, Valid).String()+": it is configured")
			case known && !k.State.trusted():
				notes = append(notes, fmt.Sprintf("key %d of %s is configured as a trust anchor, but was revoked: it is not trusted", k.Tag(), p.Zone))
			case !known && old.configured(k.Data) && k.State.trusted():
				notes = append(notes, fmt.Sprintf("key %d of %s is no longer configured as a trust anchor: it is forgotten", k.Tag(), p.Zone))
				continue
			}
			p.Keys = append(p.Keys, k)
		}
	}
	return points, notes
}
