package server

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/dchest/siphash"

	"rootwalk/clock"
	"rootwalk/wire"
)

// This file makes the EDNS options of replies.

// opt fills the OPT record of a reply: size and flags, the reason for its code,
// and what the client asked to know.
func (w *worker) opt(o *wire.OPT, query []byte, meta Meta, q *wire.Query, rcode wire.Rcode, ede wire.EDE) {
	*o = wire.OPT{UDPSize: payloadSize, Rcode: rcode, DO: q.DO, CO: q.CO, EDE: ede}
	set := w.set.Load()
	if !set.EDE {
		o.EDE = wire.NoEDE
	}
	if !q.EDNS {
		return
	}
	if o.EDE != wire.NoEDE {
		w.stats.ede(o.EDE)
	}
	if q.NSID {
		o.NSID = set.NSID
	}
	if q.Keepalive && meta.Transport == TCP {
		o.Keepalive = uint16(idleTime.Milliseconds() / 100)
	}
	if q.Cookie != 0 && set.Cookies != nil {
		o.HasCookie = true
		set.Cookies.make(&o.Cookie, query[q.CookieAt:q.CookieAt+clientCookieLen], meta.Client)
	}
}

// clientCookieLen is the length of a client's part of a cookie, RFC 7873 section 4.
const clientCookieLen = 8

// Cookies makes server cookies (RFC 9018): a client that sends one back has shown
// that it receives at its address. Without state, and the same on every server
// with the same secret.
type Cookies struct{ k0, k1 uint64 }

// SecretLen is the length of a cookie secret in octets.
const SecretLen = 16

// NewCookies makes cookies with a secret of SecretLen octets, or with a random
// one where it is empty.
func NewCookies(secret []byte) (*Cookies, error) {
	if len(secret) == 0 {
		secret = make([]byte, SecretLen)
		if _, err := rand.Read(secret); err != nil {
			return nil, err
		}
	}
	if len(secret) != SecretLen {
		return nil, fmt.Errorf("a cookie secret has %d octets, not %d", SecretLen, len(secret))
	}
	return &Cookies{binary.LittleEndian.Uint64(secret), binary.LittleEndian.Uint64(secret[8:])}, nil
}

// make writes the client's cookie and the server's for it (RFC 9018 section 4):
// version, three reserved octets, the time, and a hash over all and the
// client's address.
func (c *Cookies) make(out *[wire.CookieLen]byte, client []byte, addr netip.Addr) {
	c.at(out, client, addr, uint32(clock.Wall().Unix()))
}

func (c *Cookies) at(out *[wire.CookieLen]byte, client []byte, addr netip.Addr, now uint32) {
	var in [32]byte
	copy(in[:8], client)
	in[8] = 1
	binary.BigEndian.PutUint32(in[12:], now)
	n := 16
	if addr = addr.Unmap(); addr.Is4() {
		a := addr.As4()
		n += copy(in[16:], a[:])
	} else {
		a := addr.As16()
		n += copy(in[16:], a[:])
	}
	copy(out[:16], in[:16])
	binary.LittleEndian.PutUint64(out[16:], siphash.Hash(c.k0, c.k1, in[:n]))
}
