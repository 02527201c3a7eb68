package system

// This file makes hosts out of folders, with processes, sockets and a systemctl that
// does what the real one would do to the files that matter here.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// world is a host for a test.
type world struct {
	t       *testing.T
	host    *Host
	calls   []string                    // of systemctl
	active  bool                        // rootwalk.service runs
	enabled bool                        // and is started at boot
	serves  bool                        // it resolves once it runs
	on      map[string]func(dir string) // what a call of systemctl does beside
	fail    map[string]error            // calls that fail
	read    map[string]string           // files as those have read them who read them only when they are told
}

var longAgo = time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)

// newWorld is a host with these files: "PATH" to a text, or to "-> TARGET".
func newWorld(t *testing.T, files map[string]string) *world {
	t.Helper()
	w := &world{t: t, serves: true, on: map[string]func(string){}, fail: map[string]error{}, read: map[string]string{}}
	dir := memory(t)
	program := filepath.Join(t.TempDir(), "rootwalk")
	if err := os.WriteFile(program, []byte("a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.host = &Host{Dir: dir, Live: true, Server: netip.MustParseAddrPort("127.0.0.1:53"), Binary: program, Systemctl: w.systemctl,
		Manual: map[string]string{manual: "a page"},
		Resolves: func(context.Context, netip.AddrPort) error {
			if w.active && w.serves {
				return nil
			}
			return errors.New("no answer")
		}}
	for _, d := range []string{"etc", "usr/local/bin", "usr/local/share/man", "var/lib", "run/systemd/system", "proc/net"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		w.write(name, text)
	}
	return w
}

// memory is a folder for a test, where a disk need not be waited for if there is such a place.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "rootwalk-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (w *world) path(name string) string { return filepath.Join(w.host.Dir, name) }

func (w *world) write(name, text string) {
	w.t.Helper()
	p := w.path(name)
	err := os.MkdirAll(filepath.Dir(p), 0o755)
	_ = os.Remove(p)
	if target, ok := strings.CutPrefix(text, "-> "); ok {
		err = errors.Join(err, os.Symlink(target, p))
	} else {
		err = errors.Join(err, os.WriteFile(p, []byte(text), 0o640), os.Chtimes(p, longAgo, longAgo))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) text(name string) string {
	w.t.Helper()
	b, err := os.ReadFile(w.path(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// process adds one that listens on these addresses.
func (w *world) process(pid int, name string, addresses ...string) {
	w.t.Helper()
	w.write(fmt.Sprintf("proc/%d/comm", pid), name+"\n")
	for i, a := range addresses {
		inode := pid*100 + i
		w.write(fmt.Sprintf("proc/%d/fd/%d", pid, i+3), fmt.Sprintf("-> socket:[%d]", inode))
		ap := netip.MustParseAddrPort(a)
		udp, octets := "proc/net/udp", ap.Addr().AsSlice()
		if ap.Addr().Is6() {
			udp = "proc/net/udp6"
		}
		for i := 0; i < len(octets); i += 4 {
			slices.Reverse(octets[i : i+4])
		}
		line := fmt.Sprintf(" 1: %X:%04X 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 %d 2 0 0\n", octets, ap.Port(), inode)
		old, _ := os.ReadFile(w.path(udp))
		w.write(udp, string(old)+line)
	}
}

// systemctl is the real one's way with rootwalk.service.
func (w *world) systemctl(_ context.Context, args ...string) (string, error) {
	call := strings.Join(args, " ")
	word := func(yes bool, is, isNot string) (string, error) {
		if yes {
			return is + "\n", nil
		}
		return isNot + "\n", errors.New("exit status 3")
	}
	switch call {
	case "is-active rootwalk.service":
		return word(w.active, "active", "inactive")
	case "is-enabled rootwalk.service":
		return word(w.enabled, "enabled", "disabled")
	}
	w.calls = append(w.calls, call)
	if err := w.fail[call]; err != nil {
		return "it failed\n", err
	}
	reads := ""
	switch call {
	case "enable --now rootwalk.service":
		w.active, w.enabled, reads = true, true, binary
	case "disable --now rootwalk.service":
		w.active, w.enabled = false, false
	case "start rootwalk.service", "restart rootwalk.service":
		w.active, reads = true, binary
	case "stop rootwalk.service":
		w.active = false
	case "try-restart rootwalk.service":
		reads = binary
	case "daemon-reload":
		reads = serviceFile
	case "try-restart systemd-resolved.service":
		reads = resolvedFile
	case "try-reload-or-restart NetworkManager.service":
		reads = nmFile
	}
	if unit, known := w.read[serviceFile]; reads == binary && known && w.host.exists(serviceFile) && unit != w.text(serviceFile) {
		w.t.Errorf("%s, and systemd knows an older unit", call)
	}
	if reads != "" {
		text, _ := os.ReadFile(w.path(reads))
		w.read[reads] = string(text)
	}
	if f := w.on[call]; f != nil {
		f(w.host.Dir)
	}
	return "", nil
}

// knows checks that everybody goes by the files as they are.
func (w *world) knows() {
	w.t.Helper()
	for name, known := range w.read {
		if text, _ := os.ReadFile(w.path(name)); known != string(text) && (name != binary || w.active) {
			w.t.Errorf("%s was read as %.40q, and is %.40q", name, known, text)
		}
	}
}

// look looks at the host, where that must succeed.
func (w *world) look() *Facts {
	w.t.Helper()
	f, err := Look(w.t.Context(), w.host)
	if err != nil {
		w.t.Fatal(err)
	}
	return f
}

func (w *world) plan() (*Facts, *Plan) {
	w.t.Helper()
	f := w.look()
	p, err := f.Plan(w.host)
	if err != nil {
		w.t.Fatal(err)
	}
	return f, p
}

// newer has a newer program and its manual to install.
func (w *world) newer() {
	w.t.Helper()
	w.host.Manual[manual] = "a newer page"
	if err := os.WriteFile(w.host.Binary, []byte("a newer program"), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

const manual = "/usr/local/share/man/man8/rootwalk.8"

func quiet(string) {}

func (w *world) tryInstall() error {
	w.t.Helper()
	f, p := w.plan()
	return w.host.Install(w.t.Context(), f, p, quiet)
}

func (w *world) install() {
	w.t.Helper()
	if err := w.tryInstall(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) uninstall() (left []string) {
	w.t.Helper()
	left, err := w.host.Uninstall(w.t.Context(), w.look(), Undoing{}, quiet)
	if err != nil {
		w.t.Fatal(err)
	}
	return left
}

// tree is all that is on the host, one line for each path.
func (w *world) tree() string {
	w.t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(w.host.Dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(w.host.Dir, name)
		fmt.Fprintf(&b, "%s %s", info.Mode(), rel)
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			to, _ := os.Readlink(name)
			fmt.Fprintf(&b, " -> %s", to)
		case info.Mode().IsRegular():
			text, _ := os.ReadFile(name)
			fmt.Fprintf(&b, " %s %q", info.ModTime().UTC(), text)
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

// refused checks that there is an error with these words.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("the error is %v, want %q in it", err, w)
		}
	}
}

// same compares trees, and shows the lines that differ.
func same(t *testing.T, what, want, got string) {
	t.Helper()
	if want == got {
		return
	}
	t.Errorf("%s:", what)
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for _, l := range a {
		if !slices.Contains(b, l) {
			t.Errorf("  lacks %s", l)
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			t.Errorf("  has   %s", l)
		}
	}
}

// noSystemd is a host that another init system runs.
func (w *world) noSystemd() {
	w.t.Helper()
	if err := os.RemoveAll(w.path("run/systemd")); err != nil {
		w.t.Fatal(err)
	}
}

// wroteItself has the journal say that a file is as an installation wrote it.
func (w *world) wroteItself(name string) {
	w.t.Helper()
	j, err := w.host.readJournal()
	if err != nil {
		w.t.Fatal(err)
	}
	for i, e := range j.Entries {
		if e.Path == name {
			j.Entries[i].After = textNode(w.text(name), 0o644)
		}
	}
	if err := w.host.save(j); err != nil {
		w.t.Fatal(err)
	}
}
