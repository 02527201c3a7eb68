// From the zones as written to the whole tree: what is missing is supplied, in an order that lets each step see the one before.

package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// world is everything that servers know. It is immutable; SetZone makes another.
type world struct {
	zones   []*zone            // as written, then the supplied ones
	named   map[string][]*zone // in the same order; the first of a name is the one that parents delegate to
	servers map[netip.Addr]*server
}

// build makes the world of some zones.
func build(written []*zoneSpec) (*world, error) {
	if err := checkCollisions(written); err != nil {
		return nil, err
	}
	w := &world{servers: map[netip.Addr]*server{}, named: map[string][]*zone{}}
	for _, s := range supplyParents(written) {
		z := &zone{zoneSpec: s, nodes: map[string]*node{}, labels: dns.CountLabel(s.name)}
		if err := z.supplyApex(); err != nil {
			return nil, err
		}
		if err := z.prepareSigning(); err != nil {
			return nil, err
		}
		w.zones = append(w.zones, z)
		w.named[z.name] = append(w.named[z.name], z)
	}
	for _, z := range w.zones {
		w.delegate(z)
	}
	for _, z := range w.zones {
		z.markOccluded()
		z.chain = newChain(z)
		for _, addr := range z.addrs {
			if w.servers[addr] == nil {
				w.servers[addr] = &server{world: w, zones: map[string]*zone{}}
			}
			w.servers[addr].zones[z.name] = z
		}
	}
	return w, nil
}

// checkCollisions refuses two versions of a zone on one server: it could not know which to answer from.
func checkCollisions(specs []*zoneSpec) error {
	named := map[string][]*zoneSpec{}
	for _, s := range specs {
		for _, o := range named[s.name] {
			if s.sharesAddress(o) {
				return fmt.Errorf("line %d: zone %s is on the same server as that of line %d", s.line, s.name, o.line)
			}
		}
		named[s.name] = append(named[s.name], s)
	}
	return nil
}

// supplyParents adds the root, the TLDs that zones need and nobody wrote, and root-servers.net for a root that is supplied
// or that leaves its servers' names to us.
func supplyParents(written []*zoneSpec) []*zoneSpec {
	specs := slices.Clone(written)
	have := map[string]*zoneSpec{}
	taken := map[netip.Addr]bool{}
	signed, loopback := false, len(written) > 0
	inception, expiration := defaultInception, defaultExpiration
	for _, s := range written {
		if have[s.name] == nil {
			have[s.name] = s
		}
		for _, a := range s.addrs {
			taken[a] = true
			loopback = loopback && a.IsLoopback()
		}
		signed = signed || s.denial != unsignedZone
		if s.ownInception && s.inception.Before(inception) {
			inception = s.inception
		}
		if s.ownExpiration && s.expiration.After(expiration) {
			expiration = s.expiration
		}
	}
	// Where every address as written can be listened on, the supplied ones can be too.
	pick := func(public, local string) netip.Addr {
		a := netip.MustParseAddr(public)
		if loopback {
			a = netip.MustParseAddr(local)
		}
		for taken[a] {
			a = a.Next()
		}
		taken[a] = true
		return a
	}
	supply := func(name string, sign bool, addrs []netip.Addr, nsNames ...string) *zoneSpec {
		s := newSpec(name)
		s.supplied, s.addrs, s.nsNames = true, addrs, nsNames
		s.inception, s.expiration = inception, expiration
		if sign {
			s.denial = withNSEC
		}
		specs = append(specs, s)
		have[name] = s
		return s
	}

	root := have["."]
	if root == nil {
		root = supply(".", signed, []netip.Addr{pick("198.41.0.4", "127.41.0.4")})
	}
	for _, s := range written {
		if labels := dns.CountLabel(s.name); labels > 1 {
			if tld := suffix(s.name, 1); have[tld] == nil {
				supply(tld, signed, []netip.Addr{pick("192.5.6.30", "127.5.6.30")}, "ns1.nic."+tld)
			}
		}
	}
	if !root.hasApexNS() {
		root.nsNames = nil
		for i := range min(len(addressPairs(root.addrs)), 26) {
			root.nsNames = append(root.nsNames, string(rune('a'+i))+".root-servers.net.")
		}
		if have["root-servers.net."] == nil {
			supply("root-servers.net.", false, root.addrs, root.nsNames...)
		}
	}
	return specs
}

func (s *zoneSpec) hasApexNS() bool {
	return slices.ContainsFunc(s.records, func(rr dns.RR) bool {
		return rr.Header().Rrtype == dns.TypeNS && canon(rr.Header().Name) == s.name
	})
}

// addressPairs puts the k-th IPv4 address with the k-th IPv6 address: the addresses of one name server.
func addressPairs(addrs []netip.Addr) [][]netip.Addr {
	var pairs [][]netip.Addr
	v4, v6 := 0, 0
	for _, a := range addrs {
		k := &v6
		if a.Is4() {
			k = &v4
		}
		if *k == len(pairs) {
			pairs = append(pairs, nil)
		}
		pairs[*k] = append(pairs[*k], a)
		*k++
	}
	return pairs
}

func addressRecord(name string, ttl uint32, a netip.Addr) dns.RR {
	h := dns.RR_Header{Name: name, Class: dns.ClassINET, Ttl: ttl}
	if a.Is4() {
		h.Rrtype = dns.TypeA
		return &dns.A{Hdr: h, A: a.AsSlice()}
	}
	h.Rrtype = dns.TypeAAAA
	return &dns.AAAA{Hdr: h, AAAA: a.AsSlice()}
}

// supplyApex gives the zone its records, and SOA and NS where the text has none.
func (z *zone) supplyApex() error {
	z.node(z.name)
	for _, rr := range z.records {
		z.add(dns.Copy(rr))
	}
	if !z.apex().has(dns.TypeNS) {
		for i, pair := range addressPairs(z.addrs) {
			name := below(fmt.Sprintf("ns%d", i+1), z.name)
			if i < len(z.nsNames) {
				name = z.nsNames[i]
			}
			z.add(&dns.NS{Hdr: dns.RR_Header{Name: z.name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: z.ttl}, Ns: name})
			for _, a := range pair {
				if rr := addressRecord(name, z.ttl, a); within(name, z.name) && !z.node(name).has(rr.Header().Rrtype) {
					z.add(rr)
				}
			}
		}
	}
	if !z.apex().has(dns.TypeSOA) {
		z.add(&dns.SOA{
			Hdr:     dns.RR_Header{Name: z.name, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: defaultTTL},
			Ns:      z.apex().sets[dns.TypeNS][0].(*dns.NS).Ns,
			Mbox:    below("hostmaster", z.name),
			Serial:  1,
			Refresh: 7200,
			Retry:   900,
			Expire:  1209600,
			Minttl:  300,
		})
	}
	for _, t := range []uint16{dns.TypeSOA, dns.TypeCNAME} {
		for _, n := range z.nodes {
			if len(n.sets[t]) > 1 {
				return fmt.Errorf("line %d: zone %s: more than one %s at %s", z.line, z.name, dns.TypeToString[t], n.name)
			}
		}
	}
	return nil
}

// delegate puts a zone's NS records, glue and DS into the closest enclosing zone, and into other versions of that. An author
// who wrote NS records there means them, and their glue, as they are.
func (w *world) delegate(child *zone) {
	if child.name == "." || child.noDelegation || w.zone(child.name) != child {
		return
	}
	closest := w.enclosing(parentOf(child.name))
	for _, parent := range w.named[closest.name] {
		cut := parent.node(child.name)
		if !cut.has(dns.TypeNS) {
			for _, rr := range child.apex().sets[dns.TypeNS] {
				parent.add(dns.Copy(rr))
				w.addGlue(parent, child, rr.(*dns.NS).Ns)
			}
		}
		if parent.keys != nil && child.keys != nil && !child.noDS && (!cut.has(dns.TypeDS) || child.ds != nil) {
			parent.add(child.digests()...)
		}
	}
}

// addGlue gives the parent the addresses of a name server, where it may and needs to (RFC 9471).
func (w *world) addGlue(parent, child *zone, host string) {
	name := canon(host)
	if child.noGlue || !within(name, parent.name) || !(within(name, child.name) || child.glue) {
		return
	}
	if n := parent.nodes[name]; n != nil && (n.has(dns.TypeA) || n.has(dns.TypeAAAA)) {
		return
	}
	for ancestor := name; ; ancestor = parentOf(ancestor) {
		for _, z := range w.named[ancestor] {
			if z == parent {
				continue
			}
			if sets := z.addressesOf(name); len(sets) > 0 {
				for _, set := range sets {
					for _, rr := range set {
						parent.add(dns.Copy(rr))
					}
				}
				return
			}
		}
		if ancestor == "." {
			return
		}
	}
}

// zone returns the first zone of a canonical name, or nil.
func (w *world) zone(name string) *zone {
	if z := w.named[name]; z != nil {
		return z[0]
	}
	return nil
}

// enclosing returns the closest zone at or above a canonical name; the root is above all.
func (w *world) enclosing(name string) *zone {
	for {
		if z := w.zone(name); z != nil || name == "." {
			return z
		}
		name = parentOf(name)
	}
}

// Zone prints a zone in master-file form with everything that was supplied, or "" if there is no such zone.
func (n *Internet) Zone(name string) string {
	if z := n.world.Load().zone(canon(name)); z != nil {
		return z.text()
	}
	return ""
}

// Zones lists the names of all zones, the supplied ones last.
func (n *Internet) Zones() []string {
	var names []string
	for _, z := range n.world.Load().zones {
		if !slices.Contains(names, z.name) {
			names = append(names, z.name)
		}
	}
	return names
}

// Servers lists the addresses of all servers in order.
func (n *Internet) Servers() []netip.Addr {
	var addrs []netip.Addr
	for a := range n.world.Load().servers {
		addrs = append(addrs, a)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs
}

// Hints returns the root hints in the form of named.root: the root's NS records and the addresses that it gives for them.
func (n *Internet) Hints() string {
	root := n.world.Load().zone(".")
	var b strings.Builder
	for _, rr := range root.apex().sets[dns.TypeNS] {
		b.WriteString(rr.String() + "\n")
		for _, set := range root.addressesOf(rr.(*dns.NS).Ns) {
			for _, a := range set {
				b.WriteString(a.String() + "\n")
			}
		}
	}
	return b.String()
}

// TrustAnchors returns the DS record of the root's key-signing key in presentation form, or "" for a root that is not signed.
func (n *Internet) TrustAnchors() string { return n.DS(".") }

// DS returns the DS record of a zone's key-signing key in presentation form, whether its parent has it or not, or "" for a
// zone that is not signed or not there.
func (n *Internet) DS(zone string) string {
	if z := n.world.Load().zone(canon(zone)); z != nil && z.keys != nil {
		return z.keys.ksk.ToDS(dns.SHA256).String() + "\n"
	}
	return ""
}
