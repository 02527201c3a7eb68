package server

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"rootwalk/wire"
)

// The examples of RFC 9018 appendix A.
func TestServerCookiesOfRFC9018(t *testing.T) {
	for _, c := range []struct{ secret, client, addr, want string }{
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "198.51.100.100", "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		{"dd3bdf9344b678b185a6f5cb60fca715", "22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8", "22681ab97d52c298010000005cf7c57926556bd0934c72f8"},
		{"445536bcd2513298075a5d379663c962", "22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8", "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
	} {
		secret, _ := hex.DecodeString(c.secret)
		client, _ := hex.DecodeString(c.client)
		want, _ := hex.DecodeString(c.want)
		cookies, err := NewCookies(secret)
		if err != nil {
			t.Fatal(err)
		}
		var got [wire.CookieLen]byte
		now := uint32(want[12])<<24 | uint32(want[13])<<16 | uint32(want[14])<<8 | uint32(want[15])
		cookies.at(&got, client, netip.MustParseAddr(c.addr), now)
		if string(got[:]) != string(want) {
			t.Errorf("for %s: %x, want %x", c.addr, got, want)
		}
	}
	if _, err := NewCookies([]byte("short")); err == nil {
		t.Error("a short secret is taken")
	}
}
