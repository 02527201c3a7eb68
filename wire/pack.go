package wire

import (
	"errors"
)

// This file makes the packed form of a reply, once, when the walk has ended;
// packed.go reads it, for every client that asks again.

// Reply is a whole answer to one question, before it is packed.
type Reply struct {
	Question   Question
	Rcode      Rcode
	Answer     []RRset
	Authority  []RRset
	Additional []RRset
}

// ErrTooLong says that a reply does not fit a message.
var ErrTooLong = errors.New("reply exceeds 65535 octets")

// The fixed part of the packed form. All offsets in it count from the end of
// the question, where the body begins.
//
//	0   rcode
//	2   for each of three sections: kept records, all records, end of the kept ones, end of all
//	26  number of TTL offsets
//	28  offset of the first address to rotate, number of them, octets of each
//	32  TTL offsets, two octets each, in the order of the body
//	..  body: the records of the three sections
//
// Within a section the kept records come first, then what only a client with
// DO gets (RFC 4035 section 3.2.1): signatures, and proofs in the authority
// section. A kept name is compressed to the question or to kept octets before
// the first cut only, so that a client without DO gets a reply with those
// parts left out.
const (
	packRcode    = 0
	packSections = 2
	packTTLs     = 26
	packRotate   = 28
	packFixed    = 32

	sectionLen = 8
)

// maxCompress bounds the names that are remembered for compression; more of
// them cost more to search than they save.
const maxCompress = 48

type packer struct {
	body  []byte
	base  int // length of header and question
	ttls  []uint16
	names [maxCompress]packedName
	n     int
	cut   int // message offset of the first dropped octet; 0 while there is none
}

type packedName struct {
	name Name // lower case suffix
	off  uint16
}

// Pack appends the packed form of r to dst.
func Pack(dst []byte, r *Reply) ([]byte, error) {
	p := packer{base: HeaderLen + len(r.Question.Name) + 4}
	p.body = make([]byte, 0, 512)
	p.learn(r.Question.Name, HeaderLen)
	var fixed [packFixed]byte
	putU16(fixed[:], packRcode, uint16(r.Rcode))
	for i, sets := range [3][]RRset{r.Answer, r.Authority, r.Additional} {
		p.section(fixed[packSections+i*sectionLen:], sets, i, fixed[:])
		if p.base+len(p.body) > 65535 {
			return dst, ErrTooLong
		}
	}
	putU16(fixed[:], packTTLs, uint16(len(p.ttls)))
	dst = append(dst, fixed[:]...)
	for _, o := range p.ttls {
		dst = append(dst, byte(o>>8), byte(o))
	}
	return append(dst, p.body...), nil
}

// section packs one section and writes its numbers to out.
func (p *packer) section(out []byte, sets []RRset, index int, fixed []byte) {
	kept, all := 0, 0
	for i := range sets {
		s := &sets[i]
		if index == 1 && s.Proof() {
			continue
		}
		size, start, even := fixedLen(s.Type), 0, 0 // addresses that stand at equal distances, as rotate wants them
		for j, d := range s.Data {
			at := p.record(s.Name, s.Type, s.Class, s.TTL, d)
			if j == 0 {
				start = at
			}
			if size != 0 && even == j && len(d) == size && at == start+j*(12+size) {
				even++
			}
			kept++
		}
		if index == 0 && even > 1 && even == len(s.Data) { // an answer ends with one set of addresses at the most
			putU16(fixed, packRotate, uint16(start))
			fixed[packRotate+2] = byte(min(even, 255))
			fixed[packRotate+3] = byte(size)
		}
	}
	keptEnd := len(p.body)
	mark := p.cut
	if p.cut == 0 {
		p.cut = p.base + keptEnd
	}
	all = kept
	for i := range sets {
		s := &sets[i]
		if index == 1 && s.Proof() {
			for _, d := range s.Data {
				p.record(s.Name, s.Type, s.Class, s.TTL, d)
				all++
			}
		}
		for _, d := range s.Sigs {
			p.record(s.Name, TypeRRSIG, s.Class, s.TTL, d)
			all++
		}
	}
	if all == kept { // nothing was dropped here, so later sections do not move
		p.cut = mark
	}
	for i, v := range [4]int{kept, all, keptEnd, len(p.body)} {
		putU16(out, 2*i, uint16(v))
	}
}

// record appends one record and returns the offset of its RDATA in the body.
func (p *packer) record(n Name, t Type, c Class, ttl uint32, data string) int {
	p.name(n)
	p.body = append(p.body, byte(t>>8), byte(t), byte(c>>8), byte(c))
	p.ttls = append(p.ttls, uint16(len(p.body)))
	p.body = append(p.body, byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl), 0, 0)
	at := len(p.body)
	shape, ok := shapeOf(t)
	if !ok || !shape.compress {
		p.body = append(p.body, data...)
	} else {
		off := int(shape.before)
		p.body = append(p.body, data[:off]...)
		for range shape.names {
			n := NameAt(data, off)
			p.name(n)
			off += len(n)
		}
		p.body = append(p.body, data[off:]...)
	}
	putU16(p.body, at-2, uint16(len(p.body)-at))
	return at
}

// name appends a name, its longest known suffix as a pointer.
func (p *packer) name(n Name) {
	lower := n.Lower()
	for i := 0; i < len(lower); {
		rest := lower[i:]
		if rest == Root {
			break
		}
		if off := p.find(rest); off != 0 {
			p.learnPart(lower, i)
			p.body = append(p.body, n[:i]...)
			p.body = append(p.body, byte(off>>8)|0xc0, byte(off))
			return
		}
		i += 1 + int(lower[i])
	}
	p.learnPart(lower, len(lower)-1)
	p.body = append(p.body, n...)
}

func (p *packer) find(n Name) uint16 {
	for i := range p.names[:p.n] {
		if len(p.names[i].name) == len(n) && p.names[i].name == n {
			return p.names[i].off
		}
	}
	return 0
}

// learnPart remembers the suffixes of n that begin before octet end, for a
// name that is about to be appended. Octets behind the first cut are not
// remembered: they move, or go.
func (p *packer) learnPart(n Name, end int) {
	if p.cut != 0 {
		return
	}
	at := p.base + len(p.body)
	for i := 0; i < end && p.n < maxCompress && at+i < 0x4000; i += 1 + int(n[i]) {
		p.names[p.n] = packedName{n[i:], uint16(at + i)}
		p.n++
	}
}

// learn remembers all suffixes of the name that stands at message offset at.
func (p *packer) learn(n Name, at int) {
	for i := 0; i < len(n)-1 && p.n < maxCompress; i += 1 + int(n[i]) {
		p.names[p.n] = packedName{n[i:], uint16(at + i)}
		p.n++
	}
}
