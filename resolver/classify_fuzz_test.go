package resolver

import (
	"testing"

	"github.com/miekg/dns"

	"rootwalk/wire"
)

// FuzzClassify holds what is left of any reply against what its server has a say
// in: nothing else may reach the cache, a client, or the next step of a walk.
func FuzzClassify(f *testing.F) {
	zones := []wire.Name{wire.Root, wire.MustName("com."), wire.MustName("example.com."), wire.MustName("sub.example.com.")}
	types := []wire.Type{wire.TypeA, wire.TypeNS, wire.TypeDS, wire.TypeCNAME, wire.TypeANY}
	seed := func(zone, rrtype uint8, text ...string) {
		m := new(dns.Msg)
		m.SetQuestion("www.example.com.", uint16(types[int(rrtype)%len(types)]))
		m.Response, m.Authoritative = true, len(text)%2 == 0
		for i, t := range text {
			rr, err := dns.NewRR(t)
			if err != nil {
				f.Fatal(err)
			}
			switch i % 3 {
			case 0:
				m.Answer = append(m.Answer, rr)
			case 1:
				m.Ns = append(m.Ns, rr)
			case 2:
				m.Extra = append(m.Extra, rr)
			}
		}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(zone, rrtype, false, b)
	}
	seed(1, 0, "www.example.com. A 192.0.2.1", "example.com. NS ns.example.com.", "ns.example.com. A 192.0.2.2")
	seed(2, 0, "www.example.com. CNAME other.example.com.", "example.com. SOA ns. host. 1 2 3 4 5", "ns.example.org. A 192.0.2.3", "other.example.com. A 192.0.2.4")
	seed(2, 2, "example.com. DNAME example.net.", "www.example.com. DS 1 8 2 00")
	seed(0, 1, "www.example.org. A 192.0.2.5", "com. NS a.gtld-servers.net.", "a.gtld-servers.net. AAAA 2001:db8::1", "www.example.com. NS x.", "com. NSEC3 1 0 0 - AAAA A")
	f.Fuzz(func(t *testing.T, zone, rrtype uint8, forwarder bool, b []byte) {
		var m wire.Message
		if wire.Parse(b, &m) != nil {
			return
		}
		z := zones[int(zone)%len(zones)]
		q := wire.Question{Name: m.Question.Name, Type: types[int(rrtype)%len(types)], Class: wire.ClassIN}
		if m.QDCount == 0 || !q.Name.In(z) {
			return
		}
		res := classify(z, forwarder, q, &m)
		for _, l := range res.links {
			if !l.Name.In(z) && l.Type != wire.TypeCNAME || l.Type != wire.TypeCNAME && l.Type != wire.TypeDNAME {
				t.Errorf("a link of %s at %s, from a server of %s", l.Type, l.Name, z)
			}
			if !l.Name.In(z) {
				t.Errorf("a link at %s, from a server of %s", l.Name, z)
			}
		}
		for _, s := range res.final {
			if !s.Name.In(z) || s.Type != q.Type && q.Type != wire.TypeANY {
				t.Errorf("%s %s answers %s, from a server of %s", s.Name, s.Type, q, z)
			}
			if len(res.links) == 0 && s.Name != q.Name {
				t.Errorf("the records of %s answer for %s", s.Name, q.Name)
			}
		}
		for _, s := range append(res.soa, res.proofs...) {
			if !s.Name.In(z) {
				t.Errorf("%s %s, from a server of %s", s.Name, s.Type, z)
			}
		}
		if res.kind == isReferral && (!res.cut.Zone.Below(z) || !q.Name.In(res.cut.Zone) || len(res.cut.Servers) > maxServers) {
			t.Errorf("%s refers to %s with %d servers for %s", z, res.cut.Zone, len(res.cut.Servers), q.Name)
		}
		for _, s := range res.cut.Servers {
			if len(s.Glue) > maxGlue || len(s.Glue) > 0 && !s.Name.In(z) {
				t.Errorf("%s has %d addresses, from a server of %s", s.Name, len(s.Glue), z)
			}
		}
	})
}
