// Writing the sections of an answer: records under the name asked for, their signatures, glue and proofs.

package lab

import (
	"github.com/miekg/dns"
)

// writer collects one answer from one zone.
type writer struct {
	zone *zone
	do   bool // signatures and proofs are wanted and the zone has them
	out  answer
}

// put appends copies of an RRset under an owner name, and the signature when one is wanted. The same set is not put twice
// into a section.
func (w *writer) put(section *[]dns.RR, set []dns.RR, owner string) {
	if len(set) == 0 || hasSet(*section, owner, set[0].Header().Rrtype) {
		return
	}
	for _, rr := range set {
		rr = dns.Copy(rr)
		rr.Header().Name = owner
		*section = append(*section, rr)
	}
	if w.do && w.authoritativeFor(set) {
		*section = append(*section, w.signatures(set, owner)...)
	}
}

// authoritativeFor tells whether a set is the zone's own: neither glue nor the NS records of a cut (RFC 4035 section 2.2).
func (w *writer) authoritativeFor(set []dns.RR) bool {
	h := set[0].Header()
	n := w.zone.nodes[canon(h.Name)]
	if n == nil {
		return true // NSEC3 records stand beside the tree
	}
	if n.occluded {
		return false
	}
	return !w.zone.isCut(n) || h.Rrtype == dns.TypeDS || h.Rrtype == dns.TypeNSEC
}

// signatures returns the signatures of a set under an owner name, which differs from the set's own for wildcards: one, or
// one with each pair of keys.
func (w *writer) signatures(set []dns.RR, owner string) (out []dns.RR) {
	if w.zone.denial == withCompact && canon(owner) != canon(set[0].Header().Name) { // a wildcard is not shown
		set = copiesAt(set, canon(owner))
	}
	for z := w.zone; z != nil; z = z.second {
		sig := dns.Copy(z.sign(set))
		sig.Header().Name = owner
		sig.Header().Ttl = set[0].Header().Ttl
		out = append(out, sig)
	}
	return out
}

// copiesAt are copies of records under another owner.
func copiesAt(set []dns.RR, owner string) (out []dns.RR) {
	for _, rr := range set {
		rr = dns.Copy(rr)
		rr.Header().Name = owner
		out = append(out, rr)
	}
	return out
}

// negative adds the SOA record with the TTL of negative answers.
func (w *writer) negative() {
	soa := dns.Copy(w.zone.soa()).(*dns.SOA)
	soa.Hdr.Ttl = w.zone.negativeTTL()
	w.out.authority = append(w.out.authority, soa)
	if w.do {
		for _, sig := range w.signatures(w.zone.apex().sets[dns.TypeSOA], soa.Hdr.Name) {
			sig.Header().Ttl = soa.Hdr.Ttl
			w.out.authority = append(w.out.authority, sig)
		}
	}
}

// proofs adds NSEC or NSEC3 records when they are wanted.
func (w *writer) proofs(sets [][]dns.RR) {
	if !w.do {
		return
	}
	for _, set := range sets {
		w.put(&w.out.authority, set, set[0].Header().Name)
	}
}

// refer adds a delegation: the NS records, the DS records or the proof that there are none, and glue.
func (w *writer) refer(cut *node) {
	ns := cut.sets[dns.TypeNS]
	w.put(&w.out.authority, ns, ns[0].Header().Name)
	if w.do {
		if ds := cut.sets[dns.TypeDS]; len(ds) > 0 {
			w.put(&w.out.authority, ds, ds[0].Header().Name)
		} else {
			w.proofs(w.zone.chain.noData(cut.name))
		}
	}
	w.addresses(ns)
}

// addresses adds what the zone knows about the hosts that records name (RFC 1034 section 4.3.2 step 6).
func (w *writer) addresses(records []dns.RR) {
	for _, rr := range records {
		var host string
		switch rr := rr.(type) {
		case *dns.NS:
			host = rr.Ns
		case *dns.MX:
			host = rr.Mx
		case *dns.SRV:
			host = rr.Target
		default:
			continue
		}
		for _, set := range w.zone.addressesOf(host) {
			if owner := set[0].Header().Name; !hasSet(w.out.answer, owner, set[0].Header().Rrtype) {
				w.put(&w.out.additional, set, owner)
			}
		}
	}
}

// gave tells whether the answer section has an alias at a name already: following it again would be a loop.
func (w *writer) gave(name string) bool {
	return hasSet(w.out.answer, name, dns.TypeCNAME)
}

func hasSet(section []dns.RR, owner string, rrtype uint16) bool {
	for _, rr := range section {
		if h := rr.Header(); h.Rrtype == rrtype && canon(h.Name) == canon(owner) {
			return true
		}
	}
	return false
}
