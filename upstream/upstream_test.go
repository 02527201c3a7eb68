package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestOnlyUsableAddressesAreAsked(t *testing.T) {
	four, six := port53("192.0.2.1"), port53("2001:db8::1")
	refused := port53("192.0.2.7")
	var dialled []netip.AddrPort
	dial := func(_ context.Context, _ string, a netip.AddrPort) (net.Conn, error) {
		dialled = append(dialled, a)
		return nil, errors.New("no network")
	}
	allowed := func(a netip.AddrPort) bool { return a != refused }
	for _, c := range []struct {
		what   string
		o      Options
		usable []netip.AddrPort
	}{
		{"both families", Options{IPv4: true, IPv6: true, Allowed: allowed}, []netip.AddrPort{four, six}},
		{"IPv4 only", Options{IPv4: true, Allowed: allowed}, []netip.AddrPort{four}},
		{"IPv6 only", Options{IPv6: true, Allowed: allowed}, []netip.AddrPort{six}},
		{"no list", Options{IPv4: true, IPv6: true}, []netip.AddrPort{four, six, refused}},
	} {
		c.o.Dial, c.o.Clock, dialled = dial, bubbleClock, nil
		u := New(c.o)
		for _, a := range []netip.AddrPort{four, six, refused} {
			if got, want := u.Usable(a), slices.Contains(c.usable, a); got != want {
				t.Errorf("%s: Usable(%v) is %v", c.what, a, got)
			}
			if _, err := u.Exchange(context.Background(), Ask{Server: a, Question: question("a."), Spend: free}); !errors.Is(err, ErrUnreachable) {
				t.Errorf("%s: asking %v: %v", c.what, a, err)
			}
		}
		if !slices.Equal(dialled, c.usable) {
			t.Errorf("%s: dialled %v, want %v", c.what, dialled, c.usable)
		}
	}
}

func TestIPv6IsLeftAloneForAWhileWhenItHasNoWayOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone+"== zone example.net @ 2001:db8::1 192.0.2.2\n")
		r.faults("2001:db8::1", "unreachable")
		r.faults("192.0.2.2", "unreachable")
		six, otherSix, four := port53("2001:db8::1"), port53("2001:db8::2"), port53("192.0.2.2")
		ask := func(a netip.AddrPort) {
			if _, err := r.exchange(Ask{Server: a, Question: question("example.net.")}); !errors.Is(err, ErrUnreachable) {
				t.Fatalf("asking %v: %v", a, err)
			}
		}
		ask(four)
		if !r.Usable(six) || !r.Usable(port53(theServer)) {
			t.Fatal("one unreachable IPv4 address put a family out of order")
		}
		ask(six)
		if r.Usable(six) || r.Usable(otherSix) || !r.Usable(four) {
			t.Errorf("usable: %v %v and %v, want IPv4 only", r.Usable(six), r.Usable(otherSix), r.Usable(four))
		}
		time.Sleep(deadFor)
		if !r.Usable(otherSix) {
			t.Error("IPv6 is out of order for ever")
		}
	})
}

func TestATrustedAddressIsAskedThoughItIsNotAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.o.Allowed = func(netip.AddrPort) bool { return false }
		a := asking("www.example.com.")
		if _, err := r.exchange(a); !errors.Is(err, ErrUnreachable) {
			t.Errorf("an address that is not allowed: %v", err)
		}
		r.wantSent("")
		a.Trusted = true
		if _, err := r.exchange(a); err != nil {
			t.Errorf("a trusted address: %v", err)
		}
		r.wantSent("udp+edns")
	})
}
