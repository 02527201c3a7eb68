package policy

import (
	"testing"

	"rootwalk/wire"
)

// ask gives the reply to a question in short: rcode, and the first record's data or the SOA's owner.
func ask(l *Local, name string, t wire.Type) string {
	r, ok := l.Answer(wire.Question{Name: wire.MustName(name), Type: t, Class: wire.ClassIN})
	switch {
	case !ok:
		return "not local"
	case len(r.Answer) > 0:
		return r.Rcode.String() + " " + r.Answer[0].Type.String()
	}
	return r.Rcode.String() + " SOA " + r.Authority[0].Name.String()
}

func TestNamesOfSpecialUse(t *testing.T) {
	l := NewLocal(nil)
	for _, c := range []struct {
		name string
		t    wire.Type
		want string
	}{
		{"localhost.", wire.TypeA, "NOERROR A"},
		{"www.localhost.", wire.TypeAAAA, "NOERROR AAAA"},
		{"localhost.", wire.TypeMX, "NOERROR SOA localhost."},
		{"localhost.example.", wire.TypeA, "not local"},
		{"x.invalid.", wire.TypeA, "NXDOMAIN SOA invalid."},
		{"a.b.test.", wire.TypeA, "NXDOMAIN SOA test."},
		{"x.onion.", wire.TypeA, "NXDOMAIN SOA onion."},
		{"x.alt.", wire.TypeA, "NXDOMAIN SOA alt."},
		{"printer.local.", wire.TypeA, "NXDOMAIN SOA local."},
		{"x.home.arpa.", wire.TypeA, "NXDOMAIN SOA home.arpa."},
		{"home.arpa.", wire.TypeSOA, "NOERROR SOA"},
		{"home.arpa.", wire.TypeNS, "NOERROR NS"},
		{"home.arpa.", wire.TypeA, "NOERROR SOA home.arpa."},
		{"home.arpa.", wire.TypeDS, "not local"},
		{"_dns.resolver.arpa.", 64, "NXDOMAIN SOA resolver.arpa."},
		{"default.service.arpa.", wire.TypePTR, "NXDOMAIN SOA service.arpa."},
		{"arpa.", wire.TypeNS, "not local"},
		{"example.", wire.TypeA, "not local"},
		{".", wire.TypeNS, "not local"},
	} {
		if got := ask(l, c.name, c.t); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.name, c.t, got, c.want)
		}
	}
}

func TestReverseZonesOfPrivateAddresses(t *testing.T) {
	l := NewLocal(nil)
	const v6one = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa."
	for name, want := range map[string]string{
		"1.0.0.127.in-addr.arpa.":     "NOERROR PTR",
		"0.0.127.in-addr.arpa.":       "NOERROR SOA 127.in-addr.arpa.",
		"2.0.0.127.in-addr.arpa.":     "NXDOMAIN SOA 127.in-addr.arpa.",
		v6one:                         "NOERROR PTR",
		"4.3.2.10.in-addr.arpa.":      "NXDOMAIN SOA 10.in-addr.arpa.",
		"1.0.16.172.in-addr.arpa.":    "NXDOMAIN SOA 16.172.in-addr.arpa.",
		"1.0.15.172.in-addr.arpa.":    "not local",
		"1.0.32.172.in-addr.arpa.":    "not local",
		"1.1.168.192.in-addr.arpa.":   "NXDOMAIN SOA 168.192.in-addr.arpa.",
		"1.0.64.100.in-addr.arpa.":    "NXDOMAIN SOA 64.100.in-addr.arpa.",
		"1.0.127.100.in-addr.arpa.":   "NXDOMAIN SOA 127.100.in-addr.arpa.",
		"1.0.128.100.in-addr.arpa.":   "not local",
		"9.9.9.9.in-addr.arpa.":       "not local",
		"1.0.0.d.f.ip6.arpa.":         "NXDOMAIN SOA d.f.ip6.arpa.",
		"1.c.f.ip6.arpa.":             "not local",
		"0.8.e.f.ip6.arpa.":           "NXDOMAIN SOA 8.e.f.ip6.arpa.",
		"1.8.b.d.0.1.0.0.2.ip6.arpa.": "NXDOMAIN SOA 8.b.d.0.1.0.0.2.ip6.arpa.",
	} {
		if got := ask(l, name, wire.TypePTR); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestZonesThatAreSentElsewhereAreNotLocal(t *testing.T) {
	l := NewLocal([]wire.Name{wire.MustName("10.in-addr.arpa."), wire.MustName("corp.home.arpa."), wire.MustName("lab.test.")})
	for name, want := range map[string]string{
		"1.10.in-addr.arpa.": "not local",
		"x.corp.home.arpa.":  "not local",
		"x.lab.test.":        "not local",
		"x.test.":            "NXDOMAIN SOA test.",
		"x.home.arpa.":       "NXDOMAIN SOA home.arpa.",
		"x.invalid.":         "NXDOMAIN SOA invalid.",
	} {
		if got := ask(l, name, wire.TypePTR); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestLocalRepliesCanBePacked(t *testing.T) {
	l := NewLocal(nil)
	for n := range l.zones {
		for _, typ := range []wire.Type{wire.TypeA, wire.TypeSOA, wire.TypePTR} {
			q := wire.Question{Name: n, Type: typ, Class: wire.ClassIN}
			r, _ := l.Answer(q)
			b, err := wire.Pack(nil, r)
			if err != nil {
				t.Fatalf("%s: %v", q, err)
			}
			var m wire.Message
			if err := wire.Packed(b).Unpack(q, &m); err != nil || m.Odd > 0 {
				t.Errorf("%s does not read back: %v, %d odd", q, err, m.Odd)
			}
		}
	}
}
