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
