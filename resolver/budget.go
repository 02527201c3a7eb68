package resolver

import (
	"sync/atomic"

	"rootwalk/dnssec"
	"rootwalk/wire"
)

// The bounds on what one question may cost. They are spent through one Budget,
// which every sub-query shares and nothing resets, so that every path ends.
const (
	// maxPackets is the most packets and connects for one client question. An honest
	// cold name takes a few for each zone on its way: of 1,050 that cost the most, 33 at
	// p99.9.
	//
	//limit:packets PowerDNS 50; BIND 50 per fetch, 200 in all; Knot 100; Unbound 200
	maxPackets = 100
	// maxAddressPackets is the part of them that may go into finding addresses of
	// servers (NXNSAttack, CVE-2020-8616).
	//
	//limit:address_packets none apart
	maxAddressPackets = 32
	// maxLookups is the most walks for addresses of servers, which may cost no packet
	// where all is known.
	//
	//limit:address_lookups Unbound 32 per delegation
	maxLookups = 32
	// recordLimit is the most packets where limits are only counted.
	recordLimit = 1000
	// maxOctets is the most octets of replies for one client question.
	//
	//limit:octets PowerDNS 100,000
	maxOctets = 100_000
	// maxDepth bounds the address of a server of a server of a server ...
	//
	//limit:depth BIND 7; PowerDNS 16
	maxDepth = 7
	// recordDepth is the same where limits are only counted.
	recordDepth = 30
	// maxMinimised is the most steps of QNAME minimisation (RFC 9156 section 2.3).
	//
	//bound:minimised_steps Unbound, PowerDNS 10
	maxMinimised = 10
	// maxOneLabel is how many of them add one label alone.
	//
	//bound:minimised_labels Unbound, PowerDNS 4
	maxOneLabel = 4
)

// limit is one of the bounds, for counting who goes beyond it.
type limit uint8

const (
	limitPackets limit = iota
	limitAddressPackets
	limitOctets
	limitLookups
	limitAliases
	limitDepth
	limitUnknownServers
	limitServerNames
	limitServerAddresses
	limitTime
	limitSetRecords
	limitNegativeOctets
	numLimits
)

// limitNames are the limits in metrics.
var limitNames = [numLimits]string{"packets", "address_packets", "octets", "address_lookups", "aliases", "depth", "unknown_servers",
	"server_names", "server_addresses", "time", "set_records", "negative_octets"}

// budget is what one client question may still spend.
type budget struct {
	stats     *counters     // where limits that were hit are counted; nil for nowhere
	beyond    atomic.Uint32 // a bit for each limit that was hit
	packets   atomic.Int32
	addresses atomic.Int32
	octets    atomic.Int32
	lookups   atomic.Int32 // walks for addresses of servers
	crypto    *dnssec.Budget
	record    bool // count, but do not enforce
}

// hit counts a limit, once for each question.
func (b *budget) hit(l limit) {
	if bit := uint32(1) << l; b.beyond.Or(bit)&bit == 0 && b.stats != nil {
		b.stats.limits[l].Add(1)
	}
}

// allow takes note that a limit was reached, and tells whether to go on all the
// same, since limits are only counted.
func (b *budget) allow(l limit) bool {
	b.hit(l)
	return b.record
}

// spend takes one packet, for the address of a server or for the question itself.
func (b *budget) spend(forAddress bool) error {
	if forAddress && b.addresses.Add(1) > maxAddressPackets {
		b.hit(limitAddressPackets)
		if !b.record {
			return &Failure{EDE: wire.EDENoReachable, Text: "limit: packets for addresses of servers", limit: true}
		}
	}
	if b.octets.Load() > maxOctets && !b.record {
		return errOctets
	}
	if n := b.packets.Add(1); n > maxPackets {
		b.hit(limitPackets)
		if !b.record || n > recordLimit {
			return &Failure{EDE: wire.EDENoReachable, Text: "limit: packets for one question", limit: true}
		}
	}
	return nil
}

// receive takes the octets of a reply.
func (b *budget) receive(n int) error {
	if b.octets.Add(int32(n)) > maxOctets {
		b.hit(limitOctets)
		if !b.record {
			return errOctets
		}
	}
	return nil
}

var errOctets = &Failure{EDE: wire.EDENoReachable, Text: "limit: octets for one question", limit: true}

// lookup takes one walk for the address of a server.
func (b *budget) lookup() bool {
	if b.lookups.Add(1) <= maxLookups {
		return true
	}
	b.hit(limitLookups)
	return b.record
}

// spent tells whether nothing more can be asked.
func (b *budget) spent() bool {
	return !b.record && (b.packets.Load() > maxPackets || b.octets.Load() > maxOctets)
}
