package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// keyTest is what a key must do: print its default, take a good value and print it in canonical form, and refuse a wrong
// one with an exact error behind "test.yaml:LINE: KEY: ".
type keyTest struct {
	key, fallback   string
	good, canonical string // canonical "" is good itself
	wrong, because  string
}

// keyTests has a line for every key of the configuration, in order.
var keyTests = []keyTest{
	{"listen", `["127.0.0.1:53", "[::1]:53"]`, `["0.0.0.0:5300", "[0:0::1]:0"]`, `["0.0.0.0:5300", "[::1]:0"]`,
		`127.0.0.1:53`, `"127.0.0.1:53" is a string; accepted: a list, each item "V4:PORT" or "[V6]:PORT"`},
	{"access.allow", `["127.0.0.0/8", "::1/128"]`, `[192.0.2.7, "2001:db8::/32"]`, `["192.0.2.7/32", "2001:db8::/32"]`,
		`"10.0.0.0/8"`, `"10.0.0.0/8" is a string; accepted: a list, each item a prefix or an address such as "192.0.2.0/24" or "2001:db8::1"`},
	{"access.rules", `[]`, `["10.1.2.3/8 deny", "2001:db8::1 refuse", "127.0.0.0/8  allow_snoop"]`, `["10.0.0.0/8 deny", "2001:db8::1/128 refuse", "127.0.0.0/8 allow"]`,
		`"10.0.0.0/8 deny"`, `"10.0.0.0/8 deny" is a string; accepted: a list, each item a prefix and allow, refuse or deny, such as "192.0.2.0/24 refuse"`},
	{"access.private-addresses", `[]`, `["10.1.2.3/8", "::ffff:192.168.0.0/112"]`, `["10.0.0.0/8", "192.168.0.0/16"]`,
		`true`, `true is a boolean; accepted: a list, each item a prefix or an address such as "192.0.2.0/24" or "2001:db8::1"`},
	{"access.private-domains", `[]`, `[Corp.example, "."]`, `["corp.example.", "."]`,
		`{a: b}`, `the value is a mapping; accepted: a list, each item a domain name such as "example.org."`},
	{"metrics.listen", `"127.0.0.1:9153"`, `""`, ``,
		`":9153"`, `":9153" has no address, all addresses are 0.0.0.0 and [::]; accepted: "V4:PORT" or "[V6]:PORT", or ""`},
	{"log.level", `info`, `debug`, ``,
		`loud`, `"loud" is unknown; accepted: debug, info, warn or error`},
	{"log.format", `text`, `json`, ``,
		`xml`, `"xml" is unknown; accepted: text or json`},
	{"log.queries", `0`, `100`, ``,
		`-1`, `-1 is out of range; accepted: a whole number from 0 to 1000000`},
	{"dnstap.socket", `""`, `"/run/dnstap.sock"`, ``,
		`127.0.0.1`, `"127.0.0.1" has no port, write 127.0.0.1:53; accepted: the path of a unix socket such as "/run/dnstap.sock", "V4:PORT" or "[V6]:PORT", or ""`},
	{"dnstap.identity", `""`, `"ns1"`, ``,
		`7`, `7 is a number; accepted: up to 200 printable ASCII characters, or ""`},
	{"dnstap.client", `true`, `false`, ``,
		`1`, `1 is a number; accepted: true or false`},
	{"dnstap.resolver", `true`, `false`, ``,
		`"no"`, `"no" is a string; accepted: true or false`},
	{"root.hints", `""`, `"/etc/named.root"`, ``,
		`5`, `5 is a number; accepted: the name of a file, or ""`},
	{"root.trust-anchors", `""`, `"a \"b\" \\ c"`, ``,
		`"a\nb"`, `"a\nb" holds a character that cannot be printed; accepted: the name of a file, or ""`},
	{"server.workers", `0`, `4`, ``,
		`-1`, `-1 is out of range; accepted: a whole number from 0 to 1024`},
	{"server.identity", `""`, `"ns1.example"`, ``,
		`"a\nb"`, `"a\nb" holds a character that is not printable ASCII; accepted: up to 200 printable ASCII characters, or ""`},
	{"server.version", `"rootwalk"`, `""`, ``,
		`7`, `7 is a number; accepted: up to 200 printable ASCII characters, or ""`},
	{"server.nsid", `""`, `"a1"`, ``,
		`[a]`, `the value is a list; accepted: up to 200 printable ASCII characters, or ""`},
	{"server.cookies", `true`, `false`, ``,
		`maybe`, `"maybe" is a string; accepted: true or false`},
	{"server.cookie-secret", `""`, `"000102030405060708090a0b0c0d0e0f"`, ``,
		`"0011"`, `the value is not 32 hex digits; accepted: 32 hex digits, or ""`},
	{"cache.size", `256MiB`, `1073741824`, `1GiB`,
		`256MB`, `"256MB" is not a size; accepted: bytes, or a whole number of KiB, MiB or GiB such as 256MiB`},
	{"cache.min-ttl", `0s`, `90s`, `1m30s`,
		`-1s`, `"-1s" is negative; accepted: a duration such as 500ms, 30s, 5m or 24h, or 0`},
	{"cache.max-ttl", `24h`, `10m`, ``,
		`1500ms`, `1.5s is not a whole number of seconds; accepted: a duration in whole seconds such as 30s, 5m or 24h, or 0`},
	{"cache.min-negative-ttl", `0s`, `1m`, ``,
		`fast`, `"fast" is not a duration; accepted: a duration such as 500ms, 30s, 5m or 24h, or 0`},
	{"cache.max-negative-ttl", `1h`, `0`, `0s`,
		`3600`, `"3600" has no unit, write 3600s; accepted: a duration such as 500ms, 30s, 5m or 24h, or 0`},
	{"cache.prefetch", `true`, `false`, ``,
		`yes`, `"yes" is a string; accepted: true or false`},
	{"cache.snapshot", `""`, `"/var/lib/cache"`, ``,
		`[a]`, `the value is a list; accepted: the name of a file, or ""`},
	{"stale.enabled", `true`, `false`, ``,
		`1`, `1 is a number; accepted: true or false`},
	{"stale.max-age", `24h`, `0`, `0s`,
		`24`, `"24" has no unit, write 24s; accepted: a duration such as 500ms, 30s, 5m or 24h, or 0`},
	{"stale.answer-ttl", `30s`, `1s`, ``,
		`600000h`, `600000h is longer than a TTL can be; accepted: a duration in whole seconds such as 30s, 5m or 24h, or 0`},
	{"stale.client-timeout", `1.8s`, `250ms`, ``,
		`true`, `true is a boolean; accepted: a duration such as 500ms, 30s, 5m or 24h, or 0`},
	{"resolver.qname-minimisation", `true`, `false`, ``,
		``, `the value is missing; accepted: true or false`},
	{"resolver.max-aliases", `10`, `0`, ``,
		`256`, `256 is out of range; accepted: a whole number from 0 to 255`},
	{"resolver.minimal-responses", `true`, `false`, ``,
		`"false"`, `"false" is a string; accepted: true or false`},
	{"upstream.ipv4", `true`, `false`, ``,
		`no`, `"no" is a string; accepted: true or false`},
	{"upstream.ipv6", `true`, `false`, ``,
		`!!bool false`, `a tag (!) is not supported; accepted: true or false`},
	{"upstream.port", `53`, `5300`, ``,
		`65536`, `65536 is out of range; accepted: a whole number from 1 to 65535`},
	{"upstream.refuse", `["127.0.0.0/8", "::1/128", "0.0.0.0/8", "::/128"]`, `[]`, ``,
		`none`, `"none" is a string; accepted: a list, each item a prefix or an address such as "192.0.2.0/24" or "2001:db8::1"`},
	{"upstream.case-randomisation", `true`, `false`, ``,
		`off`, `"off" is a string; accepted: true or false`},
	{"upstream.timeout", `376ms`, `1s`, ``,
		`0s`, `0 is too short; accepted: a duration above 0, such as 376ms`},
	{"dnssec.validate", `true`, `false`, ``,
		`0`, `0 is a number; accepted: true or false`},
	{"dnssec.aggressive-nsec", `true`, `false`, ``,
		`[]`, `the value is a list; accepted: true or false`},
	{"dnssec.negative-trust-anchors", `[]`, `[a.example, {name: B.example., until: "2026-01-31T12:00:00+01:00"}]`,
		`["a.example.", {name: "b.example.", until: "2026-01-31T11:00:00Z"}]`,
		`a.example`, `"a.example" is a string; accepted: a list, each item a name, or {name: example.org., until: "2026-01-31T12:00:00Z"}`},
	{"dnssec.trust-anchor-state", `""`, `"state"`, ``,
		`1.5`, `1.5 is a number; accepted: the name of a file, or ""`},
	{"dnssec.sha1", `false`, `true`, ``,
		`weak`, `"weak" is a string; accepted: true or false`},
	{"dnssec.nsec3-iterations", `50`, `0`, ``,
		`"50"`, `"50" is a string; accepted: a whole number from 0 to 65535`},
	{"dnssec.validation-time", `""`, `2007-09-16T13:42:26Z`, `"2007-09-16T13:42:26Z"`,
		`2007-09-16`, `"2007-09-16" is not an RFC 3339 date; accepted: a date such as "2026-01-31T12:00:00Z", or ""`},
	{"zones", `[]`, `[{name: Example.org, type: stub, servers: [192.0.2.1, "192.0.2.2:5353", "[2001:db8::1]:53"]}]`,
		"\n" + `  - {name: "example.org.", type: stub, servers: ["192.0.2.1", "192.0.2.2:5353", "2001:db8::1"], fall-back: false}`,
		`example.org`, `"example.org" is a string; accepted: a list, each item a zone such as {name: example.org., type: forward, servers: ["192.0.2.1"], fall-back: false}`},
	{"limits.mode", `enforce`, `record`, ``,
		`off`, `"off" is unknown; accepted: enforce or record`},
	{"control.socket", `""`, `"/run/rootwalk/control"`, ``,
		strings.Repeat("s", 108), `"` + strings.Repeat("s", 80) + `..." is longer than 107 bytes; accepted: the name of a unix socket, or ""`},
	{"ede", `true`, `false`, ``,
		`maybe`, `"maybe" is a string; accepted: true or false`},
}

// document is a file that gives one key on a known line, with the key's value on the same line.
func document(key, value string) (text string, line int) {
	section, last, nested := strings.Cut(key, ".")
	if !nested {
		return fmt.Sprintf("# comment\n%s: %s\n", section, value), 2
	}
	return fmt.Sprintf("# comment\n%s:\n  %s: %s\n", section, last, value), 3
}

// printOf is the value of a key as it is printed.
func printOf(t *testing.T, c *Config, name string) string {
	t.Helper()
	k, ok := lookup(name)
	if !ok {
		t.Fatalf("no key %s", name)
	}
	return k.slot(c).print()
}

func TestEveryKeyHasItsDefault(t *testing.T) {
	c := defaults(0, false)
	for _, test := range keyTests {
		if got := printOf(t, c, test.key); got != test.fallback {
			t.Errorf("%s: default %s, want %s", test.key, got, test.fallback)
		}
		if c.IsSet(test.key) {
			t.Errorf("%s counts as set in the defaults", test.key)
		}
	}
}

func TestEveryKeyTakesAGoodValueAndChangesNothingElse(t *testing.T) {
	for _, test := range keyTests {
		text, _ := document(test.key, test.good)
		c, err := Parse("test.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", test.key, err)
			continue
		}
		want := test.canonical
		if want == "" {
			want = test.good
		}
		if got := printOf(t, c, test.key); got != want {
			t.Errorf("%s: %s is printed %s, want %s", test.key, test.good, got, want)
		}
		fresh := Default()
		for _, other := range keyTests {
			if c.IsSet(other.key) != (other.key == test.key) {
				t.Errorf("%s given: IsSet(%s) = %v", test.key, other.key, c.IsSet(other.key))
			}
			changed := !reflect.DeepEqual(tagged(c, other.key), tagged(fresh, other.key))
			if changed != (other.key == test.key) {
				t.Errorf("%s given: the field tagged %s changed: %v", test.key, other.key, changed)
			}
		}
	}
}

func TestEveryKeyRefusesAWrongValueWithFileLineAndKey(t *testing.T) {
	for _, test := range keyTests {
		text, line := document(test.key, test.wrong)
		_, err := Parse("test.yaml", []byte(text))
		want := fmt.Sprintf("test.yaml:%d: %s: %s", line, test.key, test.because)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %s\n got %v\nwant %s", test.key, test.wrong, err, want)
		}
	}
}

func TestTheKeysAreThoseOfTheInterfaceAndNoOthers(t *testing.T) {
	want := strings.Fields(`
		listen
		access.allow access.rules access.private-addresses access.private-domains
		metrics.listen
		log.level log.format log.queries
		dnstap.socket dnstap.identity dnstap.client dnstap.resolver
		root.hints root.trust-anchors
		server.workers server.identity server.version server.nsid server.cookies server.cookie-secret
		cache.size cache.min-ttl cache.max-ttl cache.min-negative-ttl cache.max-negative-ttl cache.prefetch cache.snapshot
		stale.enabled stale.max-age stale.answer-ttl stale.client-timeout
		resolver.qname-minimisation resolver.max-aliases resolver.minimal-responses
		upstream.ipv4 upstream.ipv6 upstream.port upstream.refuse upstream.case-randomisation upstream.timeout
		dnssec.validate dnssec.aggressive-nsec dnssec.negative-trust-anchors dnssec.trust-anchor-state dnssec.sha1
		dnssec.nsec3-iterations dnssec.validation-time
		zones
		limits.mode
		control.socket
		ede`)
	var table, tests []string
	for _, k := range keys {
		table = append(table, k.name)
	}
	for _, test := range keyTests {
		tests = append(tests, test.key)
	}
	if !slices.Equal(table, want) {
		t.Errorf("the table has\n%v, want\n%v", table, want)
	}
	if !slices.Equal(tests, want) {
		t.Errorf("the tests have\n%v, want\n%v", tests, want)
	}
	if got := tags(reflect.TypeFor[Config](), ""); !slices.Equal(got, want) {
		t.Errorf("the structs have\n%v, want\n%v", got, want)
	}
}

func TestEveryVariableNamesOneKey(t *testing.T) {
	seen := map[string]string{}
	for _, k := range keys {
		if other, double := seen[envName(k.name)]; double {
			t.Errorf("%s is both %s and %s", envName(k.name), other, k.name)
		}
		seen[envName(k.name)] = k.name
	}
}

// tags are the dotted keys that the tags of a struct spell.
func tags(of reflect.Type, under string) []string {
	var all []string
	for field := range fields(of) {
		name := under + field.Tag.Get("yaml")
		if field.Type.Kind() == reflect.Struct && field.Type.PkgPath() == of.PkgPath() {
			all = append(all, tags(field.Type, name+".")...)
		} else {
			all = append(all, name)
		}
	}
	return all
}

// tagged is the value of the field that the tags call by a dotted key.
func tagged(c *Config, key string) any {
	v := reflect.ValueOf(c).Elem()
	for part := range strings.SplitSeq(key, ".") {
		for field := range fields(v.Type()) {
			if field.Tag.Get("yaml") == part {
				v = v.FieldByIndex(field.Index)
				break
			}
		}
	}
	return v.Interface()
}

// fields are the exported fields of a struct.
func fields(of reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range of.NumField() {
			if f := of.Field(i); f.IsExported() && !yield(f) {
				return
			}
		}
	}
}
