package main

// This file is about `rootwalk system` as a command; what it does to a host is in package system,
// and on a host that runs in test/e2e/system.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// image is the root of a host with systemd.
func image(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"usr/lib/systemd/systemd": "", "usr/lib/systemd/systemd-resolved": "", "etc/resolv.conf": "nameserver 192.0.2.1\n"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAnImageIsPreparedAndPutBack(t *testing.T) {
	dir := image(t)
	read := func(name string) string {
		text, _ := os.ReadFile(filepath.Join(dir, name))
		return string(text)
	}
	run(t, "system", "install", "--root", dir, "--dry-run").want(t, 0, []string{"To be done:", "write /etc/systemd/system/rootwalk.service", "Domains=~.", "uninstall` puts it back"}, nil)
	if read("etc/resolv.conf") != "nameserver 192.0.2.1\n" {
		t.Fatal("a dry run changes files")
	}
	run(t, "system", "install", "--root", dir, "--yes").want(t, 0, []string{"- replace /etc/resolv.conf", "will ask rootwalk when it starts"}, nil)
	unit, err := os.ReadFile("../../deploy/systemd/rootwalk.service")
	if err != nil || read("etc/systemd/system/rootwalk.service") != string(unit) {
		t.Errorf("the unit is not that of deploy/systemd (%v)", err)
	}
	if !strings.Contains(read("etc/resolv.conf"), "nameserver 127.0.0.1\n") {
		t.Error(read("etc/resolv.conf"))
	}
	run(t, "check", "-c", filepath.Join(dir, "etc/rootwalk/rootwalk.yaml")).want(t, 0, []string{"ok"}, nil)
	run(t, "system", "status", "--root", dir).want(t, 0, []string{"This host asks 127.0.0.1, by way of"}, nil)
	o := run(t, "system", "status", "--root", dir, "--json")
	var status struct {
		Resolver string
		Host     struct{ Installed string }
	}
	if err := json.Unmarshal([]byte(o.out), &status); err != nil || status.Resolver != "127.0.0.1" || status.Host.Installed != "yes" {
		t.Errorf("%v: %s", err, o.out)
	}
	run(t, "system", "install", "--root", dir, "--yes").want(t, 0, []string{"there is nothing to do"}, nil)
	run(t, "system", "uninstall", "--root", dir, "--yes").want(t, 0, []string{"put back /etc/resolv.conf"}, nil)
	if read("etc/resolv.conf") != "nameserver 192.0.2.1\n" {
		t.Error(read("etc/resolv.conf"))
	}
	run(t, "system", "uninstall", "--root", dir, "--yes").want(t, 0, []string{"nothing to undo"}, nil)
}

func TestNothingIsChangedUnasked(t *testing.T) {
	dir := image(t)
	cmd := command("system", "install", "--root", dir)
	cmd.Stdin = strings.NewReader("y\n") // a pipe: nobody has seen the question
	end(t, cmd).want(t, 1, nil, []string{"no terminal to ask on; --yes"})
	if _, err := os.Lstat(filepath.Join(dir, "etc/rootwalk")); err == nil {
		t.Error("it went on")
	}
}

func TestAConfigurationThatCannotBeAskedIsFoundFirst(t *testing.T) {
	dir := image(t)
	path := filepath.Join(dir, "etc/rootwalk/rootwalk.yaml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"listne: []\n": path + ":1: listne", "listen: [\"127.0.0.1:5300\"]\n": path + ": the configuration has no address with port 53"} {
		rewrite(t, path, "", text)
		run(t, "system", "install", "--root", dir, "--yes").want(t, 1, nil, []string{want})
		run(t, "system", "uninstall", "--root", dir, "--yes").want(t, 0, []string{"nothing to undo"}, []string{want}) // there is always a way back
	}
}
