//go:build long

package soak

// This file makes questions and says what a right reply to each is.

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// question is what is asked, and what has to come back.
type question struct {
	name, rrtype string
	rcode        int
	data         []string // of the answer section, in any order
	tooLong      bool     // for UDP
}

// well are questions that have an answer, or the right lack of one.
var well = []question{
	{"www.soak.example.", "A", dns.RcodeSuccess, []string{"A 192.0.2.80"}, false},
	{"www.soak.example.", "AAAA", dns.RcodeSuccess, nil, false},
	{"pool.soak.example.", "A", dns.RcodeSuccess, []string{"A 192.0.2.81", "A 192.0.2.82", "A 192.0.2.83"}, false},
	{"alias.soak.example.", "A", dns.RcodeSuccess, []string{"CNAME www.soak.example.", "A 192.0.2.80"}, false},
	{"nowhere.soak.example.", "A", dns.RcodeNameError, nil, false},
	{"text.soak.example.", "TXT", dns.RcodeSuccess, []string{"TXT " + strings.TrimSpace(strings.Repeat(fmt.Sprintf("%q ", strings.Repeat("x", 200)), 12))}, true},
	{"soak.example.", "NS", dns.RcodeSuccess, nil, false},
}

func init() {
	for i := range well {
		if well[i].rrtype == "NS" { // named by the lab
			well[i].data = []string{"NS *", "NS *"}
		}
	}
}

// hit is a question that is asked again and again.
func hit() question { return well[rand.IntN(len(well))] }

// wild is a question that nobody asked before, for a wildcard of a zone.
func wild(zone, address string) question {
	return question{fmt.Sprintf("n%x.%s.", rand.Uint64(), zone), "A", dns.RcodeSuccess, []string{"A " + address}, false}
}

// huge is a question of the longest name there is, 255 octets, in labels as long
// or as short as they can be.
func huge() question {
	const under = "wild.soak.example."
	longest := 63
	if rand.IntN(2) == 0 {
		longest = 1
	}
	var name strings.Builder
	for left := 255 - 1 - len(under); left > 0; { // a label takes one octet more than its letters, and so does the end
		n := min(longest, left-1)
		if left-n-1 == 1 { // no label fits into what remains
			n++
			if n > 63 {
				n -= 2
			}
		}
		for range n {
			name.WriteByte("abcdefghijklmnopqrstuvwxyz0123456789"[rand.IntN(36)])
		}
		name.WriteByte('.')
		left -= n + 1
	}
	return question{name.String() + under, "A", dns.RcodeSuccess, []string{"A 192.0.2.84"}, false}
}

// message is the query in some letter case.
func (q question) message() *dns.Msg {
	m := new(dns.Msg)
	name := []byte(q.name)
	for i, c := range name {
		if 'a' <= c && c <= 'z' && rand.IntN(2) == 0 {
			name[i] = c - 'a' + 'A'
		}
	}
	m.SetQuestion(string(name), dns.StringToType[q.rrtype])
	return m
}

// reason is what a reply says of its code, where there is EDNS.
func reason(r *dns.Msg) string {
	if opt := r.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				return fmt.Sprintf(" (%d %s)", e.InfoCode, e.ExtraText)
			}
		}
	}
	return ""
}

// failedError is SERVFAIL to a question whose zone is in order.
type failedError struct {
	question
	reason string
}

func (e *failedError) Error() string { return "SERVFAIL" + e.reason }

// check says what is wrong with a reply.
func (q question) check(asked, r *dns.Msg, network string) error {
	switch {
	case r.Id != asked.Id:
		return fmt.Errorf("ID %d, want %d", r.Id, asked.Id)
	case !r.Response || !r.RecursionAvailable || r.Opcode != dns.OpcodeQuery || r.Authoritative:
		return fmt.Errorf("flags: %v", r.MsgHdr)
	case len(r.Question) != 1 || r.Question[0] != asked.Question[0]:
		return fmt.Errorf("question %v, want %v", r.Question, asked.Question)
	case r.Rcode == dns.RcodeServerFailure && q.rcode != r.Rcode && q.rcode != dns.RcodeFormatError && q.rcode != dns.RcodeBadVers:
		return &failedError{q, reason(r)}
	case r.Rcode != q.rcode:
		return fmt.Errorf("rcode %s, want %s%s", dns.RcodeToString[r.Rcode], dns.RcodeToString[q.rcode], reason(r))
	case (asked.IsEdns0() == nil) != (r.IsEdns0() == nil):
		return fmt.Errorf("OPT %v to %v", r.IsEdns0(), asked.IsEdns0())
	case r.Truncated != (q.tooLong && network == "udp"):
		return fmt.Errorf("truncated is %v", r.Truncated)
	case r.Truncated:
		if len(r.Answer) > 0 {
			return fmt.Errorf("a part of an answer: %v", r.Answer)
		}
		return nil
	}
	var got []string
	for _, rr := range r.Answer {
		text := dns.TypeToString[rr.Header().Rrtype] + " " + strings.TrimPrefix(rr.String(), rr.Header().String())
		switch rr.(type) {
		case *dns.NS:
			text = "NS *"
		case *dns.CNAME: // what is compressed to the question has its letter case (RFC 4343 section 4.1)
			text = "CNAME " + strings.ToLower(strings.TrimPrefix(text, "CNAME "))
		}
		if rr.Header().Ttl > 300 {
			return fmt.Errorf("TTL %d", rr.Header().Ttl)
		}
		got = append(got, text)
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(q.data)); !slices.Equal(got, want) {
		return fmt.Errorf("answer %q, want %q", got, want)
	}
	return nil
}
