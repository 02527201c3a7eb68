package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"rootwalk/lab"
)

// compare holds a reply, and what the servers received for it, against the
// expectations. It returns what differs.
func (s *stage) compare(r *dns.Msg, sent []lab.Query, took time.Duration, body string) string {
	var diff strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&diff, "  "+format+"\n", args...) }
	rcode := "NOERROR"
	want := map[string][]string{}
	for _, w := range lines(body) {
		rest := w[1:]
		switch w[0] {
		case "rcode":
			rcode = rest[0]
		case "answer", "authority":
			want[w[0]] = append(want[w[0]], strings.Join(rest, " "))
		case "flag":
			name, set := strings.CutPrefix(rest[0], "!")
			if flags(r)[name] == set {
				say("flag %s is %v", name, set == flags(r)[name] && !set)
			}
		case "ede":
			if got := ede(r); got != rest[0] {
				say("ede is %s, want %s", got, rest[0])
			}
		case "upstream":
			s.count(say, "upstream queries", len(sent), rest)
		case "asked":
			n := 0
			for _, q := range sent {
				if q.Server.String() == rest[0] {
					n++
				}
			}
			s.count(say, "queries to "+rest[0], n, rest[1:])
		case "saw", "never-saw":
			saw := slices.ContainsFunc(sent, func(q lab.Query) bool {
				return q.Server.String() == rest[0] && strings.EqualFold(q.Name, dns.Fqdn(rest[1])) && dns.Type(q.Type).String() == rest[2]
			})
			if saw != (w[0] == "saw") {
				say("%s: %v", strings.Join(w, " "), saw)
			}
		case "over":
			network := "none"
			for _, q := range sent {
				if q.Server.String() == rest[0] {
					network = q.Network
				}
			}
			if network != rest[1] {
				say("%s was last asked over %s, want %s", rest[0], network, rest[1])
			}
		case "within":
			if d := s.duration(rest[0]); took > d {
				say("took %v, want at most %v", took, d)
			}
		case "after":
			if d := s.duration(rest[0]); took < d {
				say("took %v, want at least %v", took, d)
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
	}{{"answer", r.Answer}, {"authority", r.Ns}} {
		if w, ok := want[section.name]; ok {
			sectionDiff(say, section.name, section.rrs, w)
		}
	}
	return diff.String()
}

// count compares a number with "N", "<= N" or ">= N".
func (s *stage) count(say func(string, ...any), what string, got int, want []string) {
	op, n := "==", want[0]
	if len(want) == 2 {
		op, n = want[0], want[1]
	}
	v := s.number(n)
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
	ref, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", h.Name, h.Ttl, w[2], strings.Join(w[3:], " ")))
	return err == nil && ref != nil && dns.IsDuplicate(ref, rr)
}

func flags(r *dns.Msg) map[string]bool {
	return map[string]bool{"aa": r.Authoritative, "tc": r.Truncated, "ra": r.RecursionAvailable, "rd": r.RecursionDesired, "ad": r.AuthenticatedData, "cd": r.CheckingDisabled}
}

func ede(r *dns.Msg) string {
	if o := r.IsEdns0(); o != nil {
		for _, e := range o.Option {
			if e, ok := e.(*dns.EDNS0_EDE); ok {
				return strconv.Itoa(int(e.InfoCode))
			}
		}
	}
	return "none"
}
