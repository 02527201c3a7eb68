package wire

import "net/netip"

// The keys of service parameters that carry addresses (RFC 9460 section 14.3.2).
const (
	keyIPv4Hint = 4
	keyIPv6Hint = 6
)

// Hints returns the addresses that an SVCB or HTTPS record gives for its service
// (RFC 9460 section 7.3), from RDATA as received. Of data that do not fit the type it
// returns what a careless client might read: a name that ends in a compression pointer
// is gone over, and hints count up to the spot where nothing fits any more.
func Hints(data string) []netip.Addr {
	var hints []netip.Addr
	for p := params(data); len(p) >= 4; {
		key, n := int(p[0])<<8|int(p[1]), int(p[2])<<8|int(p[3])
		value := p[4:min(4+n, len(p))]
		p = p[4+len(value):]
		switch key {
		case keyIPv4Hint:
			for ; len(value) >= 4; value = value[4:] {
				hints = append(hints, netip.AddrFrom4([4]byte([]byte(value[:4]))))
			}
		case keyIPv6Hint:
			for ; len(value) >= 16; value = value[16:] {
				hints = append(hints, netip.AddrFrom16([16]byte([]byte(value[:16]))))
			}
		}
	}
	return hints
}

// params is what stands behind the priority and the name of the target.
func params(data string) string {
	for i := 2; i < len(data); i += 1 + int(data[i]) {
		switch c := data[i]; {
		case c == 0:
			return data[i+1:]
		case c > 63:
			return data[min(i+2, len(data)):]
		}
	}
	return ""
}
