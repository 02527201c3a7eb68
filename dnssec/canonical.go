package dnssec

import (
	"slices"
	"strings"

	"rootwalk/wire"
)

// This file owns the canonical form and order of records and names (RFC 4034
// section 6, RFC 6840 section 5.1).

// Compare orders names canonically: by label from the right, octet by octet (RFC
// 4034 section 6.1). Both are lower case. The result is that of strings.Compare.
func Compare(a, b wire.Name) int {
	var ao, bo [128]uint8
	an, bn := labelOffsets(a, &ao), labelOffsets(b, &bo)
	for an > 0 && bn > 0 {
		an--
		bn--
		if c := strings.Compare(labelAt(a, ao[an]), labelAt(b, bo[bn])); c != 0 {
			return c
		}
	}
	return an - bn
}

func labelOffsets(n wire.Name, out *[128]uint8) int {
	k := 0
	for i := 0; i < len(n) && n[i] != 0 && k < len(out); i += 1 + int(n[i]) {
		out[k] = uint8(i)
		k++
	}
	return k
}

func labelAt(n wire.Name, off uint8) string {
	i := int(off)
	return string(n[i+1 : i+1+int(n[i])])
}

// common is the longest name that both are in.
func common(a, b wire.Name) wire.Name {
	for !b.In(a) {
		a = a.Parent()
	}
	return a
}

// canonicalData is the RDATA of a set in canonical form: names lowered where the
// type says so, sorted, each once (RFC 4034 sections 6.2 and 6.3).
func canonicalData(set *wire.RRset) []string {
	out := make([]string, len(set.Data))
	for i, d := range set.Data {
		out[i] = canonicalRDATA(set.Type, d)
	}
	if len(out) > 1 {
		slices.Sort(out)
		out = slices.Compact(out)
	}
	return out
}

// canonicalRDATA lowers the names in the RDATA of the types of RFC 4034 section
// 6.2, but not the next name of NSEC (RFC 6840 section 5.1). RDATA that is not
// what its type wants stays as it is.
func canonicalRDATA(t wire.Type, data string) string {
	switch t {
	case wire.TypeNS, wire.TypeCNAME, wire.TypePTR, wire.TypeDNAME, 3, 4, 7, 8, 9, 30: // MD MF MB MG MR, NXT
		return lowerNames(data, 0, 1)
	case wire.TypeSOA, 14, 17: // MINFO, RP
		return lowerNames(data, 0, 2)
	case wire.TypeMX, 18, 21, 36: // AFSDB RT KX
		return lowerNames(data, 2, 1)
	case 26: // PX
		return lowerNames(data, 2, 2)
	case 33: // SRV
		return lowerNames(data, 6, 1)
	case 24, wire.TypeRRSIG: // SIG
		return lowerNames(data, 18, 1)
	case 35: // NAPTR: four octets, three character strings, a name
		off := 4
		for range 3 {
			if off >= len(data) {
				return data
			}
			off += 1 + int(data[off])
		}
		return lowerNames(data, off, 1)
	case 38: // A6: prefix length, the rest of the address, and a name unless the prefix is empty
		if len(data) == 0 || data[0] == 0 || data[0] > 128 {
			return data
		}
		return lowerNames(data, 1+(128-int(data[0])+7)/8, 1)
	}
	return data
}

// lowerNames lowers n names that stand at off.
func lowerNames(data string, off, n int) string {
	end := off
	for range n {
		if end >= len(data) {
			return data
		}
		name := wire.NameAt(data, end)
		if name == "" {
			return data
		}
		end += len(name)
	}
	names := wire.Name(data[off:end]).Lower()
	if string(names) == data[off:end] {
		return data
	}
	return data[:off] + string(names) + data[end:]
}
