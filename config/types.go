package config

// This file holds the small types of values, and how the text of one value is parsed. Each parser returns the value in
// its canonical form, or an error that says what is wrong with the text; what would be right is said by the key's form.

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bytes is a size in bytes; its text is "256MiB", "1GiB", "64KiB" or a plain number.
type Bytes int64

// LogLevel is the least severity that is logged.
type LogLevel string

// LogFormat is the shape of a log line.
type LogFormat string

// ZoneType says what the servers of a configured zone are.
type ZoneType string

// AccessAction is what becomes of the queries of some clients.
type AccessAction string

// AccessRule is what holds for the clients of a prefix; its text is "PREFIX ACTION".
type AccessRule struct {
	Prefix netip.Prefix
	Action AccessAction
}

func (r AccessRule) String() string { return r.Prefix.String() + " " + string(r.Action) }

// LimitMode says what happens at a limit.
type LimitMode string

// The values of the enums.
const (
	LogDebug LogLevel = "debug"
	LogInfo  LogLevel = "info"
	LogWarn  LogLevel = "warn"
	LogError LogLevel = "error"

	LogText LogFormat = "text"
	LogJSON LogFormat = "json"

	ZoneForward ZoneType = "forward" // recursive servers, asked with RD
	ZoneStub    ZoneType = "stub"    // authoritative servers

	AccessAllow  AccessAction = "allow"
	AccessRefuse AccessAction = "refuse" // REFUSED with EDE 18
	AccessDeny   AccessAction = "deny"   // no reply

	LimitsEnforce LimitMode = "enforce"
	LimitsRecord  LimitMode = "record" // count, but let the query go on
)

// units are the suffixes of sizes, the largest first, as printing prefers them.
var units = []struct {
	suffix string
	size   int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// String is the size in the largest unit that divides it.
func (b Bytes) String() string {
	for _, u := range units {
		if b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

func parseBytes(text string) (Bytes, error) {
	digits, size := text, int64(1)
	for _, u := range units {
		if d, ok := strings.CutSuffix(text, u.suffix); ok {
			digits, size = d, u.size
		}
	}
	if d, negative := strings.CutPrefix(digits, "-"); negative && isDigits(d) {
		return 0, fmt.Errorf("%s is negative", shown(text))
	}
	if !isDigits(digits) {
		return 0, fmt.Errorf("%s is not a size", shown(text))
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > (1<<63-1)/size {
		return 0, fmt.Errorf("%s is too large", shown(text))
	}
	return Bytes(n * size), nil
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil && isDigits(text):
		return 0, fmt.Errorf("%s has no unit, write %ss", shown(text), clipped(text))
	case err != nil:
		return 0, fmt.Errorf("%s is not a duration", shown(text))
	case d < 0:
		return 0, fmt.Errorf("%s is negative", shown(text))
	}
	return d, nil
}

// durationText is the duration without the zero minutes and seconds that its String adds to "24h".
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-len("0s")]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-len("0m")]
	}
	return s
}

// parseTime reads a date of RFC 3339. Years are those that a signature can hold (RFC 4034 section 3.1.5), which also keeps
// the zero time free to mean "not given".
func parseTime(text string) (time.Time, error) {
	var t time.Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		return time.Time{}, fmt.Errorf("%s is not an RFC 3339 date", shown(text))
	}
	if t = t.UTC(); t.Year() < 1970 || t.Year() > 2105 {
		return time.Time{}, fmt.Errorf("%s is outside the years 1970 to 2105", shown(text))
	}
	return t, nil
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// parsePrefix reads a prefix, or an address that means its host prefix. Bits beyond the length are cleared, and an
// IPv4-mapped prefix becomes the IPv4 one, since that is what it would be compared with.
func parsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%s is not a prefix", shown(text))
		}
		p = netip.PrefixFrom(addr, addr.BitLen())
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// parseAccessRule reads a prefix and what holds for it. The word of unbound for clients that may look into the cache is
// another one for "allow", which includes that.
func parseAccessRule(text string) (AccessRule, error) {
	words := strings.Fields(text)
	if len(words) != 2 {
		return AccessRule{}, fmt.Errorf("%s is not a rule", shown(text))
	}
	p, err := parsePrefix(words[0])
	if err != nil {
		return AccessRule{}, err
	}
	switch a := AccessAction(words[1]); a {
	case AccessAllow, AccessRefuse, AccessDeny:
		return AccessRule{p, a}, nil
	case "allow_snoop":
		return AccessRule{p, AccessAllow}, nil
	}
	return AccessRule{}, fmt.Errorf("%s is unknown", shown(words[1]))
}

// parseListen reads an address to listen on. Port 0 is a free one of the system's choice. Names are refused: a resolver
// that must resolve its own address cannot start.
func parseListen(text string) (string, error) {
	if scheme, _, ok := strings.Cut(text, "://"); ok {
		switch scheme {
		case "tls", "https", "quic":
			return "", fmt.Errorf("%s: the scheme %s:// is reserved; not supported by this version", shown(text), scheme)
		}
		return "", fmt.Errorf("%s: unknown scheme", shown(text))
	}
	ap, err := parseAddrPort(text)
	if err != nil {
		return "", err
	}
	return ap.String(), nil
}

// defaultPort is the port of an upstream server that is given as an address alone.
const defaultPort = 53

// parseServer reads an upstream server: an address, or an address and a port other than 0.
func parseServer(text string) (netip.AddrPort, error) {
	ap := netip.AddrPort{}
	if addr, err := netip.ParseAddr(text); err == nil && isPrintable(text) {
		ap = netip.AddrPortFrom(addr.Unmap(), defaultPort)
	} else if ap, err = parseAddrPort(text); err != nil {
		return netip.AddrPort{}, err
	}
	switch {
	case ap.Port() == 0:
		return netip.AddrPort{}, fmt.Errorf("%s: port 0 cannot be asked", shown(text))
	case ap.Addr().IsUnspecified(), ap.Addr().IsMulticast():
		return netip.AddrPort{}, fmt.Errorf("%s is not the address of one host", shown(text))
	}
	return ap, nil
}

// serverText is the server as it is written: the port only where it is not the usual one.
func serverText(ap netip.AddrPort) string {
	if ap.Port() == defaultPort {
		return ap.Addr().String()
	}
	return ap.String()
}

// parseAddrPort reads "V4:PORT" or "[V6]:PORT", and tells the ways apart in which that goes wrong.
func parseAddrPort(text string) (netip.AddrPort, error) {
	if !isPrintable(text) { // the zone of an address may be anything
		return netip.AddrPort{}, fmt.Errorf("%s is not an address", shown(text))
	}
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPort{}, fmt.Errorf("%s has no port, write %s", shown(text), netip.AddrPortFrom(addr, defaultPort))
	}
	host, port, err := net.SplitHostPort(text)
	switch {
	case err != nil:
		return netip.AddrPort{}, fmt.Errorf("%s is not an address", shown(text))
	case host == "":
		return netip.AddrPort{}, fmt.Errorf("%s has no address, all addresses are 0.0.0.0 and [::]", shown(text))
	case !isAddr(host):
		return netip.AddrPort{}, fmt.Errorf("%s is not an address", shown(host))
	case strings.Contains(host, ":") != strings.HasPrefix(text, "["):
		return netip.AddrPort{}, fmt.Errorf("%s: an IPv6 address, and no other, stands in brackets", shown(text))
	case isDigits(port):
		return netip.AddrPort{}, fmt.Errorf("port %s is out of range", clipped(port))
	}
	return netip.AddrPort{}, fmt.Errorf("%s is not a port", shown(port))
}

// parseName reads a domain name in presentation form (RFC 1035 section 5.1, escapes as in RFC 4343 section 2.1) and returns it in
// lower case with its final dot, special octets escaped.
func parseName(text string) (string, error) {
	if text == "." {
		return ".", nil
	}
	wrong := func(what string) (string, error) {
		return "", fmt.Errorf("%s is not a domain name: %s", shown(text), what)
	}
	if text == "" {
		return wrong("it is empty")
	}
	var out strings.Builder
	label, total := []byte(nil), 1 // the root's length octet
	end := func() error {
		switch {
		case len(label) == 0:
			return errors.New("a label is empty")
		case len(label) > 63:
			return errors.New("a label is longer than 63 octets")
		case string(label) == "*":
			return errors.New("a name covers all names below it, without a wildcard")
		}
		if total += 1 + len(label); total > 255 {
			return errors.New("it is longer than 255 octets")
		}
		for _, b := range label {
			switch {
			case b < ' ' || b > '~':
				fmt.Fprintf(&out, `\%03d`, b)
			case strings.IndexByte(` .'@;()"\`, b) >= 0:
				out.WriteByte('\\')
				out.WriteByte(b)
			default:
				out.WriteByte(b)
			}
		}
		out.WriteByte('.')
		label = label[:0]
		return nil
	}
	for i := 0; i < len(text); i++ {
		b := text[i]
		switch {
		case b == '.':
			if err := end(); err != nil {
				return wrong(err.Error())
			}
			continue
		case b == '\\':
			octet, length, ok := unescape(text[i+1:])
			if !ok {
				return wrong(`an escape is \DDD or \ and one character`)
			}
			b = octet
			i += length
		case b > '~':
			return wrong("it is not ASCII, write the A-label (xn--)")
		case b <= ' ':
			return wrong("it holds a space or a control character")
		}
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		label = append(label, b)
	}
	if len(label) > 0 {
		if err := end(); err != nil {
			return wrong(err.Error())
		}
	}
	return out.String(), nil
}

// unescape reads what follows a backslash: the octet, and the number of bytes it takes.
func unescape(text string) (octet byte, length int, ok bool) {
	if text == "" {
		return 0, 0, false
	}
	if text[0] < '0' || text[0] > '9' {
		return text[0], 1, text[0] >= ' ' && text[0] <= '~'
	}
	if len(text) < 3 || !isDigits(text[:3]) {
		return 0, 0, false
	}
	n, err := strconv.ParseUint(text[:3], 10, 8)
	return byte(n), 3, err == nil
}

// parsePath reads the name of a file, which may be empty. Whether it exists is not asked here: a configuration is
// checked on other machines than it serves on.
func parsePath(text string) (string, error) {
	if !isPrintable(text) {
		return "", fmt.Errorf("%s holds a character that cannot be printed", shown(text))
	}
	return text, nil
}

// maxSocketPath is the length of sun_path less its final NUL (unix(7)).
const maxSocketPath = 107

func parseSocket(text string) (string, error) {
	if len(text) > maxSocketPath {
		return "", fmt.Errorf("%s is longer than %d bytes", shown(text), maxSocketPath)
	}
	return parsePath(text)
}

// parseTapReader reads where a reader of dnstap listens. A path has a slash, so that an address without its port is not
// taken for one.
func parseTapReader(text string) (string, error) {
	if text == "" || strings.Contains(text, "/") {
		return parseSocket(text)
	}
	ap, err := parseAddrPort(text)
	switch {
	case err != nil:
		return "", err
	case ap.Port() == 0:
		return "", fmt.Errorf("%s: nobody listens on port 0", shown(text))
	}
	return ap.String(), nil
}

// isPrintable says whether text can be printed and read again: UTF-8 without control characters.
func isPrintable(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func isAddr(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// isDigits says whether text is a decimal number without sign.
func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// shown is a text of the user's in an error: quoted, so that it stays on its line, and not too long.
func shown(text string) string {
	return strconv.Quote(clipped(text))
}

func clipped(text string) string {
	const most = 80
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "..."
	}
	return text
}

// parseWord reads a short text that travels in a message.
func parseWord(text string) (string, error) {
	if len(text) > 200 {
		return "", fmt.Errorf("%d characters are too many", len(text))
	}
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return "", fmt.Errorf("%q holds a character that is not printable ASCII", text)
		}
	}
	return text, nil
}

// parseSecret reads a secret of 16 octets.
func parseSecret(text string) (string, error) {
	if b, err := hex.DecodeString(text); err != nil || len(b) != 16 && len(b) != 0 {
		return "", fmt.Errorf("the value is not 32 hex digits") // and is not printed: it is a secret
	}
	return text, nil
}
