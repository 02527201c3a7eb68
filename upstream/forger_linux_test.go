package upstream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rootwalk/wire"
)

// Two addresses of a name: the true one, and where a forger wants clients to go.
const (
	trueAddress   = "\xc0\x00\x02\x50"
	forgedAddress = "\xcb\x00\x71\x42"
)

// addressReply answers a question for an address.
func addressReply(query []byte, address string) []byte {
	m := replyTo(query, wire.NoError, false)
	m[7] = 1
	return append(append(m, 0xc0, wire.HeaderLen, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4), address...)
}

// elsewhere returns a function that calls another on a thread with a network of its own,
// in which packets to all ports disturb nobody. Sockets that are opened there stay there.
func elsewhere(t *testing.T) func(func() error) error {
	t.Helper()
	calls, results := make(chan func() error), make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends here
		for f := range calls {
			results <- f()
		}
	}()
	do := func(f func() error) error { calls <- f; return <-results }
	t.Cleanup(func() { close(calls) })
	if err := do(func() error { return unix.Unshare(unix.CLONE_NEWNET) }); err != nil {
		t.Skipf("a network of its own: %v; run as root", err)
	}
	if err := do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		lo, err := unix.NewIfreq("lo")
		if err != nil {
			return err
		}
		lo.SetUint16(unix.IFF_UP)
		return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
	}); err != nil {
		t.Fatal(err)
	}
	return do
}

// The forger sends from the server's address, and knows which question is under way. It
// does not know the port and the ID: it floods all ports, while one query after the other
// waits for the good reply, which takes its time.
func TestForgeriesAtUnknownPortsGainNothing(t *testing.T) {
	there := elsewhere(t)
	var server *net.UDPConn
	var addr netip.AddrPort
	var l net.Listener
	if err := there(func() (err error) {
		server, addr = listenUDP(t)
		l, err = net.Listen("tcp", addr.String())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var overTCP atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			overTCP.Add(1)
			var query [514]byte
			if n, err := c.Read(query[:]); err == nil && n > 2 {
				reply := addressReply(query[2:n], trueAddress)
				_, _ = c.Write(append([]byte{0, byte(len(reply))}, reply...))
			}
			c.Close()
		}
	}()
	var name atomic.Pointer[wire.Question]
	go func() { // the honest server
		var b [512]byte
		for {
			n, from, err := server.ReadFromUDPAddrPort(b[:])
			if err != nil {
				return
			}
			reply := addressReply(b[:n], trueAddress)
			time.AfterFunc(100*time.Millisecond, func() { _, _ = server.WriteToUDPAddrPort(reply, from) })
		}
	}()

	u := New(Options{IPv4: true, KeepCase: true, Dial: func(ctx context.Context, network string, server netip.AddrPort) (c net.Conn, err error) {
		err = there(func() error { c, err = dial(ctx, network, server); return err })
		return c, err
	}})
	ctx, stop := context.WithCancel(context.Background())
	answered, forged := 0, 0
	var asking sync.WaitGroup
	asking.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			q := question(fmt.Sprintf("n%d.example.com.", i))
			name.Store(&q)
			r, err := u.Exchange(context.Background(), Ask{Server: addr, Question: q, Spend: free, Trusted: true})
			if err != nil { // late, on a busy machine
				continue
			}
			answered++
			switch {
			case len(r.Answer) == 1 && r.Answer[0].Data == forgedAddress:
				forged++
			case len(r.Answer) != 1 || r.Answer[0].Data != trueAddress:
				t.Errorf("%s: %v", q.Name, answers(r))
			}
		}
	})
	for name.Load() == nil {
		time.Sleep(time.Millisecond)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var packet []byte
	for i := range forgeries {
		if i%64 == 0 {
			q := name.Load()
			packet = addressReply(wire.AppendQuestion(nil, 0, 0, q.Name, q.Type, q.Class), forgedAddress)
		}
		wire.SetID(packet, uint16(random.Uint32()))
		port := lowestPort + uint16(random.UintN(65536-lowestPort))
		if port == addr.Port() {
			continue
		}
		if _, err := server.WriteToUDPAddrPort(packet, netip.AddrPortFrom(addr.Addr(), port)); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	asking.Wait()
	if forged > 0 || answered == 0 {
		t.Errorf("%d of %d answers are forged", forged, answered)
	}
	t.Attr("row", fmt.Sprintf("B2 | %d forgeries at unknown ports, from the server's address, the question known | none is taken | %d of %d answers; %d found a port, which leads to TCP | ", forgeries, forged, answered, overTCP.Load()))
}
