// From the bytes of a query to the bytes that come back, with the faults ordered for the server committed on the way.

package lab

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// outcome is what one query brings about.
type outcome struct {
	replies [][]byte
	delay   time.Duration
}

// orders are the faults that apply to one query, and whether they allow a reply at all.
type orders struct {
	faults []*fault
	silent bool
	delay  time.Duration
}

// has tells whether a fault of some kind applies.
func (o *orders) has(kind string) bool {
	for _, f := range o.faults {
		if f.kind == kind {
			return true
		}
	}
	return false
}

// exchange is the whole life of a query inside the Internet, but for the time it takes.
func (n *Internet) exchange(addr netip.Addr, network string, raw []byte) outcome {
	q := new(dns.Msg)
	if err := q.Unpack(raw); err != nil {
		return outcome{replies: formatError(raw)}
	}
	if q.Response {
		return outcome{}
	}
	n.received(describe(addr, network, q))
	w := n.world.Load()
	orders, ordered := n.ordersFor(addr, network, q)
	s := w.servers[addr]
	if s == nil && ordered {
		s = &server{world: w}
	}
	if s == nil || orders.silent {
		return outcome{}
	}
	r := s.respond(q)
	if orders.replace(r, q, w) {
		orders.change(r, q, w)
	}
	replies := orders.bytes(r, network)
	return outcome{replies: replies, delay: orders.delay}
}

// formatError answers what cannot be parsed, if there is a header to answer to.
func formatError(raw []byte) [][]byte {
	if len(raw) < 12 || raw[2]&0x80 != 0 {
		return nil
	}
	return [][]byte{{raw[0], raw[1], 0x80 | raw[2]&0x79, dns.RcodeFormatError, 0, 0, 0, 0, 0, 0, 0, 0}}
}

func describe(addr netip.Addr, network string, q *dns.Msg) Query {
	d := Query{Server: addr, Network: network, RD: q.RecursionDesired, CD: q.CheckingDisabled, ID: q.Id, At: time.Now()}
	if len(q.Question) > 0 {
		d.Name, d.Type, d.Class = q.Question[0].Name, q.Question[0].Qtype, q.Question[0].Qclass
	}
	if opt := q.IsEdns0(); opt != nil {
		d.EDNS, d.DO, d.UDPSize = true, opt.Do(), opt.UDPSize()
	}
	return d
}

// appliesTo tells whether a fault concerns a server and network.
func (f *fault) appliesTo(addr netip.Addr, network string) bool {
	return (!f.server.IsValid() || f.server == addr) && (f.network == "" || f.network == network)
}

// ordersFor collects the faults that apply to a query, and spends their counters. It also tells whether any fault of this
// server's own is ordered, whatever the query.
func (n *Internet) ordersFor(addr netip.Addr, network string, q *dns.Msg) (o *orders, ordered bool) {
	o = &orders{}
	name, rrtype := "", uint16(0)
	if len(q.Question) > 0 {
		name, rrtype = canon(q.Question[0].Name), q.Question[0].Qtype
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.faults {
		ordered = ordered || f.server == addr && f.kind != "unreachable"
		if !f.appliesTo(addr, network) || f.onlyType != 0 && f.onlyType != rrtype || f.onlyName != "" && f.onlyName != name {
			continue
		}
		o.faults = append(o.faults, f)
		switch f.kind {
		case "delay":
			o.delay += f.delay
		case "drop":
			o.silent = o.silent || f.number == 0 || f.left > 0
			f.left--
		case "max-queries":
			o.silent = o.silent || f.left <= 0
			f.left--
		case "loss":
			o.silent = o.silent || f.random.IntN(100) < f.number
		case "edns-drop":
			o.silent = o.silent || q.IsEdns0() != nil
		case "unreachable":
			o.silent = true // real sockets cannot refuse a datagram; in the process Dial has failed already
		}
	}
	return o, ordered
}

// replace commits the faults that stand instead of the answer, and tells whether there is still an answer to change.
func (o *orders) replace(r *reply, q *dns.Msg, w *world) bool {
	edns := q.IsEdns0() != nil
	for _, f := range o.faults {
		switch {
		case f.kind == "refuse" || f.kind == "lame":
			r.fail(dns.RcodeRefused)
		case f.kind == "servfail":
			r.fail(dns.RcodeServerFailure)
		case f.kind == "notimp":
			r.fail(dns.RcodeNotImplemented)
		case f.kind == "formerr":
			r.fail(dns.RcodeFormatError)
		case f.kind == "lame-nodata":
			r.fail(dns.RcodeSuccess)
		case f.kind == "lame-upward":
			r.referUpward(w)
		case f.kind == "lame-noaa":
			r.msg.Authoritative = false
			continue
		case f.kind == "answer-rcode":
			authoritative := r.msg.Authoritative
			r.fail(f.number)
			r.msg.Authoritative = authoritative
			continue
		case f.kind == "edns-formerr" && edns, f.kind == "edns-formerr-header" && edns:
			r.fail(dns.RcodeFormatError)
			r.removeOPT()
			if f.kind == "edns-formerr-header" {
				r.msg.Question = nil
			}
		case f.kind == "edns-badvers" && edns:
			r.fail(dns.RcodeBadVers)
		case f.kind == "edns-notimp" && edns:
			r.fail(dns.RcodeNotImplemented)
			r.removeOPT()
		case f.kind == "edns-ignore" && edns:
			r.removeOPT()
			r.removeProofs()
			r.size = dns.MinMsgSize
			continue
		case f.kind == "minimal-break" && r.emptyName:
			r.fail(dns.RcodeServerFailure)
		case f.kind == "nxdomain-ent" && r.emptyName:
			r.msg.Rcode = dns.RcodeNameError
			continue
		default:
			continue
		}
		return false
	}
	return true
}

// change commits the faults that spoil an answer.
func (o *orders) change(r *reply, q *dns.Msg, w *world) {
	if o.has("clear") {
		r.clear()
		r.msg.Rcode = dns.RcodeSuccess
	}
	for _, f := range o.faults {
		switch f.kind {
		case "add-answer":
			r.msg.Answer = append(r.msg.Answer, dns.Copy(f.record))
		case "add-authority":
			r.msg.Ns = append(r.msg.Ns, dns.Copy(f.record))
		case "add-additional":
			r.msg.Extra = append([]dns.RR{dns.Copy(f.record)}, r.msg.Extra...)
		case "recursive":
			r.msg.RecursionAvailable = true
		case "no-signatures":
			r.removeProofs()
		case "bogus":
			r.breakSignatures()
		default:
			r.tamper(f, q, w)
		}
	}
}

// bytes commits the faults of the message itself, and packs it.
func (o *orders) bytes(r *reply, network string) [][]byte {
	if o.has("truncate") {
		r.clear()
		r.msg.Truncated = true
	}
	if o.has("lower-case") {
		r.lower()
	}
	if o.has("wrong-question") && len(r.msg.Question) > 0 {
		r.msg.Question[0].Name = "wrong-question.invalid."
	}
	if o.has("no-question") {
		r.msg.Question = nil
	}
	if o.has("wrong-id") {
		r.msg.Id ^= 0x5aa5
	}
	packed, err := r.pack(network)
	if err != nil {
		// Only a record that a fault added can be impossible to pack; a server that cannot answer is a broken one.
		r.fail(dns.RcodeServerFailure)
		if packed, err = r.msg.Pack(); err != nil {
			return nil
		}
	}
	for _, f := range o.faults {
		switch {
		case f.kind == "drop-over" && len(packed) > f.number:
			return nil
		case f.kind == "garbage":
			random := rand.New(rand.NewPCG(uint64(r.msg.Id), 12))
			packed = make([]byte, 12)
			for i := range packed {
				packed[i] = byte(random.Uint32())
			}
		case f.kind == "short":
			packed = packed[:6]
		}
	}
	if o.has("wrong-id-first") {
		if forged, err := r.forge().Pack(); err == nil {
			return [][]byte{forged, packed}
		}
	}
	return [][]byte{packed}
}

// forge is what an attacker who cannot see the ID sends: the reply with other addresses.
func (r *reply) forge() *dns.Msg {
	m := r.msg.Copy()
	m.Compress = true
	m.Id ^= 0x5aa5
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			rr.A = netip.MustParseAddr("203.0.113.66").AsSlice()
		case *dns.AAAA:
			rr.AAAA = netip.MustParseAddr("2001:db8::bad").AsSlice()
		}
	}
	return m
}

// removeProofs makes the reply that of a server which does not know DNSSEC.
func (r *reply) removeProofs() {
	for _, section := range []*[]dns.RR{&r.msg.Answer, &r.msg.Ns, &r.msg.Extra} {
		kept := (*section)[:0]
		for _, rr := range *section {
			switch rr.Header().Rrtype {
			case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3:
			default:
				kept = append(kept, rr)
			}
		}
		*section = kept
	}
}

// breakSignatures changes the first octet of every signature. The records are the reply's own copies.
func (r *reply) breakSignatures() {
	for _, section := range [][]dns.RR{r.msg.Answer, r.msg.Ns, r.msg.Extra} {
		for _, rr := range section {
			if sig, ok := rr.(*dns.RRSIG); ok {
				flipped := byte('A')
				if sig.Signature[0] == flipped {
					flipped = 'B'
				}
				sig.Signature = string(flipped) + sig.Signature[1:]
			}
		}
	}
}
