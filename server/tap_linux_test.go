package server

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"rootwalk/dnstap"
	"rootwalk/policy"
)

// tapReader is a reader of dnstap that keeps all octets of a stream.
type tapReader struct {
	mu   sync.Mutex
	told []byte
}

func (r *tapReader) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		hello := make([]byte, 42) // READY, which is an ACCEPT with another number
		_, _ = io.ReadFull(ours, hello)
		hello[11] = 1
		_, _ = ours.Write(hello)
		_, _ = io.Copy(r, ours)
		ours.Close()
	}()
	return theirs, nil
}

func (r *tapReader) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, b...)
	if bytes.HasSuffix(r.told, []byte{0, 0, 0, 4, 0, 0, 0, 3}) { // STOP
		return len(b), io.EOF
	}
	return len(b), nil
}

// times is how many messages say that this address was asked.
func (r *tapReader) times(asked netip.Addr) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	const responseAddress = 5<<3 | 2
	return bytes.Count(r.told, append([]byte{responseAddress, byte(asked.BitLen() / 8)}, asked.AsSlice()...))
}

func TestATapIsToldWhichOfAllAddressesWasAsked(t *testing.T) {
	for _, c := range []struct{ all, first, second string }{{"0.0.0.0:0", "127.0.0.9", "127.0.0.98"}, {"[::]:0", "::1", "::1"}} {
		g := newGate("192.0.2.1")
		w := newWorld(t, settings{dial: g.wrap, silent: true, workers: 1})
		defer g.open()
		r := new(tapReader)
		o := *w.set.Load()
		o.Allow = policy.NewACL([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")})
		o.Tap = dnstap.New(dnstap.Options{Dial: r.dial, Client: true})
		w.Set(o)
		bound, err := w.ListenUDP(netip.MustParseAddrPort(c.all))
		if err != nil {
			t.Skipf("%s: %v", c.all, err)
		}
		first, second := netip.MustParseAddr(c.first), netip.MustParseAddr(c.second)
		ask := func(at netip.Addr, name string) *client {
			conn, err := net.Dial("udp", netip.AddrPortFrom(at, bound.Port()).String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			_ = conn.SetDeadline(time.Now().Add(patience))
			a := &client{t, overUDP, conn}
			a.send(pack(t, question(name, "A", 0)))
			return a
		}
		waits := ask(first, "www.example.com.")
		eventually(t, "it waits", func() bool { return w.Stats().Pending == 1 })
		ask(second, "localhost.").receive() // is read while the first waits
		g.open()
		waits.receive()
		o.Tap.Close() // which tells the rest
		told := map[netip.Addr]int{}
		told[first] += 2 // the query and the reply
		told[second] += 2
		for at, n := range told {
			if got := r.times(at); got != n {
				t.Errorf("on %s: told %d times of %s, want %d", c.all, got, at, n)
			}
		}
	}
}
