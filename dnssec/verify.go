package dnssec

import (
	"encoding/binary"
	"fmt"
	"time"

	"rootwalk/wire"
)

// This file verifies one RRset with the keys of its zone (RFC 4035 section 5.3).

// maxChecks is the most checks for one RRset. A double-signed set in a rollover
// needs one or two: the first good signature ends it.
//
//limit:set_signatures PowerDNS 2; Unbound, hickory 8
const maxChecks = 4

// Signed is what the signatures of a set are worth.
type Signed struct {
	OK       bool
	Wildcard bool      // the set was made from a wildcard, and needs a proof that nothing nearer exists
	Encloser wire.Name // with Wildcard: the name that the wildcard stands below
	TTL      uint32    // seconds that the set may be kept (RFC 4035 section 5.3.3)

	EDE    wire.EDE // where not OK, with the reason in words
	Reason string
	Limit  bool // a budget ran out, which says nothing of the set

	tag       uint16 // of the key that signed
	algorithm Algorithm
	original  uint32 // seconds: the TTL when it was signed
	left      uint32 // seconds until the signature expires
}

// VerifyRRset looks for a signature of the set by one of the zone's keys, as of
// the instant at; at the zero time its validity does not matter. Everything that needs no cryptography is looked at first; what
// is left is spent through the budget.
func VerifyRRset(set *wire.RRset, zone wire.Name, keys []*Key, at time.Time, b *Budget) Signed {
	worst := complaint{noSignature, EDESignaturesMissing, describe(set) + " has no signature"}
	complain := func(c complaint) {
		if c.rank > worst.rank {
			worst = c
		}
	}
	var canonical []string
	checks := 0
	for _, raw := range set.Sigs {
		s, ok := parseSignature(raw)
		if !ok {
			complain(complaint{notForUs, EDEBogus, "signature of " + describe(set) + " is malformed"})
			continue
		}
		if c, ok := s.check(set, zone, at); !ok {
			complain(c)
			continue
		}
		same := 0
		for _, k := range keys {
			if k.Tag != s.tag || k.Algorithm != s.algorithm {
				continue
			}
			if same++; same > maxKeysOfTag {
				b.allow(limitSameTag)
				break
			}
			p := k.public()
			if p.problem != fine {
				complain(complaint{noSuchKey, EDEKeyMissing, fmt.Sprintf("key %d of %s %s", s.tag, zone, p.problem)})
				continue
			}
			if checks == maxChecks {
				b.allow(limitSetSignatures)
				return refused(complaint{noMore, EDEBogus, fmt.Sprintf("limit: more than %d signature checks for %s", maxChecks, describe(set))}, false)
			}
			if !b.signature() {
				return refused(complaint{noMore, EDEBogus, "limit: signature checks for one question"}, true)
			}
			checks++
			if canonical == nil {
				canonical = canonicalData(set)
			}
			if p.verify(s.message(set, canonical), s.value) {
				return s.accept(set, at)
			}
			b.failed.Add(1)
			complain(complaint{notRight, EDEBogus, fmt.Sprintf("signature of %s by key %d of %s is wrong", describe(set), s.tag, zone)})
		}
		if same == 0 {
			complain(complaint{noSuchKey, EDEKeyMissing, fmt.Sprintf("signature of %s is by key %d (%s), which %s does not have", describe(set), s.tag, s.algorithm, zone)})
		}
	}
	return refused(worst, false)
}

func refused(c complaint, limit bool) Signed {
	return Signed{EDE: c.ede, Reason: c.text, Limit: limit}
}

// accept is the result of a good signature.
func (s *signature) accept(set *wire.RRset, at time.Time) Signed {
	left := uint32(noCap)
	if !at.IsZero() {
		left = s.expiration - uint32(at.Unix())
	}
	r := Signed{OK: true, EDE: wire.NoEDE, tag: s.tag, algorithm: s.algorithm, original: s.ttl, left: left}
	r.TTL = min(set.TTL, s.ttl, r.left)
	if s.labels < labelsOf(set.Name) {
		r.Wildcard, r.Encloser = true, set.Name.Last(s.labels)
	}
	return r
}

// message is what was signed: the signature without itself, and the records in
// canonical form under the name that they were signed with (RFC 4034 section
// 3.1.8.1, RFC 4035 section 5.3.2).
func (s *signature) message(set *wire.RRset, canonical []string) []byte {
	owner := set.Name
	if s.labels < labelsOf(owner) {
		owner = "\x01*" + owner.Last(s.labels)
	}
	size := len(s.head) + len(s.signer)
	for _, d := range canonical {
		size += len(owner) + 10 + len(d)
	}
	m := make([]byte, 0, size)
	m = append(m, s.head...)
	m = append(m, s.signer...)
	for _, d := range canonical {
		m = append(m, owner...)
		m = binary.BigEndian.AppendUint16(m, uint16(set.Type))
		m = binary.BigEndian.AppendUint16(m, uint16(set.Class))
		m = binary.BigEndian.AppendUint32(m, s.ttl)
		m = binary.BigEndian.AppendUint16(m, uint16(len(d)))
		m = append(m, d...)
	}
	return m
}
