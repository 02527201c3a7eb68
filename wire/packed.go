package wire

import "errors"

// Packed is a reply in packed form, made by Pack: everything behind the
// question, with the places that change from client to client marked. It is
// read in place.
type Packed []byte

// ErrPacked says that bytes are no packed reply.
var ErrPacked = errors.New("not a packed reply")

// Rcode is the response code of the reply.
func (p Packed) Rcode() Rcode { return Rcode(u16(p, packRcode)) }

func (p Packed) section(i, field int) int { return int(u16(p, packSections+i*sectionLen+2*field)) }

// Answers is the number of records of the answer section, without signatures.
func (p Packed) Answers() int { return p.section(0, 0) }

func (p Packed) body() []byte { return p[packFixed+2*int(u16(p, packTTLs)):] }

// Check tells whether the bytes can be read as a packed reply behind a
// question of the given length: every record, TTL and address to rotate stands
// where the fixed part says. Bytes from a file are checked once; what Pack made
// needs no check.
func (p Packed) Check(questionLen int) error {
	if len(p) < packFixed || len(p) < packFixed+2*int(u16(p, packTTLs)) {
		return ErrPacked
	}
	body := p.body()
	if HeaderLen+questionLen+len(body) > 65535 {
		return ErrPacked
	}
	at, ttls, turned := 0, 0, 0
	first, count, size := p.rotation()
	for i := range 3 {
		kept, all := p.section(i, 0), p.section(i, 1)
		if kept > all {
			return ErrPacked
		}
		for k := 0; ; k++ {
			if k == kept && at != p.section(i, 2) {
				return ErrPacked
			}
			if k == all {
				break
			}
			next, fixed := skipRecord(body, at), skipName(body, at)
			if next < 0 || ttls == int(u16(p, packTTLs)) || fixed+4 != int(u16(p, packFixed+2*ttls)) {
				return ErrPacked
			}
			ttls++
			if i == 0 && k < kept && turned < count && fixed+10 == first+turned*(12+size) &&
				next == fixed+10+size && fixedLen(Type(u16(body, fixed))) == size {
				turned++
			}
			at = next
		}
		if at != p.section(i, 3) {
			return ErrPacked
		}
	}
	if at != len(body) || ttls != int(u16(p, packTTLs)) || turned != count {
		return ErrPacked
	}
	return nil
}

func (p Packed) rotation() (first, count, size int) {
	return int(u16(p, packRotate)), int(p[packRotate+2]), int(p[packRotate+3])
}

// Shape is how a packed reply is to be written for one client.
type Shape struct {
	Age    uint32 // seconds since it was packed, subtracted from every TTL
	MaxTTL uint32 // upper bound of every TTL afterwards; 0 is none (for stale answers)
	DO     bool   // with signatures and proofs
	Rotate uint32 // the address set begins with this one, modulo its size
}

// Len is the number of octets that Append appends, with or without what only a
// client with DO gets.
func (p Packed) Len(do bool) int {
	if do {
		return p.section(2, 3)
	}
	return p.section(0, 2) + p.section(1, 2) - p.section(0, 3) + p.section(2, 2) - p.section(1, 3)
}

// Append appends the answer sections to dst, a message that began at start and
// holds header and question so far, and sets the header's counts. It allocates
// nothing where dst has room.
func (p Packed) Append(dst []byte, start int, s Shape) []byte {
	at := len(dst)
	body := p.body()
	if s.DO {
		dst = append(dst, body...)
	} else {
		from := 0
		for i := range 3 {
			dst = append(dst, body[from:p.section(i, 2)]...)
			from = p.section(i, 3)
		}
	}
	field := 0
	if s.DO {
		field = 1
	}
	for i := range 3 {
		putU16(dst, start+offANCount+2*i, uint16(p.section(i, field)))
	}
	p.patchTTLs(dst[at:], s)
	if first, n, size := p.rotation(); n > 1 {
		if k := int(s.Rotate % uint32(n)); k != 0 {
			rotate(dst[at+first:], n, size, k)
		}
	}
	return dst
}

// patchTTLs counts the TTLs of the copied body down.
func (p Packed) patchTTLs(out []byte, s Shape) {
	n := int(u16(p, packTTLs))
	sec, shift, keptEnd, end := 0, 0, p.section(0, 2), p.section(0, 3)
	for i := range n {
		off := int(u16(p, packFixed+2*i))
		if !s.DO {
			for off >= end && sec < 2 {
				shift += end - keptEnd
				sec++
				keptEnd, end = p.section(sec, 2), p.section(sec, 3)
			}
			if off >= keptEnd {
				continue
			}
			off -= shift
		}
		ttl := u32(out, off)
		if ttl > s.Age {
			ttl -= s.Age
		} else {
			ttl = 0
		}
		if s.MaxTTL != 0 {
			ttl = min(ttl, s.MaxTTL)
			if ttl == 0 {
				ttl = s.MaxTTL
			}
		}
		putU32(out, off, ttl)
	}
}

// rotate turns the set of n addresses of the given size, the first of which
// is at b[0], by k places. Behind every address stand twelve octets of the
// next record.
func rotate(b []byte, n, size, k int) {
	var first [16]byte
	stride := size + 12
	for start, moved := 0, 0; moved < n; start++ { // cycle by cycle, in place
		copy(first[:size], b[start*stride:])
		i := start
		for {
			next := i + k
			if next >= n {
				next -= n
			}
			moved++
			if next == start {
				copy(b[i*stride:i*stride+size], first[:size])
				break
			}
			copy(b[i*stride:i*stride+size], b[next*stride:])
			i = next
		}
	}
}

// Unpack reads the packed form back into a message of records, for the walk
// that finds in an answer what it needs itself.
func (p Packed) Unpack(q Question, m *Message) error {
	msg := make([]byte, HeaderLen, HeaderLen+len(q.Name)+4+len(p.body()))
	putU16(msg, offFlags, FlagQR|uint16(p.Rcode())&rcodeMask)
	putU16(msg, offQDCount, 1)
	msg = append(msg, q.Name...)
	msg = append(msg, byte(q.Type>>8), byte(q.Type), byte(q.Class>>8), byte(q.Class))
	msg = p.Append(msg, 0, Shape{DO: true})
	if err := Parse(msg, m); err != nil {
		return err
	}
	m.Rcode = p.Rcode()
	return nil
}
