package cache

import (
	"net/netip"

	"rootwalk/wire"
)

// NameServer is one server of a delegation: its name and the addresses that the
// parent gave with it.
type NameServer struct {
	Name wire.Name // lower case
	Glue []netip.Addr
}

// Cut is a zone cut as the parent zone describes it (RFC 9499 section 7): the
// zone, its servers, and what the parent said of its security.
type Cut struct {
	Zone    wire.Name
	Servers []NameServer
}

// AppendCut appends the flat form of a cut; the zone is in the key.
func AppendCut(dst []byte, c *Cut) []byte {
	for _, s := range c.Servers {
		dst = append(dst, byte(len(s.Name)), byte(len(s.Glue)))
		dst = append(dst, s.Name...)
		for _, a := range s.Glue {
			dst = append(dst, byte(a.BitLen()/8))
			dst = append(dst, a.AsSlice()...)
		}
	}
	return dst
}

// ReadCut reads the flat form of a cut; it reports false for bytes that are none.
func ReadCut(zone wire.Name, b []byte) (*Cut, bool) {
	c := &Cut{Zone: zone}
	text := string(b) // one string, shared by all names
	for i := 0; i < len(b); {
		if i+2 > len(b) || i+2+int(b[i]) > len(b) {
			return nil, false
		}
		s := NameServer{Name: wire.Name(text[i+2 : i+2+int(b[i])])}
		n := int(b[i+1])
		i += 2 + int(b[i])
		if n > 0 {
			s.Glue = make([]netip.Addr, 0, n)
		}
		for range n {
			if i >= len(b) || i+1+int(b[i]) > len(b) {
				return nil, false
			}
			a, ok := netip.AddrFromSlice(b[i+1 : i+1+int(b[i])])
			if !ok {
				return nil, false
			}
			s.Glue = append(s.Glue, a)
			i += 1 + int(b[i])
		}
		c.Servers = append(c.Servers, s)
	}
	return c, true
}
