package dnssec

import (
	"crypto/sha1"
	b32 "encoding/base32"

	"rootwalk/wire"
)

// This file owns NSEC3 records (RFC 5155 section 3): what one says, and the hash.

const (
	nsec3SHA1   = 1  // the only hash there is
	hashLen     = 20 // octets
	hashDigits  = 32 // of base32hex
	flagOptOut  = 1
	nsec3Header = 5 // octets before the salt
)

// NSEC3Hash is a hashed owner name.
type NSEC3Hash [hashLen]byte

// NSEC3Params is how names are hashed; one proof is made of one kind only.
type NSEC3Params struct {
	Iterations uint16
	Salt       string
}

// Hash hashes a name, which is lower case (RFC 5155 section 5).
func (p NSEC3Params) Hash(name wire.Name) NSEC3Hash {
	var room [wire.MaxName + 255]byte
	in := append(append(room[:0], name...), p.Salt...)
	h := NSEC3Hash(sha1.Sum(in))
	for range p.Iterations {
		in = append(append(in[:0], h[:]...), p.Salt...)
		h = sha1.Sum(in)
	}
	return h
}

// NSEC3 is one NSEC3 record: no name of the zone hashes to between Owner and Next.
type NSEC3 struct {
	Owner, Next NSEC3Hash
	OptOut      bool // insecure delegations may lie between them (RFC 5155 section 6)
	Types       TypeBitmap
	NSEC3Params
}

// ParseNSEC3 reads the record of a set of the zone, whose owner has to be a hash
// directly below the apex. Unknown hashes and flags make a record that says
// nothing (RFC 5155 sections 8.1 and 8.2).
func ParseNSEC3(set *wire.RRset, zone wire.Name) (n NSEC3, ok bool) {
	if len(set.Data) != 1 || len(set.Name) != 1+hashDigits+len(zone) || set.Name[0] != hashDigits || set.Name.Parent() != zone {
		return n, false
	}
	data := set.Data[0]
	if len(data) < nsec3Header || data[0] != nsec3SHA1 || data[1]&^flagOptOut != 0 {
		return n, false
	}
	n.OptOut = data[1]&flagOptOut != 0
	n.Iterations = be16(data[2:])
	salt := int(data[4])
	rest := data[nsec3Header:]
	if len(rest) < salt+1+hashLen || rest[salt] != hashLen {
		return n, false
	}
	n.Salt = rest[:salt]
	copy(n.Next[:], rest[salt+1:])
	if n.Types, ok = parseBitmap(rest[salt+1+hashLen:]); !ok {
		return n, false
	}
	n.Owner, ok = parseBase32(string(set.Name[1 : 1+hashDigits]))
	return n, ok
}

// parseBase32 reads 32 digits of base32hex in lower case (RFC 4648 section 7).
func parseBase32(s string) (h NSEC3Hash, ok bool) {
	bits, n, at := uint32(0), 0, 0
	for i := range len(s) {
		var v byte
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			v = c - '0'
		case c >= 'a' && c <= 'v':
			v = c - 'a' + 10
		default:
			return h, false
		}
		bits, n = bits<<5|uint32(v), n+5
		if n >= 8 {
			n -= 8
			h[at] = byte(bits >> n)
			at++
		}
	}
	return h, at == hashLen
}

// owner is the name of the record with the hash (RFC 5155 section 3).
func (h NSEC3Hash) owner(zone wire.Name) wire.Name {
	return wire.Name([]byte{hashDigits}) + wire.Name(base32Hex.EncodeToString(h[:])) + zone
}

var base32Hex = b32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(b32.NoPadding)

// Covers tells whether the hash lies between the two, round the ring. A ring of
// one record covers all but itself.
func (n *NSEC3) Covers(h NSEC3Hash) bool {
	afterOwner := string(h[:]) > string(n.Owner[:])
	beforeNext := string(h[:]) < string(n.Next[:])
	if string(n.Owner[:]) < string(n.Next[:]) {
		return afterOwner && beforeNext
	}
	return afterOwner || beforeNext
}
