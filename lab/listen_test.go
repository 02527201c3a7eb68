package lab

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// overSockets asks a server of a listener with an ordinary client.
func overSockets(l *Listener, network, server string, q *dns.Msg) (*dns.Msg, error) {
	client := &dns.Client{Net: network, Timeout: 5 * time.Second}
	r, _, err := client.Exchange(q, net.JoinHostPort(server, strconv.Itoa(int(l.Port()))))
	return r, err
}

func listen(t *testing.T, n *Internet) *Listener {
	t.Helper()
	l, err := n.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestListenServesEveryServerOnItsAddress(t *testing.T) {
	n := parse(t, "== zone example.com @ 127.0.0.11 127.0.0.12\nwww A 192.0.2.80\n")
	l := listen(t, n)
	for _, network := range []string{"udp", "tcp"} {
		for server, want := range map[string]string{
			"127.41.0.4": "NOERROR / com. NS ns1.nic.com. + ns1.nic.com. A 127.5.6.30",
			"127.0.0.11": "NOERROR AA | www.example.com. A 192.0.2.80",
			"127.0.0.12": "NOERROR AA | www.example.com. A 192.0.2.80",
		} {
			r, err := overSockets(l, network, server, question("www.example.com.", "A"))
			if err != nil {
				t.Fatalf("%s %s: %v", network, server, err)
			}
			wantBrief(t, r, want)
		}
	}
	if len(n.Queries()) != 6 {
		t.Errorf("%d queries, want 6", len(n.Queries()))
	}
}

func TestFaultsReachSockets(t *testing.T) {
	n := parse(t, `== zone example.com @ 127.0.0.11
www A 192.0.2.80
== fault 127.0.0.11
tcp-refuse
delay 5ms
lame-noaa
`)
	l := listen(t, n)
	r, err := overSockets(l, "udp", "127.0.0.11", question("www.example.com.", "A"))
	if err != nil {
		t.Fatal(err)
	}
	wantBrief(t, r, "NOERROR | www.example.com. A 192.0.2.80")
	if _, err := overSockets(l, "tcp", "127.0.0.11", question("www.example.com.", "A")); err == nil {
		t.Error("TCP is not refused")
	}
}

func TestListenRefusesAddressesThatAreNotLoopback(t *testing.T) {
	if l, err := parse(t, plain).Listen(0); err == nil || !strings.Contains(err.Error(), "not a loopback address") {
		t.Errorf("error is %v", err)
		if l != nil {
			l.Close()
		}
	}
}

func TestCloseEndsConnections(t *testing.T) {
	n := parse(t, "== zone . @ 127.0.0.11\n")
	l, err := n.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.11", strconv.Itoa(int(l.Port()))))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(frame(packed(t, question(".", "NS")))); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Read(make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- l.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(tcpIdle / 2):
		t.Fatal("Close waits until the client goes away")
	}
	if err := l.Close(); err != net.ErrClosed {
		t.Errorf("second Close: %v", err)
	}
}
