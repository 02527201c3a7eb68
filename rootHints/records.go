package roothints

// This file owns the reading of a master file of single records, with the line
// of each, which the parser of whole zones does not tell.

import (
	"fmt"
	"io"
	"strings"

	"github.com/miekg/dns"
)

// maxFile bounds a file in octets: the root's hints have 3,300, and anchors of
// a thousand zones fit, so that a file larger than this is another one.
const maxFile = 1 << 20

// record is one resource record and where it stood.
type record struct {
	file  string
	line  int // of its first character, from 1
	owner string
	rr    dns.RR
}

func (r record) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: "+format, append([]any{r.file, r.line}, args...)...)
}

func (r record) typeName() string {
	return dns.Type(r.rr.Header().Rrtype).String()
}

// canonical is the one presentation form of a name: lower case, with the last
// dot, and escapes only where they are needed, so that names compare as strings.
func canonical(name string) (string, error) {
	var wire [255]byte
	n, err := dns.PackDomainName(dns.Fqdn(name), wire[:], 0, nil, false)
	if err != nil {
		return "", err
	}
	name, _, err = dns.UnpackDomainName(wire[:n], 0)
	if err != nil {
		return "", err
	}
	return strings.ToLower(name), nil
}

// readRecords reads all records of a master file (RFC 1035 section 5.1) of
// class IN. $ORIGIN and $TTL work, blank owners and parentheses too; $INCLUDE
// and $GENERATE are refused, for one file is one file.
func readRecords(name string, r io.Reader) ([]record, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: more than %d octets; this is no file of root hints or trust anchors", name, maxFile)
	}
	var (
		records []record
		origin  = "."
		owner   = "" // of the record before, for lines that begin with a blank
		entries = splitter{rest: string(text), line: 1}
	)
	for {
		entry, line, problem := entries.next()
		rec := record{file: name, line: line}
		if problem != "" {
			return nil, rec.errorf("%s", problem)
		}
		if entry == "" {
			return records, nil
		}
		fields := strings.Fields(entry)
		if strings.HasPrefix(fields[0], "$") {
			switch directive := strings.ToUpper(fields[0]); {
			case directive == "$TTL":
			case directive == "$ORIGIN" && len(fields) == 2:
				if !dns.IsFqdn(fields[1]) {
					return nil, rec.errorf("$ORIGIN %s is not a full name; end it with a dot", fields[1])
				}
				if origin, err = canonical(fields[1]); err != nil {
					return nil, rec.errorf("$ORIGIN %s: %v; write a full name", fields[1], err)
				}
			default:
				return nil, rec.errorf("%s is not taken here; write the records themselves", directive)
			}
			continue
		}
		if entry[0] == ' ' || entry[0] == '\t' {
			if owner == "" {
				return nil, rec.errorf("the first record has no owner; begin the line with a name, as in `. NS a.root-servers.net.`")
			}
			entry = owner + entry
		}
		zone := dns.NewZoneParser(strings.NewReader(entry+"\n"), origin, "")
		zone.SetDefaultTTL(3600) // never used, but the parser wants one
		rr, ok := zone.Next()
		if !ok || rr == nil {
			return nil, rec.errorf("%s; write a record, as in `. NS a.root-servers.net.` or `. DS 20326 8 2 E06D...`", reason(zone.Err()))
		}
		if rec.owner, err = canonical(rr.Header().Name); err != nil {
			return nil, rec.errorf("the owner %q: %v; write a full name", rr.Header().Name, err)
		}
		if rr.Header().Class != dns.ClassINET {
			return nil, rec.errorf("class %s; only IN has a root here: remove the line", dns.Class(rr.Header().Class))
		}
		rec.rr = rr
		owner = rec.owner
		records = append(records, rec)
	}
}

// reason is the parser's own words without its package and its position, which
// counts from the start of the entry and would mislead.
func reason(err error) string {
	if err == nil {
		return "no record"
	}
	text := strings.TrimPrefix(err.Error(), "dns: ")
	if i := strings.LastIndex(text, " at line: "); i >= 0 {
		text = text[:i]
	}
	return text
}

// splitter cuts a master file into entries: one line each, or several where
// parentheses hold them together.
type splitter struct {
	rest string
	line int // of the first character of rest
}

// next is the next entry that is not empty, its comments and parentheses
// replaced by blanks, with the line that it begins on; "" at the end. A problem
// is an open quote or parenthesis, or one that closes nothing.
func (s *splitter) next() (entry string, line int, problem string) {
	var out strings.Builder
	depth, quoted, comment := 0, false, false
	line = s.line
	for i := 0; i < len(s.rest); i++ {
		c := s.rest[i]
		if c == '\n' {
			s.line++
			comment = false
			if quoted {
				return "", line, "a quote that the line does not close; end it with \""
			}
			if depth > 0 {
				out.WriteByte(' ')
				continue
			}
			if strings.TrimSpace(out.String()) != "" {
				s.rest = s.rest[i+1:]
				return out.String(), line, ""
			}
			out.Reset()
			line = s.line
			continue
		}
		switch {
		case comment:
		case c == '\\' && i+1 < len(s.rest) && s.rest[i+1] != '\n':
			out.WriteByte(c)
			i++
			out.WriteByte(s.rest[i])
		case c == '"':
			quoted = !quoted
			out.WriteByte(c)
		case quoted:
			out.WriteByte(c)
		case c == ';':
			comment = true
		case c == '(':
			depth++
			out.WriteByte(' ')
		case c == ')':
			if depth == 0 {
				return "", line, "a parenthesis that closes nothing; remove it"
			}
			depth--
			out.WriteByte(' ')
		default:
			out.WriteByte(c)
		}
	}
	s.rest = ""
	if depth > 0 || quoted {
		return "", line, "a quote or parenthesis that is never closed; close it"
	}
	if strings.TrimSpace(out.String()) == "" {
		return "", line, ""
	}
	return out.String(), line, ""
}
