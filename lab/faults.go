// Faults: how they are ordered. misbehave.go commits them.

package lab

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// fault is one order. Counters and the random source are guarded by the Internet's lock.
type fault struct {
	kind    string
	server  netip.Addr // zero for all
	network string     // "" for both

	onlyType uint16 // 0 for all
	onlyName string // canonical, "" for all

	delay  time.Duration
	number int // percentage, size, rcode, or how often; see faultKinds
	record dns.RR
	tampering

	left   int // of number
	random *rand.Rand
}

// argument is what a kind of fault is followed by.
type argument uint8

const (
	noArgument argument = iota
	aDuration
	aNumber
	maybeNumber
	aRecord
	someTypes
	aQuestion
	aSignature
	aHash
)

// faultKinds lists every fault with its argument.
var faultKinds = map[string]argument{
	"delay": aDuration, "drop": maybeNumber, "loss": aNumber, "max-queries": aNumber, "drop-over": aNumber,
	"edns-drop": noArgument, "unreachable": noArgument, "tcp-refuse": noArgument, "tcp-close": noArgument,

	"refuse": noArgument, "servfail": noArgument, "notimp": noArgument, "formerr": noArgument, "answer-rcode": aNumber,
	"lame": noArgument, "lame-upward": noArgument, "lame-noaa": noArgument, "lame-nodata": noArgument,
	"edns-formerr": noArgument, "edns-formerr-header": noArgument, "edns-badvers": noArgument, "edns-notimp": noArgument,
	"edns-ignore": noArgument, "nxdomain-ent": noArgument, "minimal-break": noArgument,

	"clear": noArgument, "add-answer": aRecord, "add-authority": aRecord, "add-additional": aRecord,
	"recursive": noArgument, "bogus": noArgument, "no-signatures": noArgument, "truncate": noArgument,
	"wrong-id": noArgument, "wrong-id-first": noArgument, "wrong-question": noArgument, "no-question": noArgument,
	"lower-case": noArgument, "garbage": noArgument, "short": noArgument,

	"rcode": aNumber, "ttl": aNumber, "without": someTypes, "unsigned": someTypes, "signed-answer": aRecord, "signed-authority": aRecord,
	"resign": aSignature, "wrong-signatures": aNumber, "signatures-first": noArgument, "nsec3": aHash, "reply-of": aQuestion, "authority-of": aQuestion,
}

// udpOnly are the faults that concern UDP where the title names no network.
var udpOnly = map[string]bool{"loss": true, "drop-over": true, "truncate": true}

// faultOrder is one section: its faults replace those of the same server and network.
type faultOrder struct {
	server  netip.Addr
	network string
	faults  []*fault
}

// parseFaults reads a fault section. The title comes without the word "fault"; line is where the title stands.
func parseFaults(title, body string, line int) (*faultOrder, error) {
	order := &faultOrder{}
	who, rest := cutWord(title)
	if who != "all" {
		addr, err := netip.ParseAddr(who)
		if err != nil {
			return nil, fmt.Errorf("line %d: fault: want \"fault ADDRESS|all [udp|tcp] [FAULT]\", have %q", line, title)
		}
		order.server = addr.Unmap()
	}
	if network, after := cutWord(rest); network == "udp" || network == "tcp" {
		order.network, rest = network, after
	}
	for i, text := range append([]string{rest}, strings.Split(body, "\n")...) {
		if isComment(text) {
			continue
		}
		f, err := parseFault(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: fault: %w", line+i, err)
		}
		f.server, f.network = order.server, order.network
		if f.network == "" && udpOnly[f.kind] {
			f.network = "udp"
		}
		order.faults = append(order.faults, f)
	}
	return order, nil
}

// parseFault reads one fault with its prefixes.
func parseFault(text string) (*fault, error) {
	f := &fault{random: rand.New(rand.NewPCG(53, 1034))}
	var rest string
	for {
		f.kind, rest = cutWord(text)
		if f.kind != "only-type" && f.kind != "only-name" {
			break
		}
		var value string
		value, text = cutWord(rest)
		if f.kind == "only-name" {
			if _, ok := dns.IsDomainName(value); !ok || value == "" {
				return nil, fmt.Errorf("only-name: %q is no domain name", value)
			}
			f.onlyName = canon(value)
			continue
		}
		var ok bool
		if f.onlyType, ok = dns.StringToType[strings.ToUpper(value)]; !ok {
			return nil, fmt.Errorf("only-type: unknown type %q", value)
		}
	}
	wanted, ok := faultKinds[f.kind]
	if !ok {
		return nil, fmt.Errorf("unknown fault %q", f.kind)
	}
	return f, f.argue(wanted, rest)
}

// parseRecord reads a record. In the form of RFC 3597 its data need not fit its type.
func parseRecord(text string) (dns.RR, error) {
	rr, err := dns.NewRR(text)
	head, data, generic := strings.Cut(text, `\#`)
	words := strings.Fields(head)
	if err == nil || !generic || len(words) == 0 {
		return rr, err
	}
	last := len(words) - 1
	t, known := dns.StringToType[strings.ToUpper(words[last])]
	if !known {
		return nil, err
	}
	words[last] = `TYPE65280 \#`
	if rr, err = dns.NewRR(strings.Join(words, " ") + data); err == nil && rr != nil {
		rr.Header().Rrtype = t
	}
	return rr, err
}

// argue reads what follows a fault's name.
func (f *fault) argue(wanted argument, text string) error {
	var err error
	switch {
	case wanted == noArgument && text != "":
		err = fmt.Errorf("takes no argument, has %q", text)
	case wanted == noArgument, wanted == maybeNumber && text == "":
	case wanted == aDuration:
		if f.delay, err = time.ParseDuration(text); err == nil && f.delay < 0 {
			err = fmt.Errorf("negative duration %s", text)
		}
	case wanted == aRecord:
		if f.record, err = parseRecord(text); err == nil && f.record == nil {
			err = fmt.Errorf("wants a record")
		}
	case wanted == someTypes:
		f.types, err = parseTypes(strings.Fields(text))
	case wanted == aQuestion:
		f.tampering, err = parseElsewhere(text)
	case wanted == aSignature:
		f.tampering, err = parseResign(text)
	case wanted == aHash:
		f.tampering, err = parseHash(text)
	default:
		f.number, err = strconv.Atoi(text)
		if err == nil && (f.number < 0 || f.kind == "loss" && f.number > 100 || strings.HasSuffix(f.kind, "rcode") && f.number > 0xfff) {
			err = fmt.Errorf("%d is out of range", f.number)
		}
		if err == nil && wanted == maybeNumber && f.number == 0 {
			err = fmt.Errorf("0 times is never")
		}
		f.left = f.number
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.kind, err)
	}
	return nil
}

// SetFaults orders faults at run time: the title is that of a fault section, with or without the word "fault", and the body
// has one fault on a line. They replace those ordered before under the same address and network; an empty body takes them
// away. Every fault is deterministic: there is no random delay, and losses follow from a fixed seed.
//
// Whether and when a reply comes:
//
//	delay 50ms        a round trip of 50 ms, before a TCP connection too
//	drop [N]          no reply to any query, or to the next N
//	loss N            no reply to N per cent of queries (over UDP, unless the title says tcp)
//	max-queries N     N queries are answered, the others are not
//	drop-over N       no reply where it is longer than N octets (UDP, unless the title says tcp)
//	edns-drop         no reply to queries with EDNS
//	unreachable       Dial fails at once
//	tcp-refuse        TCP connections are refused
//	tcp-close         TCP connections are closed as soon as they are accepted
//
// Instead of the answer:
//
//	refuse servfail notimp formerr      that error
//	answer-rcode N                      no records and this rcode
//	lame                                REFUSED
//	lame-upward                         a referral to the root
//	lame-noaa                           the answer without AA
//	lame-nodata                         an empty NOERROR reply without AA
//	edns-formerr edns-formerr-header    to queries with EDNS: FORMERR without OPT, with or without the question
//	edns-badvers edns-notimp            to queries with EDNS
//	edns-ignore                         the answer of a server that does not know EDNS
//	nxdomain-ent                        NXDOMAIN for empty non-terminals
//	minimal-break                       SERVFAIL for empty non-terminals
//
// A changed answer:
//
//	clear                               its records are removed; add-... come after that
//	add-answer RR, add-authority RR, add-additional RR    with \# the data need not fit the type
//	recursive                           RA is set: the server offers recursion too, to others
//	bogus                               the first octet of every signature is changed
//	no-signatures                       RRSIG, NSEC and NSEC3 records are removed
//	rcode N                             another rcode, with the records as they are
//	ttl N                               all TTLs
//	without TYPE...                     records of these types are removed, but not their signatures
//	unsigned TYPE...                    the signatures of these types are removed
//	signed-answer RR, signed-authority RR    a record with a good signature of the zone
//	resign TYPE|all FIELD=VALUE...      signatures of a type, made anew by the zone: labels, ttl, inception and expiration
//	                                    (YYYYMMDD), signer, tag, algorithm; key=ksk, zsk or the word of a key that is none of its
//	nsec3 FIELD=VALUE...                hash and flags of NSEC3 records, signed anew by the zone
//	wrong-signatures N                  N wrong copies before every signature
//	signatures-first                    signatures stand before what they sign
//	reply-of ADDRESS NAME TYPE          what another server says to another question
//	authority-of ADDRESS NAME TYPE      its authority section, beside what is there
//	truncate                            TC and no records (UDP, unless the title says tcp)
//	wrong-id                            only a reply with another ID
//	wrong-id-first                      a forged reply with another ID and other addresses, then the good one
//	wrong-question no-question          another name in the question, or none
//	lower-case                          the letter case of the question is not kept
//	garbage                             12 random octets
//	short                               the first 6 octets
//
// Faults of a changed answer are committed in order, but for "clear", which comes first, and those of the message.
//
// "only-type TYPE" and "only-name NAME" before a fault restrict it to such questions. An address that faults are ordered for,
// but that serves no zone, is a server that refuses.
func (n *Internet) SetFaults(title, body string) error {
	if kind, rest := cutWord(title); kind == "fault" {
		title = rest
	}
	order, err := parseFaults(title, body, 0)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var kept []*fault
	for _, f := range n.faults {
		if f.server != order.server || !f.orderedFor(order.network) {
			kept = append(kept, f)
		}
	}
	n.faults = append(kept, order.faults...)
	return nil
}

// orderedFor tells whether a fault comes from a section with this network; some concern UDP though the title said nothing.
func (f *fault) orderedFor(network string) bool {
	return f.network == network || network == "" && udpOnly[f.kind] && f.network == "udp"
}

// ClearFaults takes all faults away.
func (n *Internet) ClearFaults() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = nil
}
