// Package lab is a private Internet: root, TLD and authoritative servers made from a few lines of text, with faults to order.
//
// Tests and demonstrations share it. It knows servers and faults only; what a resolver makes of them is not its business.
//
//	net, _, err := lab.Parse(`
//	== zone example.com @ 192.0.2.1
//	www   A 192.0.2.80
//	== fault 192.0.2.1 udp
//	delay 50ms
//	`)
//
// makes four zones out of one: the root at 198.41.0.4 and com. at 192.5.6.30 appear because example.com. needs them, each
// with SOA, NS and the delegation to the next. [Internet.Zone] prints what was added.
//
// # Two ways to reach it
//
// [Internet.Dial] opens a path inside the process. It waits only on channels and timers, so that it works inside a
// testing/synctest bubble, where a delay of an hour costs nothing. [Internet.Listen] serves the same servers on real loopback
// sockets.
//
// # Zones
//
//	== zone NAME @ ADDRESS... [OPTION...]
//
// begins a zone, followed by ordinary master-file text (RFC 1035 section 5) relative to NAME. A missing SOA, missing NS at the
// apex, missing parents and missing delegations are supplied; the default TTL is 3600. One address may serve many zones. A
// second section for a name that has one already, at other addresses, is a second opinion about that zone: servers that
// disagree; only the first is delegated to. The options:
//
//	nodelegate         the parent gets no delegation
//	noglue             the delegation carries no glue
//	glue               sibling glue too: addresses of NS names anywhere below the parent
//	signed             signed with NSEC; also signed=nsec, nsec3, optout, or compact (RFC 9824)
//	unsigned           never signed
//	nods               signed, but the parent gets no DS
//	ds=LIST            the DS records: sha1, sha256, sha384, the number of another digest, or algN for one of that
//	                   algorithm, with commas between; one that ends with "!" is wrong. sha256 by default
//	alg=ecdsa          key algorithm: ecdsa (P-256), ecdsa384, ed25519, rsa (with SHA-256), rsasha1, nsec3rsasha1, rsasha512,
//	                   or a number that stands for one that nobody knows
//	also=ALG           signed with other keys of that algorithm too, with DS records of both, as in a rollover
//	bits=N             of RSA keys; with others than 1024, for speed, nobody can sign, and signatures are wrong
//	key=WORD           other keys than those that the zone's name alone gives
//	flags=N protocol=N of the key-signing key
//	colliding=N        N keys more, before the others, with the key tag of the zone-signing key
//	iterations=N salt=HEX   of NSEC3, none by default
//	inception=YYYYMMDD expiration=YYYYMMDD   of signatures, by default 2020-01-01 and 2036-01-01
//
// Keys follow from the zone's name, and signatures from keys and records: every run sees the same bytes. Parents that are
// supplied are signed when any zone is, with a validity that includes the default and everything that zones ask for. (The
// clock of a synctest bubble starts at 2000-01-01.)
//
// # Faults
//
//	== fault ADDRESS|all [udp|tcp] [FAULT]
//
// orders the faults on the lines that follow for one server or all of them; see [Internet.SetFaults] for the list.
package lab

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Internet is a set of servers that know zones and commit faults. All methods may be called at any time by any goroutine,
// inside a synctest bubble or outside: it owns no channels and no timers, only connections do.
type Internet struct {
	world atomic.Pointer[world]

	mu       sync.Mutex
	specs    []*zoneSpec // as written, before anything is supplied
	faults   []*fault
	queries  []Query
	connects int
	ports    uint16
}

// Query is one query that a server received. Dropped ones count, and so do those to addresses that no server has: a test of
// a budget wants everything that was sent.
type Query struct {
	Server  netip.Addr
	Network string // "udp" or "tcp"
	Name    string // as sent, letter case kept
	Type    uint16
	Class   uint16
	EDNS    bool
	DO      bool
	RD      bool
	CD      bool
	UDPSize uint16 // of the OPT record, 0 without one
	ID      uint16
	At      time.Time // when it arrived, virtual inside a synctest bubble
}

// maxQueries bounds the memory of what was received; a demonstration may run for days. Beyond it the older half is forgotten.
const maxQueries = 1 << 20

// Parse builds an Internet from its text form. Sections begin with a line "== TITLE"; those that it does not know are
// returned for the caller, in order. Text before the first section is a comment. Errors name the line.
func Parse(text string) (*Internet, []Section, error) {
	n := &Internet{}
	var others []Section
	for _, s := range split(text) {
		kind, rest := cutWord(s.Title)
		switch kind {
		case "zone":
			spec, err := parseZone(rest, s.Body, s.Line)
			if err != nil {
				return nil, nil, err
			}
			n.specs = append(n.specs, spec)
		case "fault":
			order, err := parseFaults(rest, s.Body, s.Line)
			if err != nil {
				return nil, nil, err
			}
			n.faults = append(n.faults, order.faults...)
		default:
			others = append(others, s)
		}
	}
	w, err := build(n.specs)
	if err != nil {
		return nil, nil, err
	}
	n.world.Store(w)
	return n, others, nil
}

// SetZone replaces or adds a zone at run time. The title is that of a zone section, with or without the word "zone"; it
// replaces the zone of that name which shares an address with it. Everything that is supplied (parents, delegations, DS) is
// worked out again from the zones as written. Faults and received queries stay. Errors count the lines of the body from 1.
func (n *Internet) SetZone(title, body string) error {
	if kind, rest := cutWord(title); kind == "zone" {
		title = rest
	}
	spec, err := parseZone(title, body, 0)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	specs := make([]*zoneSpec, 0, len(n.specs)+1)
	replaced := false
	for _, s := range n.specs {
		if !replaced && s.name == spec.name && s.sharesAddress(spec) {
			s, replaced = spec, true
		}
		specs = append(specs, s)
	}
	if !replaced {
		specs = append(specs, spec)
	}
	w, err := build(specs)
	if err != nil {
		return err
	}
	n.specs = specs
	n.world.Store(w)
	return nil
}

// Queries returns everything that servers received so far, in order. The slice is the caller's.
func (n *Internet) Queries() []Query {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Query(nil), n.queries...)
}

// TCPConnects counts the TCP connections that were attempted, refused and unanswered ones included. A budget of packets
// counts them beside the queries.
func (n *Internet) TCPConnects() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.connects
}

// ResetQueries forgets the queries and connections received so far.
func (n *Internet) ResetQueries() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queries, n.connects = nil, 0
}

// received notes a query.
func (n *Internet) received(q Query) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.queries) >= maxQueries {
		n.queries = append(n.queries[:0:0], n.queries[maxQueries/2:]...)
	}
	n.queries = append(n.queries, q)
}
