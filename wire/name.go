package wire

import (
	"errors"
	"fmt"
	"strings"
)

// A Name is a domain name in uncompressed wire form: length octets, labels and
// the root's zero octet (RFC 1035 section 3.1). Being a string it is immutable
// and a map key; names that are compared with == must be lowered first. The
// zero value "" is no name at all.
type Name string

// Root is the name of the root zone.
const Root Name = "\x00"

// MaxName is the longest wire form of a name in octets, RFC 1035 section 2.3.4.
const MaxName = 255

var errName = errors.New("bad domain name")

// ParseName reads the presentation form of a name (RFC 1035 section 5.1, with
// \DDD and \X escapes). A missing last dot is taken as if it were there.
func ParseName(s string) (Name, error) {
	if s == "" {
		return "", fmt.Errorf("%w: empty", errName)
	}
	if s == "." {
		return Root, nil
	}
	buf := make([]byte, 1, len(s)+2)
	start := 0
	label := func() error {
		n := len(buf) - start - 1
		switch {
		case n == 0:
			return fmt.Errorf("%w: %q has an empty label", errName, s)
		case n > 63:
			return fmt.Errorf("%w: %q has a label of %d octets, 63 is the longest", errName, s, n)
		}
		buf[start] = byte(n)
		start = len(buf)
		buf = append(buf, 0)
		return nil
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if err := label(); err != nil {
				return "", err
			}
			if i == len(s)-1 {
				return finishName(s, buf)
			}
		case c == '\\' && i+1 < len(s) && !isDigit(s[i+1]):
			i++
			buf = append(buf, s[i])
		case c == '\\':
			if i+3 >= len(s) || !isDigit(s[i+2]) || !isDigit(s[i+3]) {
				return "", fmt.Errorf("%w: %q has a broken escape", errName, s)
			}
			v := int(s[i+1]-'0')*100 + int(s[i+2]-'0')*10 + int(s[i+3]-'0')
			if v > 255 {
				return "", fmt.Errorf("%w: %q has an escape over 255", errName, s)
			}
			buf = append(buf, byte(v))
			i += 3
		default:
			buf = append(buf, c)
		}
	}
	if err := label(); err != nil {
		return "", err
	}
	return finishName(s, buf)
}

func finishName(s string, buf []byte) (Name, error) {
	if len(buf) > MaxName {
		return "", fmt.Errorf("%w: %q has %d octets, %d is the longest", errName, s, len(buf), MaxName)
	}
	return Name(buf), nil
}

// MustName is ParseName for names that the program itself holds; it panics on
// a bad one.
func MustName(s string) Name {
	n, err := ParseName(s)
	if err != nil {
		panic(err)
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// String gives the presentation form with the last dot. Octets that are not
// printable, and those with a meaning in a zone file, are escaped, so that one
// name never fills two lines of a log.
func (n Name) String() string {
	if n == "" {
		return ""
	}
	if n == Root {
		return "."
	}
	var b strings.Builder
	b.Grow(len(n))
	for i := 0; i < len(n) && n[i] != 0; {
		end := min(i+1+int(n[i]), len(n))
		for _, c := range []byte(n[i+1 : end]) {
			switch {
			case c <= ' ' || c > '~':
				fmt.Fprintf(&b, "\\%03d", c)
			case strings.IndexByte(`."\();@$`, c) >= 0:
				b.WriteByte('\\')
				b.WriteByte(c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('.')
		i = end
	}
	return b.String()
}

// Lower returns the name with A to Z lowered (RFC 4343). A name that is lower
// case already is returned as it is, without allocating.
func (n Name) Lower() Name {
	for i := 0; i < len(n); i++ {
		if c := n[i]; c >= 'A' && c <= 'Z' { // length octets are below 64 and so never in this range
			return lowerName([]byte(n))
		}
	}
	return n
}

func lowerName(b []byte) Name {
	Lower(b)
	return Name(b)
}

// Lower lowers A to Z in place.
func Lower(b []byte) {
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
}

// Parent is the name without its first label; the root is its own parent.
func (n Name) Parent() Name {
	if len(n) <= 1 {
		return Root
	}
	return n[1+int(n[0]):]
}

// Labels counts the labels, the root's not included.
func (n Name) Labels() int {
	c := 0
	for i := 0; i < len(n) && n[i] != 0; i += 1 + int(n[i]) {
		c++
	}
	return c
}

// Last returns the last k labels of the name: Last(0) is the root.
func (n Name) Last(k int) Name {
	for drop := n.Labels() - k; drop > 0; drop-- {
		n = n.Parent()
	}
	return n
}

// In tells whether the name is zone or below it. Both are lower case.
func (n Name) In(zone Name) bool {
	d := len(n) - len(zone)
	if d < 0 || n[d:] != zone {
		return false
	}
	for i := 0; i <= d; i += 1 + int(n[i]) { // the suffix must begin at a label
		if i == d {
			return true
		}
	}
	return false
}

// Below tells whether the name is truly below zone. Both are lower case.
func (n Name) Below(zone Name) bool { return len(n) > len(zone) && n.In(zone) }

// Equal compares without regard to letter case.
func (n Name) Equal(o Name) bool {
	if len(n) != len(o) {
		return false
	}
	for i := 0; i < len(n); i++ {
		if lowerByte(n[i]) != lowerByte(o[i]) {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// Wildcard tells whether the first label is the asterisk (RFC 4592).
func (n Name) Wildcard() bool { return len(n) >= 2 && n[0] == 1 && n[1] == '*' }

// ReplaceSuffix puts the suffix to in the place of the suffix from, as a DNAME
// does (RFC 6672 section 2.2). It reports false when the result would be longer
// than a name may be.
func (n Name) ReplaceSuffix(from, to Name) (Name, bool) {
	keep := n[:len(n)-len(from)]
	if len(keep)+len(to) > MaxName {
		return "", false
	}
	return keep + to, true
}
