package dnssec

import "sync/atomic"

// This file owns the bounds on the cryptography of one client question.

const (
	// maxSignatures is the most signature checks for one client question (KeyTrap,
	// CVE-2023-50387). A cold chain of ten aliases over signed zones needs a DS set, a
	// DNSKEY set and the alias for each, and those of the zones above. Of 1,050 names like
	// that, 33 at p99.9.
	//
	//limit:signatures BIND 16 per fetch; PowerDNS 30; Knot 32
	maxSignatures = 64
	// maxFailed is the most of them that may fail; honest zones have none that do.
	//
	//limit:failed_signatures BIND 1 per fetch
	maxFailed = 8
	// maxHashes is the most NSEC3 hashes for one client question (CVE-2023-50868).
	// Of 1,050 honest names that cost the most, 3 at p99.9.
	//
	//limit:hashes Knot 128; PowerDNS 600
	maxHashes = 128
	// maxResponseHashes is the part of them that one response may cost; an honest
	// proof needs about three more than the labels between the zone and the name.
	//
	//limit:response_hashes Unbound 8
	maxResponseHashes = 32
	// recordLimit is the end even where limits are only counted.
	recordLimit = 2000
)

// Budget is what the answer to one client question may still cost. It is shared
// by everything that is done for the question and never reset, so that
// restarts and retries cannot renew it. It is safe for use by many goroutines.
type Budget struct {
	record     bool
	beyond     atomic.Uint32 // a bit for each limit that was hit
	signatures atomic.Int32
	failed     atomic.Int32
	hashes     atomic.Int32
}

// NewBudget makes the budget of one client question. With record set the limits
// are counted and not enforced, up to an absolute end.
func NewBudget(record bool) *Budget { return &Budget{record: record} }

// Signatures counts the signature checks that were made.
func (b *Budget) Signatures() int { return int(b.signatures.Load()) }

// Failed counts the signature checks that failed.
func (b *Budget) Failed() int { return int(b.failed.Load()) }

// Hashes counts the NSEC3 hashes that were computed.
func (b *Budget) Hashes() int { return int(b.hashes.Load()) }

// spend takes one from a counter. Refused spending is not counted, so that the
// counters say what was done.
func (b *Budget) spend(n *atomic.Int32, limit int32) bool {
	if b.record {
		limit = recordLimit
	}
	for {
		have := n.Load()
		if have >= limit {
			return false
		}
		if n.CompareAndSwap(have, have+1) {
			return true
		}
	}
}

// limit is one of the bounds, for counting who goes beyond it.
type limit uint8

const (
	limitSignatures limit = iota
	limitFailed
	limitSetSignatures
	limitHashes
	limitResponseHashes
	limitSameTag
	limitProofs
	limitUnsigned
	numLimits
)

// Limits are the names of the limits in metrics, in the order of Beyond's bits.
var Limits = [numLimits]string{"signatures", "failed_signatures", "set_signatures", "hashes", "response_hashes",
	"keys_of_tag", "denials", "unsigned_replies"}

// Beyond has a bit for each of Limits that the question went beyond.
func (b *Budget) Beyond() uint32 { return b.beyond.Load() }

// allow takes note that a limit was reached, and tells whether to go on all the
// same, since limits are only counted.
func (b *Budget) allow(l limit) bool {
	b.beyond.Or(1 << l)
	return b.record
}

func (b *Budget) signature() bool {
	if b.failed.Load() >= maxFailed && !b.allow(limitFailed) {
		return false
	}
	if b.signatures.Load() >= maxSignatures {
		b.allow(limitSignatures)
	}
	return b.spend(&b.signatures, maxSignatures)
}

func (b *Budget) hash() bool {
	if b.hashes.Load() >= maxHashes {
		b.allow(limitHashes)
	}
	return b.spend(&b.hashes, maxHashes)
}
