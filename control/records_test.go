package control

import (
	"testing"

	"rootwalk/wire"
)

func TestTypesAreReadFromTheirNames(t *testing.T) {
	for s, want := range map[string]wire.Type{"A": 1, "aaaa": 28, "TYPE65": 65, "type65535": 65535, "https": 65, "TYPE0": 0,
		"": none, "TYPE": none, "TYPE65536": none, "TYPE-1": none, "TYPE1x": none, "TYPE 1": none, "TYPE+1": none, "BOGUS": none} {
		got, err := ParseType(s)
		if err != nil {
			got = none
		}
		if got != want {
			t.Errorf("%q is type %d, want %d", s, got, want)
		}
	}
}

// none stands for an error.
const none wire.Type = 61234

func TestNoRecordCommandsATerminal(t *testing.T) {
	for rrtype := wire.Type(1); rrtype < 300; rrtype++ {
		for _, data := range []string{"\x1b[2J\x07\x9b", "\x04\x1b\x9b\n\x7f", "\x00\x01\x01\x1b\x00\x00\x01\x00\x02\x1b\n",
			"\x9b2J", "\x02\x9bJ\x00", "\x7f", "\x01\r"} {
			text := presentation(wire.Record{Name: "\x03\x1b\x9b\x7f\x00", Type: rrtype, Class: wire.ClassIN, Data: data})
			for _, c := range []byte(text) {
				if rrtype.Meta() || rrtype == 41 { // never kept
					break
				}
				if c < ' ' || c > '~' {
					t.Fatalf("%s: %q", rrtype, text)
				}
			}
		}
	}
}
