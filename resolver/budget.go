package resolver

import (
	"sync/atomic"

	"rootwalk/wire"
)

// The bounds on what one question may cost. They are spent through one Budget,
// which every sub-query shares and nothing resets, so that every path ends.
const (
	// maxPackets is the most packets and connects for one client question. An honest
	// cold chain of ten aliases over zones without glue needs about 60.
	maxPackets = 100
	// maxAddressPackets is the part of them that may go into finding addresses of
	// servers (NXNSAttack, CVE-2020-8616).
	maxAddressPackets = 32
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

// budget is what one client question may still spend.
type budget struct {
	packets   atomic.Int32
	addresses atomic.Int32
	octets    atomic.Int32
}

// spend takes one packet, for the address of a server or for the question itself.
func (b *budget) spend(forAddress bool) error {
	if forAddress && b.addresses.Add(1) > maxAddressPackets {
		return &Failure{EDE: wire.EDENoReachable, Text: "limit: packets for addresses of servers", limit: true}
	}
	if b.packets.Add(1) > maxPackets {
		return &Failure{EDE: wire.EDENoReachable, Text: "limit: packets for one question", limit: true}
	}
	return nil
}

// receive takes the octets of a reply.
func (b *budget) receive(n int) error {
	if b.octets.Add(int32(n)) > maxOctets {
		return &Failure{EDE: wire.EDENoReachable, Text: "limit: octets for one question", limit: true}
	}
	return nil
}
