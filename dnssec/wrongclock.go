package dnssec

import (
	"fmt"
	"time"

	"rootwalk/cache"
)

// This file notices a clock that is plainly wrong. A host that does not know the
// time cannot tell whether a signature is valid, and may need names to find out
// what time it is.
//
// A clock that is before the program was made is certainly wrong. Then signatures
// are checked but for their validity, and nothing is called secure: what is
// signed by others is bogus still, and time servers can be found. Who can set
// the clock back could replay old signatures anyway.
//
// Where the keys of a trust anchor are out of their time by a clock that may be
// right, they are bogus, and the reason says what the clock says.

// timelessTTL is how long conclusions last that were drawn without a clock, in
// seconds: not long after it is set right.
const timelessTTL = 60

// instant is when signatures are judged: the zero time where that is not known.
func (v *Validator) instant() time.Time {
	now := v.o.Now()
	if now.Before(v.o.Earliest) {
		v.doubt(now, "it is before this program was made")
		return time.Time{}
	}
	return now
}

// CheckClock says at once if the clock is certainly wrong, and not only when
// something is validated.
func (v *Validator) CheckClock() { v.instant() }

// doubt says once that the clock is wrong.
func (v *Validator) doubt(now time.Time, reason string) {
	if !v.wrongClock.Swap(true) {
		v.o.Log.Warn("the clock of this host seems to be wrong: set it, or signatures cannot be judged", "clock", now.UTC().Format(time.RFC3339), "reason", reason)
	}
}

// doubtKeys looks whether the keys of a trust anchor are out of their time, or in it
// again.
func (c *check) doubtKeys(s *state) {
	switch {
	case c.now.IsZero() || c.v.o.Earliest.IsZero():
	case s.kind == bogusZone && (s.ede == EDEExpired || s.ede == EDENotYetValid):
		c.v.doubt(c.now, s.reason)
		s.reason += fmt.Sprintf("; or the clock of this host is wrong, which says %s", c.now.UTC().Format(time.RFC3339))
	case s.kind == secureZone && c.v.wrongClock.Swap(false):
		c.v.o.Log.Info("the clock of this host is right again", "clock", c.now.UTC().Format(time.RFC3339))
	}
}

// timeless is what a verdict is worth that was found without a clock.
func (c *check) timeless(v Verdict) Verdict {
	if !c.now.IsZero() {
		return v
	}
	v.TTL = min(v.TTL, timelessTTL)
	if v.Status == cache.Secure {
		v.Status, v.EDE = cache.Insecure, EDEOther
		v.Reason = fmt.Sprintf("signed, but it is not known whether that is valid: the clock of this host is wrong, which says %s", c.v.o.Now().UTC().Format(time.RFC3339))
	}
	return v
}
