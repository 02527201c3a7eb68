package upstream

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// This file carries what is known of servers over a restart.

// A server in the exported form: address (16 octets, IPv4 mapped), smoothed round-trip
// time and its variation (microseconds, 32 bits each), age of the measurement
// (seconds, 32 bits), whether it has answered with an OPT record. Numbers are
// little-endian. What a server was found unable to do is not carried: it is found out
// again in one exchange, and would be wrong after a repair.
const exported = 16 + 4 + 4 + 4 + 1

// Export is what is known of servers that have been measured of late, in bytes for
// [Upstream.Import].
func (u *Upstream) Export() []byte {
	now := u.o.Clock()
	u.mu.Lock()
	addrs := u.servers.Keys() // the least recently used first
	all := make([]*server, 0, len(addrs))
	for _, a := range addrs {
		s, _ := u.servers.Peek(a)
		all = append(all, s)
	}
	u.mu.Unlock()
	var b []byte
	for i, s := range all {
		s.mu.Lock()
		srtt, rttvar, age, edns := s.srtt, s.rttvar, now.Sub(s.measured), s.edns
		s.mu.Unlock()
		if srtt == 0 || age > forgetAfter {
			continue
		}
		a := addrs[i].As16()
		b = append(b, a[:]...)
		b = binary.LittleEndian.AppendUint32(b, uint32(srtt.Microseconds()))
		b = binary.LittleEndian.AppendUint32(b, uint32(rttvar.Microseconds()))
		b = binary.LittleEndian.AppendUint32(b, uint32(age/time.Second))
		if edns {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	return b
}

// Import takes over what another process has exported the given time ago, of servers
// that are not known yet. It returns how many; what it cannot read it leaves.
func (u *Upstream) Import(b []byte, ago time.Duration) int {
	now, n := u.o.Clock(), 0
	u.mu.Lock()
	defer u.mu.Unlock()
	for ; len(b) >= exported; b = b[exported:] {
		a := netip.AddrFrom16([16]byte(b[:16])).Unmap()
		srtt := time.Duration(binary.LittleEndian.Uint32(b[16:])) * time.Microsecond
		rttvar := time.Duration(binary.LittleEndian.Uint32(b[20:])) * time.Microsecond
		age := time.Duration(binary.LittleEndian.Uint32(b[24:]))*time.Second + max(ago, 0)
		if srtt <= 0 || srtt > maxTimeout || rttvar > maxTimeout || age > forgetAfter || u.servers.Contains(a) {
			continue
		}
		u.servers.Add(a, &server{srtt: srtt, rttvar: rttvar, measured: now.Add(-age), edns: b[28] == 1})
		n++
	}
	return n
}
