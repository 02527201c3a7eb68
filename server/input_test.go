package server

// This file is the table of what may come in, and what is said to it: the same
// through every door.

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/wire"
)

const inputID = 0x1234

// plain is a query for www.example.com A with the given flags.
func plain(flags uint16) []byte { return asked(flags, "www.example.com", wire.TypeA, wire.ClassIN) }

func asked(flags uint16, name string, t wire.Type, c wire.Class) []byte {
	n, err := wire.ParseName(name)
	if err != nil {
		panic(err)
	}
	return wire.AppendQuestion(nil, inputID, flags, n, t, c)
}

// raw is a query whose name is given as octets.
func raw(name []byte) []byte {
	b := asked(wire.FlagRD, ".", wire.TypeA, wire.ClassIN)
	return append(append(b[:wire.HeaderLen:wire.HeaderLen], name...), b[wire.HeaderLen+1:]...)
}

// opt is an OPT record: the owner's octets, size, version and flags, and options.
func opt(owner []byte, size uint16, version uint8, flags uint16, options ...byte) []byte {
	b := append(owner[:len(owner):len(owner)], 0, 41, byte(size>>8), byte(size), 0, version, byte(flags>>8), byte(flags),
		byte(len(options)>>8), byte(len(options)))
	return append(b, options...)
}

var root = []byte{0}

// with appends additional records to a query.
func with(query []byte, records ...[]byte) []byte {
	query = bytes.Clone(query)
	query[11] = byte(len(records))
	return append(query, bytes.Join(records, nil)...)
}

// cookie is a cookie option with n octets.
func cookie(n int) []byte {
	return append([]byte{0, 10, 0, byte(n)}, bytes.Repeat([]byte{7}, n)...)
}

// changed is a query with one octet of its header changed.
func changed(query []byte, at int, to byte) []byte {
	query = bytes.Clone(query)
	query[at] = to
	return query
}

// label is a label of n octets.
func label(n int) []byte { return append([]byte{byte(n)}, bytes.Repeat([]byte{'a'}, n)...) }

const (
	dropped  = -1 // in place of a response code
	noReason = -1 // in place of an EDE
)

// input is a packet and what is said to it.
type input struct {
	what     string
	packet   []byte
	rcode    int
	ede      int
	stranger bool // the client is not allowed
}

func inputs() []input {
	const rd = wire.FlagRD
	long := bytes.Repeat(label(63), 3) // 192 octets
	list := []input{
		{what: "a reply", packet: plain(rd | wire.FlagQR), rcode: dropped},
		{what: "nothing", packet: []byte{}, rcode: dropped},
		{what: "11 octets", packet: plain(rd)[:11], rcode: dropped},
		{what: "a header alone", packet: plain(rd)[:12], rcode: dns.RcodeFormatError},
		{what: "no question", packet: changed(plain(rd)[:12], 5, 0), rcode: dns.RcodeFormatError},
		{what: "two questions", packet: append(changed(plain(rd), 5, 2), plain(rd)[12:]...), rcode: dns.RcodeFormatError},
		{what: "a question without class", packet: plain(rd)[:len(plain(rd))-2], rcode: dns.RcodeFormatError},
		{what: "a name without end", packet: append(plain(rd)[:12:12], 3, 'w', 'w', 'w'), rcode: dns.RcodeFormatError},
		{what: "a pointer to itself", packet: raw([]byte{0xc0, 12}), rcode: dns.RcodeFormatError},
		{what: "a pointer behind a label", packet: raw([]byte{1, 'a', 0xc0, 12}), rcode: dns.RcodeFormatError},
		{what: "a label of 64 octets", packet: raw(append(label(64), 0)), rcode: dns.RcodeFormatError},
		{what: "a label type that does not exist", packet: raw([]byte{0x80, 1, 0}), rcode: dns.RcodeFormatError},
		{what: "a name of 255 octets", packet: raw(append(append(long[:192:192], label(61)...), 0)), rcode: dns.RcodeNameError},
		{what: "a name of 256 octets", packet: raw(append(append(long[:192:192], label(62)...), 0)), rcode: dns.RcodeFormatError},
		{what: "an inverse query", packet: plain(rd | 1<<11), rcode: dns.RcodeNotImplemented},
		{what: "a status query", packet: plain(rd | 2<<11), rcode: dns.RcodeNotImplemented},
		{what: "a notification", packet: plain(rd | 4<<11), rcode: dns.RcodeNotImplemented},
		{what: "an update", packet: plain(rd | 5<<11), rcode: dns.RcodeNotImplemented},
		{what: "an unknown opcode", packet: plain(rd | 15<<11), rcode: dns.RcodeNotImplemented},
		{what: "an unknown type", packet: asked(rd, "www.example.com", 65280, wire.ClassIN), rcode: dns.RcodeSuccess},
		{what: "a type of questions alone", packet: asked(rd, "www.example.com", wire.TypeMAILB, wire.ClassIN), rcode: dns.RcodeNotImplemented},
		{what: "type 0", packet: asked(rd, "www.example.com", 0, wire.ClassIN), rcode: dns.RcodeNotImplemented},
		{what: "the Z bit", packet: plain(rd | 1<<6), rcode: dns.RcodeSuccess},
		{what: "the AA, TC, RA and AD bits", packet: plain(rd | wire.FlagAA | wire.FlagTC | wire.FlagRA | wire.FlagAD), rcode: dns.RcodeSuccess},
		{what: "a response code", packet: plain(rd | 5), rcode: dns.RcodeSuccess},
		{what: "CD", packet: plain(rd | wire.FlagCD), rcode: dns.RcodeSuccess},
		{what: "a transfer", packet: asked(rd, "example.com", wire.TypeAXFR, wire.ClassIN), rcode: dns.RcodeRefused},
		{what: "an incremental transfer", packet: asked(rd, "example.com", wire.TypeIXFR, wire.ClassIN), rcode: dns.RcodeRefused},
		{what: "class CH", packet: asked(rd, "version.bind", wire.TypeTXT, wire.ClassCH), rcode: dns.RcodeRefused},
		{what: "class ANY", packet: asked(rd, "www.example.com", wire.TypeA, wire.ClassANY), rcode: dns.RcodeRefused},
		{what: "type NXNAME", packet: with(asked(rd, "www.example.com", wire.TypeNXNAME, wire.ClassIN), opt(root, 1232, 0, 0)),
			rcode: dns.RcodeFormatError, ede: 30},
		{what: "a stranger", packet: with(plain(rd), opt(root, 1232, 0, 0)), rcode: dns.RcodeRefused, ede: 18, stranger: true},
		{what: "a stranger's bad packet", packet: with(plain(rd), opt(root, 1232, 0, 0), opt(root, 1232, 0, 0)),
			rcode: dns.RcodeRefused, ede: 18, stranger: true},

		{what: "EDNS", packet: with(plain(rd), opt(root, 1232, 0, 0)), rcode: dns.RcodeSuccess},
		{what: "EDNS version 1", packet: with(plain(rd), opt(root, 1232, 1, 0)), rcode: dns.RcodeBadVers},
		{what: "EDNS version 255", packet: with(plain(rd), opt(root, 1232, 255, 0)), rcode: dns.RcodeBadVers},
		{what: "DO", packet: with(plain(rd), opt(root, 1232, 0, 0x8000)), rcode: dns.RcodeSuccess},
		{what: "unknown EDNS flags", packet: with(plain(rd), opt(root, 1232, 0, 0x3fff)), rcode: dns.RcodeSuccess},
		{what: "an unknown option", packet: with(plain(rd), opt(root, 1232, 0, 0, 0xff, 0xf0, 0, 2, 1, 2)), rcode: dns.RcodeSuccess},
		{what: "two unknown options alike", packet: with(plain(rd), opt(root, 1232, 0, 0, 0xff, 0xf0, 0, 0, 0xff, 0xf0, 0, 0)), rcode: dns.RcodeSuccess},
		{what: "two OPT records", packet: with(plain(rd), opt(root, 1232, 0, 0), opt(root, 1232, 0, 0)), rcode: dns.RcodeFormatError},
		{what: "an OPT record with an owner", packet: with(plain(rd), opt([]byte{1, 'a', 0}, 1232, 0, 0)), rcode: dns.RcodeFormatError},
		{what: "an option past the end", packet: with(plain(rd), opt(root, 1232, 0, 0, 0xff, 0xf0, 0, 3, 1, 2)), rcode: dns.RcodeFormatError},
		{what: "half an option", packet: with(plain(rd), opt(root, 1232, 0, 0, 0xff, 0xf0)), rcode: dns.RcodeFormatError},
		{what: "an OPT record past the end", packet: changed(with(plain(rd), opt(root, 1232, 0, 0)), len(plain(rd))+10, 1), rcode: dns.RcodeFormatError},
		{what: "an additional record that is not there", packet: changed(plain(rd), 11, 1), rcode: dns.RcodeFormatError},
		{what: "an answer that is not there", packet: changed(plain(rd), 7, 1), rcode: dns.RcodeFormatError},
		{what: "60,000 octets of options", packet: with(plain(rd), opt(root, 1232, 0, 0, append([]byte{0xff, 0xf0, 0xea, 0x5c}, make([]byte, 59996)...)...)),
			rcode: dns.RcodeFormatError},
		{what: "UDP size 0", packet: with(plain(rd), opt(root, 0, 0, 0)), rcode: dns.RcodeSuccess},
		{what: "UDP size 65535", packet: with(plain(rd), opt(root, 65535, 0, 0)), rcode: dns.RcodeSuccess},
	}
	for n := range 43 {
		in := input{what: fmt.Sprintf("a cookie of %d octets", n), packet: with(plain(rd), opt(root, 1232, 0, 0, cookie(n)...)), rcode: dns.RcodeFormatError}
		if n == 8 || n >= 16 && n <= 40 {
			in.rcode = dns.RcodeSuccess
		}
		list = append(list, in)
	}
	for i := range list {
		if list[i].ede == 0 {
			list[i].ede = noReason
		}
	}
	return list
}

func TestEveryInputGetsTheSameReplyThroughEveryDoor(t *testing.T) {
	ours, theirs := newWorld(t, settings{}), newWorld(t, settings{allow: "127.9.9.9/32"})
	for _, in := range inputs() {
		w := ours
		if in.stranger {
			w = theirs
		}
		for _, d := range doors {
			if d == overUDP && len(in.packet) > 9000 {
				in.packet = in.packet[:9000] // loopback takes more, an interface of the world would not
			}
			t.Run(in.what+" by "+string(d), func(t *testing.T) { in.check(t, w, d) })
		}
	}
	t.Attr("row", fmt.Sprintf("E5 | the table of bad input, over every transport alike: FORMERR, NOTIMP, BADVERS, REFUSED, or silence | each row | %d inputs hold by %d ways in | ", len(inputs()), len(doors)))
}

func (in *input) check(t *testing.T, w *world, d door) {
	if in.rcode == dropped {
		if !w.ignores(t, d, in.packet) {
			t.Error("there is a reply, want none")
		}
		return
	}
	b := w.exchange(t, d, in.packet)
	if b == nil {
		t.Fatal("no reply")
	}
	r := unpack(t, b)
	asked := wire.Flags(in.packet)
	if r.Id != inputID || !r.Response || r.Opcode != int(wire.Opcode(asked)) {
		t.Errorf("ID %#x, response %v, opcode %d", r.Id, r.Response, r.Opcode)
	}
	if r.RecursionDesired != (asked&wire.FlagRD != 0) || r.CheckingDisabled != (asked&wire.FlagCD != 0) {
		t.Errorf("RD is %v and CD is %v, want what was asked", r.RecursionDesired, r.CheckingDisabled)
	}
	if r.Zero || r.Authoritative || r.AuthenticatedData || r.Truncated {
		t.Errorf("Z %v, AA %v, AD %v, TC %v, want none of them", r.Zero, r.Authoritative, r.AuthenticatedData, r.Truncated)
	}
	if r.RecursionAvailable == in.stranger {
		t.Errorf("RA is %v", r.RecursionAvailable)
	}
	if got := r.Rcode; got != in.rcode {
		t.Errorf("rcode is %s, want %s", dns.RcodeToString[got], dns.RcodeToString[in.rcode])
	}
	if got := ede(r); in.ede != noReason && got != in.ede {
		t.Errorf("EDE is %d, want %d", got, in.ede)
	}
	o := r.IsEdns0()
	if o == nil {
		return
	}
	if o.Version() != 0 || o.UDPSize() != payloadSize || o.Hdr.Ttl&0x7fff != 0 {
		t.Errorf("OPT has version %d, size %d, flags %#x", o.Version(), o.UDPSize(), o.Hdr.Ttl&0x7fff)
	}
	for _, e := range o.Option {
		if e.Option() != dns.EDNS0EDE {
			t.Errorf("option %d is in the reply", e.Option())
		}
	}
}

func TestARefusedQueryCostsNothingUpstream(t *testing.T) {
	w := newWorld(t, settings{silent: true})
	for _, in := range inputs() {
		if !in.stranger && in.rcode != dns.RcodeSuccess && in.rcode != dns.RcodeNameError {
			w.exchange(t, handle, in.packet)
		}
	}
	if q := w.net.Queries(); len(q) != 0 {
		t.Errorf("%d queries went upstream, the first for %s", len(q), q[0].Name)
	}
}

// A16: a query of options and nothing else worth mentioning. Each is looked at once, where
// it stands.
func TestManyOptionsCostLittle(t *testing.T) {
	w := newWorld(t, settings{silent: true})
	w.ask(t, handle, question("www.example.com.", "A", 1232)) // from now on it is in the cache
	list := func(n int, option ...byte) []byte { return opt(root, 1232, 0, 0, bytes.Repeat(option, n)...) }
	q := plain(wire.FlagRD)
	slowest, allocations := time.Duration(0), 0.0
	for _, c := range []struct {
		what   string
		packet []byte
		rcode  int
	}{
		{"15,000 empty options", with(q, list(15_000, 0xff, 0xf0, 0, 0)), dns.RcodeFormatError}, // longer than a query may be
		{"an option of 60,000 octets", with(q, list(1, append([]byte{0xff, 0xf0, 0xea, 0x60}, make([]byte, 60_000)...)...)), dns.RcodeFormatError},
		{"as many options as a query may have", with(q, list((maxQuery-len(q)-11)/4, 0xff, 0xf0, 0, 0)), dns.RcodeSuccess},
		{"an option twice", with(q, list(2, 0xff, 0xf0, 0, 0)), dns.RcodeSuccess},
		{"two OPT records of many options", with(q, list(500, 0xff, 0xf0, 0, 0), list(500, 0xff, 0xf0, 0, 0)), dns.RcodeFormatError},
	} {
		if r := unpack(t, w.exchange(t, handle, c.packet)); r.Rcode != c.rcode {
			t.Errorf("%s: %s, want %s", c.what, dns.RcodeToString[r.Rcode], dns.RcodeToString[c.rcode])
		}
		room := make([]byte, 0, 4096)
		meta := Meta{Transport: TCP, Client: netip.MustParseAddr("127.0.0.1")}
		ask := func() { w.Handle(context.Background(), room, c.packet, meta) }
		if n := testing.AllocsPerRun(20, ask); n > 4 && !underRace {
			t.Errorf("%s: %.0f allocations", c.what, n)
		} else {
			allocations = max(allocations, n)
		}
		took := time.Hour
		for range 20 {
			began := time.Now()
			ask()
			took = min(took, time.Since(began))
		}
		slowest = max(slowest, took)
	}
	t.Attr("row", fmt.Sprintf("A16 | 60 KiB of EDNS options in one or in 15,000, options twice, two OPT records | FORMERR or ignored; 4 allocations; CPU <= 1 ms | held; %.0f; %d µs | ", allocations, slowest.Microseconds()))
}

// D4: whoever says that a zone has changed, or changes it, is told that this is no server of
// zones; what is cached stays as it is.
func TestNotificationsAndUpdatesChangeNothing(t *testing.T) {
	w := newWorld(t, settings{})
	w.ask(t, handle, question("www.example.com.", "A", 0))
	before := w.cache.Stats()
	w.net.ResetQueries()
	sent := 0
	for _, d := range doors {
		for _, opcode := range []uint16{4, 5} { // NOTIFY, UPDATE
			for _, name := range []string{"example.com", "www.example.com", "."} {
				b := w.exchange(t, d, asked(wire.FlagRD|opcode<<11, name, wire.TypeSOA, wire.ClassIN))
				if r := unpack(t, b); r.Rcode != dns.RcodeNotImplemented || r.Opcode != int(opcode) {
					t.Errorf("opcode %d for %s by %s: %v", opcode, name, d, r)
				}
				sent++
			}
		}
	}
	if r := w.ask(t, handle, question("www.example.com.", "A", 0)); len(r.Answer) != 1 {
		t.Errorf("afterwards the answer is %v", r.Answer)
	}
	if after := w.cache.Stats(); after.Entries != before.Entries || len(w.net.Queries()) > 0 {
		t.Errorf("%d entries were %d before, %d queries", after.Entries, before.Entries, len(w.net.Queries()))
	}
	t.Attr("row", fmt.Sprintf("D4 | NOTIFY and UPDATE, over every transport | NOTIMP, opcode kept; nothing is lost or asked | %d held | ", sent))
}

// A22: whoever is lied about gets little, and strangers get nothing but a refusal that is
// shorter than any attack wants.
func TestLittleIsReflected(t *testing.T) {
	long := "" // for 512 octets, and not for 1,232
	for i := range 10 {
		long += fmt.Sprintf("big TXT \"%d%s\"\n", i, strings.Repeat("x", 60))
	}
	text := "== zone example.com @ 192.0.2.1\nbig A 192.0.2.80\n" + long
	ours, theirs := newWorld(t, settings{text: text}), newWorld(t, settings{text: text, allow: "127.9.9.9/32"})
	longest, refused := 0, 0
	for _, edns := range []uint16{0, 512, 1232, 4096, 65535} {
		for _, typ := range []string{"ANY", "TXT"} {
			q := question("big.example.com.", typ, edns)
			if edns > 0 {
				q = withDO(q)
			}
			packet := pack(t, q)
			for range 2 { // the second time from the cache
				b := ours.exchange(t, overUDP, packet)
				if typ == "ANY" {
					longest = max(longest, len(b))
				} else if len(b) > payloadSize {
					t.Errorf("%s: %d octets over UDP", typ, len(b))
				}
			}
			b := theirs.exchange(t, overUDP, packet)
			if r := unpack(t, b); r.Rcode != dns.RcodeRefused {
				t.Errorf("a stranger gets %v", r)
			}
			refused = max(refused, len(b)-len(packet))
		}
	}
	if longest > 512 || refused > 40 {
		t.Errorf("%d octets for ANY; a refusal is %d octets longer than its query", longest, refused)
	}
	t.Attr("row", fmt.Sprintf("A22 | ANY over UDP from us, with and without EDNS; questions of strangers | <= 512 octets; REFUSED, <= 40 octets more than the query | %d octets; refused, %d more | RFC 8482", longest, refused))
}
