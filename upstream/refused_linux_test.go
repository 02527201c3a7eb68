package upstream

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// portUnreachable is what a host without a listener says of a packet (RFC 792), as much
// of it as the kernel looks at.
func portUnreachable(from, to netip.AddrPort) []byte {
	m := make([]byte, 8+20+8)
	m[0], m[1] = 3, 3
	ip, udp := m[8:], m[28:]
	ip[0], ip[8], ip[9] = 0x45, 64, unix.IPPROTO_UDP
	binary.BigEndian.PutUint16(ip[2:], 20+8+64)
	copy(ip[12:], from.Addr().AsSlice())
	copy(ip[16:], to.Addr().AsSlice())
	binary.BigEndian.PutUint16(udp, from.Port())
	binary.BigEndian.PutUint16(udp[2:], to.Port())
	binary.BigEndian.PutUint16(udp[4:], 8+64)
	sum := uint32(0)
	for i := 0; i < len(m); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(m[i:]))
	}
	binary.BigEndian.PutUint16(m[2:], ^uint16(sum+sum>>16))
	return m
}

// The forger has found the port of the first three tries after one that was answered.
func TestTheKernelsWordOfForgedICMPIsNotTheEndOfATry(t *testing.T) {
	there := elsewhere(t)
	var server *net.UDPConn
	var addr netip.AddrPort
	var icmp int
	if err := there(func() (err error) {
		server, addr = listenUDP(t)
		icmp, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(icmp)
	var forge atomic.Bool
	go func() {
		var b [512]byte
		for {
			n, from, err := server.ReadFromUDPAddrPort(b[:])
			if err != nil {
				return
			}
			if forge.Load() {
				if err := unix.Sendto(icmp, portUnreachable(from, addr), 0, &unix.SockaddrInet4{Addr: from.Addr().As4()}); err != nil {
					t.Error(err)
				}
			}
			_, _ = server.WriteToUDPAddrPort(addressReply(b[:n], trueAddress), from)
		}
	}()
	u := New(Options{IPv4: true, KeepCase: true, Dial: func(ctx context.Context, network string, server netip.AddrPort) (c net.Conn, err error) {
		err = there(func() error { c, err = dial(ctx, network, server); return err })
		return c, err
	}})
	for _, forged := range []bool{false, true, true, true} {
		forge.Store(forged)
		_, err := u.Exchange(context.Background(), Ask{Server: addr, Question: question("www.example.com."), Spend: free, Trusted: true})
		if errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatal(err)
		}
		if err != nil {
			t.Skipf("the machine is too busy to answer in time: %v", err)
		}
	}
	t.Attr("row", "B12 | forged ICMP (port unreachable) to the ports of three tries in a row | each try goes on, and is answered | held | ")
}
