// A zone and the lookup of a name in it: RFC 1034 section 4.3.2 with DNAME (RFC 6672) and wildcards (RFC 4592).

package lab

import (
	"sort"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// zone is what some servers know about a part of the name space. It does not change after build, except that signatures
// are made when they are first asked for.
type zone struct {
	*zoneSpec
	nodes  map[string]*node // by canonical name, empty non-terminals included
	second *zone            // the same with other keys, which sign too; nil without
	keys   *keyPair         // nil when not signed
	chain  *chain           // nil when not signed
	sigMu  sync.Mutex
	sigs   map[sigKey]*dns.RRSIG
	labels int
}

// node is a name that exists in a zone.
type node struct {
	name     string // canonical
	sets     map[uint16][]dns.RR
	occluded bool // below a zone cut or a DNAME: glue, or nothing at all
}

func (n *node) has(rrtype uint16) bool { return len(n.sets[rrtype]) > 0 }

// isEmptyNonTerminal tells whether the name exists only because others lie below it (RFC 8499).
func (n *node) isEmptyNonTerminal() bool { return len(n.sets) == 0 }

// isCut tells whether a node delegates; the apex has NS records but does not.
func (z *zone) isCut(n *node) bool { return n.has(dns.TypeNS) && n.name != z.name }

func (z *zone) apex() *node { return z.nodes[z.name] }

func (z *zone) soa() *dns.SOA { return z.apex().sets[dns.TypeSOA][0].(*dns.SOA) }

// negativeTTL is the TTL of proofs that something does not exist (RFC 2308 section 3, RFC 9077).
func (z *zone) negativeTTL() uint32 {
	soa := z.soa()
	return min(soa.Hdr.Ttl, soa.Minttl)
}

// add puts records into the zone, and the empty non-terminals that they imply.
func (z *zone) add(records ...dns.RR) {
	for _, rr := range records {
		h := rr.Header()
		n := z.node(canon(h.Name))
		n.sets[h.Rrtype] = append(n.sets[h.Rrtype], rr)
	}
}

// node returns the node of a name, made with its ancestors if need be.
func (z *zone) node(name string) *node {
	if n := z.nodes[name]; n != nil {
		return n
	}
	n := &node{name: name, sets: map[uint16][]dns.RR{}}
	z.nodes[name] = n
	if name != z.name {
		z.node(parentOf(name))
	}
	return n
}

// markOccluded finds what lies below cuts and DNAMEs; the zone is not authoritative for it.
func (z *zone) markOccluded() {
	for _, n := range z.nodes {
		for name := n.name; name != z.name; {
			name = parentOf(name)
			above := z.nodes[name]
			if z.isCut(above) || above.has(dns.TypeDNAME) {
				n.occluded = true
				break
			}
		}
	}
}

// sorted returns the nodes in canonical order.
func (z *zone) sorted() []*node {
	nodes := make([]*node, 0, len(z.nodes))
	keys := make(map[*node]string, len(z.nodes))
	for _, n := range z.nodes {
		nodes = append(nodes, n)
		keys[n] = orderKey(n.name)
	}
	sort.Slice(nodes, func(i, j int) bool { return keys[nodes[i]] < keys[nodes[j]] })
	return nodes
}

// place is where a name leads in a zone: exactly one of cut, dname and node is set, or none when the name does not exist.
type place struct {
	cut      *node // a referral
	dname    *node // a DNAME above the name
	node     *node
	encloser string // the closest name that exists
}

// find walks from the apex towards a name. A DS question about a cut is the parent's own (RFC 4035 section 3.1.4.1).
func (z *zone) find(name string, qtype uint16) place {
	name = canon(name)
	total := dns.CountLabel(name)
	here := z.apex()
	for labels := z.labels; ; {
		last := labels == total
		switch {
		case z.isCut(here) && !(last && qtype == dns.TypeDS):
			return place{cut: here}
		case last:
			return place{node: here, encloser: here.name}
		case here.has(dns.TypeDNAME):
			return place{dname: here, encloser: here.name}
		}
		labels++
		next := z.nodes[suffix(name, labels)]
		if next == nil {
			return place{encloser: here.name}
		}
		here = next
	}
}

// answer is a reply before it becomes a message.
type answer struct {
	rcode         int
	authoritative bool
	referral      bool
	emptyName     bool // the question's name is an empty non-terminal

	answer, authority, additional []dns.RR
}

// maxLinks bounds the aliases followed inside a zone; a loop ends earlier, because a link is never given twice.
const maxLinks = 16

// lookup answers a question from the zone. The name keeps its letter case; it must be within the zone.
func (z *zone) lookup(qname string, qtype uint16, do bool) answer {
	w := &writer{zone: z, do: do && z.keys != nil, out: answer{authoritative: true}}
	name := qname
	for range maxLinks {
		target, more := w.step(name, qtype, name == qname)
		if !more || !within(canon(target), z.name) || w.gave(target) {
			break
		}
		name = target
	}
	w.addresses(w.out.answer)
	return w.out
}

// step answers for one name, and returns the target of an alias if that is what it met.
func (w *writer) step(name string, qtype uint16, first bool) (target string, more bool) {
	at := w.zone.find(name, qtype)
	switch {
	case at.cut != nil:
		w.out.authoritative = !first // with aliases before it, those were answered with authority
		w.out.referral = first
		w.refer(at.cut)
		return "", false
	case at.dname != nil:
		return w.redirect(at.dname, name)
	case at.node == nil:
		wild := w.zone.nodes[below("*", at.encloser)]
		if wild == nil {
			if !w.do || w.zone.denial != withCompact { // RFC 9824 section 3.1
				w.out.rcode = dns.RcodeNameError
			}
			w.negative()
			w.proofs(w.zone.chain.nameError(name, at.encloser))
			return "", false
		}
		return w.fromNode(wild, name, at.encloser, qtype)
	}
	w.out.emptyName = first && at.node.isEmptyNonTerminal()
	return w.fromNode(at.node, name, "", qtype)
}

// fromNode answers with the records of a node under the name that was asked for. With a closest encloser the node is the
// wildcard below it.
func (w *writer) fromNode(n *node, name, encloser string, qtype uint16) (target string, more bool) {
	wildcard := encloser != ""
	var given []uint16
	switch {
	case qtype == dns.TypeANY || qtype == dns.TypeRRSIG && w.zone.keys != nil:
		for rrtype := range n.sets {
			given = append(given, rrtype)
		}
		sort.Slice(given, func(i, j int) bool { return given[i] < given[j] })
	case n.has(qtype):
		given = []uint16{qtype}
	case n.has(dns.TypeCNAME):
		given = []uint16{dns.TypeCNAME}
		target, more = n.sets[dns.TypeCNAME][0].(*dns.CNAME).Target, true
	}
	if qtype == dns.TypeNSEC && !wildcard {
		if set := w.zone.chain.exactNSEC(n.name); set != nil {
			w.put(&w.out.answer, set, name)
			return "", false
		}
	}
	if len(given) == 0 {
		w.negative()
		if wildcard {
			w.proofs(w.zone.chain.wildcardNoData(name, encloser))
		} else {
			w.proofs(w.zone.chain.noData(n.name))
		}
		return "", false
	}
	for _, rrtype := range given {
		if qtype == dns.TypeRRSIG {
			w.out.answer = append(w.out.answer, w.signatures(n.sets[rrtype], name)...)
			continue
		}
		w.put(&w.out.answer, n.sets[rrtype], name)
	}
	if wildcard {
		w.proofs(w.zone.chain.wildcardAnswer(name, encloser))
	}
	return target, more
}

// redirect answers with a DNAME and the CNAME that follows from it, or YXDOMAIN where that grows too long (RFC 6672
// section 2.2).
func (w *writer) redirect(n *node, name string) (target string, more bool) {
	set := n.sets[dns.TypeDNAME]
	dname := set[0].(*dns.DNAME)
	w.put(&w.out.answer, set, set[0].Header().Name)
	prefix := name[:len(name)-len(suffix(name, dns.CountLabel(n.name)))]
	if n.name == "." {
		prefix = name
	}
	target = prefix + dname.Target
	if dname.Target == "." {
		target = prefix
	}
	if _, ok := dns.IsDomainName(target); !ok || wireLength(target) > 255 {
		w.out.rcode = dns.RcodeYXDomain
		return "", false
	}
	w.out.answer = append(w.out.answer, &dns.CNAME{
		Hdr:    dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: dname.Hdr.Ttl},
		Target: target,
	})
	return target, true
}

func wireLength(name string) int {
	var wire [512]byte
	n, err := dns.PackDomainName(name, wire[:], 0, nil, false)
	if err != nil {
		return len(wire)
	}
	return n
}

// text prints the zone in master-file form, SOA first, names in canonical order.
func (z *zone) text() string {
	var b strings.Builder
	b.WriteString("$ORIGIN " + z.name + "\n")
	for _, n := range z.sorted() {
		types := make([]int, 0, len(n.sets))
		for t := range n.sets {
			types = append(types, int(t))
		}
		sort.Slice(types, func(i, j int) bool {
			if a, b := types[i] == int(dns.TypeSOA), types[j] == int(dns.TypeSOA); a != b {
				return a
			}
			return types[i] < types[j]
		})
		for _, t := range types {
			for _, rr := range n.sets[uint16(t)] {
				b.WriteString(rr.String() + "\n")
			}
		}
	}
	return b.String()
}

// addressesOf returns the A and AAAA records at a name, glue included.
func (z *zone) addressesOf(name string) (sets [][]dns.RR) {
	if n := z.nodes[canon(name)]; n != nil {
		for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
			if n.has(t) {
				sets = append(sets, n.sets[t])
			}
		}
	}
	return sets
}
