package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"rootwalk/clock"
	"rootwalk/wire"
)

// aReply is a packed reply with one address for the name.
func aReply(t testing.TB, name string) []byte {
	t.Helper()
	n := wire.MustName(name)
	b, err := wire.Pack(nil, &wire.Reply{Question: wire.Question{Name: n, Type: wire.TypeA, Class: wire.ClassIN},
		Answer: []wire.RRset{{Name: n, Type: wire.TypeA, Class: wire.ClassIN, TTL: 300, Data: []string{"\xc0\x00\x02\x50"}}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// at is a boot clock that stands still.
func at(seconds int64) clock.Clock {
	return func() clock.Time { return clock.Time(seconds) * clock.Second }
}

// written is the wall clock of the snapshots here.
var written = time.Unix(1_700_000_000, 0)

// filled is a cache with n answers and one entry of every other kind, stored at the
// second 1000 of the boot clock.
func filled(t testing.TB, n int) *Cache {
	t.Helper()
	c := New(Options{Size: 64 << 20})
	for i := range n {
		name := fmt.Sprintf("host%d.example.com.", i)
		c.Put(keyFor(name), Header{Stored: 1000, Lifetime: 300, Status: Secure, Flags: 7}, aReply(t, name))
	}
	var k Key
	k.SetName(Delegation, wire.MustName("example.com."), wire.TypeNS, wire.ClassIN)
	c.Put(&k, Header{Stored: 1000, Lifetime: 3600}, AppendCut(nil, &Cut{Servers: []NameServer{{Name: wire.MustName("ns.example.com."), Glue: addresses("192.0.2.1")}}}))
	k.SetName(Failure, wire.MustName("broken.example."), wire.TypeA, wire.ClassIN)
	c.Put(&k, Header{Stored: 1000, Lifetime: 30}, AppendFailed(nil, Failed{Text: "no"}))
	k.SetName(Remark, wire.MustName("host0.example.com."), wire.TypeA, wire.ClassIN)
	c.Put(&k, Header{Stored: 1000, Lifetime: 300}, []byte("why"))
	return c
}

func snapshot(t testing.TB, c *Cache, now int64) []byte {
	t.Helper()
	var b bytes.Buffer
	o := SnapshotOptions{Head: Head{Written: written, Rules: [32]byte{1}, Trust: [32]byte{2}, Servers: []byte("servers")}, Clock: at(now), Stale: 100}
	if _, err := c.WriteSnapshot(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func all(*Entry) bool { return true }

func TestASnapshotBringsEveryEntryBackWithWhatIsLeftOfItsTime(t *testing.T) {
	const n = 4000 // several blocks
	text := snapshot(t, filled(t, n), 1050)
	head, err := CheckSnapshot(bytes.NewReader(text))
	if err != nil || !head.Written.Equal(written) || head.Rules != [32]byte{1} || head.Trust != [32]byte{2} || string(head.Servers) != "servers" {
		t.Fatalf("the head is %+v, error %v", head, err)
	}
	c := New(Options{Size: 64 << 20})
	// Another process, a minute later: its boot clock has nothing to do with the first one's.
	loaded, err := c.LoadSnapshot(bytes.NewReader(text), at(7)(), written.Add(time.Minute), all)
	if err != nil || loaded != n+2 {
		t.Fatalf("%d entries of %d, error %v", loaded, n+2, err)
	}
	for i := range n {
		name := fmt.Sprintf("host%d.example.com.", i)
		h, b, ok := c.Get(keyFor(name), nil)
		if !ok || !bytes.Equal(b, aReply(t, name)) || h.Status != Secure || h.Flags != 7 || h.Lifetime != 300 || h.Age(7) != 110 || h.Expires()-7 != 190 {
			t.Fatalf("%s: %v %+v", name, ok, h)
		}
	}
	var k Key
	k.SetName(Delegation, wire.MustName("example.com."), wire.TypeNS, wire.ClassIN)
	if _, b, ok := c.Get(&k, nil); !ok {
		t.Error("the delegation is gone")
	} else if cut, ok := ReadCut(wire.MustName("example.com."), b); !ok || len(cut.Servers) != 1 {
		t.Errorf("the delegation is %+v", cut)
	}
	k.SetName(Remark, wire.MustName("host0.example.com."), wire.TypeA, wire.ClassIN)
	if _, b, _ := c.Get(&k, nil); string(b) != "why" {
		t.Errorf("the remark is %q", b)
	}
	k.SetName(Failure, wire.MustName("broken.example."), wire.TypeA, wire.ClassIN)
	if _, _, ok := c.Get(&k, nil); ok {
		t.Error("a failure came back")
	}
}

func TestWhatCannotBeOfUseAnyMoreIsNotWritten(t *testing.T) {
	c := filled(t, 10)
	for now, want := range map[int64]int{1399: 12, 1400: 1, 4700: 0} { // stale for 100 seconds after 300
		head := SnapshotOptions{Head: Head{Written: written}, Clock: at(now), Stale: 100}
		if n, err := c.WriteSnapshot(io.Discard, head); n != want || err != nil {
			t.Errorf("at %d: %d entries, want %d; error %v", now, n, want, err)
		}
	}
}

func TestWhatIsInTheCacheAlreadyIsNotReplacedByASnapshot(t *testing.T) {
	text := snapshot(t, filled(t, 10), 1000)
	c := New(Options{Size: 8 << 20})
	newer := aReply(t, "host3.example.com.")
	c.Put(keyFor("host3.example.com."), Header{Stored: 50, Lifetime: 60}, newer)
	n, err := c.LoadSnapshot(bytes.NewReader(text), at(50)(), written, func(e *Entry) bool {
		return !strings.Contains(string(e.Key.Question().Name), "host5")
	})
	if err != nil || n != 10 {
		t.Errorf("%d entries, error %v", n, err)
	}
	if h, _, _ := c.Get(keyFor("host3.example.com."), nil); h.Lifetime != 60 {
		t.Errorf("the newer entry was replaced: %+v", h)
	}
	if _, _, ok := c.Get(keyFor("host5.example.com."), nil); ok {
		t.Error("an entry that was not admitted is there")
	}
}

func TestADamagedSnapshotIsRefusedWhole(t *testing.T) {
	text := snapshot(t, filled(t, 1500), 1000)
	for n := range len(text) {
		if n > 3000 && n%997 != 0 && n < len(text)-100 {
			continue
		}
		if _, err := CheckSnapshot(bytes.NewReader(text[:n])); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("the first %d octets of %d: error %v", n, len(text), err)
		}
		broken := slices.Clone(text)
		broken[n] ^= 0x10
		if _, err := CheckSnapshot(bytes.NewReader(broken)); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("octet %d of %d changed: error %v", n, len(text), err)
		}
	}
	if _, err := CheckSnapshot(bytes.NewReader(append(slices.Clone(text), 0))); !errors.Is(err, ErrSnapshot) {
		t.Errorf("one octet more: error %v", err)
	}
	if _, err := CheckSnapshot(strings.NewReader(strings.Replace(string(text), "snapshot 1", "snapshot 0", 1))); err == nil || !strings.Contains(err.Error(), "written by another version") {
		t.Errorf("another version: error %v", err)
	}
}

func TestAFileOfSomethingElseIsTold(t *testing.T) {
	for text, theirs := range map[string]bool{"": false, "root": false, "#!/bin/sh\necho precious\n": true, "x": true, snapshotMagic: false, snapshotName + "9\n": false} {
		if _, err := CheckSnapshot(strings.NewReader(text)); errors.Is(err, ErrNotSnapshot) != theirs || !errors.Is(err, ErrSnapshot) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

// sealed is a snapshot with right checksums around any entry.
func sealed(entry []byte) []byte {
	b := []byte(snapshotMagic)
	for _, block := range [][]byte{make([]byte, headFixed), entry} {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(block)))
		b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(block, castagnoli))
		b = append(b, block...)
	}
	return append(b, 0, 0, 0, 0, 1, 0, 0, 0)
}

func TestAnEntryThatIsNoneIsRefusedThoughTheChecksumIsRight(t *testing.T) {
	good := &Entry{Key: *keyFor("www.example.com."), Header: Header{Lifetime: 300}, Payload: aReply(t, "www.example.com.")}
	if _, err := CheckSnapshot(bytes.NewReader(sealed(appendEntry(nil, good, 0)))); err != nil {
		t.Fatalf("a good entry is refused: %v", err)
	}
	with := func(change func(*Entry)) []byte {
		e := *good
		change(&e)
		return appendEntry(nil, &e, 0)
	}
	for what, entry := range map[string][]byte{
		"status":      with(func(e *Entry) { e.Header.Status = 9 }),
		"lifetime":    with(func(e *Entry) { e.Header.Lifetime = 1 << 31 }),
		"payload":     with(func(e *Entry) { e.Payload = e.Payload[:len(e.Payload)-1] }),
		"no payload":  with(func(e *Entry) { e.Payload = nil }),
		"kind":        with(func(e *Entry) { e.Key.buf[keyKind] = 5 }),
		"a failure":   with(func(e *Entry) { e.Key.buf[keyKind] = byte(Failure) }),
		"upper case":  with(func(e *Entry) { e.Key.buf[keyFixed+1] = 'W' }),
		"name":        with(func(e *Entry) { e.Key.buf[keyFixed] = 70 }),
		"longer name": with(func(e *Entry) { e.Key.n++ }),
		"no name":     with(func(e *Entry) { e.Key.n = keyFixed }),
		"cut":         with(func(e *Entry) { e.Key.SetName(Delegation, wire.MustName("a."), wire.TypeNS, wire.ClassIN) }),
	} {
		if _, err := CheckSnapshot(bytes.NewReader(sealed(entry))); !errors.Is(err, ErrSnapshot) {
			t.Errorf("%s: error %v", what, err)
		}
	}
}

func FuzzReadSnapshot(f *testing.F) {
	f.Add(snapshot(f, filled(f, 3), 1000))
	f.Add(sealed(appendEntry(nil, &Entry{Key: *keyFor("a."), Payload: aReply(f, "a.")}, 0)))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, checked := CheckSnapshot(bytes.NewReader(text))
		c := New(Options{Shards: 1})
		_, err := c.LoadSnapshot(bytes.NewReader(text), at(0)(), written, all)
		if (checked == nil) != (err == nil) {
			t.Fatalf("checked: %v, loaded: %v", checked, err)
		}
		if checked != nil {
			return
		}
		var room []byte
		c.Each(func(e *Entry) bool { // what was loaded can be served
			if e.Key.Kind() == Answer {
				msg := append(make([]byte, wire.HeaderLen, 70000), e.Key.Question().Name...)
				room = wire.Packed(e.Payload).Append(append(msg, 0, 1, 0, 1), 0, wire.Shape{Age: 5, Rotate: 3})
			}
			return true
		})
		_ = room
	})
}

// FuzzEntryOfASnapshot is past the checksums.
func FuzzEntryOfASnapshot(f *testing.F) {
	f.Add(appendEntry(nil, &Entry{Key: *keyFor("a."), Payload: aReply(f, "a.")}, 0))
	f.Fuzz(func(_ *testing.T, entry []byte) {
		var e Entry
		rest, err := readEntry(entry, &e, 0)
		if err != nil || e.Key.Kind() != Answer {
			return
		}
		_ = rest
		msg := append(make([]byte, wire.HeaderLen, 70000), e.Key.Question().Name...)
		for _, do := range []bool{false, true} {
			wire.Packed(e.Payload).Append(append(msg, 0, 1, 0, 1), 0, wire.Shape{Age: 5, Rotate: 3, DO: do})
		}
	})
}

func BenchmarkWriteSnapshot(b *testing.B) {
	c := filled(b, 100_000)
	for b.Loop() {
		if _, err := c.WriteSnapshot(io.Discard, SnapshotOptions{Head: Head{Written: written}, Clock: at(1000)}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadSnapshot(b *testing.B) {
	text := snapshot(b, filled(b, 100_000), 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := New(Options{Size: 1 << 30}).LoadSnapshot(bytes.NewReader(text), at(0)(), written, all); err != nil {
			b.Fatal(err)
		}
	}
}
