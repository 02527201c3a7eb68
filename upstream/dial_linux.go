package upstream

import (
	"io"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// dialUDP opens the socket with three system calls and hands it to the
// runtime's poller; the net package needs twice as many, and a cold name costs
// one socket per packet.
func dialUDP(server netip.AddrPort, port uint16) (net.Conn, error) {
	family := unix.AF_INET
	var local, remote unix.Sockaddr
	ip := server.Addr()
	if ip.Is4() {
		local = &unix.SockaddrInet4{Port: int(port)}
		remote = &unix.SockaddrInet4{Port: int(server.Port()), Addr: ip.As4()}
	} else {
		family = unix.AF_INET6
		local = &unix.SockaddrInet6{Port: int(port)}
		remote = &unix.SockaddrInet6{Port: int(server.Port()), Addr: ip.As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := open(fd, family, port, local, remote); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &udpConn{File: os.NewFile(uintptr(fd), "udp"), remote: server}, nil
}

func open(fd, family int, port uint16, local, remote unix.Sockaddr) error {
	// Path MTU discovery is left out, so that a forged ICMP message cannot make
	// the kernel send fragments (RFC 9715 section 3.1).
	if family == unix.AF_INET {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	} else if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if port != 0 {
		if err := unix.Bind(fd, local); err != nil {
			return os.NewSyscallError("bind", err)
		}
	}
	return os.NewSyscallError("connect", unix.Connect(fd, remote))
}

// udpConn is a connected UDP socket as a net.Conn.
type udpConn struct {
	*os.File
	remote netip.AddrPort
}

// Read takes an empty datagram for what it is: a file would take it for its end,
// and whoever sends one for a dead server.
func (c *udpConn) Read(b []byte) (int, error) {
	n, err := c.File.Read(b)
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// LocalAddr asks the system at each call: hardly anybody wants to know.
func (c *udpConn) LocalAddr() net.Addr {
	var local netip.AddrPort
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	_ = raw.Control(func(fd uintptr) {
		switch a, _ := unix.Getsockname(int(fd)); a := a.(type) {
		case *unix.SockaddrInet4:
			local = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
		case *unix.SockaddrInet6:
			local = netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
		}
	})
	return net.UDPAddrFromAddrPort(local)
}

func (c *udpConn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.remote) }

var _ net.Conn = (*udpConn)(nil)
