package cache

import "encoding/binary"

// This file is the flat form of an entry: header, full key and payload, one after
// the other. It is versioned, so that a file or another
// process can hold it one day.

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

const (
	entryVersion = 1

	offVersion  = 0
	offKeyLen   = 1 // 16 bits
	offStatus   = 3
	offFlags    = 4
	offLifetime = 5  // 32 bits
	offStored   = 9  // 64 bits
	offPayload  = 17 // length, 32 bits
	entryFixed  = 21
)

// encode writes what stands before key and payload.
func encode(b *[entryFixed]byte, h Header, key, payload int) {
	b[offVersion] = entryVersion
	binary.LittleEndian.PutUint16(b[offKeyLen:], uint16(key))
	b[offStatus], b[offFlags] = byte(h.Status), h.Flags
	binary.LittleEndian.PutUint32(b[offLifetime:], h.Lifetime)
	binary.LittleEndian.PutUint64(b[offStored:], uint64(h.Stored))
	binary.LittleEndian.PutUint32(b[offPayload:], uint32(payload))
}

func header(b []byte) Header {
	return Header{
		Stored:   int64(binary.LittleEndian.Uint64(b[offStored:])),
		Lifetime: binary.LittleEndian.Uint32(b[offLifetime:]),
		Status:   Status(b[offStatus]),
		Flags:    b[offFlags],
	}
}

func keyLen(b []byte) int     { return int(binary.LittleEndian.Uint16(b[offKeyLen:])) }
func payloadLen(b []byte) int { return int(binary.LittleEndian.Uint32(b[offPayload:])) }
