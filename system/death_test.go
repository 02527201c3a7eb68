package system

import (
	"io"
	"os"
	"testing"
)

// This file is about processes that are killed in the middle.

// death is what ends an installation in the middle.
type death struct{}

// deadly is a text that nobody lives to read.
type deadly struct{}

func (deadly) Read([]byte) (int, error) { panic(death{}) }

// dieAt has the installation end, as if the process was killed: before step number at, or
// once that step is in the journal and its file is about to be written.
func (w *world) dieAt(at int, inStep bool) (died, more bool) {
	f, p := w.plan()
	if at >= len(p.Steps) {
		return false, false
	}
	s := &p.Steps[at]
	switch {
	case !inStep:
		s.What = "die"
	case s.text != nil:
		s.text = func() (io.ReadCloser, error) { return io.NopCloser(deadly{}), nil }
	default:
		return false, true // it writes no file
	}
	defer func() { died, more = recover() != nil, true }()
	_ = w.host.Install(w.t.Context(), f, p, func(what string) {
		if what == "die" {
			panic(death{})
		}
	})
	return false, true
}

func TestAnInstallationThatDiedCanBeUndoneOrGoneOnWith(t *testing.T) {
	for _, name := range []string{"NetworkManager and systemd-resolved", "openresolv and dhcpcd", "an image"} {
		t.Run(name, func(t *testing.T) {
			make := hosts[name]
			for _, inStep := range []bool{false, true} {
				for at := 0; ; at++ {
					w := make(t)
					before := w.tree()
					died, more := w.dieAt(at, inStep)
					if !more {
						break
					}
					if !died {
						continue
					}
					w.uninstall()
					same(t, "undone", before, w.tree())
					w.knows()
					if w.active {
						t.Error("the service is active")
					}
					w.dieAt(at, inStep)
					w.install()
					if f := w.look(); f.Installed != Complete {
						t.Errorf("step %d: installed: %s", at, f.Installed)
					}
					w.knows()
					w.uninstall()
					same(t, "gone on with, and undone", before, w.tree())
				}
			}
		})
	}
}

func TestNothingStaysOfAnInstallationThatDiedBeforeItsFirstStep(t *testing.T) {
	for _, name := range []string{JournalDir, JournalDir + "/" + replacement("journal.json")} {
		w := newWorld(t, nil)
		before := w.tree()
		if name == JournalDir {
			if err := os.Mkdir(w.path(name), 0o755); err != nil {
				t.Fatal(err)
			}
		} else {
			w.write(name, "{")
		}
		w.uninstall()
		same(t, name, before, w.tree())
	}
}

func TestUninstallThatDiedCanBeGoneOnWith(t *testing.T) {
	for at := 1; at < 10; at++ {
		w := hosts["NetworkManager and systemd-resolved"](t)
		before := w.tree()
		w.install()
		func() {
			defer func() { _ = recover() }()
			n := 0
			_, _ = w.host.Uninstall(t.Context(), w.look(), Undoing{}, func(string) {
				if n++; n == at {
					panic(death{})
				}
			})
		}()
		w.uninstall()
		same(t, "undone", before, w.tree())
	}
}

func TestAnUpgradeThatDiedIsGoneOnWithToTheNewProgram(t *testing.T) {
	for at := 0; ; at++ {
		w := hosts["NetworkManager and systemd-resolved"](t)
		before := w.tree()
		w.install()
		w.write(serviceFile, "an older unit") // as an older program has left it
		w.wroteItself(serviceFile)
		w.read[serviceFile] = w.text(serviceFile)
		w.newer()
		if _, more := w.dieAt(at, false); !more {
			break
		}
		w.install()
		w.knows()
		if got := w.read[binary]; got != "a newer program" {
			t.Errorf("killed before step %d and gone on with, %q runs", at, got)
		}
		w.uninstall()
		same(t, "after uninstall", before, w.tree())
	}
}
