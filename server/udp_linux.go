package server

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"rootwalk/clock"
	"rootwalk/wire"
)

// This file reads and writes many packets with one system call (recvmmsg,
// sendmmsg), on one socket for each reader: the kernel divides the clients among
// them (SO_REUSEPORT), so that readers do not meet. The calls are made here and
// not by golang.org/x/net, which makes an address of every packet's sender, on
// the heap. A socket with nothing to read waits in Go's poller and not in the
// call, where it would hold up the goroutines that resolve.
//
// The calls go past Go's scheduler too: it would take the processor away from a
// call of more than 20 us, which a write of many packets is, and give it to a
// thread that polls for the packets that arrive meanwhile, one by one. So that a
// reader that finds packets at every turn does not keep its processor to itself
// until the scheduler takes it by force, after 10 ms, it rests of itself.

const (
	restAfter        = 2 * time.Millisecond
	restAfterWaiting = 300 * time.Microsecond // where clients wait for walks

	rest = 5 * time.Microsecond // long enough for the scheduler to look at the network
)

// batchLen is the number of packets that are read and written together. The gain
// of more is below the noise, and it bounds how long the last of them waits.
const batchLen = 32

type udpSocket struct {
	*net.UDPConn
	raw     syscall.RawConn
	local   netip.AddrPort
	control int // octets of control data with each packet; 0 unless bound to all addresses
	jam     jam
}

// returnPath is where a packet came from, and, on a socket that is bound to all
// addresses, where it came to.
type returnPath struct {
	name       unix.RawSockaddrInet6 // or what of it a RawSockaddrInet4 has
	control    [5]uint64             // octets; numbers for their alignment
	nameLen    uint32
	controlLen int
}

// openUDP opens n sockets on the address. The first is bound for itself alone, so
// that another program that has the port is noticed.
func openUDP(addr netip.AddrPort, n int) ([]*udpSocket, netip.AddrPort, error) {
	var socks []*udpSocket
	for i := range n {
		u, err := openOne(addr, i > 0)
		if err == nil && n > 1 && i == 0 {
			err = u.set(unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}
		if err != nil {
			for _, u := range socks {
				_ = u.Close()
			}
			return nil, netip.AddrPort{}, err
		}
		addr = u.LocalAddr().(*net.UDPAddr).AddrPort()
		socks = append(socks, u)
	}
	return socks, addr, nil
}

func openOne(addr netip.AddrPort, share bool) (*udpSocket, error) {
	var lc net.ListenConfig
	if share {
		lc.Control = func(_, _ string, c syscall.RawConn) error {
			return control(c, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		}
	}
	pc, err := lc.ListenPacket(context.Background(), "udp"+family(addr), addr.String())
	if err != nil {
		return nil, err
	}
	return adoptUDP(pc.(*net.UDPConn))
}

// adoptUDP readies a socket that is open.
func adoptUDP(conn *net.UDPConn) (*udpSocket, error) {
	u := &udpSocket{UDPConn: conn}
	var err error
	if u.raw, err = u.SyscallConn(); err != nil {
		_ = u.Close()
		return nil, err
	}
	u.local = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	if a := u.local.Addr(); a.IsUnspecified() {
		u.wantDestination(a.Is6())
	}
	_ = u.SetReadBuffer(1 << 20) // as much as the system allows
	_ = u.SetWriteBuffer(1 << 20)
	return u, nil
}

func control(c syscall.RawConn, f func(fd int) error) error {
	var err error
	if e := c.Control(func(fd uintptr) { err = f(int(fd)) }); e != nil {
		return e
	}
	return err
}

func (u *udpSocket) set(level, option, value int) error {
	return control(u.raw, func(fd int) error { return unix.SetsockoptInt(fd, level, option, value) })
}

// wantDestination asks the kernel to say with each packet where it came to
// (IP_PKTINFO, RFC 3542 section 6), so that the reply leaves from there.
func (u *udpSocket) wantDestination(ipv6 bool) {
	level, option, size := unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo
	if ipv6 {
		level, option, size = unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, unix.SizeofInet6Pktinfo
	}
	if u.set(level, option, 1) == nil {
		u.control = unix.CmsgSpace(size)
	}
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	unix.Msghdr
	octets uint32
}

// batch is the packets of one reader: what was read, and the replies.
type batch struct {
	in, out  [batchLen]mmsghdr
	inv      [batchLen]unix.Iovec
	outv     [batchLen]unix.Iovec
	paths    [batchLen]returnPath
	queries  [batchLen][udpQuery]byte
	replies  [batchLen][udpReply]byte
	answered int            // replies that wait to be written
	asked    netip.AddrPort // where the query at hand came to, for a tap
}

// serve reads until the socket's last read.
func (u *udpSocket) serve(w *worker) {
	b := new(batch)
	for i := range b.in {
		b.inv[i].Base = &b.queries[i][0]
		b.inv[i].SetLen(udpQuery)
		b.in[i].Iov = &b.inv[i]
		b.in[i].SetIovlen(1)
		b.in[i].Name = (*byte)(unsafe.Pointer(&b.paths[i].name))
		b.out[i].Iov = &b.outv[i]
		b.out[i].SetIovlen(1)
		b.rearm(i, u.control)
	}
	var err error
	var rested clock.Time
	turn := func(fd uintptr) bool {
		var n int
		if n, err = b.read(fd); err == unix.EAGAIN {
			rested = w.o.Clock()
			return false
		}
		if n > 0 {
			b.answer(u, w, n)
			b.write(u, w, fd)
			done := w.o.Clock()
			w.stats.latency(hit, done.Sub(w.now), uint64(b.answered))
			w.now = done
		}
		if n == 1 { // it has none behind it: wait, without a call that finds nothing
			rested = w.now
		}
		return n != 1
	}
	for {
		if u.raw.Read(turn) != nil {
			return
		}
		switch {
		case err != nil: // nothing that is known of; a moment later it may be gone
			time.Sleep(time.Millisecond)
		case w.now.Sub(rested) > w.restAfter():
			time.Sleep(rest)
			rested = w.now
		}
	}
}

// restAfter is how long a reader that always finds packets goes on without a rest.
func (s *Server) restAfter() time.Duration {
	if s.waiting.total.Load() > 0 {
		return restAfterWaiting
	}
	return restAfter
}

// rearm makes slot i ready for another packet.
func (b *batch) rearm(i, control int) {
	m := &b.in[i]
	m.Namelen = unix.SizeofSockaddrInet6
	if control > 0 {
		m.Control = (*byte)(unsafe.Pointer(&b.paths[i].control))
		m.SetControllen(control)
	}
}

// read reads as many packets as there are, up to batchLen; EAGAIN is none.
func (b *batch) read(fd uintptr) (int, error) {
	for {
		n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.in)), batchLen, unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, e
		}
	}
}

// answer answers the first n packets, those that need no walk; the senders of the
// others wait.
func (b *batch) answer(u *udpSocket, w *worker, n int) {
	w.now, b.answered = w.o.Clock(), 0
	for i := range n {
		m, path := &b.in[i], &b.paths[i]
		path.nameLen, path.controlLen = m.Namelen, int(m.Controllen)
		query := b.queries[i][:m.octets]
		meta := Meta{Transport: UDP, Local: &u.local}
		meta.Client, meta.Port = path.client()
		if u.control > 0 && w.set.Load().Tap.Client() {
			b.asked = path.asked(u.local)
			meta.Local = &b.asked
		}
		var q wire.Query
		reply, done := w.quickSafe(b.replies[i][:0], query, meta, &q)
		if !done {
			w.resolveUDP(u, query, path, meta, q)
		} else if reply != nil {
			b.queue(path, reply)
		}
		b.rearm(i, u.control)
	}
}

// client is the address and port of the sender.
func (r *returnPath) client() (netip.Addr, uint16) {
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&r.name.Port))[:]) // at one place for both families
	if r.name.Family == unix.AF_INET {
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&r.name)).Addr), port
	}
	return netip.AddrFrom16(r.name.Addr), port
}

// turn makes the control data of a packet that of its reply. For IPv4 the kernel
// wants the address in another field than it gave it in, and no interface, so that
// the route decides.
func (r *returnPath) turn() {
	c := (*unix.Cmsghdr)(unsafe.Pointer(&r.control))
	if r.controlLen >= unix.CmsgSpace(unix.SizeofInet4Pktinfo) && c.Level == unix.IPPROTO_IP {
		info := (*unix.Inet4Pktinfo)(unsafe.Add(unsafe.Pointer(&r.control), unix.CmsgLen(0)))
		info.Ifindex, info.Spec_dst = 0, info.Addr
	}
}

// queue keeps a reply for the next write.
func (b *batch) queue(path *returnPath, reply []byte) {
	m, v := &b.out[b.answered], &b.outv[b.answered]
	v.Base = &reply[0]
	v.SetLen(len(reply))
	path.address(&m.Msghdr)
	b.answered++
}

// address makes a message go where the path leads.
func (r *returnPath) address(m *unix.Msghdr) {
	m.Name, m.Namelen = (*byte)(unsafe.Pointer(&r.name)), r.nameLen
	if m.Control = nil; r.controlLen > 0 {
		r.turn()
		m.Control = (*byte)(unsafe.Pointer(&r.control))
	}
	m.SetControllen(r.controlLen)
}

// write sends the replies that were queued, and leaves those that were sent in answered.
// One that cannot be sent is left out: a client that is gone is no matter. Where there is
// no room for one, there is none for those behind it.
func (b *batch) write(u *udpSocket, w *worker, fd uintptr) {
	tries := 0
	for i := 0; i < b.answered; {
		n, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.out[i])), uintptr(b.answered-i), unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0:
			i += int(n)
		case unix.EINTR:
		case unix.EAGAIN:
			if tries++; !w.again(&u.jam, tries) {
				w.unsent(&u.jam, b.answered-i)
				b.answered = i
			}
		default:
			i++
		}
	}
}

// outgoing is a reply that is sent alone.
type outgoing struct {
	unix.Msghdr
	iov unix.Iovec
	err syscall.Errno
}

// send sends one reply, from the address that the query came to.
func (u *udpSocket) send(w *worker, reply []byte, to *returnPath) {
	m := &outgoing{iov: unix.Iovec{Base: &reply[0]}}
	m.iov.SetLen(len(reply))
	m.Iov = &m.iov
	m.SetIovlen(1)
	to.address(&m.Msghdr)
	try := func(fd uintptr) bool {
		_, _, m.err = unix.Syscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&m.Msghdr)), unix.MSG_DONTWAIT)
		return true // do not wait for room: that may take seconds
	}
	for tries := 1; u.raw.Write(try) == nil && m.err == unix.EAGAIN; tries++ {
		if !w.again(&u.jam, tries) {
			w.unsent(&u.jam, 1)
			return
		}
	}
}

// again waits a moment for room that a reply has not found in so many tries, unless it is
// to be dropped.
func (s *Server) again(j *jam, tries int) bool {
	if tries > int(sendTime/sendPause) || tries == 1 && s.jammed(j) {
		return false
	}
	time.Sleep(sendPause)
	return true
}
