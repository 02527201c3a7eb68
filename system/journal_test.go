package system

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// This file is about the journal, and about links and files that somebody has laid out to
// lead elsewhere.

func TestTheJournalKnowsBeforeAFileChanges(t *testing.T) {
	w := hosts["openresolv and dhcpcd"](t)
	f, p := w.plan()
	seen := 0
	for i := range p.Steps {
		s := &p.Steps[i]
		if text := s.text; text != nil {
			s.text = func() (io.ReadCloser, error) {
				j, err := w.host.readJournal()
				if err != nil || j == nil || j.Entries[len(j.Entries)-1].Path != s.path {
					t.Errorf("it does not know of %s (%v)", s.path, err)
				}
				seen++
				return text()
			}
		}
	}
	if err := w.host.Install(t.Context(), f, p, quiet); err != nil || seen < 6 {
		t.Errorf("%d files, %v", seen, err)
	}
}

// Links and files that somebody has laid out must lead nowhere.

func TestNoLinkLeadsOutOfAnImage(t *testing.T) {
	for _, where := range []string{"etc", "etc/rootwalk", "etc/systemd", "var/lib", "usr/local/bin"} {
		for _, absolute := range []bool{true, false} {
			w := hosts["an image"](t)
			outside := t.TempDir()
			if err := os.RemoveAll(w.path(where)); err != nil {
				t.Fatal(err)
			}
			to := outside
			if !absolute {
				to, _ = filepath.Rel(filepath.Dir(w.path(where)), outside)
			}
			w.write(where, "-> "+to)
			f, err := Look(t.Context(), w.host)
			if err == nil {
				var p *Plan
				if p, err = f.Plan(w.host); err == nil {
					err = w.host.Install(t.Context(), f, p, quiet)
				}
			}
			if err == nil {
				t.Errorf("%s is a link to %s, and it is gone through", where, to)
			}
			if left, _ := os.ReadDir(outside); len(left) != 0 {
				t.Errorf("%s is a link, and %s was written outside", where, left)
			}
		}
	}
}

func TestAFileThatLiesInTheWayIsNotWrittenThrough(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/resolv.conf": "nameserver 192.0.2.1\n", "etc/victim": "precious"})
	w.write("etc/"+replacement("resolv.conf"), "-> victim")
	w.write("etc/rootwalk/"+replacement("rootwalk.yaml"), "-> ../victim")
	w.install()
	if got := w.text("etc/victim"); got != "precious" {
		t.Errorf("it is %q", got)
	}
}

func TestAJournalThatOthersCanWriteIsNotBelieved(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/resolv.conf": "nameserver 192.0.2.1\n"})
	w.install()
	if err := os.Chmod(w.path(JournalDir), 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := Look(t.Context(), w.host)
	refused(t, err, "can be written by others")
	if err := os.RemoveAll(w.path(JournalDir)); err != nil {
		t.Fatal(err)
	}
	w.write(JournalDir, "-> /etc")
	_, err = Look(t.Context(), w.host)
	refused(t, err, "is no folder")
}

func TestADamagedJournalIsTold(t *testing.T) {
	for _, text := range []string{"", "{", `{"version": 99}`} {
		w := newWorld(t, nil)
		w.install()
		w.write(journalFile, text)
		_, err := Look(t.Context(), w.host)
		refused(t, err, journalFile)
	}
}

func TestWhatOneHasSeenIsNoPlanForTheOther(t *testing.T) {
	w := hosts["NetworkManager alone"](t)
	before := w.tree()
	f, p := w.plan()
	w.install() // by somebody else, while this one asks its user
	refused(t, w.host.Install(t.Context(), f, p, quiet), "meanwhile")
	installed := w.look()
	w.uninstall()
	_, err := w.host.Uninstall(t.Context(), installed, Undoing{}, quiet)
	refused(t, err, "meanwhile")
	w.uninstall()
	same(t, "after that", before, w.tree())
}

func TestEverybodyMayLookAndOnlyRootMayWrite(t *testing.T) {
	w := newWorld(t, map[string]string{"etc/resolv.conf": "nameserver 192.0.2.1\n"})
	w.install()
	for name, want := range map[string]os.FileMode{JournalDir: 0o755, journalFile: 0o644} {
		if info, err := os.Stat(w.path(name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
	saved, _ := filepath.Glob(w.path(JournalDir + "/etc_resolv.conf.*"))
	if len(saved) != 1 {
		t.Fatal(saved)
	}
	if info, err := os.Stat(saved[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s has mode %v, %v", saved[0], info.Mode(), err)
	}
}

func TestTwoAtOnceDoNotMix(t *testing.T) {
	w := newWorld(t, nil)
	done, err := w.host.open()
	if err != nil {
		t.Fatal(err)
	}
	refused(t, w.tryInstall(), "another `rootwalk system`")
	done()
	w.install()
}
