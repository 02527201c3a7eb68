package server

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// A client that asks 127.0.0.2 has connected its socket to that address, and
// would not see a reply from another one.
func TestRepliesLeaveFromTheAddressThatWasAsked(t *testing.T) {
	w := newWorld(t, settings{workers: 2})
	packet := pack(t, question("www.example.com.", "A", 0))
	for _, c := range []struct{ listen, ask string }{{"0.0.0.0:0", "127.0.0.2"}, {"0.0.0.0:0", "127.0.0.1"}, {"[::]:0", "::1"}} {
		bound, err := w.ListenUDP(netip.MustParseAddrPort(c.listen))
		if err != nil {
			t.Skipf("%s: %v", c.listen, err)
		}
		conn, err := net.Dial("udp", netip.AddrPortFrom(netip.MustParseAddr(c.ask), bound.Port()).String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for range 2 { // a miss and a hit
			if _, err := conn.Write(packet); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			buf := make([]byte, 512)
			if n, err := conn.Read(buf); err != nil || n < 12 {
				t.Fatalf("asked at %s on %s: %d octets, %v", c.ask, c.listen, n, err)
			}
		}
	}
}
