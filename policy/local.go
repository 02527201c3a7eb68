package policy

import (
	"fmt"
	"maps"
	"slices"

	"rootwalk/wire"
)

// Local answers the questions that must not leave this host or network: names
// of special use and the reverse zones of private addresses. The real servers
// of these names know nothing that is true here, and who asks them tells them
// about networks that are none of their business.
type Local struct {
	zones  map[wire.Name]*localZone
	except map[wire.Name]bool
}

// localZone is one zone that is answered here.
type localZone struct {
	name wire.Name
	// everyName makes the apex and every name below it have these records.
	everyName map[wire.Type][]string
	// names have records of their own; all other names do not exist.
	names map[wire.Name]map[wire.Type][]string
	// above is set where the zone above is asked for the DS record of this one, or
	// the proof that there is none: it is the one who knows (RFC 4035 section 3.1.4.1),
	// and a client that validates believes nobody else. The question gives nothing away.
	above bool
}

// localTTL is the TTL of local data in seconds, as in RFC 6303 section 3.
const localTTL = 10800

// The reverse zones of RFC 6303 section 4 and of RFC 7793 (shared address
// space, 64 to 127 beside 100), which are made by a loop.
var reverseZones = []string{
	"0.in-addr.arpa.", "127.in-addr.arpa.", "254.169.in-addr.arpa.", "2.0.192.in-addr.arpa.",
	"100.51.198.in-addr.arpa.", "113.0.203.in-addr.arpa.", "255.255.255.255.in-addr.arpa.",
	"10.in-addr.arpa.", "168.192.in-addr.arpa.",
	"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
	"d.f.ip6.arpa.", "8.e.f.ip6.arpa.", "9.e.f.ip6.arpa.", "a.e.f.ip6.arpa.", "b.e.f.ip6.arpa.",
	"8.b.d.0.1.0.0.2.ip6.arpa.",
}

// NewLocal makes the local zones. Names in the zones of except are not local:
// the configuration sends them elsewhere, or has a trust anchor for them, and so
// knows that they exist.
func NewLocal(except []wire.Name) *Local {
	l := &Local{zones: map[wire.Name]*localZone{}, except: map[wire.Name]bool{}}
	for _, n := range except {
		l.except[n] = true
	}
	// RFC 6761 section 6.3: localhost is this host, whatever anybody says.
	l.add(&localZone{name: wire.MustName("localhost."), everyName: map[wire.Type][]string{
		wire.TypeA: {"\x7f\x00\x00\x01"}, wire.TypeAAAA: {"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"}}})
	l.add(&localZone{name: wire.MustName("onion.")}) // RFC 7686 section 2: nothing is looked up
	for _, n := range []string{
		"invalid.",       // RFC 6761 section 6.4
		"test.",          // RFC 6761 section 6.2
		"alt.",           // RFC 9476 section 2
		"local.",         // RFC 6762 section 22.1
		"home.arpa.",     // RFC 8375 section 4
		"resolver.arpa.", // RFC 9462 section 8.3
		"service.arpa.",  // RFC 9665 section 10.1
	} {
		l.add(&localZone{name: wire.MustName(n), above: true})
	}
	zones := slices.Clone(reverseZones)
	for i := 16; i <= 31; i++ {
		zones = append(zones, fmt.Sprintf("%d.172.in-addr.arpa.", i))
	}
	for i := 64; i <= 127; i++ {
		zones = append(zones, fmt.Sprintf("%d.100.in-addr.arpa.", i))
	}
	ptr := map[wire.Type][]string{wire.TypePTR: {string(wire.MustName("localhost."))}}
	for _, n := range zones {
		z := &localZone{name: wire.MustName(n), above: true}
		switch n {
		case "127.in-addr.arpa.":
			z.names = map[wire.Name]map[wire.Type][]string{wire.MustName("1.0.0.127.in-addr.arpa."): ptr}
		case reverseZones[10]: // ::1
			z.names = map[wire.Name]map[wire.Type][]string{z.name: ptr}
		}
		l.add(z)
	}
	return l
}

func (l *Local) add(z *localZone) { l.zones[z.name] = z }

// Answer gives the reply to a question about a local name; false means that the
// name is none.
func (l *Local) Answer(q wire.Question) (*wire.Reply, bool) {
	if q.Class != wire.ClassIN {
		return nil, false
	}
	for n := q.Name; n != wire.Root && !l.except[n]; n = n.Parent() {
		if z, ok := l.zones[n]; ok {
			if z.above && n == q.Name && q.Type == wire.TypeDS {
				return nil, false
			}
			return z.answer(q), true
		}
	}
	return nil, false
}

// answer answers from the zone, as its authoritative server would.
func (z *localZone) answer(q wire.Question) *wire.Reply {
	r := &wire.Reply{Question: q}
	records, exists := z.records(q.Name)
	for _, t := range slices.Sorted(maps.Keys(records)) {
		if t == q.Type || q.Type == wire.TypeANY {
			r.Answer = append(r.Answer, wire.RRset{Name: q.Name, Type: t, Class: wire.ClassIN, TTL: localTTL, Data: records[t]})
		}
	}
	if len(r.Answer) > 0 {
		return r
	}
	if !exists {
		r.Rcode = wire.NXDomain
	}
	r.Authority = []wire.RRset{{Name: z.name, Type: wire.TypeSOA, Class: wire.ClassIN, TTL: localTTL, Data: []string{z.soa()}}}
	return r
}

// records are those of one name, and whether the name exists: it has records,
// or a name below it does.
func (z *localZone) records(n wire.Name) (map[wire.Type][]string, bool) {
	if z.everyName != nil {
		return z.everyName, true
	}
	if n == z.name {
		apex := map[wire.Type][]string{wire.TypeSOA: {z.soa()}, wire.TypeNS: {string(z.name)}}
		for t, data := range z.names[n] {
			apex[t] = data
		}
		return apex, true
	}
	if r, ok := z.names[n]; ok {
		return r, true
	}
	for other := range z.names {
		if other.Below(n) {
			return nil, true
		}
	}
	return nil, false
}

// soa is the RDATA of RFC 6303 section 3: "@ nobody.invalid. 1 3600 1200 604800 10800".
func (z *localZone) soa() string {
	const numbers = "\x00\x00\x00\x01" + "\x00\x00\x0e\x10" + "\x00\x00\x04\xb0" + "\x00\x09\x3a\x80" + "\x00\x00\x2a\x30"
	return string(z.name) + string(wire.MustName("nobody.invalid.")) + numbers
}
