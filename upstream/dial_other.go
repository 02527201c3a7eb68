//go:build !linux

package upstream

import (
	"net"
	"net/netip"
)

func dialUDP(server netip.AddrPort, port uint16) (net.Conn, error) {
	return net.DialUDP("udp", &net.UDPAddr{Port: int(port)}, net.UDPAddrFromAddrPort(server))
}
