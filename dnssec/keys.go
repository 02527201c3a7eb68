package dnssec

import (
	"encoding/binary"
	"strings"
	"sync"

	"rootwalk/wire"
)

// This file reads DNSKEY records (RFC 4034 section 2) and says which can be used.

// The flags of a DNSKEY record (RFC 4034 section 2.1.1, RFC 5011 section 7).
const (
	FlagZone   uint16 = 1 << 8
	FlagRevoke uint16 = 1 << 7
	FlagSEP    uint16 = 1
)

// The limits on keys.
const (
	// maxKeysOfTag is how many keys of one tag and algorithm are looked at; two are a
	// rare accident, more are an attack (CVE-2023-50387).
	//
	//limit:keys_of_tag PowerDNS 2; Unbound 4
	maxKeysOfTag = 4
	// maxKeys is how many keys of a zone are kept; the most seen in a rollover is 8.
	//
	//bound:keys
	maxKeys = 32
)

// Key is one DNSKEY record. It is shared and never changed; what its algorithm
// makes of the public key is worked out once, when it is first used.
type Key struct {
	Flags     uint16
	Protocol  uint8
	Algorithm Algorithm
	PublicKey string
	Tag       uint16 // RFC 4034 appendix B

	data string // the RDATA
	once sync.Once
	read publicKey
}

// publicKey is what the algorithm makes of a key: a check, or why there is none.
type publicKey struct {
	check   func(message []byte, signature string) bool
	problem problem
}

// problem is why a key cannot be used.
type problem uint8

const (
	fine          problem = iota
	notZoneKey            // the Zone Key bit is not set
	revoked               // RFC 5011 section 2.1
	wrongProtocol         // is always 3 (RFC 4034 section 2.1.2)
	badAlgorithm          // not supported
	badSize               // an RSA modulus or exponent beyond the limits
	malformed             // not what the algorithm wants
)

var problems = [...]string{"", "has no Zone Key bit", "is revoked", "has a protocol other than 3", "has an unsupported algorithm",
	"has an unsupported size", "is malformed"}

func (p problem) String() string { return problems[p] }

// ParseKeys reads the keys of a DNSKEY set. Records that are too short to be one
// are left out; whether a key can be used turns out when it is.
func ParseKeys(set *wire.RRset) []*Key {
	keys := make([]*Key, 0, len(set.Data))
	for _, d := range set.Data {
		if k := parseKey(d); k != nil {
			keys = append(keys, k)
		}
	}
	return keys
}

func parseKey(data string) *Key {
	if len(data) < 4 {
		return nil
	}
	return &Key{
		Flags:     uint16(data[0])<<8 | uint16(data[1]),
		Protocol:  data[2],
		Algorithm: Algorithm(data[3]),
		PublicKey: data[4:],
		Tag:       keyTag(data),
		data:      data,
	}
}

// keyTag sums the RDATA (RFC 4034 appendix B). Algorithm 1, which has a sum of
// its own, is not supported anyway.
func keyTag(data string) uint16 {
	var sum uint32
	for i := 0; i < len(data); i++ {
		if i&1 == 0 {
			sum += uint32(data[i]) << 8
		} else {
			sum += uint32(data[i])
		}
	}
	return uint16(sum + sum>>16)
}

// problem says why the key cannot be used, without looking into the public key.
func (k *Key) problem(sha1 bool) problem {
	switch {
	case k.Flags&FlagZone == 0:
		return notZoneKey
	case k.Flags&FlagRevoke != 0:
		return revoked
	case k.Protocol != 3:
		return wrongProtocol
	case !k.Algorithm.Supported(sha1):
		return badAlgorithm
	}
	return fine
}

// public is what the algorithm makes of the key.
func (k *Key) public() publicKey {
	k.once.Do(func() { k.read = readPublic(k.Algorithm, k.PublicKey) })
	return k.read
}

// usable keeps the keys that may sign the data of a zone, as copies that do not
// hold the message that they came in.
func usable(keys []*Key, sha1 bool) []*Key {
	var out []*Key
	for _, k := range keys {
		if k.problem(sha1) == fine && len(out) < maxKeys {
			out = append(out, parseKey(strings.Clone(k.data)))
		}
	}
	return out
}

func be16(s string) uint16 { return uint16(s[0])<<8 | uint16(s[1]) }
func be32(s string) uint32 { return binary.BigEndian.Uint32([]byte(s[:4])) }
