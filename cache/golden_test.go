package cache

// This file pins the form of snapshots: a change of it must come with another version,
// or the next start reads what it misunderstands.

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"rootwalk/clock"
	"rootwalk/wire"
)

// goldenEntries are entries of every kind, with all that their forms can hold. They do
// not change as long as the version does not.
func goldenEntries(t *testing.T) (all []Entry) {
	t.Helper()
	set := func(name string, rrtype wire.Type, sig string, data ...string) wire.RRset {
		s := wire.RRset{Name: wire.MustName(name), Type: rrtype, Class: wire.ClassIN, TTL: 300, Data: data}
		if sig != "" {
			s.Sigs = []string{sig}
		}
		return s
	}
	www, signer := string(wire.MustName("www.example.com.")), string(wire.MustName("example.com."))
	sig := "\x00\x01\x0d\x03\x00\x00\x01\x2c\x65\x00\x00\x02\x65\x00\x00\x01\x12\x34" + signer + "signature"
	soa := set("example.com.", wire.TypeSOA, sig, signer+signer+"\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00\x05")
	nsec := set("example.com.", wire.TypeNSEC, sig, www+"\x00\x01\x40")
	packed := func(kind Kind, q wire.Question, h Header, r wire.Reply) {
		r.Question = q
		b, err := wire.Pack(nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		e := Entry{Header: h, Payload: b}
		e.Key.SetName(kind, q.Name, q.Type, q.Class)
		all = append(all, e)
	}
	question := func(name string, rrtype wire.Type) wire.Question {
		return wire.Question{Name: wire.MustName(name), Type: rrtype, Class: wire.ClassIN}
	}
	secure := Header{Stored: 1000, Lifetime: 300, Status: Secure, Flags: 0x83}
	packed(Answer, question("ftp.example.com.", wire.TypeA), secure, wire.Reply{
		Answer:    []wire.RRset{set("ftp.example.com.", wire.TypeCNAME, sig, www), set("www.example.com.", wire.TypeA, sig, "\xc0\x00\x02\x50", "\xc0\x00\x02\x51")},
		Authority: []wire.RRset{nsec}})
	packed(Answer, question("example.com.", wire.TypeMX), Header{Stored: 1000, Lifetime: 300, Status: Insecure}, wire.Reply{
		Answer: []wire.RRset{set("example.com.", wire.TypeMX, "", "\x00\x0a"+www)}, Additional: []wire.RRset{set("www.example.com.", wire.TypeA, "", "\xc0\x00\x02\x50")}})
	packed(Answer, question("a.example.com.", NameError), secure, wire.Reply{Rcode: wire.NXDomain, Authority: []wire.RRset{soa, nsec}})
	packed(Delegation, question("example.com.", wire.TypeDS), secure, wire.Reply{Answer: []wire.RRset{set("example.com.", wire.TypeDS, sig, "\x12\x34\x0d\x02digest")}})
	cut := Entry{Header: Header{Stored: 1000, Lifetime: 3600}, Payload: AppendCut(nil, &Cut{Servers: []NameServer{
		{Name: wire.MustName("ns.example.com."), Glue: addresses("192.0.2.1", "2001:db8::1")}, {Name: wire.MustName("ns.example.net.")}}})}
	cut.Key.SetName(Delegation, wire.MustName("example.com."), wire.TypeNS, wire.ClassIN)
	return append(all, cut)
}

// golden is the snapshot of each entry alone, one a line, in hex. Alone, since their
// order in a cache is left to chance.
func golden(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, e := range goldenEntries(t) {
		c := New(Options{Size: 1 << 20})
		if !c.Put(&e.Key, e.Header, e.Payload) {
			t.Fatal("an entry is not taken")
		}
		fmt.Fprintf(&text, "%x\n", snapshot(t, c, 1010))
	}
	return text.String()
}

// TestTheFormOfSnapshotsHasTheVersionThatItHad compares with what earlier builds have
// written under the same version. The file of a new version is made by
//
//	ROOTWALK_NEW_VERSION=1 go test -run TheFormOfSnapshots ./cache
//
// which never writes over one that is there.
func TestTheFormOfSnapshotsHasTheVersionThatItHad(t *testing.T) {
	version := strings.TrimSpace(strings.TrimPrefix(snapshotMagic, snapshotName))
	path := "testdata/snapshot-" + version + ".hex"
	want, err := os.ReadFile(path)
	if os.IsNotExist(err) && os.Getenv("ROOTWALK_NEW_VERSION") != "" {
		want = []byte(golden(t))
		err = os.WriteFile(path, want, 0o644)
	}
	if err != nil {
		t.Fatalf("%v; a new version needs its file: ROOTWALK_NEW_VERSION=1 go test -run TheFormOfSnapshots ./cache", err)
	}
	if got := golden(t); got != string(want) {
		t.Fatalf("the form of entries, keys, cuts or packed replies has changed: raise the version in snapshotMagic, so that older files are told and left out; have\n%swant\n%s", got, want)
	}
	// What was written then is read as what it meant then.
	entries, lines := goldenEntries(t), strings.Fields(string(want))
	for i, line := range lines {
		b, err := hex.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		c := New(Options{Size: 1 << 20})
		if _, err := CheckSnapshot(bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		if n, err := c.LoadSnapshot(io.Reader(bytes.NewReader(b)), 5000*clock.Second, written, func(*Entry) bool { return true }); n != 1 || err != nil {
			t.Fatalf("%d entries, %v", n, err)
		}
		e := entries[i]
		h, payload, ok := c.Get(&e.Key, nil)
		e.Header.Stored = 5000 - 10
		if !ok || h != e.Header || !bytes.Equal(payload, e.Payload) {
			t.Errorf("entry %d is %+v %x, want %+v %x", i, h, payload, e.Header, e.Payload)
		}
	}
}
