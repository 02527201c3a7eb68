//go:build long

package soak

// This file is the load: one function for each kind of client. Each does one
// thing, checks what comes back, and returns.

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// kind is one kind of client: how many there are, and how long each rests
// between two visits, which bounds the load.
type kind struct {
	name    string
	clients int
	rest    time.Duration
	visit   func(w *world) error
}

var kinds = []kind{
	{"hits", 3, 10 * time.Millisecond, func(w *world) error { return w.ask("udp", hit(), nil) }},
	{"misses", 2, 20 * time.Millisecond, func(w *world) error { return w.ask("udp", wild("wild.soak.example", "192.0.2.84"), nil) }},
	{"short-lived data", 1, 20 * time.Millisecond, brief},
	{"slow zones", 2, 50 * time.Millisecond, func(w *world) error { return w.ask("udp", wild("wild.slow.example", "192.0.2.86"), nil) }},
	{"broken zones", 1, 100 * time.Millisecond, broken},
	{"the same at once", 1, 100 * time.Millisecond, together},
	{"huge names", 1, 50 * time.Millisecond, func(w *world) error { return w.ask([]string{"udp", "tcp"}[mrand.IntN(2)], huge(), nil) }},
	{"EDNS", 2, 20 * time.Millisecond, edns},
	{"malformed packets", 2, 20 * time.Millisecond, malformed},
	{"pipelined", 2, 100 * time.Millisecond, pipelined},
	{"half-written", 2, 100 * time.Millisecond, halfWritten},
	{"idle", 4, time.Second, idle},
}

func (w *world) dial(network string) (net.Conn, error) {
	at := w.udp
	if network == "tcp" {
		at = w.tcp
	}
	c, err := net.Dial(network, at.String())
	if err == nil {
		err = c.SetDeadline(time.Now().Add(patience))
	}
	return c, err
}

// exchange asks over a socket of its own.
func (w *world) exchange(network string, m *dns.Msg) (*dns.Msg, error) {
	c, err := w.dial(network)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	conn := &dns.Conn{Conn: c, UDPSize: dns.MaxMsgSize}
	if err := conn.WriteMsg(m); err != nil {
		return nil, err
	}
	return conn.ReadMsg()
}

// ask asks a question and checks the reply; change, if not nil, alters the query.
func (w *world) ask(network string, q question, change func(*dns.Msg)) error {
	m := q.message()
	if change != nil {
		change(m)
	}
	r, err := w.exchange(network, m)
	if err == nil {
		err = q.check(m, r, network)
	}
	if err != nil {
		return fmt.Errorf("%s %s over %s: %w", q.name, q.rrtype, network, err)
	}
	return nil
}

// brief asks for one of a few names whose TTL is a second, so that they are
// always being renewed.
func brief(w *world) error {
	return w.ask("udp", question{fmt.Sprintf("n%d.brief.soak.example.", mrand.IntN(20)), "A", dns.RcodeSuccess, []string{"A 192.0.2.85"}, false}, nil)
}

func broken(w *world) error {
	return w.ask("udp", question{fmt.Sprintf("n%d.broken.example.", mrand.IntN(1000)), "A", dns.RcodeServerFailure, nil, false}, nil)
}

// together asks one new question from many sockets before reading a reply.
func together(w *world) error {
	q := wild("wild.slow.example", "192.0.2.86")
	var conns []*dns.Conn
	var asked []*dns.Msg
	for range 20 {
		c, err := w.dial("udp")
		if err != nil {
			return err
		}
		defer c.Close()
		conn, m := &dns.Conn{Conn: c, UDPSize: dns.MaxMsgSize}, q.message()
		if err := conn.WriteMsg(m); err != nil {
			return err
		}
		conns, asked = append(conns, conn), append(asked, m)
	}
	for i, conn := range conns {
		r, err := conn.ReadMsg()
		if err == nil {
			err = q.check(asked[i], r, "udp")
		}
		if err != nil {
			return fmt.Errorf("%s with others: %w", q.name, err)
		}
	}
	return nil
}

// edns asks with options, sizes and flags of all sorts.
func edns(w *world) error {
	q, network := hit(), []string{"udp", "tcp"}[mrand.IntN(2)]
	sizes := []uint16{0, 511, 512, 1232, 4096, 65535}
	option := func(o ...dns.EDNS0) func(*dns.Msg) {
		return func(m *dns.Msg) {
			m.SetEdns0(sizes[mrand.IntN(len(sizes))], mrand.IntN(2) == 0)
			m.IsEdns0().Option = o
		}
	}
	junk := make([]byte, mrand.IntN(300))
	_, _ = rand.Read(junk)
	switch mrand.IntN(7) {
	case 0:
		return w.ask(network, q, option())
	case 1:
		return w.ask(network, q, option(&dns.EDNS0_LOCAL{Code: 65001, Data: junk}))
	case 2:
		return w.ask(network, q, option(&dns.EDNS0_NSID{Code: dns.EDNS0NSID}))
	case 3:
		return w.ask(network, q, option(&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"}))
	case 4:
		return w.ask(network, q, option(&dns.EDNS0_PADDING{Padding: junk}, &dns.EDNS0_LOCAL{Code: 65002}))
	case 5: // a cookie of a length that there is not
		q = question{q.name, q.rrtype, dns.RcodeFormatError, nil, false}
		return w.ask(network, q, func(m *dns.Msg) {
			option(&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "001122"})(m)
		})
	default:
		q = question{q.name, q.rrtype, dns.RcodeBadVers, nil, false}
		return w.ask(network, q, func(m *dns.Msg) {
			option()(m)
			m.IsEdns0().SetVersion(1)
		})
	}
}

// malformed sends something that is no good query, and behind it one that is. No
// reply to the first may be more than an error, and the second gets its own.
func malformed(w *world) error {
	q := hit()
	m := q.message()
	packet, err := m.Pack()
	if err != nil {
		return err
	}
	bad := append([]byte(nil), packet...)
	silent := false
	switch mrand.IntN(6) {
	case 0: // noise
		bad = make([]byte, mrand.IntN(600))
		_, _ = rand.Read(bad)
	case 1: // cut off
		bad = bad[:mrand.IntN(len(bad))]
	case 2: // a reply
		bad[2] |= 0x80
		silent = true
	case 3: // a pointer to itself
		bad[12], bad[13] = 0xc0, 12
	case 4: // octets turned over
		for range 1 + mrand.IntN(4) {
			bad[2+mrand.IntN(len(bad)-2)] ^= byte(1 << mrand.IntN(8))
		}
	case 5: // more records than there are
		binary.BigEndian.PutUint16(bad[4+2*mrand.IntN(4):], uint16(2+mrand.IntN(65000)))
	}
	if len(bad) >= 2 {
		binary.BigEndian.PutUint16(bad, m.Id+1)
	}
	c, err := w.dial("udp")
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write(bad); err != nil {
		return err
	}
	if _, err := c.Write(packet); err != nil {
		return err
	}
	buf := make([]byte, dns.MaxMsgSize)
	for range 2 {
		n, err := c.Read(buf)
		if err != nil {
			return fmt.Errorf("behind %x: %w", bad, err)
		}
		if n < 12 || buf[2]&0x80 == 0 {
			return fmt.Errorf("%x in reply to %x", buf[:n], bad)
		}
		if binary.BigEndian.Uint16(buf) == m.Id {
			r := new(dns.Msg)
			if err := r.Unpack(buf[:n]); err != nil {
				return err
			}
			return q.check(m, r, "udp")
		}
		if silent || binary.BigEndian.Uint16(buf) != m.Id+1 {
			return fmt.Errorf("%x in reply to %x, of which nothing should come", buf[:n], bad)
		}
	}
	return fmt.Errorf("two replies to %x", bad)
}

// pipelined asks many questions over one connection without waiting, and reads
// the replies in whatever order they come.
func pipelined(w *world) error {
	c, err := w.dial("tcp")
	if err != nil {
		return err
	}
	defer c.Close()
	conn := &dns.Conn{Conn: c}
	type pair struct {
		q question
		m *dns.Msg
	}
	open := map[uint16]pair{}
	for i := range 5 + mrand.IntN(40) {
		q := hit()
		switch i % 4 {
		case 0:
			q = wild("wild.soak.example", "192.0.2.84")
		case 1:
			q = wild("wild.slow.example", "192.0.2.86")
		}
		m := q.message()
		m.Id = uint16(1000 + i)
		open[m.Id] = pair{q, m}
		if err := conn.WriteMsg(m); err != nil {
			return err
		}
	}
	for len(open) > 0 {
		r, err := conn.ReadMsg()
		if err != nil {
			return fmt.Errorf("with %d replies to come: %w", len(open), err)
		}
		p, ok := open[r.Id]
		if !ok {
			return fmt.Errorf("a reply to nothing: %v", r)
		}
		delete(open, r.Id)
		if err := p.q.check(p.m, r, "tcp"); err != nil {
			return fmt.Errorf("%s %s, pipelined: %w", p.q.name, p.q.rrtype, err)
		}
	}
	return nil
}

// halfWritten writes a part of a query and goes, or waits to be sent away.
func halfWritten(w *world) error {
	c, err := w.dial("tcp")
	if err != nil {
		return err
	}
	defer c.Close()
	packet, err := hit().message().Pack()
	if err != nil {
		return err
	}
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
	if _, err := c.Write(framed[:1+mrand.IntN(len(framed)-1)]); err != nil {
		return err
	}
	if mrand.IntN(10) > 0 {
		return nil
	}
	return sentAway(c)
}

// idle opens a connection from one of many addresses, asks or not, and waits to
// be sent away.
func idle(w *world) error {
	from := netip.AddrFrom4([4]byte{127, 0, 1, byte(1 + mrand.IntN(250))})
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	c, err := d.Dial("tcp", w.tcp.String())
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return err
	}
	if mrand.IntN(2) == 0 {
		q := hit()
		m := q.message()
		conn := &dns.Conn{Conn: c}
		if err := conn.WriteMsg(m); err != nil {
			return err
		}
		r, err := conn.ReadMsg()
		if err != nil {
			return err
		}
		if err := q.check(m, r, "tcp"); err != nil {
			return err
		}
	}
	return sentAway(c)
}

// sentAway waits for the server to close the connection.
func sentAway(c net.Conn) error {
	n, err := c.Read(make([]byte, 1))
	if n > 0 || err == nil {
		return errors.New("a reply to half a query")
	}
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return errors.New("the connection is never closed")
	}
	return nil // the end, or a reset
}
