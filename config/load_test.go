package config

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// problems is what is wrong with a text, a line each.
func problems(text string) string {
	_, err := Parse("f", []byte(text))
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestWrongConfigurationsNameLineAndKey(t *testing.T) {
	const (
		address = `; accepted: "V4:PORT" or "[V6]:PORT"`
		server  = `; accepted: "ADDR", "V4:PORT" or "[V6]:PORT"`
		prefix  = `; accepted: a prefix or an address such as "192.0.2.0/24" or "2001:db8::1"`
		name    = `; accepted: a domain name such as "example.org."`
		several = `; accepted: a list of one or more different addresses, each item "V4:PORT" or "[V6]:PORT"`
		syntax  = `; accepted: one document of YAML or JSON; in YAML a text with brackets or colons stands in quotes`
	)
	for _, test := range []struct{ text, want string }{
		// keys
		{"cache:\n  sise: 1GiB", `f:2: cache.sise: unknown key; did you mean cache.size?`},
		{"cache:\n  max_ttl: 1h", `f:2: cache.max_ttl: unknown key; did you mean cache.max-ttl?`},
		{"resolver:\n  qname-minimization: true", `f:2: resolver.qname-minimization: unknown key; did you mean resolver.qname-minimisation?`},
		{"log:\n  colour: red", `f:2: log.colour: unknown key; accepted: level, format, queries`},
		{"cahce:\n  size: 1GiB", `f:1: cahce: unknown key; did you mean cache?`},
		{"prefetch: true", `f:1: prefetch: unknown key; did you mean cache.prefetch?`},
		{"log:\n  ede: true", `f:2: log.ede: unknown key; did you mean ede?`},
		{"cache.size: 1GiB", `f:1: cache.size: unknown key; write size: within cache:`},
		{"log: {<<: {level: info}}", `f:1: log.<<: unknown key; accepted: level, format, queries`},
		{"log: {\"a\\nb\": 1}", `f:1: log.a\nb: unknown key; accepted: level, format, queries`},
		{"ede: true\nlog: {}\nede: false", `f:3: ede: given twice, first on line 1; accepted: each key once`},
		{"log:\n  level: info\nede: true\nlog:\n  level: warn", `f:4: log: given twice, first on line 1; accepted: each key once`},
		{"log:\n  level: info\n  level: warn", `f:3: log.level: given twice, first on line 2; accepted: each key once`},
		{"log: loud", `f:1: log: "loud" is a string; accepted: a mapping with the keys level, format, queries`},
		{"- a", `f:1: the value is a list; accepted: a mapping with the keys listen, access, metrics, log, dnstap, root, server, cache, ` +
			`stale, resolver, upstream, dnssec, zones, limits, control, ede`},
		// syntax
		{"ede: true\nlisten: [[::1]:53]", `f:2: not YAML: ',' or ']' must be specified` + syntax},
		{"ede: true\n---\nede: true", `f:3: a second document` + syntax},
		{"ede: true\n#\xff", `f:2: the text is not UTF-8` + syntax},
		{strings.Repeat("[", 101), `f:1: brackets are nested too deeply` + syntax},
		{strings.Repeat(" ", maxFileSize+1), `f:1: the configuration is too large; accepted: at most 256KiB`},
		{"ede: &a true", `f:1: ede: an anchor (&) is not supported; accepted: true or false`},
		{"ede: *a", `f:1: ede: an alias (*) is not supported; accepted: true or false`},
		// addresses to listen on
		{`listen: ["tls://127.0.0.1:853"]`, `f:1: listen[0]: "tls://127.0.0.1:853": the scheme tls:// is reserved; not supported by this version` + address},
		{`listen: ["https://[::1]:443"]`, `f:1: listen[0]: "https://[::1]:443": the scheme https:// is reserved; not supported by this version` + address},
		{`metrics: {listen: "quic://[::1]:853"}`, `f:1: metrics.listen: "quic://[::1]:853": the scheme quic:// is reserved; not supported by this version` + address + `, or ""`},
		{`listen: ["udp://127.0.0.1:53"]`, `f:1: listen[0]: "udp://127.0.0.1:53": unknown scheme` + address},
		{"listen:\n- 127.0.0.1:53\n- 127.0.0.1", `f:3: listen[1]: "127.0.0.1" has no port, write 127.0.0.1:53` + address},
		{`listen: ["::1"]`, `f:1: listen[0]: "::1" has no port, write [::1]:53` + address},
		{`listen: ["::1:53x"]`, `f:1: listen[0]: "::1:53x" is not an address` + address},
		{`listen: ["127.0.0.1:65536"]`, `f:1: listen[0]: port 65536 is out of range` + address},
		{`listen: ["127.0.0.1:dns"]`, `f:1: listen[0]: "dns" is not a port` + address},
		{`listen: ["localhost:53"]`, `f:1: listen[0]: "localhost" is not an address` + address},
		{`listen: ["[127.0.0.1]:53"]`, `f:1: listen[0]: "[127.0.0.1]:53": an IPv6 address, and no other, stands in brackets` + address},
		{`listen: [53]`, `f:1: listen[0]: 53 is a number` + address},
		{`listen: []`, `f:1: listen: there is no address to listen on` + several},
		{`listen: ["[::1]:53", "[0::1]:53"]`, `f:1: listen: "[::1]:53" is given twice` + several},
		// prefixes
		{"access:\n  allow:\n  - 10.0.0.0/8\n  - 10.0.0.0/33", `f:4: access.allow[1]: "10.0.0.0/33" is not a prefix` + prefix},
		{"access: {allow: [10.0.0]}", `f:1: access.allow[0]: "10.0.0" is not a prefix` + prefix},
		{`access: {allow: ["fe80::1%eth0"]}`, `f:1: access.allow[0]: "fe80::1%eth0" is not a prefix` + prefix},
		// names
		{"access: {rules: [10.0.0.0/8]}", `f:1: access.rules[0]: "10.0.0.0/8" is not a rule; accepted: a prefix and allow, refuse or deny, such as "192.0.2.0/24 refuse"`},
		{"access: {rules: [10.0.0.0/8 drop]}", `f:1: access.rules[0]: "drop" is unknown; accepted: a prefix and allow, refuse or deny, such as "192.0.2.0/24 refuse"`},
		{"access: {private-domains: [a..b]}", `f:1: access.private-domains[0]: "a..b" is not a domain name: a label is empty` + name},
		{`access: {private-domains: [""]}`, `f:1: access.private-domains[0]: "" is not a domain name: it is empty` + name},
		{`access: {private-domains: ["*.example"]}`, `f:1: access.private-domains[0]: "*.example" is not a domain name: a name covers all names below it, without a wildcard` + name},
		{`access: {private-domains: ["bücher.example"]}`, `f:1: access.private-domains[0]: "bücher.example" is not a domain name: it is not ASCII, write the A-label (xn--)` + name},
		{`access: {private-domains: ["a b"]}`, `f:1: access.private-domains[0]: "a b" is not a domain name: it holds a space or a control character` + name},
		{`access: {private-domains: ["a\\256"]}`, `f:1: access.private-domains[0]: "a\\256" is not a domain name: an escape is \DDD or \ and one character` + name},
		// sizes, durations
		{"cache: {size: -5MiB}", `f:1: cache.size: "-5MiB" is negative; accepted: bytes, or a whole number of KiB, MiB or GiB such as 256MiB`},
		{"cache: {size: -5}", `f:1: cache.size: "-5" is negative; accepted: bytes, or a whole number of KiB, MiB or GiB such as 256MiB`},
		{"cache: {size: 9999999999GiB}", `f:1: cache.size: "9999999999GiB" is too large; accepted: bytes, or a whole number of KiB, MiB or GiB such as 256MiB`},
		{"cache: {size: 0}", `f:1: cache.size: 0 is too small; accepted: at least 64KiB`},
		{"cache: {size: 0x100000}", `f:1: cache.size: 0x100000 is a number; accepted: bytes, or a whole number of KiB, MiB or GiB such as 256MiB`},
		{"upstream: {port: 053}", `f:1: upstream.port: 053 is a number; accepted: a whole number from 1 to 65535`},
		{"upstream: {port: 0}", `f:1: upstream.port: 0 is out of range; accepted: a whole number from 1 to 65535`},
		{"upstream: {timeout: 376}", `f:1: upstream.timeout: "376" has no unit, write 376s; accepted: a duration such as 500ms, 30s, 5m or 24h, or 0`},
		// keys that must agree
		{"cache:\n  max-ttl: 1m\n  min-ttl: 2m", `f:3: cache.min-ttl: 2m is more than cache.max-ttl; accepted: at most 1m`},
		{"cache:\n  min-ttl: 25h", `f:2: cache.min-ttl: 25h is more than cache.max-ttl; accepted: at most 24h`},
		{"cache:\n  min-negative-ttl: 2h", `f:2: cache.min-negative-ttl: 2h is more than cache.max-negative-ttl; accepted: at most 1h`},
		{"upstream:\n  ipv6: false\n  ipv4: false", `f:3: upstream.ipv4: no server can be asked with ipv4 and ipv6 both false; accepted: true for at least one`},
		// negative trust anchors
		{"dnssec:\n  negative-trust-anchors:\n  - {name: a, until: tomorrow}", `f:3: dnssec.negative-trust-anchors[0].until: "tomorrow" is not an RFC 3339 date; accepted: a date such as "2026-01-31T12:00:00Z"`},
		{"dnssec:\n  negative-trust-anchors:\n  - {until: \"2026-01-31T12:00:00Z\"}", `f:3: dnssec.negative-trust-anchors[0].name: missing` + name},
		{"dnssec: {negative-trust-anchors: [5]}", `f:1: dnssec.negative-trust-anchors[0]: 5 is a number` + name},
		{"dnssec: {validation-time: \"1969-12-31T23:59:59Z\"}", `f:1: dnssec.validation-time: "1969-12-31T23:59:59Z" is outside the years 1970 to 2105; accepted: a date such as "2026-01-31T12:00:00Z", or ""`},
		// zones
		{"zones:\n- {name: a, type: secondary, servers: [192.0.2.1]}", `f:2: zones[0].type: "secondary" is unknown; accepted: forward or stub`},
		{"zones:\n- {name: a, type: stub, servers: []}", `f:2: zones[0].servers: there is no server; accepted: a list of one or more, each item "ADDR", "V4:PORT" or "[V6]:PORT"`},
		{"zones:\n- {name: a, type: stub}", `f:2: zones[0].servers: missing; accepted: a list of one or more, each item "ADDR", "V4:PORT" or "[V6]:PORT"`},
		{"zones:\n- {name: a, type: stub, servers: [192.0.2.1], fallback: true}", `f:2: zones[0].fallback: unknown key; did you mean zones[0].fall-back?`},
		{"zones:\n- name: a\n  type: stub\n  servers:\n  - 192.0.2.1\n  - 192.0.2.1:0", `f:6: zones[0].servers[1]: "192.0.2.1:0": port 0 cannot be asked` + server},
		{"zones: [{name: a, type: stub, servers: [ns.example]}]", `f:1: zones[0].servers[0]: "ns.example" is not an address` + server},
		{"zones: [{name: a, type: stub, servers: [0.0.0.0]}]", `f:1: zones[0].servers[0]: "0.0.0.0" is not the address of one host` + server},
		{"zones: [{name: a, type: stub, servers: [\"192.0.2.1\"]}, {name: A., type: forward, servers: [\"192.0.2.1\"]}]", `f:1: zones: "a." is given twice; accepted: each zone once`},
		{"zones: [a]", `f:1: zones[0]: "a" is a string; accepted: a mapping with the keys name, type, servers, fall-back`},
		// all at once, by line
		{"ede: 1\nlog:\n  level: loud\nfoo: 1\nlimits: {mode: 1}", "f:1: ede: 1 is a number; accepted: true or false\n" +
			`f:3: log.level: "loud" is unknown; accepted: debug, info, warn or error` + "\n" +
			"f:4: foo: unknown key; accepted: listen, access, metrics, log, dnstap, root, server, cache, stale, resolver, upstream, dnssec, zones, limits, control, ede\n" +
			"f:5: limits.mode: 1 is a number; accepted: enforce or record"},
	} {
		if got := problems(test.text); got != test.want {
			t.Errorf("%.200q\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

func TestLongLabelsAndNamesAreNoNames(t *testing.T) {
	label := strings.Repeat("a", 63)
	longest := strings.Repeat(label+".", 3) + strings.Repeat("a", 61) + "."
	for _, good := range []string{label, longest, "."} {
		if _, err := parseName(good); err != nil {
			t.Error(err)
		}
	}
	for _, wrong := range []string{label + "a", longest[:len(longest)-1] + "a", longest + "a"} {
		if got, err := parseName(wrong); err == nil {
			t.Errorf("%d octets are the name %s", len(wrong), got)
		}
	}
}

func TestNamesAreCanonical(t *testing.T) {
	for text, want := range map[string]string{
		"Example.ORG":     "example.org.",
		`a\.b.example.`:   `a\.b.example.`,
		`\065\b.example`:  "ab.example.",
		`\000\@\032.x`:    `\000\@\ .x.`,
		`_dns.a/b.x`:      "_dns.a/b.x.",
		`xn--bcher-kva.x`: "xn--bcher-kva.x.",
	} {
		got, err := parseName(text)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", text, got, err, want)
		}
		if again, err := parseName(got); again != got {
			t.Errorf("%s read again: %s, %v", got, again, err)
		}
	}
}

func TestAnEmptyFileIsTheDefaults(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "cache:\nlog:\n  # level: debug\n", "{}", "\ufeff", "null", "---\n...\n"} {
		c, err := Parse("f", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if !reflect.DeepEqual(c, Default()) {
			t.Errorf("%q is not the defaults:\n%s", text, c.YAML())
		}
	}
}

func TestJSONIsReadLikeYAML(t *testing.T) {
	want, err := Parse("f", []byte("listen: [\"[::1]:53\"]\nroot:\n  hints: \"a/b: # é\"\ncache:\n  size: 1048576\n  prefetch: false\nzones:\n"+
		"- {name: x, type: stub, servers: [192.0.2.1], fall-back: true}\n"))
	if err != nil {
		t.Fatal(err)
	}
	document := map[string]any{
		"listen": []string{"[::1]:53"},
		"root":   map[string]any{"hints": "a/b: # é"},
		"cache":  map[string]any{"size": 1 << 20, "prefetch": false},
		"zones":  []any{map[string]any{"name": "x", "type": "stub", "servers": []string{"192.0.2.1"}, "fall-back": true}},
	}
	for _, indent := range []string{"", " ", "    ", "\t"} {
		text, err := json.MarshalIndent(document, "", indent)
		if err != nil {
			t.Fatal(err)
		}
		if indent == "" {
			text, _ = json.Marshal(document)
		}
		got, err := Parse("f", text)
		if err != nil {
			t.Errorf("indent %q: %v", indent, err)
			continue
		}
		if got.YAML() != want.YAML() {
			t.Errorf("indent %q:\n%s", indent, got.YAML())
		}
	}
	if got := problems("{\t\"ede\"\t:\ttrue\t}"); got != "" {
		t.Errorf("JSON with tabs between its tokens: %s", got)
	}
	if got := problems("{\n\t\"log\": {\n\t\t\"level\": \"\\u006c\\/\"\n\t}\n}"); got != `f:3: log.level: "l/" is unknown; accepted: debug, info, warn or error` {
		t.Error(got)
	}
}

func TestValuesOfTheFileReachTheirFields(t *testing.T) {
	c, err := Parse("f", []byte(`
stale: {client-timeout: 0, max-age: 0}
dnssec:
  validation-time: "2026-01-31T12:00:00.5+02:00"
zones:
  - {name: example.org., type: forward, servers: ["192.0.2.1", "::ffff:192.0.2.2", "[2001:db8::1]:5353"], fall-back: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Stale.ClientTimeout != 0 || c.Stale.MaxAge != 0 || c.Stale.AnswerTTL != 30*time.Second {
		t.Errorf("stale: %+v", c.Stale)
	}
	if want := time.Date(2026, 1, 31, 10, 0, 0, 5e8, time.UTC); !c.DNSSEC.ValidationTime.Equal(want) {
		t.Errorf("validation time %v, want %v", c.DNSSEC.ValidationTime, want)
	}
	z := c.Zones[0]
	if z.Name != "example.org." || z.Type != ZoneForward || !z.FallBack {
		t.Errorf("zone %+v", z)
	}
	var servers []string
	for _, s := range z.Servers {
		servers = append(servers, s.String())
	}
	if got := strings.Join(servers, " "); got != "192.0.2.1:53 192.0.2.2:53 [2001:db8::1]:5353" {
		t.Errorf("servers %s", got)
	}
}

func TestAFreePortMayBeAskedForTwice(t *testing.T) {
	if got := problems(`listen: ["127.0.0.1:0", "127.0.0.1:0"]`); got != "" {
		t.Error(got)
	}
}

func TestProblemsAreInTheOrderOfLines(t *testing.T) {
	// That a part is missing is known after its neighbours have been read, and is blamed on the first line.
	got := problems("zones:\n- name: a\n  servers:\n  - 192.0.2.1:0\n")
	first, second, _ := strings.Cut(got, "\n")
	if !strings.HasPrefix(first, "f:2: zones[0].type: missing") || !strings.HasPrefix(second, "f:4: zones[0].servers[0]: ") {
		t.Error(got)
	}
}

func TestProblemsCanBeTakenFromAnError(t *testing.T) {
	_, err := Parse("f", []byte("\nede: 1"))
	problem := (*Problem)(nil)
	if !errors.As(err, &problem) || problem.Line != 2 || problem.Key != "ede" {
		t.Errorf("%v: %+v", err, problem)
	}
}

func TestLoadReadsTheFileThatIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rootwalk.yaml")
	if _, err := Load(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte("ede: false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil || c.EDE || !c.IsSet("ede") || c.IsSet("listen") {
		t.Errorf("%v, %+v", err, c)
	}
	if err := os.WriteFile(path, []byte("ede: 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || err.Error() != path+":1: ede: 0 is a number; accepted: true or false" {
		t.Error(err)
	}
}
