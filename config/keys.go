package config

// This file is the table of all keys, and the forms their values have: how each is read and printed.

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// key is one line of the table. Its comment is printed beside it.
type key struct {
	name    string // dotted
	comment string
	slot    func(*Config) slot
}

// keys is every key there is, in the order in which they are printed. Those of a section stand together.
var keys = []key{
	{"listen", "addresses to answer on, UDP and TCP on each", in(listens, func(c *Config) *[]string { return &c.Listen })},
	{"access.allow", "clients that are answered; others get REFUSED with EDE 18", in(listOf(prefix), func(c *Config) *[]netip.Prefix { return &c.Access.Allow })},
	{"access.rules", "exceptions: PREFIX allow, refuse or deny (no reply); the longest prefix decides", in(listOf(accessRule), func(c *Config) *[]AccessRule { return &c.Access.Rules })},
	{"access.private-addresses", "prefixes that public names may not have, as address or as hint of HTTPS and SVCB (rebinding)", in(listOf(prefix), func(c *Config) *[]netip.Prefix { return &c.Access.PrivateAddresses })},
	{"access.private-domains", "domains that may have them; an alias (CNAME) outside that leads to a name inside may not", in(listOf(name), func(c *Config) *[]string { return &c.Access.PrivateDomains })},
	{"metrics.listen", `address of the page, /metrics, /healthz and /readyz; "" is off`, in(orEmpty(listen, parseListen), func(c *Config) *string { return &c.Metrics.Listen })},
	{"log.level", "the least severity that is logged: debug info warn error", in(enum(LogDebug, LogInfo, LogWarn, LogError), func(c *Config) *LogLevel { return &c.Log.Level })},
	{"log.format", "shape of a line: text json", in(enum(LogText, LogJSON), func(c *Config) *LogFormat { return &c.Log.Format })},
	{"log.queries", "one query in so many is logged: 1 is all, 0 none", in(whole[int](0, 1_000_000), func(c *Config) *int { return &c.Log.Queries })},
	{"dnstap.socket", `reader of dnstap (Frame Streams): a unix socket, or "ADDR:PORT" for TCP; "" is off`, in(tapReader, func(c *Config) *string { return &c.Dnstap.Socket })},
	{"dnstap.identity", "who tells; empty: the name of the host", in(word, func(c *Config) *string { return &c.Dnstap.Identity })},
	{"dnstap.client", "tell of queries of clients and the replies", in(truth, func(c *Config) *bool { return &c.Dnstap.Client })},
	{"dnstap.resolver", "tell of queries to servers and forwarders and the replies", in(truth, func(c *Config) *bool { return &c.Dnstap.Resolver })},
	{"root.hints", "file of root servers in named.root form; built in when empty", in(file, func(c *Config) *string { return &c.Root.Hints })},
	{"root.trust-anchors", "file of DS or DNSKEY records of any zone; built in when empty", in(file, func(c *Config) *string { return &c.Root.TrustAnchors })},
	{"server.workers", "readers of the listening sockets; 0: one per core", in(whole[int](0, 1024), func(c *Config) *int { return &c.Server.Workers })},
	{"server.identity", `what id.server and hostname.bind tell in the CHAOS class; "" is nothing`, in(word, func(c *Config) *string { return &c.Server.Identity })},
	{"server.version", `what version.bind and version.server tell; "" is nothing`, in(word, func(c *Config) *string { return &c.Server.Version })},
	{"server.nsid", `what is told to who asks for the name of this server (RFC 5001); "" is nothing`, in(word, func(c *Config) *string { return &c.Server.NSID })},
	{"server.cookies", "DNS cookies, against forged addresses (RFC 7873)", in(truth, func(c *Config) *bool { return &c.Server.Cookies })},
	{"server.cookie-secret", `32 hex digits, the same on all servers of one address; "": a random one at each start`, in(secret, func(c *Config) *string { return &c.Server.CookieSecret })},
	{"cache.size", "of all that is known; or 40% of the memory limit of the cgroup where that is less", in(size, func(c *Config) *Bytes { return &c.Cache.Size })},
	{"cache.min-ttl", "no answer is kept for less, whatever its TTL", in(ttl, func(c *Config) *time.Duration { return &c.Cache.MinTTL })},
	{"cache.max-ttl", "no answer is kept for longer", in(ttl, func(c *Config) *time.Duration { return &c.Cache.MaxTTL })},
	{"cache.min-negative-ttl", "the least for what does not exist", in(ttl, func(c *Config) *time.Duration { return &c.Cache.MinNegativeTTL })},
	{"cache.max-negative-ttl", "the most for what does not exist", in(ttl, func(c *Config) *time.Duration { return &c.Cache.MaxNegativeTTL })},
	{"cache.prefetch", "renew popular answers before they run out", in(truth, func(c *Config) *bool { return &c.Cache.Prefetch })},
	{"cache.snapshot", "file that carries the cache over a restart; empty: in $STATE_DIRECTORY if that is set, else off", in(file, func(c *Config) *string { return &c.Cache.Snapshot })},
	{"stale.enabled", "answer with what has run out while the servers of a zone are silent (RFC 8767)", in(truth, func(c *Config) *bool { return &c.Stale.Enabled })},
	{"stale.max-age", "so long after it has run out; 0 is no limit", in(duration, func(c *Config) *time.Duration { return &c.Stale.MaxAge })},
	{"stale.answer-ttl", "the TTL of such an answer", in(ttl, func(c *Config) *time.Duration { return &c.Stale.AnswerTTL })},
	{"stale.client-timeout", "so long a client waits for a fresh one; 0: answer stale at once, refresh behind", in(duration, func(c *Config) *time.Duration { return &c.Stale.ClientTimeout })},
	{"resolver.qname-minimisation", "show each server no more of a name than it needs (RFC 9156)", in(truth, func(c *Config) *bool { return &c.Resolver.QNAMEMinimisation })},
	{"resolver.max-aliases", "links of CNAME and DNAME that are followed", in(whole[int](0, 255), func(c *Config) *int { return &c.Resolver.MaxAliases })},
	{"resolver.minimal-responses", "leave out name servers and addresses that nobody asked for", in(truth, func(c *Config) *bool { return &c.Resolver.MinimalResponses })},
	{"upstream.ipv4", "ask servers over IPv4", in(truth, func(c *Config) *bool { return &c.Upstream.IPv4 })},
	{"upstream.ipv6", "ask servers over IPv6", in(truth, func(c *Config) *bool { return &c.Upstream.IPv6 })},
	{"upstream.port", "of the authoritative servers; for private hierarchies on high ports", in(whole[uint16](1, 65535), func(c *Config) *uint16 { return &c.Upstream.Port })},
	{"upstream.refuse", "addresses that are never asked, whatever a delegation says; beside a fixed list", in(listOf(prefix), func(c *Config) *[]netip.Prefix { return &c.Upstream.Refuse })},
	{"upstream.case-randomisation", "questions in random letter case, against forged replies", in(truth, func(c *Config) *bool { return &c.Upstream.CaseRandomisation })},
	{"upstream.timeout", "of the first try with a server that is not measured yet", in(positive, func(c *Config) *time.Duration { return &c.Upstream.Timeout })},
	{"dnssec.validate", "check signatures; what is bogus becomes SERVFAIL with the reason", in(truth, func(c *Config) *bool { return &c.DNSSEC.Validate })},
	{"dnssec.aggressive-nsec", "answer with what signed zones have proved for other names (RFC 8198)", in(truth, func(c *Config) *bool { return &c.DNSSEC.AggressiveNSEC })},
	{"dnssec.negative-trust-anchors", "zones that are not validated: names, or {name: ..., until: RFC 3339}", in(listOf(negativeTrustAnchor), func(c *Config) *[]NegativeTrustAnchor { return &c.DNSSEC.NegativeTrustAnchors })},
	{"dnssec.trust-anchor-state", "RFC 5011 state file; empty: in $STATE_DIRECTORY if that is set, else none", in(file, func(c *Config) *string { return &c.DNSSEC.TrustAnchorState })},
	{"dnssec.sha1", "check signatures with SHA-1; otherwise a zone that has no others is insecure (RFC 9905)", in(truth, func(c *Config) *bool { return &c.DNSSEC.SHA1 })},
	{"dnssec.nsec3-iterations", "a zone with more of them is insecure (RFC 9276)", in(whole[int](0, 65535), func(c *Config) *int { return &c.DNSSEC.NSEC3Iterations })},
	{"dnssec.validation-time", "RFC 3339: judge signatures as of this time, for replays and forensics", in(orEmpty(date, parseTime), func(c *Config) *time.Time { return &c.DNSSEC.ValidationTime })},
	{"zones", "names that others answer; forward: recursive servers; stub: authoritative servers", in(zones, func(c *Config) *[]Zone { return &c.Zones })},
	{"limits.mode", "at a limit enforce stops, and record counts and goes on", in(enum(LimitsEnforce, LimitsRecord), func(c *Config) *LimitMode { return &c.Limits.Mode })},
	{"control.socket", "unix socket for rootwalk ctl; empty: $RUNTIME_DIRECTORY/control if that is set, else off", in(socket, func(c *Config) *string { return &c.Control.Socket })},
	{"ede", "tell clients the reason of a failure (RFC 8914)", in(truth, func(c *Config) *bool { return &c.EDE })},
}

// lookup is the key of a dotted name.
func lookup(name string) (key, bool) {
	if i := slices.IndexFunc(keys, func(k key) bool { return k.name == name }); i >= 0 {
		return keys[i], true
	}
	return key{}, false
}

// names is what may stand in a section; "" is the top, where sections stand too.
func names(section string) []string {
	var all []string
	for _, k := range keys {
		first, rest, _ := strings.Cut(k.name, ".")
		if section == "" {
			all = append(all, first)
		} else if first == section {
			all = append(all, rest)
		}
	}
	return slices.Compact(all)
}

// slot is the place of one key's value in one Config.
type slot interface {
	// read stores the value of a node, or reports what is wrong with it and is false.
	read(n *node, at place) bool
	// print is the value as YAML.
	print() string
	// describe is the value as a JSON schema.
	describe() schema
	// copy takes over the value of the same key in another Config.
	copy(slot)
}

// form is how the values of one type are read and printed. The type does not settle that alone: a path and a domain name
// are both strings.
type form[T any] struct {
	accepts string // follows "accepted: " in errors
	read    func(n *node, at place) (T, bool)
	print   func(T) string
	schema  schema
}

type formed[T any] struct {
	value *T
	form  form[T]
}

func (f formed[T]) read(n *node, at place) bool {
	value, ok := f.form.read(n, at)
	if ok {
		*f.value = value
	}
	return ok
}

func (f formed[T]) print() string { return f.form.print(*f.value) }

func (f formed[T]) describe() schema { return f.form.schema }

// in binds a form to a field.
func in[T any](f form[T], field func(*Config) *T) func(*Config) slot {
	return func(c *Config) slot { return formed[T]{field(c), f} }
}

// The forms of single values.
var (
	truth = scalar("true or false", strconv.FormatBool, func(s string) (bool, error) {
		if s != "true" && s != "false" {
			return false, fmt.Errorf("%s is not a boolean", shown(s))
		}
		return s == "true", nil
	}, boolean)
	file       = scalar(`the name of a file, or ""`, quoted, parsePath, text)
	socket     = scalar(`the name of a unix socket, or ""`, quoted, parseSocket, text)
	tapReader  = scalar(`the path of a unix socket such as "/run/dnstap.sock", "V4:PORT" or "[V6]:PORT", or ""`, quoted, parseTapReader, text)
	word       = scalar(`up to 200 printable ASCII characters, or ""`, quoted, parseWord, text)
	secret     = scalar(`32 hex digits, or ""`, quoted, parseSecret, text)
	name       = scalar(`a domain name such as "example.org."`, quoted, parseName, text)
	prefix     = scalar(`a prefix or an address such as "192.0.2.0/24" or "2001:db8::1"`, printed(netip.Prefix.String), parsePrefix, text)
	accessRule = scalar(`a prefix and allow, refuse or deny, such as "192.0.2.0/24 refuse"`, printed(AccessRule.String), parseAccessRule, text)
	listen     = scalar(`"V4:PORT" or "[V6]:PORT"`, quoted, parseListen, text)
	server     = scalar(`"ADDR", "V4:PORT" or "[V6]:PORT"`, printed(serverText), parseServer, text)
	date       = scalar(`a date such as "2026-01-31T12:00:00Z"`, printed(timeText), parseTime, text)
	duration   = scalar(`a duration such as 500ms, 30s, 5m or 24h, or 0`, durationText, parseDuration, text, integer).shaped("pattern", durationPattern)
	positive   = duration.that("a duration above 0, such as 376ms", func(d time.Duration) error {
		if d == 0 {
			return fmt.Errorf("0 is too short")
		}
		return nil
	})
	ttl = duration.that("a duration in whole seconds such as 30s, 5m or 24h, or 0", func(d time.Duration) error {
		if d%time.Second != 0 {
			return fmt.Errorf("%s is not a whole number of seconds", durationText(d))
		}
		if d > maxTTL {
			return fmt.Errorf("%s is longer than a TTL can be", durationText(d))
		}
		return nil
	})
	size = scalar("bytes, or a whole number of KiB, MiB or GiB such as 256MiB", Bytes.String, parseBytes, text, integer).shaped("pattern", sizePattern).
		that(fmt.Sprintf("at least %v", Bytes(minCacheSize)), func(b Bytes) error {
			if b < minCacheSize {
				return fmt.Errorf("%v is too small", b)
			}
			return nil
		}).shaped("description", fmt.Sprintf("accepted: bytes, or a whole number of KiB, MiB or GiB such as 256MiB, at least %v", Bytes(minCacheSize)))
)

// maxTTL is the longest TTL there is (RFC 2181 section 8).
const maxTTL = (1<<31 - 1) * time.Second

// minCacheSize is room for one message of the largest size.
const minCacheSize = 64 << 10

// scalar is a form of a single value, written as one of some kinds.
func scalar[T any](accepts string, print func(T) string, parse func(string) (T, error), kinds ...kind) form[T] {
	return form[T]{accepts, func(n *node, at place) (value T, ok bool) {
		if n.kind != untyped && !slices.Contains(kinds, n.kind) {
			at.wrong(n.line, n.describe(), "accepted: "+accepts)
			return value, false
		}
		value, err := parse(n.text)
		if err != nil {
			at.wrong(n.line, err.Error(), "accepted: "+accepts)
			return value, false
		}
		return value, true
	}, print, scalarSchema(accepts, kinds)}
}

// that narrows a form to the values that pass a check.
func (f form[T]) that(accepts string, check func(T) error) form[T] {
	return form[T]{accepts, func(n *node, at place) (T, bool) {
		value, ok := f.read(n, at)
		if !ok {
			return value, false
		}
		if err := check(value); err != nil {
			at.wrong(n.line, err.Error(), "accepted: "+accepts)
			return value, false
		}
		return value, true
	}, f.print, f.schema.with("description", "accepted: "+accepts)}
}

// shaped gives a form a part of a schema that its kinds do not tell.
func (f form[T]) shaped(part string, value any) form[T] {
	f.schema = f.schema.with(part, value)
	return f
}

// orEmpty is a form of texts whose zero value is written "".
func orEmpty[T any](f form[T], parse func(string) (T, error)) form[T] {
	return scalar(f.accepts+`, or ""`, f.print, func(s string) (value T, err error) {
		if s == "" {
			return value, nil
		}
		return parse(s)
	}, text)
}

// whole is a form of whole numbers within bounds.
func whole[T int | uint16](least, most T) form[T] {
	accepts := fmt.Sprintf("a whole number from %d to %d", least, most)
	return scalar(accepts, func(v T) string { return fmt.Sprint(v) }, func(s string) (T, error) {
		n, err := strconv.ParseInt(s, 10, 64)
		switch {
		case !isDigits(strings.TrimPrefix(s, "-")):
			return 0, fmt.Errorf("%s is not a whole number", shown(s))
		case err != nil || n < int64(least) || n > int64(most):
			return 0, fmt.Errorf("%s is out of range", clipped(s))
		}
		return T(n), nil
	}, integer).shaped("minimum", least).shaped("maximum", most)
}

// enum is a form of a few words.
func enum[T ~string](words ...T) form[T] {
	var all []string
	for _, w := range words {
		all = append(all, string(w))
	}
	accepts := strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
	return scalar(accepts, func(w T) string { return string(w) }, func(s string) (T, error) {
		if !slices.Contains(all, s) {
			return "", fmt.Errorf("%s is unknown", shown(s))
		}
		return T(s), nil
	}, text).shaped("enum", all)
}

// quoted is a text in double quotes, as YAML and JSON both read it. Texts are printable, so two escapes suffice.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// printed is a printer that quotes the text of a value.
func printed[T any](text func(T) string) func(T) string {
	return func(v T) string { return quoted(text(v)) }
}
