package scenario

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"rootwalk/lab"
)

// compare holds a reply, nil where there is none to be had, and what the servers
// received, against the expectations. It returns what differs.
func (s *stage) compare(r *reply, sent []lab.Query, body string) string {
	var diff strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&diff, "  "+format+"\n", args...) }
	var ofReply [][]string
	expect := lines(body)
	if s.way != nil {
		expect = s.way.otherwise(expect)
	}
	for _, w := range expect {
		if !s.compareSent(say, sent, w) {
			ofReply = append(ofReply, w)
		}
	}
	switch {
	case r != nil:
		s.compareReply(say, r, ofReply)
	case len(ofReply) > 0:
		s.fatalf("unknown expectation %q", ofReply[0])
	}
	return diff.String()
}

// compareSent compares what servers received and what validation cost, and
// reports false for an expectation about something else.
func (s *stage) compareSent(say func(string, ...any), sent []lab.Query, w []string) bool {
	var server []lab.Query // what the server of the expectation received
	var last lab.Query
	if len(w) > 1 {
		for _, q := range sent {
			if q.Server.String() == w[1] {
				server, last = append(server, q), q
			}
		}
	}
	switch w[0] {
	case "upstream":
		s.count(say, "upstream queries", len(sent), w[1:])
	case "out":
		s.count(say, "OUT", len(sent)+s.net.TCPConnects()-s.connects, w[1:])
	case "asked":
		s.count(say, "queries to "+w[1], len(server), w[2:])
	case "saw", "never-saw":
		saw := slices.ContainsFunc(server, func(q lab.Query) bool {
			return strings.EqualFold(q.Name, dns.Fqdn(w[2])) && dns.Type(q.Type).String() == w[3]
		})
		if saw != (w[0] == "saw") {
			say("%s: %v", strings.Join(w, " "), saw)
		}
	case "signatures":
		s.count(say, "signature checks", s.cost().signatures-s.spent.signatures, w[1:])
	case "failed-signatures":
		s.count(say, "failed signature checks", s.cost().failed-s.spent.failed, w[1:])
	case "hashes":
		s.count(say, "NSEC3 hashes", s.cost().hashes-s.spent.hashes, w[1:])
	case "over":
		if last.Network != w[2] {
			say("%s was last asked over %q, want %s", w[1], last.Network, w[2])
		}
	case "checking-disabled":
		if last.CD != (w[2] == "yes") || len(server) == 0 {
			say("checking disabled for %s: %v in %d queries, want %s", w[1], last.CD, len(server), w[2])
		}
	case "desired":
		if last.RD != (w[2] == "yes") || len(server) == 0 {
			say("recursion desired of %s: %v in %d queries, want %s", w[1], last.RD, len(server), w[2])
		}
	default:
		return false
	}
	return true
}

// compareReply compares the reply of an ask.
func (s *stage) compareReply(say func(string, ...any), r *reply, expect [][]string) {
	rcode := "NOERROR"
	want := map[string][]string{}
	for _, w := range expect {
		rest := w[1:]
		switch w[0] {
		case "rcode":
			rcode = rest[0]
		case "answer", "authority", "additional":
			want[w[0]] = append(want[w[0]], strings.Join(rest, " "))
		case "flag":
			name, clear := strings.CutPrefix(rest[0], "!")
			if flags(r.Msg)[name] == clear {
				say("flag %s is %v", name, !clear)
			}
		case "ede", "ede-text", "nsid", "cookie", "keepalive":
			s.option(say, r.Msg, w[0], strings.Join(rest, " "))
		case "within":
			s.figures.note(s.line, "answered within", r.took.Round(time.Millisecond).String(), rest)
			if d := s.duration(rest[0]); r.took > d {
				say("took %v, want at most %v", r.took, d)
			}
		case "after":
			if d := s.duration(rest[0]); r.took < d {
				say("took %v, want at least %v", r.took, d)
			}
		default:
			s.fatalf("unknown expectation %q", w[0])
		}
	}
	if got := dns.RcodeToString[r.Rcode]; got != rcode {
		say("rcode is %s, want %s", got, rcode)
	}
	for _, section := range []struct {
		name string
		rrs  []dns.RR
	}{{"answer", r.Answer}, {"authority", r.Ns}, {"additional", withoutOPT(r.Extra)}} {
		if w, ok := want[section.name]; ok {
			sectionDiff(say, section.name, section.rrs, w)
		}
	}
}

// option compares one EDNS option of the reply; one that is missing is "none".
func (s *stage) option(say func(string, ...any), r *dns.Msg, what, want string) {
	got := map[string]string{"ede": "none", "ede-text": "", "nsid": "none", "cookie": "no", "keepalive": "none"}
	if opt := r.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			switch o := o.(type) {
			case *dns.EDNS0_EDE:
				got["ede"], got["ede-text"] = strconv.Itoa(int(o.InfoCode)), o.ExtraText
			case *dns.EDNS0_NSID:
				text, _ := hex.DecodeString(o.Nsid)
				got["nsid"] = string(text)
			case *dns.EDNS0_COOKIE: // the client's part and 16 octets of the server's
				got["cookie"] = map[bool]string{true: "yes", false: "of another length"}[len(o.Cookie) == 2*(8+16)]
			case *dns.EDNS0_TCP_KEEPALIVE:
				got["keepalive"] = (time.Duration(o.Timeout) * 100 * time.Millisecond).String()
			}
		}
	}
	if what == "ede-text" {
		if !strings.Contains(got[what], want) {
			say("%s is %q, want %q in it", what, got[what], want)
		}
		return
	}
	if got[what] != want {
		say("%s is %s, want %s", what, got[what], want)
	}
}

func withoutOPT(rrs []dns.RR) []dns.RR {
	return slices.DeleteFunc(slices.Clone(rrs), func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT })
}

// count compares a number with "N", "<= N" or ">= N".
func (s *stage) count(say func(string, ...any), what string, got int, want []string) {
	op, n := "==", want[0]
	if len(want) == 2 {
		op, n = want[0], want[1]
	}
	v := s.number(n)
	s.figures.note(s.line, what, strconv.Itoa(got), want)
	if ok := map[string]bool{"==": got == v, "<=": got <= v, ">=": got >= v}[op]; !ok {
		say("%s: %d, want %s %d", what, got, op, v)
	}
}

// sectionDiff compares a section with the records that it should have.
func sectionDiff(say func(string, ...any), name string, rrs []dns.RR, want []string) {
	if len(want) == 1 && want[0] == "none" {
		want = nil
	}
	left := slices.Clone(rrs)
next:
	for _, w := range want {
		for i, rr := range left {
			if fits(rr, w) {
				left = slices.Delete(left, i, i+1)
				continue next
			}
		}
		say("%s section lacks %s", name, w)
	}
	for _, rr := range left {
		say("%s section has %s, which nobody expects", name, strings.ReplaceAll(rr.String(), "\t", " "))
	}
}

// fits tells whether a record is the one written as OWNER TTL TYPE RDATA. RDATA
// that begins with ~ fits anything.
func fits(rr dns.RR, want string) bool {
	w := strings.Fields(want)
	h := rr.Header()
	if len(w) < 4 || !strings.EqualFold(h.Name, dns.Fqdn(w[0])) || dns.Type(h.Rrtype).String() != w[2] {
		return false
	}
	if w[1] != "*" && strconv.Itoa(int(h.Ttl)) != w[1] {
		return false
	}
	if w[3] == "~" {
		return true
	}
	ref, err := dns.NewRR(fmt.Sprintf("%s %d %s %s %s", h.Name, h.Ttl, dns.Class(h.Class), w[2], strings.Join(w[3:], " ")))
	return err == nil && ref != nil && dns.IsDuplicate(ref, rr)
}

func flags(r *dns.Msg) map[string]bool {
	opt := r.IsEdns0()
	return map[string]bool{"co": opt != nil && opt.Hdr.Ttl&coBit != 0, "aa": r.Authoritative, "tc": r.Truncated, "ra": r.RecursionAvailable, "rd": r.RecursionDesired, "ad": r.AuthenticatedData, "cd": r.CheckingDisabled}
}
