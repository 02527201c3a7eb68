// One server: from a query message to the reply of a correct authoritative server (RFC 1034, 1035, 2181, 6891).

package lab

import (
	"strings"

	"github.com/miekg/dns"
)

// server answers from the zones that one address serves.
type server struct {
	world *world
	zones map[string]*zone
}

// ownUDPSize is what servers advertise in their OPT record; it does not limit what they send.
const ownUDPSize = 1232

// zoneFor picks the closest enclosing zone. The DS records of an apex belong to the parent, if the server has it.
func (s *server) zoneFor(qname string, qtype uint16) *zone {
	var own *zone
	for name := qname; ; name = parentOf(name) {
		if z := s.zones[name]; z != nil {
			if qtype != dns.TypeDS || name != qname {
				return z
			}
			own = z
		}
		if name == "." {
			return own
		}
	}
}

// reply is a message on its way out, with what faults need to know about it.
type reply struct {
	msg       *dns.Msg
	zone      *zone
	emptyName bool // the question's name is an empty non-terminal
	size      int  // largest message over UDP
}

// respond answers a query that parsed.
func (s *server) respond(q *dns.Msg) *reply {
	r := blank(q)
	opt := q.IsEdns0()
	switch {
	case q.Opcode != dns.OpcodeQuery:
		r.msg.Rcode = dns.RcodeNotImplemented
		return r
	case len(q.Question) != 1:
		r.msg.Rcode = dns.RcodeFormatError
		return r
	case opt != nil && opt.Version() != 0:
		r.msg.Rcode = dns.RcodeBadVers
		return r
	}
	question := q.Question[0]
	if question.Qclass != dns.ClassINET || question.Qtype == dns.TypeAXFR || question.Qtype == dns.TypeIXFR {
		r.msg.Rcode = dns.RcodeRefused
		return r
	}
	z := s.zoneFor(canon(question.Name), question.Qtype)
	if z == nil {
		r.msg.Rcode = dns.RcodeRefused
		return r
	}
	a := z.lookup(question.Name, question.Qtype, opt != nil && opt.Do())
	r.zone, r.emptyName = z, a.emptyName
	r.msg.Rcode = a.rcode
	r.msg.Authoritative = a.authoritative
	r.msg.Answer, r.msg.Ns = a.answer, a.authority
	r.msg.Extra = append(a.additional, r.msg.Extra...)
	r.spellAs(question.Name)
	return r
}

// blank is a reply that says nothing yet: the question as it came, and an OPT record if the query had one.
func blank(q *dns.Msg) *reply {
	r := &reply{msg: new(dns.Msg), size: dns.MinMsgSize}
	r.msg.Id = q.Id
	r.msg.Response = true
	r.msg.Opcode = q.Opcode
	r.msg.RecursionDesired = q.RecursionDesired
	r.msg.Question = append([]dns.Question(nil), q.Question...)
	r.msg.Compress = true
	if opt := q.IsEdns0(); opt != nil {
		r.msg.SetEdns0(ownUDPSize, opt.Do())
		r.size = max(dns.MinMsgSize, int(opt.UDPSize()))
	}
	return r
}

// spellAs gives owner names the letter case of the question where they share labels with it.
func (r *reply) spellAs(question string) {
	for _, section := range [][]dns.RR{r.msg.Answer, r.msg.Ns, r.msg.Extra} {
		for _, rr := range section {
			if h := rr.Header(); h.Rrtype != dns.TypeOPT {
				h.Name = recase(h.Name, question)
			}
		}
	}
}

// lower is the opposite: a server that folds the case of the question.
func (r *reply) lower() {
	for i := range r.msg.Question {
		r.msg.Question[i].Name = strings.ToLower(r.msg.Question[i].Name)
		r.spellAs(r.msg.Question[i].Name)
	}
}

// pack turns the reply into bytes. Over UDP a reply that is too long loses its additional section first, unless that is the
// glue of a referral (RFC 2181 section 9, RFC 9471); if that is not enough the records that fit stay and TC is set.
func (r *reply) pack(network string) ([]byte, error) {
	if network == "udp" && r.msg.Len() > r.size {
		if len(r.msg.Answer) > 0 || r.msg.Authoritative {
			r.dropAdditional()
		}
		r.msg.Truncate(r.size)
		r.msg.Compress = true // Truncate saves the work where it may; replies are always compressed
	}
	return r.msg.Pack()
}

// dropAdditional leaves the OPT record only.
func (r *reply) dropAdditional() {
	kept := r.msg.Extra[:0]
	for _, rr := range r.msg.Extra {
		if rr.Header().Rrtype == dns.TypeOPT {
			kept = append(kept, rr)
		}
	}
	r.msg.Extra = kept
}

// clear removes all records.
func (r *reply) clear() {
	r.msg.Answer, r.msg.Ns = nil, nil
	r.dropAdditional()
}

// fail makes the reply an error without records.
func (r *reply) fail(rcode int) {
	r.clear()
	r.msg.Authoritative = false
	r.msg.Rcode = rcode
}

// removeOPT makes the reply that of a server without EDNS.
func (r *reply) removeOPT() {
	kept := r.msg.Extra[:0]
	for _, rr := range r.msg.Extra {
		if rr.Header().Rrtype != dns.TypeOPT {
			kept = append(kept, rr)
		}
	}
	r.msg.Extra = kept
}

// referUpward makes the reply a referral to the root, the classic sign of a lame server.
func (r *reply) referUpward(w *world) {
	r.fail(dns.RcodeSuccess)
	root := w.zone(".")
	up := &writer{zone: root}
	ns := root.apex().sets[dns.TypeNS]
	up.put(&up.out.authority, ns, ".")
	up.addresses(ns)
	r.msg.Ns = up.out.authority
	r.msg.Extra = append(up.out.additional, r.msg.Extra...)
}
