package system

import (
	"strings"
	"testing"
)

// This file is about files that somebody has changed since the installation.

func TestWhatTheUserChangedIsLeftAlone(t *testing.T) {
	w := resolvedHost(t)
	w.install()
	const theirs = "nameserver 192.0.2.99\n"
	w.write("etc/resolv.conf", theirs)
	w.write("etc/rootwalk/rootwalk.yaml", "log: {level: debug}\n")
	w.write("etc/systemd/system/rootwalk.service", "[Service]\n")
	if f := w.look(); f.Installed != Changed {
		t.Errorf("installed: %s", f.Installed)
	}
	left := strings.Join(w.uninstall(), "\n")
	for _, want := range []string{"/etc/resolv.conf was changed since", "it was a link to ../run/systemd/resolve/stub-resolv.conf", "/etc/rootwalk/rootwalk.yaml was changed", "rootwalk.service was changed"} {
		if !strings.Contains(left, want) {
			t.Errorf("%q lacks %q", left, want)
		}
	}
	if w.text("etc/resolv.conf") != theirs || w.text("etc/rootwalk/rootwalk.yaml") != "log: {level: debug}\n" || w.text("etc/systemd/system/rootwalk.service") != "[Service]\n" {
		t.Error("it was not left alone")
	}
	if w.host.exists(resolvedFile) || w.host.exists(binary) || w.active {
		t.Error("what was not changed is still there")
	}
}

func TestTheOldFileIsSavedWhereTheUserChangedOurs(t *testing.T) {
	w := hosts["NetworkManager alone"](t)
	old := w.text("etc/resolv.conf")
	w.install()
	w.write("etc/resolv.conf", "nameserver 192.0.2.99\n")
	left := strings.Join(w.uninstall(), "\n")
	_, saved, ok := strings.Cut(left, "what was there before rootwalk is in ")
	if !ok {
		t.Fatal(left)
	}
	if got := w.text(saved); got != old {
		t.Errorf("%s has %q", saved, got)
	}
}

func TestAHostIsNotLeftWithoutAResolver(t *testing.T) {
	w := hosts["NetworkManager alone"](t)
	before := w.text("etc/resolv.conf")
	w.install()
	const theirs = "# mine\nnameserver 127.0.0.1\n"
	w.write("etc/resolv.conf", theirs)
	_, err := w.host.Uninstall(t.Context(), w.look(), Undoing{}, quiet)
	if err == nil || !strings.Contains(err.Error(), "asks 127.0.0.1 still") || !w.active {
		t.Fatalf("error %v, the service is active: %t", err, w.active)
	}
	left, err := w.host.Uninstall(t.Context(), w.look(), Undoing{Force: true}, quiet)
	if err != nil || w.text("etc/resolv.conf") != before {
		t.Errorf("%v; resolv.conf is %q", err, w.text("etc/resolv.conf"))
	}
	_, saved, _ := strings.Cut(strings.Join(left, "\n"), "what it was is in ")
	if got := w.text(saved); got != theirs {
		t.Errorf("what was saved is %q", got)
	}
}

func TestInstallAgainTakesWhatTheUserChangedForWhatWasBefore(t *testing.T) {
	w := resolvedHost(t)
	w.install()
	const theirs = "nameserver 192.0.2.99\nsearch home\n"
	w.write("etc/resolv.conf", theirs)
	w.install()
	if got := w.text("etc/resolv.conf"); !strings.Contains(got, "nameserver 127.0.0.1\nsearch home\n") {
		t.Errorf("resolv.conf is %q", got)
	}
	w.uninstall()
	if got := w.text("etc/resolv.conf"); got != theirs {
		t.Errorf("after uninstall it is %q", got)
	}
}
