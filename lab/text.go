// The text form: sections, and the headers and bodies of zone sections.

package lab

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Section is one titled part of the text. The body keeps its lines as written, so that the caller's errors can name them.
type Section struct {
	Title string // after "== ", trimmed
	Body  string
	Line  int // of the title, counted from 1; the body begins on the next
}

// split cuts a text into its sections; what precedes the first is a comment.
func split(text string) []Section {
	var sections []Section
	var body strings.Builder
	finish := func() {
		if len(sections) > 0 {
			sections[len(sections)-1].Body = body.String()
		}
		body.Reset()
	}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		line = strings.TrimRight(line, " \t\r")
		if title, ok := strings.CutPrefix(line, "== "); ok {
			finish()
			sections = append(sections, Section{Title: strings.TrimSpace(title), Line: i + 1})
			continue
		}
		body.WriteString(line)
		body.WriteByte('\n')
	}
	finish()
	return sections
}

// cutWord returns the first word and what follows it, both trimmed.
func cutWord(s string) (word, rest string) {
	s = strings.TrimSpace(s)
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimSpace(s[i:])
}

// isComment tells whether a line of a body says nothing.
func isComment(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == ';' || line[0] == '#'
}

// denialKind is how a signed zone proves what it does not have.
type denialKind uint8

const (
	unsignedZone denialKind = iota
	withNSEC
	withNSEC3
	withOptOut  // NSEC3 that leaves insecure delegations out
	withCompact // NSEC made for each question (RFC 9824)
)

// zoneSpec is a zone as somebody wrote it, or as build supplies it.
type zoneSpec struct {
	name     string // canonical
	line     int
	addrs    []netip.Addr
	records  []dns.RR
	ttl      uint32   // of $TTL, for the NS and addresses that are supplied
	nsNames  []string // names for supplied NS records; nil is ns1, ns2 ... of the zone
	supplied bool     // not written by anybody

	denial                      denialKind
	noDelegation, glue, noGlue  bool
	noDS                        bool
	ds                          []string // nil is one of SHA-256
	algorithm, also, protocol   uint8    // also 0 is none
	kskFlags                    uint16
	bits, colliding             int
	keyWord                     string
	iterations                  uint16
	salt                        string
	inception, expiration       time.Time
	ownInception, ownExpiration bool
}

var (
	defaultInception  = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	defaultExpiration = time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)
)

const defaultTTL = 3600

func newSpec(name string) *zoneSpec {
	return &zoneSpec{name: name, ttl: defaultTTL, algorithm: dns.ECDSAP256SHA256, bits: 1024,
		kskFlags: dns.ZONE | dns.SEP, protocol: 3, inception: defaultInception, expiration: defaultExpiration}
}

func (s *zoneSpec) sharesAddress(o *zoneSpec) bool {
	return slices.ContainsFunc(s.addrs, func(a netip.Addr) bool { return slices.Contains(o.addrs, a) })
}

// parseZone reads a zone section. The title comes without the word "zone"; line is where the title stands.
func parseZone(title, body string, line int) (*zoneSpec, error) {
	fail := func(format string, args ...any) (*zoneSpec, error) {
		return nil, fmt.Errorf("line %d: zone: %w", line, fmt.Errorf(format, args...))
	}
	words := strings.Fields(title)
	if len(words) < 3 || words[1] != "@" {
		return fail("want \"zone NAME @ ADDRESS... [OPTION...]\", have %q", title)
	}
	if _, ok := dns.IsDomainName(words[0]); !ok {
		return fail("%q is no domain name", words[0])
	}
	s := newSpec(canon(words[0]))
	s.line = line
	for _, word := range words[2:] {
		if addr, err := netip.ParseAddr(word); err == nil {
			if slices.Contains(s.addrs, addr.Unmap()) {
				return fail("address %s twice", addr)
			}
			s.addrs = append(s.addrs, addr.Unmap())
			continue
		}
		if err := s.option(word); err != nil {
			return fail("%w", err)
		}
	}
	if len(s.addrs) == 0 {
		return fail("%s has no address", s.name)
	}
	if !s.inception.Before(s.expiration) {
		return fail("%s: inception is not before expiration", s.name)
	}
	return s, s.parseRecords(body)
}

// option reads one word of a zone's header that is no address.
func (s *zoneSpec) option(word string) error {
	key, value, _ := strings.Cut(word, "=")
	var err error
	switch key {
	case "nodelegate":
		s.noDelegation = true
	case "glue":
		s.glue = true
	case "noglue":
		s.noGlue = true
	case "nods":
		s.noDS = true
	case "unsigned":
		s.denial = unsignedZone
	case "signed":
		kind, ok := map[string]denialKind{"": withNSEC, "nsec": withNSEC, "nsec3": withNSEC3, "optout": withOptOut, "compact": withCompact}[value]
		if !ok {
			return fmt.Errorf("unknown option %q: want signed=nsec, nsec3, optout or compact", word)
		}
		s.denial = kind
	case "alg":
		s.algorithm, err = parseAlgorithm(value)
	case "also":
		s.also, err = parseAlgorithm(value)
	case "ds":
		s.ds = strings.Split(value, ",")
		_, err = parseDigests(s.ds)
	case "bits":
		s.bits, err = number(value, 1<<15)
	case "colliding":
		s.colliding, err = number(value, 500)
	case "flags":
		var n int
		n, err = number(value, 1<<16-1)
		s.kskFlags = uint16(n)
	case "protocol":
		var n int
		n, err = number(value, 255)
		s.protocol = uint8(n)
	case "key":
		s.keyWord = value
	case "iterations":
		var n uint64
		n, err = strconv.ParseUint(value, 10, 16)
		s.iterations = uint16(n)
	case "salt":
		var raw []byte
		if raw, err = hex.DecodeString(value); err == nil && len(raw) > 255 {
			err = fmt.Errorf("longer than 255 octets")
		}
		s.salt = strings.ToUpper(value)
	case "inception":
		s.inception, err = time.Parse("20060102", value)
		s.ownInception = true
	case "expiration":
		s.expiration, err = time.Parse("20060102", value)
		s.ownExpiration = true
	default:
		return fmt.Errorf("unknown option %q", word)
	}
	if err != nil {
		return fmt.Errorf("option %q: %w", word, err)
	}
	return nil
}

// number reads a number up to some limit.
func number(text string, limit int) (int, error) {
	n, err := strconv.Atoi(text)
	if err == nil && (n < 0 || n > limit) {
		err = fmt.Errorf("%d is out of range", n)
	}
	return n, err
}

// parseRecords reads the body of a zone section. Blank lines stand for the text above it, so that the parser's own errors
// name the line of the whole text.
func (s *zoneSpec) parseRecords(body string) error {
	lines := strings.Split(body, "\n")
	for i, l := range lines {
		if isComment(l) {
			lines[i] = ""
		}
		if word, rest := cutWord(l); word == "$TTL" {
			if n, err := strconv.ParseUint(rest, 10, 31); err == nil {
				s.ttl = uint32(n)
			}
		}
	}
	parser := dns.NewZoneParser(strings.NewReader(strings.Repeat("\n", s.line)+strings.Join(lines, "\n")), s.name, "")
	parser.SetDefaultTTL(defaultTTL)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		owner := canon(rr.Header().Name)
		if !within(owner, s.name) {
			return fmt.Errorf("line %d: zone %s: %s %s is outside the zone",
				s.line, s.name, rr.Header().Name, dns.TypeToString[rr.Header().Rrtype])
		}
		s.records = append(s.records, rr)
	}
	if err := parser.Err(); err != nil {
		return fmt.Errorf("line %d: zone %s: %w", s.line, s.name, err)
	}
	return nil
}
