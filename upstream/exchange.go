package upstream

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"rootwalk/wire"
)

// Ask is one question for one server.
type Ask struct {
	Server   netip.AddrPort
	Question wire.Question
	Zone     wire.Name    // for which the server is asked
	Retry    bool         // this address was silent once for this question
	Tries    int          // earlier ones at this address for this question
	Others   int          // other addresses that the question can go to
	Silent   int          // tries at any address of the zone that were not answered
	Last     bool         // no other try is left: it may as well wait long
	RD       bool         // recursion desired: the server is a forwarder
	TCP      bool         // over TCP alone
	Trusted  bool         // named by the configuration: it need not be an address that delegations may lead to
	Signed   func() bool  // the zone has a DS record: its servers do know EDNS; nil is no
	Spend    func() error // called before every packet and connect; an error ends the exchange
}

func (a *Ask) signed() bool { return a.Signed != nil && a.Signed() }

// Reply is a matching reply.
type Reply struct {
	*wire.Message
	Network string        // "udp" or "tcp"
	RTT     time.Duration // of the last attempt
	Octets  int           // of the message
	Plain   bool          // the query had no EDNS, so the reply can have no DNSSEC records
	Joined  bool          // another walk was asking the same
}

// The ways in which an exchange ends without a reply. The address in question
// has been reported already.
var (
	ErrTimeout     = errors.New("no reply in time")
	ErrUnreachable = errors.New("unreachable")
	ErrMalformed   = errors.New("malformed reply")
	ErrForged      = errors.New("replies do not match the question")
)

// errOutOfTime is a timeout of the caller's own: its context ended before the
// server's time was up, which says nothing about the server.
var errOutOfTime = fmt.Errorf("%w: the question's own time is up", ErrTimeout)

// ErrOwnTrouble is a lack of descriptors, memory or ports here, which says nothing
// about the server.
var ErrOwnTrouble = errors.New("no socket to ask with")

// errLeft is what others find when the one that asked for all did not come back.
var errLeft = errors.New("the exchange was left")

// Exchange asks the server and returns its reply. Identical exchanges that run
// at the same time are one.
func (u *Upstream) Exchange(ctx context.Context, a Ask) (*Reply, error) {
	if !a.Trusted && !u.Usable(a.Server) {
		return nil, fmt.Errorf("%w: not to be asked", ErrUnreachable)
	}
	leave, err := u.admitTo(a.Zone)
	says := unknown // those that wait for another's exchange have learned nothing new
	defer func() { leave(says) }()
	if err != nil {
		return nil, err
	}
	for {
		f, leader := u.flights.join(flightKey{a.Server, a.Question, a.RD, a.TCP})
		if leader {
			r, err := u.lead(ctx, f, a)
			says = resultOf(err)
			return r, err
		}
		u.stats.joined.Add(1)
		if err := a.Spend(); err != nil {
			return nil, err
		}
		select {
		case <-f.done:
			if f.err != nil && !known(f.err) { // the leader's own trouble, not the server's
				continue
			}
			if f.err != nil {
				return nil, f.err
			}
			r := *f.reply
			r.Joined = true
			return &r, nil
		case <-ctx.Done():
			return nil, ErrTimeout
		}
	}
}

// lead is an exchange for all that wait for the same. A flight lands whatever
// happens: one that stays in the air would hold up its question for ever.
func (u *Upstream) lead(ctx context.Context, f *flight, a Ask) (*Reply, error) {
	r, err := (*Reply)(nil), errLeft
	defer func() { u.flights.land(f, r, err) }()
	r, err = u.exchange(ctx, a)
	return r, err
}

// known tells whether the error says something about the server, so that it
// holds for everybody who asked.
func known(err error) bool {
	if errors.Is(err, errOutOfTime) {
		return false
	}
	return errors.Is(err, ErrTimeout) || errors.Is(err, ErrUnreachable) || errors.Is(err, ErrMalformed) || errors.Is(err, ErrForged)
}

// exchange is Exchange without the company of others.
func (u *Upstream) exchange(ctx context.Context, a Ask) (*Reply, error) {
	s := u.know(a.Server.Addr())
	leave, err := u.admit(s, a.Zone)
	var r *Reply
	defer func() { leave(err) }()
	if err != nil {
		return nil, err
	}
	now := u.o.Clock()
	plain, folds, ednsSeen := s.abilities(now)
	// What a signed zone says without EDNS has no signatures, and is of no use.
	plain = plain && !a.signed()
	t := try{u: u, s: s, a: a, plain: plain, mixed: !folds && !u.o.KeepCase}
	// A server that never answered with EDNS and was silent may drop such
	// queries: the second try goes without (RFC 6891 section 7).
	dropped := a.Retry && !ednsSeen && !plain && !a.signed()
	if dropped {
		t.plain = true
	}
	if r, err = t.udpThenTCP(ctx); err != nil {
		return nil, err
	}
	switch {
	case !t.plain && r.refusesEDNS():
		t.plain = true
		r2, err := t.udpThenTCP(ctx)
		if err != nil {
			return r, nil
		}
		if r2.Rcode != r.Rcode && !a.signed() {
			// SERVFAIL has many reasons, and is no surer a sign than silence.
			s.chokesOnEDNS(u.o.Clock(), r.Rcode != wire.ServFail)
		}
		r = r2
	case r.EDNS:
		s.understandsEDNS()
	case dropped && (r.Rcode == wire.NoError || r.Rcode == wire.NXDomain):
		s.chokesOnEDNS(u.o.Clock(), false)
	}
	r.Plain = t.plain
	return r, nil
}

// refusesEDNS tells whether a reply is what servers without EDNS say to a query
// with it (RFC 6891 section 7; BADVERS to version 0 is a server's mistake).
func (r *Reply) refusesEDNS() bool {
	switch r.Rcode {
	case wire.FormErr, wire.NotImp:
		return true
	case wire.BadVers:
		return true
	case wire.ServFail:
		return !r.EDNS
	}
	return false
}

// try is one way of asking one server.
type try struct {
	u     *Upstream
	s     *server
	a     Ask
	plain bool // without EDNS
	mixed bool // random letter case
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 4096); return &b }}

// errFolded says that the reply has the question in other letter case.
var errFolded = errors.New("letter case was not kept")

// errMoveToTCP says that the UDP reply cannot be used but TCP may help.
var errMoveToTCP = errors.New("move to TCP")

func (t *try) udpThenTCP(ctx context.Context) (*Reply, error) {
	if t.a.TCP {
		return t.overTCP(ctx)
	}
	r, err := t.overUDP(ctx)
	switch {
	case err == errFolded:
		// TCP proves that nobody guesses. Where there is none, the case is left out.
		if r, err = t.overTCP(ctx); err != nil && errors.Is(err, ErrUnreachable) {
			t.mixed = false
			return t.overUDP(ctx)
		}
	case err == errMoveToTCP:
		return t.overTCP(ctx)
	}
	return r, err
}

// query builds the message, with a fresh random ID and letter case (RFC 5452
// section 9, draft-vixie-dnsext-dns0x20).
func (t *try) query(dst []byte) []byte {
	var random [2 + 32]byte
	if _, err := rand.Read(random[:]); err != nil {
		panic(err) // documented never to happen
	}
	flags := uint16(0)
	if t.a.RD { // we judge by ourselves what a forwarder finds (RFC 6840 section 5.9)
		flags |= wire.FlagRD | wire.FlagCD
	}
	q := t.a.Question
	start := len(dst)
	dst = wire.AppendQuestion(dst, binary.BigEndian.Uint16(random[:]), flags, q.Name, q.Type, q.Class)
	if t.mixed {
		name := dst[start+wire.HeaderLen : start+wire.HeaderLen+len(q.Name)]
		for i, c := range name {
			if c >= 'a' && c <= 'z' && random[2+i/8]>>(i%8)&1 != 0 {
				name[i] = c &^ 0x20
			}
		}
	}
	switch {
	case t.plain:
	case t.a.Retry: // the reply may have been too long for the path (RFC 6891 section 6.2.5)
		dst = wire.AppendOPT(dst, start, &wire.OPT{UDPSize: 512, DO: true, EDE: wire.NoEDE})
	default:
		dst = wire.AppendOPT(dst, start, &wire.OPT{UDPSize: PayloadSize, DO: true, EDE: wire.NoEDE})
	}
	return dst
}

func (t *try) overUDP(ctx context.Context) (*Reply, error) {
	if err := t.a.Spend(); err != nil {
		return nil, err
	}
	u := t.u
	timeout := t.s.timeout(t.patience(), t.a.Tries, t.a.Others)
	if t.a.Last {
		timeout = maxTimeout
	}
	conn, err := u.open(ctx, "udp", t.a.Server)
	if err != nil {
		if outOfTime(ctx) {
			return nil, errOutOfTime
		}
		return nil, t.unreachable(err)
	}
	defer conn.Close()
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	var room [512]byte
	query := t.query(room[:0])
	u.stats.udp.Add(1)
	sent := time.Now()
	if err := conn.SetDeadline(t.deadline(ctx, sent.Add(timeout))); err != nil {
		return nil, t.unreachable(err)
	}
	if _, err := conn.Write(query); err != nil {
		return nil, t.unreachable(err)
	}
	tap := t.tap(conn, false, query)
	for wrong, refused := 0, 0; ; {
		n, err := conn.Read(*buf)
		if err != nil {
			// Whoever hits our port can say in ICMP that the server is not there, which is
			// believed at once only where nothing speaks against it.
			if isRefusal(err) && t.s.answers() && refused < maxRefusals {
				refused++
				continue
			}
			return nil, t.readError(ctx, err)
		}
		msg := (*buf)[:n]
		switch match(query, msg) {
		case notOurs:
			u.stats.forged.Add(1)
			continue
		case guessed:
			u.stats.forged.Add(1)
			if wrong++; wrong < maxWrongIDs {
				continue
			}
			u.stats.moved.Add(1)
			return nil, errMoveToTCP
		case folded:
			tap.reply(msg)
			t.s.foldsCase(u.o.Clock())
			return nil, errFolded
		}
		tap.reply(msg)
		if wire.Flags(msg)&wire.FlagTC != 0 { // a part is no answer; it may even end within a record
			t.s.answered(time.Since(sent), u.o.Clock())
			return nil, errMoveToTCP
		}
		return t.read(msg, "udp", time.Since(sent))
	}
}

// patience is the timeout for a server that was not measured yet. When many are
// silent one after the other, it may be our own way out that is long.
func (t *try) patience() time.Duration {
	return t.u.o.Timeout << min(t.a.Silent/4, 2)
}

func (t *try) overTCP(ctx context.Context) (*Reply, error) {
	if err := t.a.Spend(); err != nil {
		return nil, err
	}
	u := t.u
	u.stats.tcp.Add(1)
	// A connection takes two round trips, and servers take their time for it.
	deadline := t.deadline(ctx, time.Now().Add(max(3*t.s.timeout(u.o.Timeout, t.a.Tries, t.a.Others), 500*time.Millisecond)))
	dctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	conn, err := u.open(dctx, "tcp", t.a.Server)
	if err != nil {
		return nil, t.tcpError(ctx, err)
	}
	defer conn.Close()
	sent := time.Now()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnreachable, err)
	}
	if err := t.a.Spend(); err != nil { // the query, beside the connection
		return nil, err
	}
	t.mixed = false // the handshake has proved that the server is there
	var room [514]byte
	query := t.query(room[:2])
	binary.BigEndian.PutUint16(query, uint16(len(query)-2))
	if _, err := conn.Write(query); err != nil {
		return nil, t.tcpError(ctx, err)
	}
	tap := t.tap(conn, true, query[2:])
	var size [2]byte
	if err := readFull(conn, size[:]); err != nil {
		return nil, t.tcpError(ctx, err)
	}
	msg := make([]byte, binary.BigEndian.Uint16(size[:]))
	if err := readFull(conn, msg); err != nil {
		return nil, t.tcpError(ctx, err)
	}
	if m := match(query[2:], msg); m != matches && m != folded {
		u.stats.forged.Add(1)
		return nil, ErrForged
	}
	tap.reply(msg)
	r, err := t.read(msg, "tcp", time.Since(sent))
	if err == nil && r.TC() {
		return nil, fmt.Errorf("%w: truncated over TCP", ErrMalformed)
	}
	return r, err
}

// read parses a matching message and takes note of the server's speed.
func (t *try) read(msg []byte, network string, rtt time.Duration) (*Reply, error) {
	u := t.u
	// The question is written over as we mean it, so that names that are
	// compressed to it do not carry our random letter case into the cache.
	if wire.HeaderLen+len(t.a.Question.Name) <= len(msg) && msg[5] == 1 {
		copy(msg[wire.HeaderLen:], t.a.Question.Name)
	}
	var m wire.Message
	if err := wire.Parse(msg, &m); err != nil {
		u.stats.malformed.Add(1)
		switch {
		case errors.Is(err, wire.ErrRecords):
			u.stats.records.Add(1)
		case errors.Is(err, wire.ErrNames):
			u.stats.names.Add(1)
		}
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	u.stats.answers.Add(1)
	u.stats.rtt.observe(int64(rtt))
	t.s.answered(rtt, u.o.Clock())
	return &Reply{Message: &m, Network: network, RTT: rtt, Octets: len(msg)}, nil
}

func (t *try) unreachable(err error) error {
	if ownTrouble(err) {
		return fmt.Errorf("%w: %v", ErrOwnTrouble, err)
	}
	t.u.stats.unreachable.Add(1)
	t.s.unreachable(t.u.o.Clock())
	if t.a.Server.Addr().Is6() && familyBroken(err) {
		t.u.noIPv6.Store(int64(t.u.o.Clock().Add(deadFor)))
	}
	return fmt.Errorf("%w: %v", ErrUnreachable, err)
}

func (t *try) readError(ctx context.Context, err error) error {
	if isTimeout(err) {
		if outOfTime(ctx) {
			return errOutOfTime
		}
		t.u.stats.timeouts.Add(1)
		t.s.silent(t.u.o.Clock())
		return ErrTimeout
	}
	if ownTrouble(err) {
		return fmt.Errorf("%w: %v", ErrOwnTrouble, err)
	}
	// ICMP says that nobody listens, or that no packet gets there. A closed port says so
	// each time; somebody who forges it has to find the port of each try.
	t.u.stats.unreachable.Add(1)
	t.s.silent(t.u.o.Clock())
	return fmt.Errorf("%w: %w", ErrTimeout, err)
}

// isRefusal tells whether a read failed because of an ICMP message.
func isRefusal(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && !isTimeout(err) && !ownTrouble(err)
}

// maxRefusals is how many ICMP messages a try of a server that answers goes on after.
const maxRefusals = 16

func (t *try) tcpError(ctx context.Context, err error) error {
	if outOfTime(ctx) {
		return errOutOfTime
	}
	if isTimeout(err) {
		t.u.stats.timeouts.Add(1)
		return fmt.Errorf("%w over TCP", ErrTimeout)
	}
	return fmt.Errorf("%w over TCP: %v", ErrUnreachable, err)
}

// deadline is the earlier of the context's and the given one.
func (t *try) deadline(ctx context.Context, d time.Time) time.Time {
	if c, ok := ctx.Deadline(); ok && c.Before(d) {
		return c
	}
	return d
}

// outOfTime tells whether the caller's own time is up. The context's timer may
// be a little later than the connection's.
func outOfTime(ctx context.Context) bool {
	d, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(d)
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

func readFull(c net.Conn, b []byte) error {
	for n := 0; n < len(b); {
		k, err := c.Read(b[n:])
		if err != nil {
			return err
		}
		n += k
	}
	return nil
}
