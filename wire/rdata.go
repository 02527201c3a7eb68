package wire

// This file knows where names stand in the RDATA of the types that may be
// compressed on the wire (RFC 1035 section 3.3, RFC 3597 section 4), and
// nothing else about RDATA.

// rdataShape is octets before the names, the number of names, and octets
// behind them. Shapes with anything else have a case of their own.
type rdataShape struct {
	before, names, after uint8
	compress             bool // may be compressed when sent: the types of RFC 1035 alone
}

// shapeOf tells the shape of a type's RDATA; ok is false for a type without
// names that could be compressed.
func shapeOf(t Type) (s rdataShape, ok bool) {
	switch t {
	case TypeNS, TypeCNAME, TypePTR, 3, 4, 7, 8, 9: // MD MF MB MG MR
		return rdataShape{0, 1, 0, true}, true
	case TypeDNAME:
		return rdataShape{0, 1, 0, false}, true
	case TypeSOA:
		return rdataShape{0, 2, 20, true}, true
	case TypeMX:
		return rdataShape{2, 1, 0, true}, true
	case 14: // MINFO
		return rdataShape{0, 2, 0, true}, true
	case 17: // RP
		return rdataShape{0, 2, 0, false}, true
	case 18, 21, 36: // AFSDB RT KX
		return rdataShape{2, 1, 0, false}, true
	case 26: // PX
		return rdataShape{2, 2, 0, false}, true
	case 33: // SRV
		return rdataShape{6, 1, 0, false}, true
	}
	return rdataShape{}, false
}

// fixedLen is the RDATA length that a type must have, or 0.
func fixedLen(t Type) int {
	switch t {
	case TypeA:
		return 4
	case TypeAAAA:
		return 16
	}
	return 0
}

// minLen is the least RDATA length of the types whose fixed part the resolver
// reads without looking again.
func minLen(t Type) int {
	switch t {
	case TypeRRSIG:
		return 18 + 1 + 1
	case TypeDS:
		return 4 + 1
	case TypeDNSKEY:
		return 4
	case TypeNSEC:
		return 1
	case TypeNSEC3:
		return 5 + 1
	}
	return 0
}

// rdata appends the RDATA at [off, end) to out, its names decompressed. It
// reports false for RDATA that does not fit the type, and an error when the
// message is beyond its bounds.
func (p *parser) rdata(t Type, off, end int) (bool, error) {
	n := end - off
	if f := fixedLen(t); f != 0 && n != f || n < minLen(t) {
		return false, nil
	}
	if t == 35 { // NAPTR: four octets, three character strings, a name
		p2 := off + 4
		for range 3 {
			if p2 >= end {
				return false, nil
			}
			p2 += 1 + int(p.msg[p2])
		}
		if p2 >= end {
			return false, nil
		}
		p.out = append(p.out, p.msg[off:p2]...)
		return p.rdataName(p2, end)
	}
	s, ok := shapeOf(t)
	if !ok {
		p.out = append(p.out, p.msg[off:end]...)
		return true, nil
	}
	if n < int(s.before) {
		return false, nil
	}
	p.out = append(p.out, p.msg[off:off+int(s.before)]...)
	off += int(s.before)
	for range s.names {
		next, err := p.name(off)
		if err == ErrNames {
			return false, err
		}
		if err != nil || next > end {
			return false, nil
		}
		off = next
	}
	if end-off != int(s.after) {
		return false, nil
	}
	p.out = append(p.out, p.msg[off:end]...)
	return true, nil
}

func (p *parser) rdataName(off, end int) (bool, error) {
	next, err := p.name(off)
	if err == ErrNames {
		return false, err
	}
	return err == nil && next == end, nil
}

// NameAt reads the uncompressed name at offset off of RDATA; it returns ""
// when none stands there.
func NameAt(data string, off int) Name {
	for i := off; i < len(data); {
		c := int(data[i])
		if c == 0 {
			if i+1-off > MaxName {
				return ""
			}
			return Name(data[off : i+1])
		}
		if c > 63 {
			return ""
		}
		i += 1 + c
	}
	return ""
}

// Target is the name that a record points to: NS, CNAME, DNAME, PTR.
func (r Record) Target() Name { return NameAt(r.Data, 0) }

// Covered is the type that an RRSIG record signs (RFC 4034 section 3.1.1).
func Covered(data string) Type {
	if len(data) < 2 {
		return 0
	}
	return Type(uint16(data[0])<<8 | uint16(data[1]))
}

// SOAMinimum reads the last field of an SOA record's RDATA (RFC 2308 section 4).
func SOAMinimum(data string) uint32 {
	if len(data) < 20 {
		return 0
	}
	d := data[len(data)-4:]
	return uint32(d[0])<<24 | uint32(d[1])<<16 | uint32(d[2])<<8 | uint32(d[3])
}
