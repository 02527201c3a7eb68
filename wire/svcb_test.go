package wire

import (
	"fmt"
	"testing"
)

func TestHintsOfServiceBindings(t *testing.T) {
	const (
		alpn = "\x00\x01\x00\x03\x02h2"
		four = "\x00\x04\x00\x08\x0a\x00\x00\x01\xc0\x00\x02\x50"
		six  = "\x00\x06\x00\x10\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
	)
	for _, c := range []struct{ what, data, want string }{
		{"no parameters", "\x00\x01\x00", "[]"},
		{"IPv4", "\x00\x01\x00" + alpn + four, "[10.0.0.1 192.0.2.80]"},
		{"IPv6 behind a name", "\x00\x01\x03www\x07example\x00" + six, "[fd00::1]"},
		{"both", "\x00\x01\x00" + alpn + four + six, "[10.0.0.1 192.0.2.80 fd00::1]"},
		{"in the wrong order", "\x00\x01\x00" + six + four, "[fd00::1 10.0.0.1 192.0.2.80]"},
		{"a name with a pointer", "\x00\x01\x03www\xc0\x0c" + four, "[10.0.0.1 192.0.2.80]"},
		{"half an address more", "\x00\x01\x00\x00\x04\x00\x06\x0a\x00\x00\x01\x0a\x00", "[10.0.0.1]"},
		{"longer than the record", "\x00\x01\x00\x00\x04\x00\xff\x0a\x00\x00\x01", "[10.0.0.1]"},
		{"nothing", "", "[]"},
		{"priority alone", "\x00\x01", "[]"},
		{"a name without an end", "\x00\x01\x03ww", "[]"},
		{"half a pointer", "\x00\x01\xc0", "[]"},
		{"half a key", "\x00\x01\x00\x00\x04\x00", "[]"},
	} {
		if got := fmt.Sprint(Hints(c.data)); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
}

func FuzzHints(f *testing.F) {
	f.Add("\x00\x01\x03www\xc0\x0c\x00\x04\x00\x04\x0a\x00\x00\x01")
	f.Fuzz(func(t *testing.T, data string) {
		if n := len(Hints(data)); 4*n > len(data) {
			t.Errorf("%d addresses in %d octets", n, len(data))
		}
	})
}
