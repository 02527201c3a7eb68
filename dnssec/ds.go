package dnssec

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"slices"
	"time"

	"rootwalk/wire"
)

// This file owns the step from a parent's DS records, or from trust anchors, to
// the keys of a zone (RFC 4035 section 5.2).

// The digests of DS records.
const (
	digestSHA1   = 1 // RFC 4034
	digestSHA256 = 2 // RFC 4509
	digestSHA384 = 4 // RFC 6605
)

// maxDS is the most DS records of a zone that are used, the strongest first. The
// surplus is ignored and never a reason for Insecure.
//
//bound:ds PowerDNS 8
const maxDS = 8

// ds is one DS record.
type ds struct {
	tag       uint16
	algorithm Algorithm
	digest    uint8
	hash      string
}

func parseDS(data string) (ds, bool) {
	if len(data) < 5 {
		return ds{}, false
	}
	return ds{be16(data), Algorithm(data[2]), data[3], data[4:]}, true
}

// strength orders the digests; 0 is one that is not supported.
func (d ds) strength() int {
	switch d.digest {
	case digestSHA384:
		return 3
	case digestSHA256:
		return 2
	case digestSHA1:
		return 1
	}
	return 0
}

// usableDS picks the DS records that validation may go on with. Where there are
// none the zone is insecure, and ede says what was not supported (RFC 4035
// section 5.2, RFC 6840 section 5.2).
func usableDS(data []string, sha1 bool) (use []ds, ede wire.EDE) {
	ede = EDEUnsupportedDigest
	for _, raw := range data {
		d, ok := parseDS(raw)
		switch {
		case !ok:
		case !d.algorithm.Supported(sha1):
			ede = EDEUnsupportedAlgorithm
		case d.strength() > 0:
			use = append(use, d)
		}
	}
	slices.SortStableFunc(use, func(a, b ds) int { return b.strength() - a.strength() })
	if len(use) > 0 && use[0].strength() > 1 { // RFC 4509 section 3
		use = slices.DeleteFunc(use, func(d ds) bool { return d.strength() == 1 })
	}
	return use[:min(len(use), maxDS)], ede
}

// matches tells whether the DS record is that of the zone's key.
func (d ds) matches(zone wire.Name, k *Key) bool {
	if d.tag != k.Tag || d.algorithm != k.Algorithm {
		return false
	}
	in := append([]byte(zone), k.data...)
	switch d.digest {
	case digestSHA1:
		h := sha1.Sum(in)
		return d.hash == string(h[:])
	case digestSHA256:
		h := sha256.Sum256(in)
		return d.hash == string(h[:])
	case digestSHA384:
		h := sha512.Sum384(in)
		return d.hash == string(h[:])
	}
	return false
}

// trust is what the keys of a zone have to match: a DS set, or trust anchors,
// which may also be whole keys.
type trust struct {
	ds   []ds
	keys []string // RDATA of DNSKEY records
}

// keySet is what became of a DNSKEY set.
type keySet struct {
	keys     []*Key // of a secure zone
	signed   Signed // by which key, and for how long
	insecure bool   // every key that matches is one that we cannot use
	ede      wire.EDE
	reason   string
	limit    bool
}

// judgeKeys verifies the DNSKEY set of a zone: one of its keys has to match, and
// that key has to have signed the set (RFC 4035 section 5.2).
func judgeKeys(zone wire.Name, set *wire.RRset, t trust, sha1 bool, at time.Time, b *Budget) keySet {
	keys := ParseKeys(set)
	matched := t.match(zone, keys)
	if len(matched) == 0 {
		return keySet{ede: EDEKeyMissing, reason: fmt.Sprintf("of %s of %s none matches its %s", count(len(keys), "key"), zone, t.source())}
	}
	var able []*Key
	sizes, worst := 0, fine
	for _, k := range matched {
		p := k.problem(sha1)
		if p == fine {
			p = k.public().problem
		}
		switch p {
		case fine:
			able = append(able, k)
			continue
		case badSize, badAlgorithm:
			sizes++
		}
		worst = p
	}
	if len(able) == 0 {
		r := keySet{insecure: sizes == len(matched), ede: EDEKeyMissing, reason: fmt.Sprintf("the key of %s that matches its %s %s", zone, t.source(), worst)}
		switch {
		case r.insecure:
			r.ede = EDEUnsupportedAlgorithm
		case worst == notZoneKey:
			r.ede = EDENoZoneKey
		}
		return r
	}
	s := VerifyRRset(set, zone, able, at, b)
	if s.OK && s.Wildcard {
		s = Signed{EDE: EDEBogus, Reason: "keys of " + zone.String() + " are made from a wildcard"}
	}
	if s.EDE == EDEKeyMissing { // of those that may vouch for the others; the zone may well have the key
		s.Reason = fmt.Sprintf("%s has no signature by a key that matches its %s", describe(set), t.source())
	}
	if !s.OK {
		return keySet{ede: s.EDE, reason: s.Reason, limit: s.Limit}
	}
	return keySet{keys: usable(keys, sha1), signed: s, ede: wire.NoEDE}
}

// match finds the keys that are meant, each once.
func (t trust) match(zone wire.Name, keys []*Key) []*Key {
	var out []*Key
	add := func(k *Key) {
		if !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	for _, d := range t.ds {
		same := 0
		for _, k := range keys {
			if k.Tag != d.tag || k.Algorithm != d.algorithm {
				continue
			}
			if same++; same > maxKeysOfTag {
				break
			}
			if d.matches(zone, k) {
				add(k)
			}
		}
	}
	for _, data := range t.keys {
		for _, k := range keys {
			if k.data == data {
				add(k)
			}
		}
	}
	return out
}

func (t trust) source() string {
	if len(t.keys) > 0 {
		return "trust anchor"
	}
	return "DS"
}
