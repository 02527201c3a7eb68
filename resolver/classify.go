package resolver

import (
	"net/netip"
	"slices"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file says what a reply means. It is a pure function of the zone whose
// server was asked, the question and the reply: RFC 1034 section 5.3.3 step 4,
// RFC 2308 section 2, RFC 2181 section 5.4.1.

// kind is what a reply is to the question.
type kind uint8

const (
	isAnswer   kind = iota // the records asked for, perhaps behind aliases
	isAlias                // aliases that lead to a name to ask for elsewhere
	isNoData               // the name exists, the type does not
	isNXDomain             // the name does not exist
	isYXDomain             // a DNAME makes the name too long
	isReferral             // servers of a zone that is closer
	isLame                 // the server does not serve the zone
	isBroken               // a reply that cannot be used
)

var kindNames = [...]string{"answer", "alias", "no data", "NXDOMAIN", "YXDOMAIN", "referral", "lame", "broken"}

func (k kind) String() string { return kindNames[k] }

// negative tells whether the reply says that something does not exist.
func (k kind) negative() bool { return k == isNoData || k == isNXDomain || k == isYXDomain }

// doubt is why the other servers of a zone are asked too. If none of them does
// better, the reply counts.
type doubt uint8

const (
	noDoubt   doubt = iota
	fromCache       // by a server that answers from its cache, and so is none of the zone's (RFC 1912 section 2.8)
	empty           // no data, and no record that says so: some servers reply that when something is wrong with them
)

// meaning is a reply, scrubbed of all that the server has no say in.
type meaning struct {
	kind   kind
	reason string // why it is lame, broken or in doubt
	doubt  doubt

	zone wire.Name  // that was asked
	from netip.Addr // the server that said so

	links []wire.RRset // the aliases, in order: CNAME, or DNAME followed by the CNAME that it stands for
	next  wire.Name    // isAlias: the name that they lead to
	final []wire.RRset // isAnswer: the set asked for

	soa    []wire.RRset // negative: the SOA record of the zone, at the most one
	proofs []wire.RRset // NSEC, NSEC3 and, in a referral, DS, with signatures
	secure bool         // judged already, or made of what was
	ttl    uint32       // seconds that it may be kept, where it is
	flags  uint8        // of the piece, where it is

	odd    bool      // the answer section had records whose data do not fit their type; they are left out
	cut    cache.Cut // isReferral
	cutTTL uint32    // seconds
	over   []limit   // what of the reply was left behind because it was too much
}

// The most of a delegation that is used (NXNSAttack, CVE-2020-8616: a referral
// is the parent's word and costs whoever follows it).
const (
	// maxServers is the most server names of a delegation that are used, as many as
	// the root has.
	//
	//limit:server_names BIND, PowerDNS 13; Unbound 20
	maxServers = 13
	// maxGlue is the most addresses of one server name that are used.
	//
	//limit:server_addresses BIND 6
	maxGlue = 6
)

// classify tells what reply m of a server of the zone means for question q. A
// forwarder may answer from its cache, but for names in its zone alone.
func classify(zone wire.Name, forwarder bool, q wire.Question, m *wire.Message) meaning {
	switch m.Rcode {
	case wire.NoError, wire.NXDomain, wire.YXDomain:
	case wire.Refused, wire.NotAuth:
		if q.Type == wire.TypeANY { // that may be all it refuses (RFC 8482 section 4)
			return meaning{kind: isBroken, reason: m.Rcode.String()}
		}
		return meaning{kind: isLame, reason: m.Rcode.String()}
	default:
		return meaning{kind: isBroken, reason: m.Rcode.String()}
	}
	if m.TC() {
		return meaning{kind: isBroken, reason: "truncated"}
	}
	// A referral may well come from a server that also does recursion for others.
	res := meaning{}
	if !m.AA() && m.Flags&wire.FlagRA != 0 && !forwarder {
		res.doubt, res.reason = fromCache, "answers from a cache"
	}
	name, complete := res.followAnswer(zone, q, answer(zone, q, m))
	if m.Rcode == wire.YXDomain && res.kind != isYXDomain {
		return meaning{kind: isBroken, reason: "YXDOMAIN without a DNAME"}
	}
	if complete {
		res.proofs = denials(wire.Group(m.Authority), zone)                  // of an answer that a wildcard gave
		if q.Type == wire.TypeNS && q.Name == zone && res.kind == isAnswer { // the zone's own list, for priming
			res.servers(zone, q, &res.final[0], m.Additional)
		}
		return res
	}
	authority := wire.Group(m.Authority)
	soa := findSOA(authority, zone, name)
	if len(res.links) > 0 && soa == nil && m.Rcode != wire.NXDomain {
		res.kind, res.next, res.proofs = isAlias, name, denials(authority, zone)
		return res
	}
	switch {
	case m.Rcode == wire.NXDomain:
		res.kind = isNXDomain
	case soa != nil:
		res.kind = isNoData
	case forwarder:
		res.kind = isNoData
	default:
		return referral(zone, q, m, authority)
	}
	res.proofs = denials(authority, zone)
	if !m.AA() && soa == nil && !forwarder && !signed(res.proofs) {
		return meaning{kind: isLame, reason: "negative answer without authority"}
	}
	if soa != nil {
		res.soa = []wire.RRset{*soa}
	}
	return res
}

// answer groups the answer section. Signatures of it that a server put into the
// additional section are as good as any.
func answer(zone wire.Name, q wire.Question, m *wire.Message) []wire.RRset {
	sets := slices.DeleteFunc(group(q, m.Answer), func(s wire.RRset) bool { return overreaches(&s, zone) })
	for _, r := range m.Additional {
		if r.Type != wire.TypeRRSIG {
			continue
		}
		if s := findSet(sets, r.Name, wire.Covered(r.Data), r.Class); s != nil && !slices.Contains(s.Sigs, r.Data) {
			s.Sigs = append(s.Sigs, r.Data)
		}
	}
	return sets
}

// group makes sets of the records of an answer. Who asks for signatures gets all
// of the name as one set; they are of no use to anybody else.
func group(q wire.Question, recs []wire.Record) []wire.RRset {
	sets := wire.Group(recs)
	if q.Type != wire.TypeRRSIG {
		return sets
	}
	s := wire.RRset{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1<<31 - 1}
	for _, r := range recs {
		if r.Type == wire.TypeRRSIG && r.Name == q.Name && r.Class == q.Class {
			s.Data, s.TTL = append(s.Data, r.Data), min(s.TTL, r.TTL)
		}
	}
	if len(s.Data) > 0 {
		sets = append(sets, s)
	}
	return sets
}

// overreaches tells whether an NSEC record denies names that are none of the zone's
// business: its next name is outside (RFC 4034 section 4.1.1).
func overreaches(s *wire.RRset, zone wire.Name) bool {
	return s.Type == wire.TypeNSEC && slices.ContainsFunc(s.Data, func(d string) bool { return !wire.NameAt(d, 0).Lower().In(zone) })
}

// signed tells whether there are proofs that somebody signed: what the servers of
// a zone say of it, with or without AA.
func signed(proofs []wire.RRset) bool {
	return slices.ContainsFunc(proofs, func(s wire.RRset) bool { return len(s.Sigs) > 0 })
}

// followAnswer walks through the aliases of an answer section and gathers the
// sets that belong to the question, in order. Records of other owners or types
// are left behind. It returns the name at which the section ends, and whether
// that is the end of the matter.
func (res *meaning) followAnswer(zone wire.Name, q wire.Question, sets []wire.RRset) (wire.Name, bool) {
	name := q.Name
	for range wire.MaxRecords {
		d := findDNAME(sets, zone, name, q.Class)
		if all := setsOf(sets, name, q); len(all) > 0 && d == nil {
			res.kind, res.final = isAnswer, all
			return name, true
		}
		if s := findSet(sets, name, q.Type, q.Class); s != nil && (d == nil || q.Type != wire.TypeCNAME) {
			res.kind, res.final = isAnswer, []wire.RRset{*s}
			return name, true
		}
		if d != nil {
			to, ok := name.ReplaceSuffix(d.Name, wire.NameAt(d.Data[0], 0))
			if !ok || wire.NameAt(d.Data[0], 0) == "" { // RFC 6672 section 2.2
				res.links = append(res.links, *d)
				res.kind = isYXDomain
				return name, true
			}
			res.links = append(res.links, *d)
			c := synthesise(name, to, d)
			if q.Type == wire.TypeCNAME || q.Type == wire.TypeANY { // is not followed (RFC 1034 section 3.6.2)
				res.kind, res.final = isAnswer, []wire.RRset{c}
				return name, true
			}
			res.links = append(res.links, c)
			name = to.Lower()
		} else {
			c := findSet(sets, name, wire.TypeCNAME, q.Class)
			if c == nil || len(c.Data) != 1 {
				break
			}
			res.links = append(res.links, *c)
			name = wire.NameAt(c.Data[0], 0).Lower()
		}
		if !name.In(zone) { // what this server says of other zones is not asked for
			res.kind, res.next = isAlias, name
			return name, true
		}
		if looped(res.links, name) {
			res.kind, res.next = isAlias, name
			return name, true
		}
	}
	return name, false
}

// setsOf are all sets of a name for who asks for ANY, an alias among them (RFC 1034
// section 4.3.2 step 3a); none for other questions.
func setsOf(sets []wire.RRset, name wire.Name, q wire.Question) (all []wire.RRset) {
	if q.Type != wire.TypeANY {
		return nil
	}
	for i := range sets {
		if sets[i].Name == name && sets[i].Class == q.Class {
			all = append(all, sets[i])
		}
	}
	return all
}

// synthesise makes the CNAME that a DNAME stands for (RFC 6672 section 3.1),
// with the TTL of the DNAME.
func synthesise(from, to wire.Name, d *wire.RRset) wire.RRset {
	return wire.RRset{Name: from, Type: wire.TypeCNAME, Class: d.Class, TTL: d.TTL, Data: []string{string(to)}}
}

// looped tells whether name was an owner of the links already.
func looped(links []wire.RRset, name wire.Name) bool {
	for i := range links {
		if links[i].Type == wire.TypeCNAME && links[i].Name == name {
			return true
		}
	}
	return false
}

func findSet(sets []wire.RRset, n wire.Name, t wire.Type, c wire.Class) *wire.RRset {
	for i := range sets {
		if s := &sets[i]; s.Type == t && s.Name == n && s.Class == c {
			return s
		}
	}
	return nil
}

// findDNAME finds a DNAME of the zone above the name.
func findDNAME(sets []wire.RRset, zone, name wire.Name, c wire.Class) *wire.RRset {
	for i := range sets {
		if s := &sets[i]; s.Type == wire.TypeDNAME && s.Class == c && len(s.Data) == 1 && name.Below(s.Name) && s.Name.In(zone) {
			return s
		}
	}
	return nil
}

// findSOA finds the SOA record of a negative answer: of the zone asked or one
// below it, and of one that the name is in (RFC 2308 section 2.1).
func findSOA(sets []wire.RRset, zone, name wire.Name) *wire.RRset {
	for i := range sets {
		if s := &sets[i]; s.Type == wire.TypeSOA && len(s.Data) == 1 && name.In(s.Name) && s.Name.In(zone) {
			return s
		}
	}
	return nil
}

// denials keeps the sets that prove something, of owners in the zone.
func denials(sets []wire.RRset, zone wire.Name) []wire.RRset {
	var out []wire.RRset
	for i := range sets {
		if s := &sets[i]; (s.Type == wire.TypeNSEC || s.Type == wire.TypeNSEC3) && s.Name.In(zone) && !overreaches(s, zone) {
			out = append(out, *s)
		}
	}
	return out
}

// referral reads the authority section of a reply without an answer.
func referral(zone wire.Name, q wire.Question, m *wire.Message, authority []wire.RRset) meaning {
	var ns *wire.RRset
	for i := range authority {
		s := &authority[i]
		if s.Type != wire.TypeNS || s.Class != q.Class || !q.Name.In(s.Name) {
			continue
		}
		if ns == nil || len(s.Name) > len(ns.Name) {
			ns = s
		}
	}
	proofs := denials(authority, zone)
	switch {
	case ns != nil && ns.Name.Below(zone) && q.Type == wire.TypeDS && ns.Name == q.Name:
		// A server from before DNSSEC refers to the child for what only the
		// parent can have: it has no such record.
		return meaning{kind: isNoData, proofs: proofs}
	case ns != nil && ns.Name.Below(zone):
	case ns != nil && zone.Below(ns.Name): // AA or not: NS records without SOA are no denial (RFC 2308 section 2.2)
		return meaning{kind: isLame, reason: "upward referral to " + ns.Name.String()}
	case signed(proofs), m.AA() && ns != nil:
		return meaning{kind: isNoData, proofs: proofs}
	case m.AA(): // RFC 2308 section 2.2 type 3: no SOA, so nothing to remember
		return meaning{kind: isNoData, doubt: empty, reason: "empty answer"}
	default:
		return meaning{kind: isLame, reason: "neither answer nor referral"}
	}
	res := meaning{kind: isReferral, proofs: proofs}
	if ds := findSet(authority, ns.Name, wire.TypeDS, q.Class); ds != nil {
		res.proofs = append(res.proofs, *ds)
	}
	res.servers(zone, q, ns, m.Additional)
	return res
}

// servers makes the zone cut of an NS set and the addresses beside it.
func (res *meaning) servers(zone wire.Name, q wire.Question, ns *wire.RRset, additional []wire.Record) {
	res.cut, res.cutTTL = cache.Cut{Zone: ns.Name}, ns.TTL
	for _, d := range ns.Data {
		if len(res.cut.Servers) == maxServers {
			res.over = append(res.over, limitServerNames)
			break
		}
		if n := wire.NameAt(d, 0); n != "" {
			res.cut.Servers = append(res.cut.Servers, cache.NameServer{Name: n.Lower()})
		}
	}
	res.takeGlue(zone, q.Class, additional)
}

// takeGlue gives the servers of the delegation the addresses of the additional
// section, where their names are in the zone that was asked: of other names the
// parent is no authority.
func (res *meaning) takeGlue(zone wire.Name, class wire.Class, additional []wire.Record) {
	for _, r := range additional {
		if r.Class != class || !r.Name.In(zone) {
			continue
		}
		a, ok := address(r)
		if !ok {
			continue
		}
		for i := range res.cut.Servers {
			s := &res.cut.Servers[i]
			if s.Name == r.Name && len(s.Glue) == maxGlue {
				res.over = append(res.over, limitServerAddresses)
			} else if s.Name == r.Name {
				s.Glue = append(s.Glue, a)
				res.cutTTL = min(res.cutTTL, max(r.TTL, 1))
			}
		}
	}
}

// address is the IP address of an A or AAAA record.
func address(r wire.Record) (netip.Addr, bool) {
	switch {
	case r.Type == wire.TypeA && len(r.Data) == 4:
		return netip.AddrFrom4([4]byte([]byte(r.Data))), true
	case r.Type == wire.TypeAAAA && len(r.Data) == 16:
		return netip.AddrFrom16([16]byte([]byte(r.Data))), true
	}
	return netip.Addr{}, false
}
