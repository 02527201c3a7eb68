package dnssec

import "rootwalk/wire"

// This file owns NSEC records (RFC 4034 section 4): what one says, not yet what
// several prove together.

// TypeBitmap is the set of types in an NSEC or NSEC3 record, as received and
// checked for its form (RFC 4034 section 4.1.2).
type TypeBitmap string

// parseBitmap refuses windows out of order and of wrong lengths.
func parseBitmap(s string) (TypeBitmap, bool) {
	last := -1
	for rest := s; len(rest) > 0; {
		if len(rest) < 2 {
			return "", false
		}
		window, n := int(rest[0]), int(rest[1])
		if window <= last || n < 1 || n > 32 || len(rest) < 2+n {
			return "", false
		}
		last, rest = window, rest[2+n:]
	}
	return TypeBitmap(s), true
}

// Has tells whether the type is in the set.
func (b TypeBitmap) Has(t wire.Type) bool {
	for len(b) > 0 {
		n := int(b[1])
		if b[0] == byte(t>>8) {
			i := int(t&0xff) / 8
			return i < n && b[2+i]&(0x80>>(t&7)) != 0
		}
		b = b[2+n:]
	}
	return false
}

// delegates tells the parent's side of a zone cut (RFC 6840 section 4.1).
func (b TypeBitmap) delegates() bool { return b.Has(wire.TypeNS) && !b.Has(wire.TypeSOA) }

// occludes tells whether names below the owner are not of this zone, so that
// the record says nothing of them (RFC 6840 section 4.1).
func (b TypeBitmap) occludes() bool { return b.delegates() || b.Has(wire.TypeDNAME) }

// only tells whether the types of denial itself are all there is.
func (b TypeBitmap) only() bool {
	for len(b) > 0 {
		n := int(b[1])
		for i, octet := range []byte(b[2 : 2+n]) {
			for bit := range 8 {
				t := wire.Type(b[0])<<8 | wire.Type(i*8+bit)
				if octet&(0x80>>bit) != 0 && t != wire.TypeRRSIG && t != wire.TypeNSEC && t != wire.TypeNXNAME {
					return false
				}
			}
		}
		b = b[2+n:]
	}
	return true
}

// lacks tells whether a record that matches the name proves that it has no data
// of the type: neither the type nor a CNAME is there, and the record is of the
// side of the zone cut that would know (RFC 6840 sections 4.1, 4.3, 4.4).
func (b TypeBitmap) lacks(t wire.Type, owner wire.Name) bool {
	switch {
	case t == wire.TypeANY:
		return b.only()
	case b.Has(t), b.Has(wire.TypeCNAME):
		return false
	case t == wire.TypeDS:
		return !b.Has(wire.TypeSOA) || owner == wire.Root
	}
	return !b.delegates()
}

// NSEC is one NSEC record: nothing stands between Owner and Next in the zone.
type NSEC struct {
	Owner, Next wire.Name // lower case
	Types       TypeBitmap

	zone wire.Name
}

// ParseNSEC reads the record of a set of the zone. A next name outside of the
// zone is refused: the record would deny other zones' names.
func ParseNSEC(set *wire.RRset, zone wire.Name) (NSEC, bool) {
	if len(set.Data) != 1 || !set.Name.In(zone) {
		return NSEC{}, false
	}
	data := set.Data[0]
	next := wire.NameAt(data, 0)
	if next == "" {
		return NSEC{}, false
	}
	types, ok := parseBitmap(data[len(next):])
	n := NSEC{Owner: set.Name, Next: next.Lower(), Types: types, zone: zone}
	if !ok || !n.Next.In(zone) {
		return NSEC{}, false
	}
	return n, true
}

// Covers tells whether the record proves that nothing has the name: it lies
// between the two, and the owner is no zone cut or DNAME above it. Only the last
// record leads back, to the apex; any other that does covers nothing.
func (n NSEC) Covers(name wire.Name) bool {
	if !name.Below(n.zone) || Compare(n.Owner, name) >= 0 {
		return false
	}
	if n.Next != n.zone && Compare(name, n.Next) >= 0 {
		return false
	}
	return !(name.Below(n.Owner) && n.Types.occludes())
}

// emptyNonTerminal tells whether the record, which covers the name, shows that
// names exist below it, so that the name itself exists (RFC 4592 section 2.2.2).
func (n NSEC) emptyNonTerminal(name wire.Name) bool { return n.Next.Below(name) }

// encloser is the closest encloser of a name that the record covers: the longest
// name that it shares with a name that exists.
func (n NSEC) encloser(name wire.Name) wire.Name {
	a, b := common(n.Owner, name), common(n.Next, name)
	if len(a) > len(b) {
		return a
	}
	return b
}
