package resolver

import (
	"sync/atomic"

	"rootwalk/dnssec"
	"rootwalk/wire"
)

// The bounds on what one question may cost. They are spent through one Budget,
// which every sub-query shares and nothing resets, so that every path ends.
const (
	// maxPackets is the most packets and connects for one client question: between
	// PowerDNS Recursor's 50 and Unbound's 200.
	maxPackets = 100
	// maxAddressPackets is the part of them that may go into finding addresses of
	// servers (NXNSAttack, CVE-2020-8616).
	maxAddressPackets = 32
	// maxLookups is the most walks for addresses of servers, which may cost no packet
	// where all is known.
	maxLookups = 32
	// recordLimit is the end even where limits are only counted.
	recordLimit = 1000
	// maxOctets is the most octets of replies.
	maxOctets = 100_000
	// maxDepth bounds the address of a server of a server of a server ...
	maxDepth = 7
	// maxUnknownServers is how many server names without an address may fail before
	// the delegation is given up.
	maxUnknownServers = 5
	// maxMinimised and maxOneLabel bound the steps of QNAME minimisation (RFC 9156 section 2.3).
	maxMinimised = 10
	maxOneLabel  = 4
)

// limit is one of the bounds, for counting who goes beyond it.
type limit uint8

const (
	limitPackets limit = iota
	limitAddressPackets
	limitOctets
	limitLookups
	limitAliases
	numLimits
)

// limitNames are the limits in metrics.
var limitNames = [numLimits]string{"packets", "address_packets", "octets", "address_lookups", "aliases"}

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
