package main

// This file is about what the server knows after a restart.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/config"
	"rootwalk/control"
	"rootwalk/lab"
	"rootwalk/wire"
)

// snapshotRig is a configuration with a snapshot, and the Internet behind it.
func snapshotRig(t *testing.T) (n *lab.Internet, path, base, snapshot string) {
	t.Helper()
	n, path, base = loopbackSettings(t)
	snapshot = filepath.Join(t.TempDir(), "cache.snapshot")
	base += fmt.Sprintf("cache: {snapshot: %q}\n", snapshot)
	rewrite(t, path, base)
	return n, path, base, snapshot
}

func TestTheCacheSurvivesARestart(t *testing.T) {
	n, path, _, snapshot := snapshotRig(t)
	names := []string{"www.example.com.", "blog.example.com.", "alice.guests.example.org.", "nowhere.example.com.", "lamp.lighthouse.example."}
	s, at := serve(t, "-c", path)
	var before []string
	for _, name := range names {
		before = append(before, brief(ask(t, "udp", at, name, "A")))
	}
	if code := s.stop(t, syscall.SIGTERM); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, s.text())
	}
	if fi, err := os.Stat(snapshot); err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("the snapshot: %v, %v", fi, err)
	}
	n.ResetQueries()
	s, at = serve(t, "-c", path)
	eventually(t, "it is loaded", func() bool { return len(logged(t, s, "loaded the snapshot of the cache")) == 1 })
	for i, name := range names {
		if got := brief(ask(t, "udp", at, name, "A")); got != before[i] {
			t.Errorf("%s: before %s, after %s", name, before[i], got)
		}
	}
	for _, q := range n.Queries() {
		if q.Name != "." { // priming
			t.Errorf("after the restart %s was asked for", q.Name)
		}
	}
	if line := logged(t, s, "loaded the snapshot of the cache")[0]; line["servers"].(float64) < 5 {
		t.Errorf("what is known of servers is not: %v", line)
	}
}

func TestASnapshotThatIsOfNoUseIsToldAndLeftOut(t *testing.T) {
	_, path, base, snapshot := snapshotRig(t)
	s, at := serve(t, "-c", path)
	ask(t, "udp", at, "www.example.com.", "A")
	s.stop(t, syscall.SIGTERM)
	good, err := os.ReadFile(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	later := bytes.Clone(good)
	for _, x := range []struct {
		what   string
		text   []byte
		lines  string
		reason string
	}{
		{"cut off", good[:len(good)-5], "", "it is cut off"},
		{"changed", append(bytes.Replace(later, []byte("\x03www\x07example"), []byte("\x03vvv\x07example"), 1), []byte(nil)...), "", "a checksum is wrong"},
		{"of another version", []byte("rootwalk snapshot 0\nxyz"), "", "it was written by another version"},
		{"found by other rules", good, "zones: [{name: corp., type: stub, servers: [\"10.0.0.1\"]}]", "it was found by other rules"},
	} {
		if err := os.WriteFile(snapshot, x.text, 0o600); err != nil {
			t.Fatal(err)
		}
		rewrite(t, path, base, x.lines)
		s, at = serve(t, "-c", path)
		eventually(t, x.what, func() bool { return len(logged(t, s, "the snapshot of the cache is of no use; starting cold")) == 1 })
		if line := logged(t, s, "the snapshot of the cache is of no use; starting cold")[0]; !strings.Contains(fmt.Sprint(line["reason"]), x.reason) {
			t.Errorf("%s: %v", x.what, line)
		}
		if got := brief(ask(t, "udp", at, "www.example.com.", "A")); got != "NOERROR | www.example.com. A 192.0.2.80" {
			t.Errorf("%s: %s", x.what, got)
		}
		s.stop(t, syscall.SIGTERM)
		if f, err := os.Open(snapshot); err != nil {
			t.Error(err)
		} else {
			if _, err := cache.CheckSnapshot(f); err != nil {
				t.Errorf("%s: the snapshot after it: %v", x.what, err)
			}
			f.Close()
		}
	}
	t.Attr("row", "F | a snapshot that is cut off, changed, of another version, or found by other rules | told; starts cold, answers, and writes a whole one | held | ")
}

func TestAFileOfSomethingElseIsNeverWrittenOver(t *testing.T) {
	_, path, _, snapshot := snapshotRig(t)
	if err := os.WriteFile(snapshot, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, at := serve(t, "-c", path)
	eventually(t, "it is told", func() bool {
		return strings.Contains(s.text(), "cache.snapshot names a file of something else, which is left alone")
	})
	ask(t, "udp", at, "www.example.com.", "A")
	s.stop(t, syscall.SIGTERM)
	if text, err := os.ReadFile(snapshot); err != nil || string(text) != "precious" {
		t.Errorf("it is %q, %v", text, err)
	}
}

func TestASnapshotThatCannotBeWrittenCostsNothingElse(t *testing.T) {
	_, path, base, _ := snapshotRig(t)
	gone := filepath.Join(t.TempDir(), "no", "such", "directory", "snapshot")
	base, _, _ = strings.Cut(base, "cache:")
	rewrite(t, path, base, fmt.Sprintf("cache: {snapshot: %q}", gone))
	s, at := serve(t, "-c", path)
	ask(t, "udp", at, "www.example.com.", "A")
	if code := s.stop(t, syscall.SIGTERM); code != 0 || len(logged(t, s, "the snapshot of the cache was not written; the one before stays")) != 1 {
		t.Errorf("exit code %d:\n%s", code, s.text())
	}
	t.Attr("row", "F | the snapshot cannot be written | told; nothing else suffers | held | ")
}

// admitted loads one answer that was stored in an earlier life, and returns its status.
func admitted(t *testing.T, trusted bool, at time.Time, sig string) cache.Status {
	t.Helper()
	cfg := config.Default()
	cfg.Upstream.Refuse = nil
	p := assembleIn(world{}, cfg, slog.New(slog.DiscardHandler))
	name := wire.MustName("www.example.com.")
	set := wire.RRset{Name: name, Type: wire.TypeA, Class: wire.ClassIN, TTL: 300, Data: []string{"\xc0\x00\x02\x50"}}
	if sig != "" {
		set.Sigs = []string{sig}
	}
	packed, err := wire.Pack(nil, &wire.Reply{Question: wire.Question{Name: name, Type: wire.TypeA, Class: wire.ClassIN}, Answer: []wire.RRset{set}})
	if err != nil {
		t.Fatal(err)
	}
	e := &cache.Entry{Header: cache.Header{Stored: clock.Now().Seconds(), Lifetime: 300, Status: cache.Secure}, Payload: packed}
	e.Key.SetName(cache.Answer, name, wire.TypeA, wire.ClassIN)
	if !p.resolver.Admit(e, trusted, at) {
		return cache.Bogus
	}
	return e.Header.Status
}

func TestWhatWasJudgedByAnotherLifeIsCheckedAgain(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	be := func(u int64) string { return string([]byte{byte(u >> 24), byte(u >> 16), byte(u >> 8), byte(u)}) }
	sig := "\x00\x01\x0d\x03" + be(300) + be(now.Unix()+100) + be(now.Unix()-100) + "\x00\x01" + string(wire.MustName("example.com.")) + "signature"
	for _, x := range []struct {
		what    string
		trusted bool
		at      time.Time
		want    cache.Status
	}{
		{"within its signature's time", true, now, cache.Secure},
		{"after it", true, now.Add(101 * time.Second), cache.Unchecked},
		{"before it", true, now.Add(-101 * time.Second), cache.Unchecked},
		{"under other rules of trust", false, now, cache.Unchecked},
	} {
		if got := admitted(t, x.trusted, x.at, sig); got != x.want {
			t.Errorf("%s: %s, want %s", x.what, got, x.want)
		}
	}
}

func TestASnapshotIsOldOrNewAtWhateverMomentTheServerIsKilled(t *testing.T) {
	killedOften(t, 10)
	t.Attr("row", "F | SIGKILL while the snapshot is written, at a random moment | the old or the new one, whole, and the next start has it | 10 of 10 | ")
}

// writeSnapshots names the file that the test binary writes snapshots to until it is
// killed.
const writeSnapshots = "WRITE_SNAPSHOTS_FOR_EVER_TO"

// inSnapshots is how many entries each has.
const inSnapshots = 20_000

func writeForEver(path string) {
	p := assembleIn(world{}, config.Default(), slog.New(slog.DiscardHandler))
	for i := range inSnapshots {
		var k cache.Key
		k.SetName(cache.Delegation, wire.MustName(fmt.Sprintf("host%d.example.com.", i)), wire.TypeNS, wire.ClassIN)
		p.cache.Put(&k, cache.Header{Stored: clock.Now().Seconds(), Lifetime: 3600}, cache.AppendCut(nil, &cache.Cut{Servers: []cache.NameServer{{Name: wire.MustName("ns.example.")}}}))
	}
	for s := (&snapshots{p: p, path: path, log: p.log}); ; {
		s.write(nil)
	}
}

// killedOften kills a process at a random moment of its writing, so often, and starts a
// server with what is left each time.
func killedOften(t *testing.T, times int) {
	t.Helper()
	_, conf, _, path := snapshotRig(t)
	halfWritten := 0
	for range times {
		if killedWhileWriting(t, path) {
			halfWritten++
		}
		s, at := serve(t, "-c", conf)
		eventually(t, "the snapshot is loaded", func() bool { return len(logged(t, s, "loaded the snapshot of the cache")) == 1 })
		if n := logged(t, s, "loaded the snapshot of the cache")[0]["entries"].(float64); n != inSnapshots {
			t.Fatalf("%v entries are loaded, want %d", n, inSnapshots)
		}
		if got := brief(ask(t, "udp", at, "www.example.com.", "A")); got != "NOERROR | www.example.com. A 192.0.2.80" {
			t.Fatal(got)
		}
		if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
			t.Fatalf("%d files are left", len(left))
		}
		s.stop(t, syscall.SIGKILL)
	}
	t.Logf("%d starts, %d of them beside a half-written file", times, halfWritten)
}

// killedWhileWriting kills a process at a random moment of its writing, and tells whether
// it left a half-written file.
func killedWhileWriting(t *testing.T, path string) bool {
	t.Helper()
	after := time.Duration(rand.Int64N(int64(100 * time.Millisecond)))
	_ = os.Remove(path)
	cmd := command()
	cmd.Env = append(cmd.Env, writeSnapshots+"="+path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first snapshot is there", func() bool { _, err := os.Stat(path); return err == nil })
	time.Sleep(after)
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := cache.CheckSnapshot(f); err != nil {
		t.Fatalf("killed after %v: %v", after, err)
	}
	left, _ := os.ReadDir(filepath.Dir(path))
	return len(left) > 1
}

func TestARestartKeepsTheHitRatio(t *testing.T) {
	_, path, base, _ := snapshotRig(t)
	socket := filepath.Join(t.TempDir(), "control")
	rewrite(t, path, base, fmt.Sprintf("control: {socket: %q}", socket))
	s, at := serve(t, "-c", path)
	names := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.2, 8, 3000) // few are asked for often, many seldom
	ratio := func(queries int) float64 {
		t.Helper()
		counted := func() (st control.Status) {
			o := run(t, "ctl", "--socket", socket, "status", "--json")
			if err := json.Unmarshal([]byte(o.out), &st); err != nil {
				t.Fatalf("%v: %s%s", err, o.out, o.err)
			}
			return st
		}
		before := counted()
		for range queries {
			if r := answerOf(at, fmt.Sprintf("n%d.guests.example.org.", names.Uint64())); r != 0 {
				t.Fatalf("code %d", r)
			}
		}
		after := counted()
		hits, misses := after.Hits-before.Hits, after.Misses-before.Misses
		return float64(hits) / float64(hits+misses)
	}
	cold := ratio(500)
	ratio(1500)
	warm := ratio(2000)
	s.stop(t, syscall.SIGTERM)
	s, at = serve(t, "-c", path)
	eventually(t, "the snapshot is loaded", func() bool { return len(logged(t, s, "loaded the snapshot of the cache")) == 1 })
	again := ratio(2000)
	t.Logf("hit ratio: cold %.3f, warm %.3f, after a restart %.3f", cold, warm, again)
	if again < warm-.02 || cold > warm-.1 {
		t.Errorf("hit ratio: cold %.3f, warm %.3f, after a restart %.3f", cold, warm, again)
	}
}
