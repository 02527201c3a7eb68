package lab

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// parse builds an Internet from text or ends the test.
func parse(t *testing.T, text string) *Internet {
	t.Helper()
	n, _, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// question makes a query; the flag "edns" adds an OPT record of size 1232, "do" one with DO.
func question(name, rrtype string, flags ...string) *dns.Msg {
	q := new(dns.Msg)
	q.SetQuestion(name, dns.StringToType[rrtype])
	q.RecursionDesired = false
	if slices.Contains(flags, "do") || slices.Contains(flags, "edns") {
		q.SetEdns0(1232, slices.Contains(flags, "do"))
	}
	return q
}

// ask sends a query in the process and returns the first reply, nil for silence.
func ask(t *testing.T, n *Internet, network, server string, q *dns.Msg) *dns.Msg {
	t.Helper()
	raw := askRaw(t, n, network, server, q)
	if raw == nil {
		return nil
	}
	r := new(dns.Msg)
	if err := r.Unpack(raw); err != nil {
		t.Fatalf("reply of %s: %v", server, err)
	}
	return r
}

func askRaw(t *testing.T, n *Internet, network, server string, q *dns.Msg) []byte {
	t.Helper()
	c := dial(t, n, network, server)
	defer c.Close()
	send(t, c, network, q)
	return receive(t, c, network)
}

func dial(t *testing.T, n *Internet, network, server string) net.Conn {
	t.Helper()
	c, err := n.Dial(context.Background(), network, netip.AddrPortFrom(netip.MustParseAddr(server), 53))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func send(t *testing.T, c net.Conn, network string, q *dns.Msg) {
	t.Helper()
	raw, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if network == "tcp" {
		raw = frame(raw)
	}
	if _, err := c.Write(raw); err != nil {
		t.Fatal(err)
	}
}

// receive returns the next reply, nil for silence. What is not delayed is in the inbox when Write returns, so that silence
// needs no waiting for.
func receive(t *testing.T, c net.Conn, network string) []byte {
	t.Helper()
	path := c.(*conn)
	path.mu.Lock()
	silent := len(path.inbox) == 0
	path.mu.Unlock()
	if silent {
		return nil
	}
	if network == "tcp" {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := make([]byte, 65535)
	read, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:read]
}

// brief prints what matters of a reply: rcode, flags and the records, one section after the other, without OPT and RRSIG.
func brief(r *dns.Msg) string {
	if r == nil {
		return "silence"
	}
	words := []string{dns.RcodeToString[r.Rcode]}
	if r.Authoritative {
		words = append(words, "AA")
	}
	if r.RecursionAvailable {
		words = append(words, "RA")
	}
	if r.Truncated {
		words = append(words, "TC")
	}
	for i, section := range [][]dns.RR{r.Answer, r.Ns, r.Extra} {
		for _, rr := range section {
			h := rr.Header()
			if h.Rrtype == dns.TypeOPT || h.Rrtype == dns.TypeRRSIG {
				continue
			}
			value := strings.TrimPrefix(rr.String(), h.String())
			if h.Rrtype == dns.TypeSOA {
				value = ""
			}
			words = append(words, strings.TrimSpace([]string{"|", "/", "+"}[i]+" "+h.Name+" "+dns.TypeToString[h.Rrtype]+" "+value))
		}
	}
	return strings.Join(words, " ")
}

func wantBrief(t *testing.T, r *dns.Msg, want string) {
	t.Helper()
	if got := brief(r); got != want {
		t.Errorf("reply:\n have %s\n want %s", got, want)
	}
}
