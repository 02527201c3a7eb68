// Proofs that something does not exist: the NSEC chain (RFC 4035 section 3.1.3) and the NSEC3 chain (RFC 5155 section 7.2).

package lab

import (
	"slices"
	"sort"
	"strings"

	"github.com/miekg/dns"
)

// chain is the ring of NSEC or NSEC3 records of a zone, sorted. Its methods return the RRsets that prove one thing; a nil
// chain, that of an unsigned zone, proves nothing.
type chain struct {
	zone  *zone
	nsec3 bool
	keys  []string // orderKey of owners, or their hashes
	sets  [][]dns.RR
}

// newChain links the names of a zone whose records are complete.
func newChain(z *zone) *chain {
	if z.keys == nil {
		return nil
	}
	c := &chain{zone: z, nsec3: z.denial == withNSEC3 || z.denial == withOptOut}
	if z.denial == withCompact {
		return c
	}
	var names []*node
	led := map[string]bool{} // names above those that have records
	nodes := z.sorted()
	for _, n := range slices.Backward(nodes) {
		switch {
		case n.occluded:
			continue
		case n.isEmptyNonTerminal() && (!c.nsec3 || !led[n.name]): // of NSEC3 those above insecure delegations alone (RFC 5155 section 7.1)
			continue
		case z.denial == withOptOut && z.isCut(n) && !n.has(dns.TypeDS):
			continue
		}
		led[parentOf(n.name)] = true
		names = append(names, n)
	}
	key := func(n *node) string {
		if c.nsec3 {
			return c.hash(n.name)
		}
		return orderKey(n.name)
	}
	byKey := make(map[string]*node, len(names))
	for _, n := range names {
		k := key(n)
		c.keys = append(c.keys, k)
		byKey[k] = n
	}
	sort.Strings(c.keys)
	for i, k := range c.keys {
		next := c.keys[(i+1)%len(c.keys)]
		if c.nsec3 {
			c.sets = append(c.sets, []dns.RR{c.newNSEC3(byKey[k], k, next)})
		} else {
			c.sets = append(c.sets, []dns.RR{c.newNSEC(byKey[k], byKey[next])})
		}
	}
	return c
}

func (c *chain) hash(name string) string {
	return dns.HashName(name, dns.SHA1, c.zone.iterations, c.zone.salt)
}

func (c *chain) newNSEC(n, next *node) dns.RR {
	return &dns.NSEC{
		Hdr:        dns.RR_Header{Name: n.name, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: c.zone.negativeTTL()},
		NextDomain: next.name,
		TypeBitMap: c.bitmap(n, dns.TypeNSEC, dns.TypeRRSIG),
	}
}

func (c *chain) newNSEC3(n *node, hash, next string) dns.RR {
	rr := &dns.NSEC3{
		Hdr: dns.RR_Header{Name: below(strings.ToLower(hash), c.zone.name), Rrtype: dns.TypeNSEC3, Class: dns.ClassINET,
			Ttl: c.zone.negativeTTL()},
		Hash:       dns.SHA1,
		Iterations: c.zone.iterations,
		SaltLength: uint8(len(c.zone.salt) / 2),
		Salt:       c.zone.salt,
		HashLength: 20,
		NextDomain: next,
	}
	if c.zone.denial == withOptOut {
		rr.Flags = 1
	}
	// Only names with signed records have a RRSIG; the signature of an NSEC3 record stands at another name.
	if !n.isEmptyNonTerminal() && (!c.zone.isCut(n) || n.has(dns.TypeDS)) {
		rr.TypeBitMap = c.bitmap(n, dns.TypeRRSIG)
	} else {
		rr.TypeBitMap = c.bitmap(n)
	}
	return rr
}

// bitmap lists the types at a name: at a cut only what belongs to the parent (RFC 4035 section 2.3).
func (c *chain) bitmap(n *node, more ...uint16) []uint16 {
	types := more
	for t := range n.sets {
		if !c.zone.isCut(n) || t == dns.TypeNS || t == dns.TypeDS {
			types = append(types, t)
		}
	}
	sort.Slice(types, func(i, j int) bool { return types[i] < types[j] })
	return types
}

// at returns the record whose owner is the name or the last one before it, round the ring; exact tells which.
func (c *chain) at(name string) (set []dns.RR, exact bool) {
	key := ""
	if c.nsec3 {
		key = c.hash(name)
	} else {
		key = orderKey(canon(name))
	}
	i := sort.SearchStrings(c.keys, key)
	if i < len(c.keys) && c.keys[i] == key {
		return c.sets[i], true
	}
	return c.sets[(i-1+len(c.keys))%len(c.keys)], false
}

// exactNSEC returns the NSEC record at a name, which may be asked for like any other.
func (c *chain) exactNSEC(name string) []dns.RR {
	if c == nil || c.nsec3 {
		return nil
	}
	if c.compact() {
		return c.madeFor(name, c.zone.nodes[canon(name)])
	}
	if set, exact := c.at(name); exact {
		return set
	}
	return nil
}

func (c *chain) each(names ...string) (sets [][]dns.RR) {
	for _, name := range names {
		set, _ := c.at(name)
		sets = append(sets, set)
	}
	return sets
}

// noData proves that a name that exists lacks a type; at a cut that is the absence of DS. A delegation or an empty
// non-terminal that opt-out leaves out is proven by its closest provable encloser (RFC 5155 sections 7.2.3, 7.2.4, 7.2.7).
func (c *chain) noData(name string) [][]dns.RR {
	switch {
	case c == nil:
		return nil
	case c.compact():
		return [][]dns.RR{c.madeFor(name, c.zone.nodes[name])}
	case !c.nsec3:
		return c.each(name) // for an empty non-terminal the record that covers it
	}
	encloser := name
	for encloser != c.zone.name {
		if _, exact := c.at(encloser); exact {
			break
		}
		encloser = parentOf(encloser)
	}
	if encloser == name {
		return c.each(name)
	}
	return c.each(encloser, nextCloser(name, encloser))
}

// nameError proves that neither a name nor a wildcard that would stand for it exists.
func (c *chain) nameError(name, encloser string) [][]dns.RR {
	switch {
	case c == nil:
		return nil
	case c.compact():
		return [][]dns.RR{c.madeFor(name, nil)}
	case c.nsec3:
		return c.each(encloser, nextCloser(name, encloser), below("*", encloser))
	}
	return c.each(name, below("*", encloser))
}

// compact tells whether proofs are made for each question instead of taken from a ring.
func (c *chain) compact() bool { return c.zone.denial == withCompact }

// madeFor makes the record of a compact denial: nothing stands between the name and the first one below it, and the types
// say whether there is such a name at all (RFC 9824 section 3). The node is that of a wildcard which stands for the name, or
// nil.
func (c *chain) madeFor(name string, n *node) []dns.RR {
	name = canon(name)
	rr := &dns.NSEC{
		Hdr:        dns.RR_Header{Name: name, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: c.zone.negativeTTL()},
		NextDomain: below("\\000", name),
	}
	if n != nil {
		rr.TypeBitMap = c.bitmap(n, dns.TypeNSEC, dns.TypeRRSIG)
	} else {
		rr.TypeBitMap = []uint16{dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNXNAME}
	}
	return []dns.RR{rr}
}

// wildcardAnswer proves that nothing closer to the name exists than the wildcard that answered for it.
func (c *chain) wildcardAnswer(name, encloser string) [][]dns.RR {
	switch {
	case c == nil, c.compact(): // the answer is signed as if the name were there
		return nil
	case c.nsec3:
		return c.each(nextCloser(name, encloser))
	}
	return c.each(name)
}

// wildcardNoData proves that the wildcard that stands for a name lacks a type.
func (c *chain) wildcardNoData(name, encloser string) [][]dns.RR {
	switch {
	case c == nil:
		return nil
	case c.compact():
		return [][]dns.RR{c.madeFor(name, c.zone.nodes[below("*", encloser)])}
	case c.nsec3:
		return c.each(encloser, nextCloser(name, encloser), below("*", encloser))
	}
	return c.each(name, below("*", encloser))
}
