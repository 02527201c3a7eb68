package server

import (
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file makes replies leave from the address that was asked, on sockets that
// are bound to all addresses: the kernel says with each packet where it came to
// (IP_PKTINFO, RFC 3542 section 6), and is told the same with the reply.

// wantDestination asks the kernel for the destination of each packet, and
// returns the octets of control data that it takes; 0 where it cannot be had.
func wantDestination(c *net.UDPConn, ipv6 bool) int {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0
	}
	level, option, size := unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo
	if ipv6 {
		level, option, size = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, unix.SizeofInet6Pktinfo
	}
	if raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), level, option, 1) }) != nil || err != nil {
		return 0
	}
	return unix.CmsgSpace(size)
}

// replyFrom turns the control data of a packet into that of its reply, in place.
// For IPv4 the kernel wants the address in another field than it gave it in, and
// no interface, so that the route decides.
func replyFrom(oob []byte) []byte {
	if len(oob) < unix.CmsgSpace(unix.SizeofInet4Pktinfo) {
		return nil
	}
	if (*unix.Cmsghdr)(unsafe.Pointer(&oob[0])).Level == unix.IPPROTO_IP {
		data := oob[unix.CmsgLen(0):]
		clear(data[:4])             // ipi_ifindex
		copy(data[4:8], data[8:12]) // ipi_spec_dst from ipi_addr
	}
	return oob
}
