package dnstap

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAFrameHoldsWhatIsKnownAndNothingElse(t *testing.T) {
	v6 := Message{Type: ClientQuery, TCP: true, Asker: netip.MustParseAddrPort("[2001:db8::1]:5300"), Asked: netip.MustParseAddrPort("[::]:53"), Asks: time.Unix(9, 0), Query: []byte("q")}
	mapped := Message{Type: ClientQuery, Asker: netip.MustParseAddrPort("[::ffff:192.0.2.7]:1")}
	for what, c := range map[string]struct {
		m    Message
		want frame
	}{
		"all": {example, frame{1: uint64(4), 2: uint64(1), 3: uint64(1), 4: "\xc0\x00\x02\x01", 5: "\xc0\x00\x02\x02", 6: uint64(1234), 7: uint64(53),
			8: uint64(1700000000), 9: uint32(5), 10: "question", 11: "\x03com\x00", 12: uint64(1700000001), 13: uint32(999999999), 14: "answer"}},
		"IPv6 over TCP at a socket of all addresses": {v6, frame{1: uint64(5), 2: uint64(2), 3: uint64(2), 4: "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01", 6: uint64(5300), 7: uint64(53), 8: uint64(9), 9: uint32(0), 10: "q"}},
		"IPv4 in IPv6":      {mapped, frame{1: uint64(5), 2: uint64(1), 3: uint64(1), 4: "\xc0\x00\x02\x07", 6: uint64(1)}},
		"nothing":           {Message{Type: ClientResponse}, frame{1: uint64(6), 3: uint64(1)}},
		"the longest there": {Message{Type: ClientResponse, Response: make([]byte, 65535)}, frame{1: uint64(6), 3: uint64(1), 14: string(make([]byte, 65535))}},
	} {
		b := appendFrame([]byte("before"), &c.m, appendTeller(nil, "host", "v"))
		if n := binary.BigEndian.Uint32(b[6:]); int(n) != len(b)-10 || len(b)-6 > c.m.size()+len("hostv")+6 {
			t.Errorf("%s: length %d of %d octets, thought to be at most %d", what, n, len(b)-10, c.m.size())
		}
		f := fields(t, b[10:])
		if got := f.message(t); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
		delete(f, 14)
		if want := (frame{1: "host", 2: "v", 15: uint64(1)}); !reflect.DeepEqual(f, want) {
			t.Errorf("%s: around it %v, want %v", what, f, want)
		}
	}
}

func TestControlFramesAreReadStrictly(t *testing.T) {
	ok := string(appendControl(nil, accept))
	other := strings.Replace(ok, "dnstap.Dnstap", "dnstap.Dnstip", 1)
	for what, c := range map[string]struct {
		octets string
		good   bool
	}{
		"ours":                  {ok, true},
		"no types":              {"\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x01", true},
		"other type":            {other, false},
		"other and ours":        {"\x00\x00\x00\x00\x00\x00\x00\x2c\x00\x00\x00\x01" + "\x00\x00\x00\x01\x00\x00\x00\x02xy" + ok[12:], true},
		"other kind":            {string(appendControl(nil, start)), false},
		"a data frame":          {"\x00\x00\x00\x04\x00\x00\x00\x04\x00\x00\x00\x01", false},
		"too long":              {"\x00\x00\x00\x00\x00\x00\x02\x01\x00\x00\x00\x01" + strings.Repeat("x", 600), false},
		"too short":             {"\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x01", false},
		"a field past the end":  {"\x00\x00\x00\x00\x00\x00\x00\x0c\x00\x00\x00\x01\x00\x00\x00\x01\xff\xff\xff\xff", false},
		"half a field":          {"\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x01\x00\x00\x00\x01", false},
		"cut off in the middle": {ok[:20], false},
	} {
		if err := readControl(strings.NewReader(c.octets), accept); (err == nil) != c.good {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzControlFrame(f *testing.F) {
	f.Add(string(appendControl(nil, accept)))
	f.Fuzz(func(_ *testing.T, octets string) { _ = readControl(strings.NewReader(octets), accept) })
}
