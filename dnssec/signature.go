package dnssec

import (
	"fmt"
	"time"

	"rootwalk/wire"
)

// This file reads RRSIG records (RFC 4034 section 3) and says which are worth a
// check, before any cryptography.

// signature is one RRSIG record.
type signature struct {
	covered    wire.Type
	algorithm  Algorithm
	labels     int
	ttl        uint32 // seconds, of the set when it was signed
	expiration uint32 // RFC 1982 serial numbers of seconds
	inception  uint32
	tag        uint16
	signer     wire.Name // lower case
	head       string    // the RDATA before the signer's name
	value      string
}

const signatureHead = 18 // octets before the signer's name

// parseSignature reads the RDATA of an RRSIG record.
func parseSignature(data string) (s signature, ok bool) {
	if len(data) < signatureHead {
		return s, false
	}
	signer := wire.NameAt(data, signatureHead)
	if signer == "" {
		return s, false
	}
	return signature{
		covered:    wire.Type(be16(data)),
		algorithm:  Algorithm(data[2]),
		labels:     int(data[3]),
		ttl:        be32(data[4:]),
		expiration: be32(data[8:]),
		inception:  be32(data[12:]),
		tag:        be16(data[16:]),
		signer:     signer.Lower(),
		head:       data[:signatureHead],
		value:      data[signatureHead+len(signer):],
	}, true
}

// labelsOf counts the labels of an owner as the Labels field does: without the
// root and without a leading asterisk (RFC 4034 section 3.1.3).
func labelsOf(n wire.Name) int {
	if n.Wildcard() {
		return n.Labels() - 1
	}
	return n.Labels()
}

// serialBefore compares times as RFC 1982 does, so that 2106 is not the end of it.
func serialBefore(a, b uint32) bool { return int32(a-b) < 0 }

// The reasons why a set is not verified by its signatures, in the order of what
// they tell: the one that came nearest to success is reported.
const (
	noSignature = iota
	notForUs    // of another zone, type or shape
	noSuchKey
	notInTime
	notRight // the check failed
	noMore   // a limit
)

// complaint is why a signature does not verify a set.
type complaint struct {
	rank int
	ede  wire.EDE
	text string
}

// check says why the signature cannot cover the set, as far as that can be told
// without a key (RFC 4035 section 5.3.1). At the zero time any validity will do.
func (s *signature) check(set *wire.RRset, zone wire.Name, instant time.Time) (complaint, bool) {
	at := uint32(instant.Unix())
	refuse := func(why string) (complaint, bool) {
		return complaint{notForUs, EDEBogus, "signature of " + describe(set) + " " + why}, false
	}
	switch {
	case s.covered != set.Type:
		return refuse("covers type " + s.covered.String())
	case s.signer != zone:
		return refuse("is by " + s.signer.String() + ", not by " + zone.String())
	case !set.Name.In(zone):
		return refuse("is by a zone that the name is not in")
	case s.labels > labelsOf(set.Name):
		return refuse("has more labels than the name")
	case s.labels < zone.Labels():
		return refuse("has fewer labels than the zone that signed")
	case serialBefore(s.expiration, s.inception):
		return complaint{notInTime, EDEExpiredBeforeValid, "signature of " + describe(set) + " expires before it is valid"}, false
	case instant.IsZero():
	case serialBefore(s.expiration, at):
		return complaint{notInTime, EDEExpired, fmt.Sprintf("signature of %s expired at %s", describe(set), serialTime(s.expiration, at))}, false
	case serialBefore(at, s.inception):
		return complaint{notInTime, EDENotYetValid, fmt.Sprintf("signature of %s is not valid before %s", describe(set), serialTime(s.inception, at))}, false
	}
	return complaint{}, true
}

// outOfTime tells whether none of the zone's signatures of a set is valid at this time,
// whatever its keys are, and why.
func outOfTime(set *wire.RRset, zone wire.Name, at time.Time) (late complaint, ok bool) {
	for _, raw := range set.Sigs {
		s, parsed := parseSignature(raw)
		if !parsed {
			continue
		}
		c, good := s.check(set, zone, at)
		if good {
			return complaint{}, false
		}
		if c.rank == notInTime {
			late, ok = c, true
		}
	}
	return late, ok
}

// serialTime is the instant nearest to at that the serial number stands for.
func serialTime(t, at uint32) string {
	return time.Unix(int64(at)+int64(int32(t-at)), 0).UTC().Format(time.RFC3339)
}

func describe(set *wire.RRset) string { return set.Name.String() + " " + set.Type.String() }
