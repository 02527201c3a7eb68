package cache

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"

	"rootwalk/wire"
)

func addresses(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range texts {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestACutComesBackAsItWas(t *testing.T) {
	zone := wire.MustName("example.com.")
	for _, c := range []*Cut{
		{Zone: zone},
		{Zone: zone, Servers: []NameServer{{Name: wire.Root}}},
		{Zone: zone, Servers: []NameServer{
			{Name: wire.MustName("ns1.example.com."), Glue: addresses("192.0.2.1", "2001:db8::1")},
			{Name: wire.MustName("ns.elsewhere.example.")},
			{Name: wire.MustName("ns2.example.com."), Glue: addresses("::ffff:192.0.2.3")},
		}},
	} {
		b := AppendCut([]byte("before"), c)
		if !bytes.HasPrefix(b, []byte("before")) {
			t.Fatalf("AppendCut did not append: %q", b)
		}
		got, ok := ReadCut(zone, b[len("before"):])
		if !ok || !reflect.DeepEqual(got, c) {
			t.Errorf("wrote %+v, read %v %+v", c, ok, got)
		}
	}
}

func TestACutSharesNothingWithItsBytes(t *testing.T) {
	b := AppendCut(nil, &Cut{Servers: []NameServer{{Name: wire.MustName("ns1.example.com."), Glue: addresses("192.0.2.1")}}})
	c, _ := ReadCut(wire.Root, b)
	clear(b)
	if s := c.Servers[0]; s.Name != wire.MustName("ns1.example.com.") || s.Glue[0] != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("the cut changed with its bytes: %+v", s)
	}
}

func TestABrokenCutIsRefused(t *testing.T) {
	whole := AppendCut(nil, &Cut{Servers: []NameServer{{Name: wire.MustName("ns1.example."), Glue: addresses("192.0.2.1", "2001:db8::1")}}})
	for n := 1; n < len(whole); n++ {
		if c, ok := ReadCut(wire.Root, whole[:n]); ok {
			t.Errorf("the first %d of %d octets are read as %+v", n, len(whole), c)
		}
	}
	if _, ok := ReadCut(wire.Root, []byte{1, 1, 0, 5, 1, 2, 3, 4, 5}); ok {
		t.Error("an address of five octets is read")
	}
}

func FuzzReadCut(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendCut(nil, &Cut{Servers: []NameServer{{Name: wire.MustName("ns1.example."), Glue: addresses("192.0.2.1", "2001:db8::1")}, {Name: wire.Root}}}))
	f.Add([]byte{1, 255, 0, 4, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, ok := ReadCut(wire.Root, b)
		if !ok {
			return
		}
		if again := AppendCut(nil, c); !bytes.Equal(again, b) {
			t.Errorf("read %x, wrote %x", b, again)
		}
	})
}
