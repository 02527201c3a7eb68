package server

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// asked is which of our addresses a packet came to, on a socket that is bound to all of
// them: the kernel has said so if it was asked to (wantDestination).
func (r *returnPath) asked(bound netip.AddrPort) netip.AddrPort {
	c, info := (*unix.Cmsghdr)(unsafe.Pointer(&r.control)), unsafe.Add(unsafe.Pointer(&r.control), unix.CmsgLen(0))
	switch {
	case r.controlLen >= unix.CmsgSpace(unix.SizeofInet6Pktinfo) && c.Level == unix.IPPROTO_IPV6:
		return netip.AddrPortFrom(netip.AddrFrom16((*unix.Inet6Pktinfo)(info).Addr).Unmap(), bound.Port())
	case r.controlLen >= unix.CmsgSpace(unix.SizeofInet4Pktinfo) && c.Level == unix.IPPROTO_IP:
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.Inet4Pktinfo)(info).Addr), bound.Port())
	}
	return bound
}
