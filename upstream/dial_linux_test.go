package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rootwalk/lab"
	"rootwalk/wire"
)

// listenUDP opens a server's socket on the loopback address.
func listenUDP(t *testing.T) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func dialLoopback(t *testing.T, server netip.AddrPort) *udpConn {
	t.Helper()
	c, err := dial(context.Background(), "udp", server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(*udpConn)
}

// control calls f with the descriptor of the socket.
func control(t *testing.T, c *udpConn, f func(fd int) error) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil || inner != nil {
		t.Fatal(err, inner)
	}
}

func TestSourcePortsAreDrawnFromAllUnprivilegedOnes(t *testing.T) {
	_, server := listenUDP(t)
	const dials, parts = 5000, 9
	distinct, spread := map[uint16]bool{}, [parts]int{}
	for range dials {
		c, err := dial(context.Background(), "udp", server)
		if err != nil {
			t.Fatal(err)
		}
		port := c.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		c.Close()
		if port < lowestPort {
			t.Fatalf("a question would leave from port %d", port)
		}
		distinct[port] = true
		spread[int(port-lowestPort)*parts/(65536-lowestPort)]++
	}
	if len(distinct) < 4000 {
		t.Errorf("%d dials used %d ports", dials, len(distinct))
	}
	for i, n := range spread { // 556 each, give or take 22
		if n < 556-150 || n > 556+150 {
			t.Errorf("part %d of %d of the ports was drawn %d times of %d", i, parts, n, dials)
		}
	}
}

func TestATakenPortIsKnownFromItsError(t *testing.T) {
	_, server := listenUDP(t)
	if c, err := dialUDP(server, server.Port()); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("binding to a port that is taken: %v, %v", c, err)
	}
}

func TestOnlyTheServerCanReply(t *testing.T) {
	server, addr := listenUDP(t)
	other, _ := listenUDP(t)
	c := dialLoopback(t, addr)
	local := c.LocalAddr().(*net.UDPAddr)
	if _, err := other.WriteTo([]byte("forged"), local); err != nil {
		t.Fatal(err)
	}
	if _, err := server.WriteTo([]byte("good"), local); err != nil {
		t.Fatal(err)
	}
	var buf [100]byte
	if n, err := c.Read(buf[:]); err != nil || string(buf[:n]) != "good" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	if c.RemoteAddr().String() != addr.String() {
		t.Errorf("connected to %v", c.RemoteAddr())
	}
	t.Attr("row", "B12 | replies from elsewhere to the port of a query (SAD DNS) | the kernel drops them: sockets are connected, live for one query | dropped | ")
}

func TestAnEmptyDatagramIsNotTheEnd(t *testing.T) {
	server, addr := listenUDP(t)
	c := dialLoopback(t, addr)
	local := c.LocalAddr().(*net.UDPAddr)
	for _, m := range []string{"", "good"} {
		if _, err := server.WriteTo([]byte(m), local); err != nil {
			t.Fatal(err)
		}
	}
	var buf [100]byte
	for _, want := range []string{"", "good"} {
		if n, err := c.Read(buf[:]); err != nil || string(buf[:n]) != want {
			t.Fatalf("read %q, %v; want %q", buf[:n], err, want)
		}
	}
}

func TestPathMTUDiscoveryIsLeftOut(t *testing.T) {
	_, server := listenUDP(t)
	control(t, dialLoopback(t, server), func(fd int) error {
		v, err := unix.GetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER)
		if v != unix.IP_PMTUDISC_OMIT {
			t.Errorf("IP_MTU_DISCOVER is %d", v)
		}
		return err
	})
	c, err := dial(context.Background(), "udp", netip.MustParseAddrPort("[::1]:53"))
	if familyBroken(err) {
		t.Skip("no IPv6 here")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	control(t, c.(*udpConn), func(fd int) error {
		v, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER)
		if v != unix.IPV6_PMTUDISC_OMIT {
			t.Errorf("IPV6_MTU_DISCOVER is %d", v)
		}
		return err
	})
	t.Attr("row", "B11 | fragments | 1,232 octets offered, IP_PMTUDISC_OMIT on the socket | both | ")
}

func TestAReadWaitsNoLongerThanItsDeadline(t *testing.T) {
	_, server := listenUDP(t)
	c := dialLoopback(t, server)
	if err := c.SetDeadline(time.Now().Add(ms)); err != nil {
		t.Fatal(err)
	}
	var buf [100]byte
	if n, err := c.Read(buf[:]); !isTimeout(err) {
		t.Errorf("read %d octets, %v", n, err)
	}
}

func TestAClosedPortIsKnownWithoutWaiting(t *testing.T) {
	server, addr := listenUDP(t)
	server.Close()
	u := New(Options{IPv4: true})
	for range deadAfter {
		if u.know(addr.Addr()).standing(u.o.Clock()).dead {
			t.Fatal("taken for dead too soon")
		}
		if r, err := u.Exchange(context.Background(), Ask{Server: addr, Question: question("www.example.com."), Spend: free}); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("got %+v, %v", r, err)
		}
	}
	if !u.know(addr.Addr()).standing(u.o.Clock()).dead {
		t.Error("a server that ICMP says is not there is not taken for dead")
	}
	if n := u.Stats().Timeouts; n != 0 {
		t.Errorf("%d tries waited for their end", n)
	}
}

func TestExchangesOverSocketsLeaveNoneOpen(t *testing.T) {
	n, _, err := lab.Parse("== zone . @ 127.53.9.1\n== zone com @ 127.53.9.1\n== zone example.com @ 127.53.9.1\nwww A 192.0.2.80\nbig A 192.0.2.80\n" +
		"== fault 127.53.9.1 udp\nonly-name big.example.com truncate\n")
	if err != nil {
		t.Fatal(err)
	}
	l, err := n.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	closed, nobody := listenUDP(t)
	closed.Close()
	u := New(Options{IPv4: true, Timeout: maxTimeout})
	server := netip.AddrPortFrom(netip.MustParseAddr("127.53.9.1"), uint16(l.Port()))
	ask := func(server netip.AddrPort, name string) (*Reply, error) {
		return u.Exchange(context.Background(), Ask{Server: server, Question: question(name), Spend: free})
	}
	round := func() {
		for name, network := range map[string]string{"www.example.com.": "udp", "big.example.com.": "tcp"} {
			r, err := ask(server, name)
			for i := 0; i < 10 && errors.Is(err, ErrTimeout); i++ { // a busy machine
				r, err = ask(server, name)
			}
			if err != nil || r.Network != network || r.Rcode != wire.NoError || len(r.Answer) != 1 {
				t.Fatalf("%s: %+v, %v; want an address over %s", name, r, err, network)
			}
		}
		if _, err := ask(nobody, "www.example.com."); !errors.Is(err, ErrTimeout) {
			t.Fatalf("nobody there: %v", err)
		}
	}
	round()
	before := descriptors(t)
	for range 50 {
		round()
	}
	// The server's side of the last TCP connection may still be closing.
	if after := descriptors(t); after > before+5 {
		t.Errorf("%d descriptors before, %d after 150 exchanges", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
