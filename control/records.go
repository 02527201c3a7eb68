package control

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"rootwalk/wire"
)

// This file is about records and types as people read and write them.

// ParseType reads a type mnemonic or TYPE1234.
func ParseType(s string) (wire.Type, error) {
	if t, ok := dns.StringToType[strings.ToUpper(s)]; ok {
		return wire.Type(t), nil
	}
	if digits, ok := strings.CutPrefix(strings.ToUpper(s), "TYPE"); ok {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return wire.Type(n), nil
		}
	}
	return 0, fmt.Errorf("%q is no record type; try A, AAAA, MX, TXT, NS or TYPE65", s)
}

// ParseQuestion reads a name, and a type that may be empty, which is A.
func ParseQuestion(name, rrtype string) (wire.Question, error) {
	n, err := wire.ParseName(name)
	if err != nil {
		return wire.Question{}, err
	}
	q := wire.Question{Name: n.Lower(), Type: wire.TypeA, Class: wire.ClassIN}
	if rrtype != "" {
		q.Type, err = ParseType(rrtype)
	}
	return q, err
}

// presentation is a record in master-file form, or in that of unknown types (RFC 3597
// section 5) where the first would have something to command a terminal with (NULL).
func presentation(r wire.Record) string {
	msg := wire.AppendQuestion(nil, 0, 0, wire.Root, r.Type, r.Class)[:wire.HeaderLen]
	msg[5], msg[7] = 0, 1
	msg = append(msg, r.Name...)
	msg = append(msg, byte(r.Type>>8), byte(r.Type), byte(r.Class>>8), byte(r.Class),
		byte(r.TTL>>24), byte(r.TTL>>16), byte(r.TTL>>8), byte(r.TTL), byte(len(r.Data)>>8), byte(len(r.Data)))
	msg = append(msg, r.Data...)
	rr, _, err := dns.UnpackRR(msg, wire.HeaderLen)
	if err != nil || strings.ContainsFunc(rr.String(), func(c rune) bool { return c != '\t' && (c < ' ' || c > '~') }) {
		return fmt.Sprintf("%s %d %s \\# %d %x", r.Name, r.TTL, r.Type, len(r.Data), r.Data)
	}
	return strings.ReplaceAll(rr.String(), "\t", " ")
}
