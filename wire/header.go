package wire

import "encoding/binary"

// HeaderLen is the length of a message header in octets, RFC 1035 section 4.1.1.
const HeaderLen = 12

// The bits of the header's second 16-bit word (RFC 1035 section 4.1.1, RFC 4035 section 3).
const (
	FlagQR uint16 = 1 << 15
	FlagAA uint16 = 1 << 10
	FlagTC uint16 = 1 << 9
	FlagRD uint16 = 1 << 8
	FlagRA uint16 = 1 << 7
	FlagAD uint16 = 1 << 5
	FlagCD uint16 = 1 << 4

	opcodeShift = 11
	opcodeMask  = 0xf
	rcodeMask   = 0xf
)

// Opcode is the kind of query in the flags word.
func Opcode(flags uint16) uint8 { return uint8(flags >> opcodeShift & opcodeMask) }

// The offsets of the header's fields.
const (
	offID = 2 * iota
	offFlags
	offQDCount
	offANCount
	offNSCount
	offARCount
)

func u16(b []byte, off int) uint16       { return binary.BigEndian.Uint16(b[off:]) }
func u32(b []byte, off int) uint32       { return binary.BigEndian.Uint32(b[off:]) }
func putU16(b []byte, off int, v uint16) { binary.BigEndian.PutUint16(b[off:], v) }
func putU32(b []byte, off int, v uint32) { binary.BigEndian.PutUint32(b[off:], v) }

// ID reads the message ID.
func ID(msg []byte) uint16 { return u16(msg, offID) }

// SetID writes the message ID.
func SetID(msg []byte, id uint16) { putU16(msg, offID, id) }

// Flags reads the flags word.
func Flags(msg []byte) uint16 { return u16(msg, offFlags) }

// SetTC marks the message as truncated.
func SetTC(msg []byte) { putU16(msg, offFlags, Flags(msg)|FlagTC) }

// skipName returns the offset behind the name at off, or -1 when the name
// leaves the message or has a label type that does not exist. It follows no
// pointer: one ends the name.
func skipName(msg []byte, off int) int {
	for off < len(msg) {
		switch c := msg[off]; {
		case c == 0:
			return off + 1
		case c < 64:
			off += 1 + int(c)
		case c >= 0xc0:
			if off+2 > len(msg) {
				return -1
			}
			return off + 2
		default:
			return -1
		}
	}
	return -1
}

// skipRecord returns the offset behind the record at off, or -1.
func skipRecord(msg []byte, off int) int {
	if off = skipName(msg, off); off < 0 || off+10 > len(msg) {
		return -1
	}
	off += 10 + int(u16(msg, off+8))
	if off > len(msg) {
		return -1
	}
	return off
}

// Truncate makes a reply out of its header and question, which is all that b
// holds, with TC set: the client asks again over TCP (RFC 2181 section 9).
func Truncate(b []byte, start int) []byte {
	SetTC(b[start:])
	for off := offANCount; off <= offARCount; off += 2 {
		putU16(b, start+off, 0)
	}
	return b
}
