package config

import (
	"strings"
	"testing"
)

func TestTheEnvironmentOverridesTheFile(t *testing.T) {
	c, err := Parse("f", []byte("cache:\n  size: 1MiB\n  max-ttl: 1h\n"))
	if err != nil {
		t.Fatal(err)
	}
	warnings, err := c.ApplyEnv([]string{
		"PATH=/bin",
		"ROOTWALK_CACHE_SIZE=1GiB",
		"ROOTWALK_LISTEN=[::1]:5300, 127.0.0.1:5300",
		"ROOTWALK_ACCESS_ALLOW=[::1, 192.0.2.0/24]",
		"ROOTWALK_UPSTREAM_REFUSE=",
		"ROOTWALK_UPSTREAM_PORT=5353",
		"ROOTWALK_UPSTREAM_IPV6=false",
		"ROOTWALK_METRICS_LISTEN=",
		"ROOTWALK_DNSSEC_NEGATIVE_TRUST_ANCHORS=a.example,b.example",
		"ROOTWALK_STALE_MAX_AGE=0",
		"ROOTWALK_ZONES={name: x, type: stub, servers: [192.0.2.1]}",
		"ROOTWALK_CLOCK_OFFSET_FILE=/tmp/clock",
	})
	if err != nil || len(warnings) != 0 {
		t.Fatalf("%v, warnings %q", err, warnings)
	}
	for key, want := range map[string]string{
		"cache.size":                    `1GiB`,
		"cache.max-ttl":                 `1h`,
		"listen":                        `["[::1]:5300", "127.0.0.1:5300"]`,
		"access.allow":                  `["::1/128", "192.0.2.0/24"]`,
		"upstream.refuse":               `[]`,
		"upstream.port":                 `5353`,
		"upstream.ipv6":                 `false`,
		"metrics.listen":                `""`,
		"dnssec.negative-trust-anchors": `["a.example.", "b.example."]`,
		"stale.max-age":                 `0s`,
		"zones":                         "\n  - " + `{name: "x.", type: stub, servers: ["192.0.2.1"], fall-back: false}`,
	} {
		if got := printOf(t, c, key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
		if !c.IsSet(key) {
			t.Errorf("%s does not count as set", key)
		}
	}
	if c.IsSet("log.level") {
		t.Error("log.level counts as set")
	}
}

func TestUnknownVariablesWarn(t *testing.T) {
	c := Default()
	warnings, err := c.ApplyEnv([]string{"ROOTWALK_ZZZ=1", "ROOTWALK_CACHE_SISE=1", "ROOTWALK_CLOCK_OFFSET_FILE=x", "rootwalk_listen=x", "ROOTWALKER=1"})
	want := `"ROOTWALK_CACHE_SISE": unknown environment variable; did you mean ROOTWALK_CACHE_SIZE?` + "\n" +
		`"ROOTWALK_ZZZ": unknown environment variable`
	if got := strings.Join(warnings, "\n"); err != nil || got != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}

func TestWrongVariablesNameVariableAndKey(t *testing.T) {
	for _, test := range []struct{ variable, want string }{
		{"ROOTWALK_CACHE_SIZE=1GB", `ROOTWALK_CACHE_SIZE: cache.size: "1GB" is not a size; accepted: bytes, or a whole number of KiB, MiB or GiB such as 256MiB`},
		{"ROOTWALK_EDE=yes", `ROOTWALK_EDE: ede: "yes" is not a boolean; accepted: true or false`},
		{"ROOTWALK_SERVER_WORKERS=many", `ROOTWALK_SERVER_WORKERS: server.workers: "many" is not a whole number; accepted: a whole number from 0 to 1024`},
		{"ROOTWALK_LISTEN=127.0.0.1:53,x", `ROOTWALK_LISTEN: listen[1]: "x" is not an address; accepted: "V4:PORT" or "[V6]:PORT"`},
		{"ROOTWALK_LISTEN=", `ROOTWALK_LISTEN: listen: there is no address to listen on; accepted: a list of one or more different addresses, each item "V4:PORT" or "[V6]:PORT"`},
		{"ROOTWALK_CACHE_MIN_TTL=25h", `ROOTWALK_CACHE_MIN_TTL: cache.min-ttl: 25h is more than cache.max-ttl; accepted: at most 24h`},
		{"ROOTWALK_ROOT_HINTS=a\xff", `ROOTWALK_ROOT_HINTS: root.hints: "a\xff" holds a character that cannot be printed; accepted: the name of a file, or ""`},
		{"ROOTWALK_ZONES=[{name: x, name: y, type: stub, servers: [192.0.2.1]}]", `ROOTWALK_ZONES: zones[0].name: given twice; accepted: each key once`},
		{"ROOTWALK_ZONES=[{", `ROOTWALK_ZONES: zones: not YAML: could not find flow mapping end token '}'; accepted: one document of YAML or JSON; in YAML a text with brackets or colons stands in quotes`},
	} {
		c := Default()
		_, err := c.ApplyEnv([]string{test.variable})
		if err == nil || err.Error() != test.want {
			t.Errorf("%s\n got %v\nwant %s", test.variable, err, test.want)
		}
	}
}

func TestAFlagOverridesAndNamesItself(t *testing.T) {
	c := Default()
	if err := c.Set("listen", "127.0.0.1:5301,[::1]:5301", "--listen"); err != nil {
		t.Fatal(err)
	}
	if got := printOf(t, c, "listen"); got != `["127.0.0.1:5301", "[::1]:5301"]` || !c.IsSet("listen") {
		t.Errorf("listen is %s, set %v", got, c.IsSet("listen"))
	}
	for _, test := range []struct{ key, text, want string }{
		{"listen", "tls://127.0.0.1:853", `--flag: listen[0]: "tls://127.0.0.1:853": the scheme tls:// is reserved; not supported by this version; accepted: "V4:PORT" or "[V6]:PORT"`},
		{"metrics.listen", "127.0.0.1:99999", `--flag: metrics.listen: port 99999 is out of range; accepted: "V4:PORT" or "[V6]:PORT", or ""`},
		{"cache", "1", `--flag: "cache": unknown key`},
	} {
		if err := c.Set(test.key, test.text, "--flag"); err == nil || err.Error() != test.want {
			t.Errorf("%s\n got %v\nwant %s", test.text, err, test.want)
		}
	}
}
