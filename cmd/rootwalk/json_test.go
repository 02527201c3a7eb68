package main

// This file is about --json where something goes wrong.

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// failed runs a command with --json that must fail, and returns what it says.
func failed(t *testing.T, args ...string) (f failure) {
	t.Helper()
	o := run(t, append(args, "--json")...)
	if o.code != 1 {
		t.Errorf("%q: exit code %d", args, o.code)
	}
	if err := json.Unmarshal([]byte(o.out), &f); err != nil || f.Error == "" || strings.Count(o.out, "\n") != 1 {
		t.Errorf("%q: %v: %s", args, err, o.out)
	}
	if o.err != "rootwalk: "+f.Error+"\n" {
		t.Errorf("%q: in words it is %q", args, o.err)
	}
	return f
}

func TestAFailureIsJSONWhereJSONIsWanted(t *testing.T) {
	_, path, _, _, _ := controlled(t)
	none := file(t, "none", "") + ".none"
	for _, args := range []string{"status", "stats", "flush x", "reload", "lookup x", "dump", "explain x", "failures", "log-level", "query-log"} {
		if f := failed(t, append([]string{"ctl", "--socket", none}, strings.Fields(args)...)...); !strings.Contains(f.Error, "no server has a control socket") {
			t.Errorf("%s: %s", args, f.Error)
		}
	}
	for args, says := range map[string]string{
		"flush a..b": "is no domain name", "lookup a..b": "is no domain name", "dump a..b": "is no domain name", "explain a..b": "label",
		"log-level shout": "accepted: debug", "query-log some": "0 to 1000000", "flush": "usage: rootwalk ctl flush",
	} {
		if f := failed(t, append([]string{"ctl", "-c", path}, strings.Fields(args)...)...); !strings.Contains(f.Error, says) {
			t.Errorf("%s: %s", args, f.Error)
		}
	}
}

func TestProblemsOfAConfigurationAreJSONWhereJSONIsWanted(t *testing.T) {
	path := file(t, "wrong.yaml", "ede: maybe\nlogg: {}\n")
	for _, args := range []string{"check -c", "trace x -c", "doctor -c", "ctl status -c"} {
		f := failed(t, append(strings.Fields(args), path)...)
		if len(f.Problems) != 2 || f.Problems[1].File != path || f.Problems[1].Line != 2 || f.Problems[1].Key != "logg" || f.Problems[1].Accepted == "" {
			t.Errorf("%s: %+v", args, f)
		}
	}
	o := run(t, "check", "--json", "-c", file(t, "right.yaml", "ede: true\n"))
	o.want(t, 0, []string{`"ok": true`, `"warnings": []`}, nil)
}

func TestAPlanIsData(t *testing.T) {
	dir := image(t)
	type step struct {
		Path, Text    string
		CopyOf        string `json:"copy_of"`
		Before, After *struct{ Kind string }
	}
	plan := func(args ...string) (steps map[string]step, changed bool) {
		t.Helper()
		o := run(t, append(args, "--root", dir, "--json")...)
		o.want(t, 0, nil, nil)
		var w struct {
			Steps   []step
			Changed bool
		}
		if err := json.Unmarshal([]byte(o.out), &w); err != nil {
			t.Fatalf("%v: %s", err, o.out)
		}
		steps = map[string]step{}
		for _, s := range w.Steps {
			steps[s.Path] = s
		}
		return steps, w.Changed
	}
	steps, changed := plan("system", "install", "--dry-run")
	conf, unit, program := steps["/etc/resolv.conf"], steps["/etc/systemd/system/rootwalk.service"], steps["/usr/local/bin/rootwalk"]
	if changed || !strings.Contains(conf.Text, "nameserver 127.0.0.1\n") || conf.Before.Kind != "file" || unit.Before.Kind != "absent" || unit.After.Kind != "file" || program.CopyOf != os.Args[0] || program.Text != "" {
		t.Errorf("changed %t, %+v", changed, steps)
	}
	failed(t, "system", "install", "--root", dir) // it does not ask
	if done, changed := plan("system", "install", "--yes"); !changed || len(done) != len(steps) {
		t.Errorf("changed %t, %+v", changed, done)
	}
	if again, changed := plan("system", "install", "--yes"); changed || len(again) != 0 {
		t.Errorf("changed %t, %+v", changed, again)
	}
	if back, changed := plan("system", "uninstall", "--dry-run"); changed || len(back) != len(steps) || back["/etc/resolv.conf"].After.Kind != "file" {
		t.Errorf("changed %t, %+v", changed, back)
	}
	if _, changed := plan("system", "uninstall", "--yes"); !changed {
		t.Error("uninstall does not say that it changed something")
	}
}
