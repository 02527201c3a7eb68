package upstream

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// lowestPort is the first port that is used as a source; below are the
// privileged ones.
const lowestPort = 1024

// dial opens a path with sockets. UDP sockets are connected, so that the kernel
// drops what others send, live for one question, and are bound to a port that
// is drawn from all unprivileged ones (RFC 5452 section 9.2): the kernel's own
// choice is from less than half of them.
func dial(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	if network != "udp" {
		var d net.Dialer
		return d.DialContext(ctx, network, server.String())
	}
	var err error
	for range 8 { // ports that are taken
		var c net.Conn
		if c, err = dialUDP(server, randomPort()); err == nil || !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) {
			return c, err
		}
	}
	return dialUDP(server, 0)
}

func randomPort() uint16 {
	for {
		var b [2]byte
		if _, err := rand.Read(b[:]); err != nil {
			panic(err) // documented never to happen
		}
		if p := binary.BigEndian.Uint16(b[:]); p >= lowestPort {
			return p
		}
	}
}

// open opens a path to a server. Where this host has run out of something it waits a
// moment for others to give theirs back, longer each time.
func (u *Upstream) open(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	for pause := firstPause; ; pause *= 2 {
		c, err := u.o.Dial(ctx, network, server)
		if err == nil || !ownTrouble(err) || pause > lastPause {
			return c, err
		}
		u.stats.ownTrouble.Add(1)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}

// The waits for descriptors, ports or memory: 310 ms together, no more than a server
// that is silent costs.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 160 * time.Millisecond
)

// ownTrouble tells whether it is this host that lacks something.
func ownTrouble(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRINUSE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// familyBroken tells whether the error says that the whole address family has
// no way out.
func familyBroken(err error) bool {
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}
