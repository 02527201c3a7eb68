package main

// This file is about what a reader of dnstap gets from a running server. That others
// read it too is for test/e2e.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// tapReader takes streams, and has a line for each message: its type, transport,
// question, and what else there is of it.
func tapReader(t *testing.T) (path string, lines <-chan string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tap")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	out := make(chan string, 1000)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			readTap(conn, out)
			conn.Close()
		}
	}()
	return path, out
}

// readTap reads one stream. The control frame that it answers with is a READY turned into an ACCEPT.
func readTap(conn net.Conn, out chan<- string) {
	var head [4]byte
	for {
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		n := binary.BigEndian.Uint32(head[:])
		control := n == 0
		if control {
			if _, err := io.ReadFull(conn, head[:]); err != nil {
				return
			}
			n = binary.BigEndian.Uint32(head[:])
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		switch {
		case !control:
			out <- tapLine(body)
		case body[3] == 4: // READY
			body[3] = 1 // ACCEPT
			_, _ = conn.Write(append(binary.BigEndian.AppendUint32(make([]byte, 4), n), body...))
		case body[3] == 3: // STOP
			out <- "the end"
			_, _ = conn.Write([]byte{0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 5})
			return
		}
	}
}

// tapLine is a message in words.
func tapLine(b []byte) string {
	outer := protobuf(b)
	f := protobuf(outer[14])
	kinds := map[string]string{"3": "resolver query", "4": "resolver response", "5": "client query", "6": "client response", "7": "forwarder query", "8": "forwarder response"}
	line := fmt.Sprintf("%s: %s %s", outer[1], kinds[string(f[1])], map[string]string{"1": "udp", "2": "tcp"}[string(f[3])])
	var m dns.Msg
	if m.Unpack(append(f[10], f[14]...)) == nil {
		line += fmt.Sprintf(" %s %s", strings.ToLower(m.Question[0].Name), dns.TypeToString[m.Question[0].Qtype])
	}
	if len(f[11]) > 0 {
		zone, _, _ := dns.UnpackDomainName(f[11], 0)
		line += " of " + zone
	}
	from, _ := netip.AddrFromSlice(f[4])
	to, _ := netip.AddrFromSlice(f[5])
	if m.Response {
		line += " " + dns.RcodeToString[m.Rcode]
	}
	if !bytes.HasPrefix(outer[2], []byte("rootwalk ")) || from.String() != "127.0.0.1" || to.String() != "127.0.0.1" && !strings.HasPrefix(to.String(), "127.53.") ||
		len(f[6]) == 0 || len(f[7]) == 0 || len(f[8]) == 0 || m.Response != (len(f[12]) > 0) {
		line += fmt.Sprintf(" and is not whole: %v %v", outer, f)
	}
	return line
}

// protobuf is the fields of a message; numbers are in decimal.
func protobuf(b []byte) map[uint64][]byte {
	f := map[uint64][]byte{}
	next := func() uint64 {
		v, n := binary.Uvarint(b)
		b = b[max(n, 0):]
		return v
	}
	for len(b) > 0 {
		key := next()
		size := uint64(4)
		switch key & 7 {
		case 0:
			f[key>>3] = fmt.Append(nil, next())
			continue
		case 2:
			size = next()
		}
		f[key>>3], b = b[:size:size], b[size:]
	}
	return f
}

// expectTold reads on to each of these messages, in their order. None with clients may lie
// between them.
func expectTold(t *testing.T, lines <-chan string, want ...string) {
	t.Helper()
	for _, w := range want {
		for line := ""; line != w; {
			select {
			case line = <-lines:
			case <-time.After(patience):
				t.Fatalf("never told of %q", w)
			}
			if strings.Contains(line, "not whole") || line != w && strings.Contains(line, ": client ") {
				t.Fatalf("told of %q, want %q", line, w)
			}
		}
	}
}

func TestAReaderOfDnstapIsToldOfEveryMessage(t *testing.T) {
	_, path, base := loopbackSettings(t)
	port := regexp.MustCompile(`port: (\d+)`).FindStringSubmatch(base)
	socket, lines := tapReader(t)
	s, at := serve(t, "-c", path)
	ask(t, "udp", at, "www.example.com.", "A") // before it is switched on
	rewrite(t, path, base, fmt.Sprintf("dnstap: {socket: %q, identity: me}", socket))
	s.hup(t, "reloaded")
	for _, network := range []string{"udp", "tcp"} {
		ask(t, network, at, "www.example.com.", "A")
		expectTold(t, lines, "me: client query "+network+" www.example.com. A", "me: client response "+network+" www.example.com. A NOERROR")
		name := network + ".guests.example.org."
		ask(t, network, at, name, "A")
		expectTold(t, lines, "me: client query "+network+" "+name+" A",
			"me: resolver query udp "+name+" A of example.org.", "me: resolver response udp "+name+" A of example.org. NOERROR",
			"me: client response "+network+" "+name+" A NOERROR")
	}

	rewrite(t, path, base, fmt.Sprintf("dnstap: {socket: %q, identity: me, client: false}", socket),
		fmt.Sprintf(`zones: [{name: example.net., type: forward, servers: ["127.53.0.31:%s"]}]`, port[1]))
	s.hup(t, "reloaded")
	expectTold(t, lines, "the end")
	ask(t, "udp", at, "pages.example.net.", "A")
	expectTold(t, lines, "me: forwarder query udp pages.example.net. A of example.net.",
		"me: forwarder response udp pages.example.net. A of example.net. NOERROR")
	rewrite(t, path, base)
	s.hup(t, "reloaded")
	expectTold(t, lines, "the end")

	rewrite(t, path, base, fmt.Sprintf("dnstap: {socket: %q, resolver: false}", socket))
	s.hup(t, "reloaded")
	ask(t, "udp", at, "mail.example.com.", "A")
	s.stop(t, syscall.SIGTERM) // what has not been told is told at the end
	host, _ := os.Hostname()
	expectTold(t, lines, host+": client query udp mail.example.com. A", host+": client response udp mail.example.com. A NXDOMAIN", "the end")
}
