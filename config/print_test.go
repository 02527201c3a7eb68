package config

import (
	"reflect"
	"strings"
	"testing"
)

// sameValues says whether two configurations differ in nothing but where their keys came from.
func sameValues(a, b *Config) bool {
	x, y := *a, *b
	x.set, y.set = nil, nil
	return reflect.DeepEqual(&x, &y)
}

func TestThePrintedDefaultsAreTheDefaults(t *testing.T) {
	c, err := Parse("printed", []byte(Default().YAML()))
	if err != nil {
		t.Fatal(err)
	}
	if !sameValues(c, Default()) {
		t.Errorf("read again:\n%s", c.YAML())
	}
	for _, k := range keys {
		if !c.IsSet(k.name) {
			t.Errorf("%s is not printed", k.name)
		}
	}
}

func TestThePrintedConfigurationCarriesItsComments(t *testing.T) {
	text := defaults(0, false).YAML()
	for _, line := range []string{
		`listen: ["127.0.0.1:53", "[::1]:53"]      # addresses to answer on, UDP and TCP on each`,
		`access:`,
		`  allow: ["127.0.0.0/8", "::1/128"]       # clients that are answered; others get REFUSED with EDE 18`,
		`  size: 256MiB                            # of all that is known; or 40% of the memory limit of the cgroup where that is less`,
		`  max-ttl: 24h                            # no answer is kept for longer`,
		`  refuse: ["127.0.0.0/8", "::1/128", "0.0.0.0/8", "::/128"]   # addresses that are never asked, whatever a delegation says; beside a fixed list`,
		`zones: []                                 # names that others answer; forward: recursive servers; stub: authoritative servers`,
		`#  - {name: "example.org.", type: forward, servers: ["192.0.2.1", "192.0.2.2:5353"], fall-back: false}`,
		`ede: true                                 # tell clients the reason of a failure (RFC 8914)`,
	} {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
	for _, k := range keys {
		if k.comment == "" || !strings.Contains(text, k.comment) {
			t.Errorf("%s has no comment", k.name)
		}
	}
}

func TestTheExampleOfAZoneIsAZone(t *testing.T) {
	c, err := Parse("example", []byte("zones:\n"+strings.TrimPrefix(zoneExample, "#")))
	if err != nil || len(c.Zones) != 1 || c.Zones[0].Type != ZoneForward {
		t.Errorf("%v, %+v", err, c)
	}
}

// FuzzParse holds that no text makes Parse panic, that its errors are lines which name the file, and that a configuration
// is printed as itself.
func FuzzParse(f *testing.F) {
	f.Add(Default().YAML())
	for _, test := range keyTests {
		good, _ := document(test.key, test.good)
		wrong, _ := document(test.key, test.wrong)
		f.Add(good)
		f.Add(wrong)
	}
	f.Add("{\"listen\": [\"[::1]:53\"],\n\t\"cache\": {\"size\": \"1GiB\"}}")
	f.Add("zones:\n  - name: a\\.b\n    type: stub\n    servers:\n    - fe80::1%e\n")
	f.Add("a: &x [*x, !!t {}, <<: *x]\n? b\n--- |\n %\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return // the parser's time grows with the square
		}
		c, err := Parse("f", []byte(text))
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "f:") {
					t.Fatalf("an error that does not name its file: %q", err)
				}
			}
			return
		}
		printed := c.YAML()
		again, err := Parse("printed", []byte(printed))
		if err != nil {
			t.Fatalf("%v\nin what was printed of %q:\n%s", err, text, printed)
		}
		if !sameValues(again, c) || again.YAML() != printed {
			t.Fatalf("%q\nis printed\n%s\nand that as\n%s", text, printed, again.YAML())
		}
	})
}

// FuzzTexts holds the same of single texts, where quoting and escaping could go wrong.
func FuzzTexts(f *testing.F) {
	f.Add(`a "b" \ c # d`, `\000\.x."y`, "[fe80::1%eth0]:53")
	f.Add("é  ü: - ", `a\032b`, "127.0.0.1:0")
	f.Fuzz(func(t *testing.T, path, name, address string) {
		c := Default()
		for key, text := range map[string]string{"root.hints": path, "access.private-domains": name, "metrics.listen": address} {
			if err := c.Set(key, text, "fuzz"); err != nil && strings.Contains(err.Error(), "\n") && !strings.Contains(text, ",") {
				t.Fatalf("%q: an error of several lines: %v", text, err)
			}
		}
		again, err := Parse("printed", []byte(c.YAML()))
		if err != nil || !sameValues(again, c) {
			t.Fatalf("%q, %q, %q: %v\n%s", path, name, address, err, c.YAML())
		}
	})
}
