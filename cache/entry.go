package cache

import "math"

// This file is the flat form of an entry: header, full key and payload, one after
// the other, in the blocks of a slab.

// Status is the DNSSEC status of an entry (RFC 4033 section 5).
type Status uint8

// The statuses. Data that was not validated is Unchecked.
const (
	Unchecked Status = iota
	Secure
	Insecure
	Bogus
	Indeterminate
)

// String is the status in a word.
func (s Status) String() string {
	names := [...]string{"unchecked", "secure", "insecure", "bogus", "indeterminate"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// Header is what is known of an entry beside its payload.
type Header struct {
	Stored   int64 // boot clock, seconds
	Lifetime uint32
	Status   Status
	Flags    uint8 // meaning depends on the kind
}

// Expires is the first second at which the entry is not fresh any more.
func (h Header) Expires() int64 { return h.Stored + int64(h.Lifetime) }

// Fresh tells whether the entry may be used as it is.
func (h Header) Fresh(now int64) bool { return now < h.Expires() }

// Age is the number of seconds that the entry has been stored.
func (h Header) Age(now int64) uint32 { return uint32(max(0, now-h.Stored)) }

// What stands in the first block of an entry before its key. The numbers of blocks
// are those of the index (index.go).
const (
	offChain    = 4  // the next entry of the bucket
	offNewer    = 8  // the entry that was used next after this one
	offOlder    = 12 // the one that was used last before
	offHash     = 16 // of the key
	offUsed     = 20 // when it was used last, by the count of uses
	offStored   = 24 // signed
	offLifetime = 28
	offLengths  = 32 // of the name in the key (8 bits), of the payload (24 bits)
	offStatus   = 36 // 8 bits
	offFlags    = 37 // 8 bits
	entryFixed  = 38
)

// encode writes what the cache keeps of an entry beside key and payload.
func encode(b []byte, h Header, key, payload int) {
	stored := min(max(h.Stored, math.MinInt32), math.MaxInt32) // 68 years after the machine was started
	setNumber(b, offStored, uint32(int32(stored)))
	setNumber(b, offLifetime, h.Lifetime)
	setNumber(b, offLengths, uint32(key-keyFixed)|uint32(payload)<<8)
	b[offStatus], b[offFlags] = byte(h.Status), h.Flags
}

func header(b []byte) Header {
	return Header{
		Stored:   int64(int32(number(b, offStored))),
		Lifetime: number(b, offLifetime),
		Status:   Status(b[offStatus]),
		Flags:    b[offFlags],
	}
}

func keyLen(b []byte) int     { return keyFixed + int(b[offLengths]) }
func payloadLen(b []byte) int { return int(number(b, offLengths) >> 8) }
