package upstream

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"rootwalk/clock"
)

func TestWhatIsKnownOfServersIsCarriedOver(t *testing.T) {
	now := clock.Time(time.Hour)
	o := Options{Clock: func() clock.Time { return now }}
	u := New(o)
	near, far, old, silent := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.3"), netip.MustParseAddr("192.0.2.4")
	u.know(old).answered(time.Millisecond, now)
	now = now.Add(forgetAfter + time.Second)
	u.know(near).answered(5*time.Millisecond, now)
	u.know(near).understandsEDNS()
	u.know(far).answered(200*time.Millisecond, now.Add(-time.Minute))
	u.know(silent).silent(now)
	b := u.Export()
	// A change of this form needs another version of the snapshot that it stands in (cache/snapshot.go).
	if got, want := fmt.Sprintf("%x", b), "00000000000000000000ffffc000020188130000c40900000000000001"+"20010db8000000000000000000000001400d0300a08601003c00000000"; got != want {
		t.Errorf("the exported form is\n%s, want\n%s", got, want)
	}

	now = clock.Time(5 * time.Second) // another process
	v := New(o)
	v.know(far).answered(150*time.Millisecond, now)
	if n := v.Import(b, 2*time.Minute); n != 1 {
		t.Errorf("%d servers were taken over, want 1", n)
	}
	if s := v.know(near); s.srtt != 5*time.Millisecond || s.rttvar != 2500*time.Microsecond || !s.edns || now.Sub(s.measured) != 2*time.Minute {
		t.Errorf("the near server is known as %+v", s)
	}
	if s := v.know(far); s.srtt != 150*time.Millisecond {
		t.Errorf("what was known already was replaced: %v", s.srtt)
	}
	if n := v.Stats().Servers; n != 2 {
		t.Errorf("%d servers are known, want 2", n)
	}
	if n := New(o).Import(b, forgetAfter+time.Second); n != 0 {
		t.Errorf("%d servers of long ago were taken over", n)
	}
}

func FuzzImport(f *testing.F) {
	u := New(Options{})
	u.know(netip.MustParseAddr("192.0.2.1")).answered(time.Millisecond, clock.Now())
	f.Add(u.Export())
	f.Fuzz(func(t *testing.T, b []byte) {
		u := New(Options{})
		u.Import(b, 0)
		for _, a := range u.servers.Keys() {
			s := u.know(a)
			if d := s.timeout(DefaultTimeout, 0, 0); d < minTimeout || d > maxTimeout {
				t.Errorf("%s has a timeout of %v", a, d)
			}
		}
	})
}
