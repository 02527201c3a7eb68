package lab

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

func TestDelaysPassInVirtualTime(t *testing.T) {
	n := parse(t, plain+"== fault 192.0.2.1 delay 50ms\n")
	for network, want := range map[string]time.Duration{"udp": 50 * time.Millisecond, "tcp": 100 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			c, err := n.Dial(t.Context(), network, netip.MustParseAddrPort("192.0.2.1:53"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			send(t, c, network, question("www.example.com.", "A"))
			c.SetDeadline(time.Now().Add(time.Hour))
			if _, err := c.Read(make([]byte, 512)); err != nil {
				t.Fatal(err)
			}
			if passed := time.Since(start); passed != want {
				t.Errorf("%s: %s passed, want %s", network, passed, want)
			}
		})
	}
}

func TestReadObeysItsDeadline(t *testing.T) {
	n := parse(t, plain)
	for _, network := range []string{"udp", "tcp"} {
		synctest.Test(t, func(t *testing.T) {
			c := dial(t, n, network, "192.0.2.1")
			defer c.Close()
			start := time.Now()
			c.SetReadDeadline(start.Add(3 * time.Second))
			_, err := c.Read(make([]byte, 512))
			var timeout net.Error
			if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("%s: error is %v", network, err)
			}
			if passed := time.Since(start); passed != 3*time.Second {
				t.Errorf("%s: waited %s", network, passed)
			}
		})
	}
}

func TestNewDeadlineAndCloseReachAReaderThatWaits(t *testing.T) {
	n := parse(t, plain)
	for what, c := range map[string]struct {
		act  func(net.Conn)
		want error
	}{
		"deadline": {func(c net.Conn) { c.SetDeadline(time.Now().Add(-time.Second)) }, os.ErrDeadlineExceeded},
		"close":    {func(c net.Conn) { c.Close() }, net.ErrClosed},
	} {
		synctest.Test(t, func(t *testing.T) {
			conn := dial(t, n, "udp", "192.0.2.1")
			result := make(chan error, 1)
			go func() {
				_, err := conn.Read(make([]byte, 512))
				result <- err
			}()
			synctest.Wait()
			c.act(conn)
			if err := <-result; !errors.Is(err, c.want) {
				t.Errorf("%s: error is %v, want %v", what, err, c.want)
			}
		})
	}
}

func TestAddressWithoutServerIsSilent(t *testing.T) {
	n := parse(t, plain)
	synctest.Test(t, func(t *testing.T) {
		if r := ask(t, n, "udp", "203.0.113.1", question("www.example.com.", "A")); r != nil {
			t.Errorf("reply %s", brief(r))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		_, err := n.Dial(ctx, "tcp", netip.MustParseAddrPort("203.0.113.1:53"))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("dial ended with %v after %s", err, time.Since(start))
		}
	})
	if q := n.Queries(); len(q) != 1 || q[0].Server != mustAddr("203.0.113.1") {
		t.Errorf("queries %v, want the one to the silent address", q)
	}
	if n.TCPConnects() != 1 {
		t.Errorf("%d connects, want 1", n.TCPConnects())
	}
}

func TestDialErrors(t *testing.T) {
	n := parse(t, plain+"== fault 203.0.113.9 unreachable\n== fault 192.0.2.1 tcp-refuse\n")
	for _, c := range []struct {
		network, server string
		want            error
	}{
		{"udp", "203.0.113.9:53", syscall.ENETUNREACH},
		{"tcp", "203.0.113.9:53", syscall.ENETUNREACH},
		{"tcp", "192.0.2.1:53", syscall.ECONNREFUSED},
		{"udp", "192.0.2.1:53", nil},
		{"tcp", "[::ffff:192.0.2.1]:53", syscall.ECONNREFUSED},
	} {
		if _, err := n.Dial(t.Context(), c.network, netip.MustParseAddrPort(c.server)); !errors.Is(err, c.want) {
			t.Errorf("%s %s: error is %v, want %v", c.network, c.server, err, c.want)
		}
	}
}

func TestTCPCarriesManyQueriesInAnyPieces(t *testing.T) {
	n := parse(t, plain)
	c := dial(t, n, "tcp", "192.0.2.1")
	defer c.Close()
	var stream []byte
	for id := range uint16(3) {
		q := question("www.example.com.", "A")
		q.Id = id
		raw, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		stream = append(stream, frame(raw)...)
	}
	for _, b := range stream {
		if _, err := c.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
	}
	for id := range uint16(3) {
		r := new(dns.Msg)
		if err := r.Unpack(receive(t, c, "tcp")); err != nil || r.Id != id {
			t.Errorf("reply %d has ID %d, error %v", id, r.Id, err)
		}
	}
}

func TestConnectionThatTheServerClosesEnds(t *testing.T) {
	n := parse(t, plain+"== fault 192.0.2.1 tcp tcp-close\n")
	c := dial(t, n, "tcp", "192.0.2.1")
	if _, err := c.Read(make([]byte, 2)); err != io.EOF {
		t.Errorf("read: %v, want EOF", err)
	}
	if _, err := c.Write([]byte{0, 1}); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write: %v, want EPIPE", err)
	}
}

func TestQueriesAreRemembered(t *testing.T) {
	n := parse(t, plain)
	q := question("wWw.example.com.", "TXT", "do")
	q.Id, q.RecursionDesired, q.CheckingDisabled = 77, true, true
	ask(t, n, "tcp", "192.0.2.1", q)
	ask(t, n, "udp", "2001:db8::1", question("mail.example.com.", "MX"))
	have := n.Queries()
	for i := range have {
		have[i].At = time.Time{}
	}
	want := Query{Server: mustAddr("192.0.2.1"), Network: "tcp", Name: "wWw.example.com.", Type: dns.TypeTXT, Class: dns.ClassINET,
		EDNS: true, DO: true, RD: true, CD: true, UDPSize: 1232, ID: 77}
	if len(have) != 2 || have[0] != want || have[1].Network != "udp" || have[1].EDNS {
		t.Errorf("have %+v", have)
	}
	n.ResetQueries()
	if len(n.Queries()) != 0 || n.TCPConnects() != 0 {
		t.Error("not forgotten")
	}
}
