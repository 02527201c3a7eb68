package main

// This file is about the operator's end of the control socket, against a server
// that runs.

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"rootwalk/control"
)

// controlled starts a server that has a control socket.
func controlled(t *testing.T, lines ...string) (s *service, path, base string, ctl func(args ...string) outcome, askFor func(name string) string) {
	t.Helper()
	_, path, base = loopbackSettings(t)
	socket := filepath.Join(t.TempDir(), "control")
	base += "control: {socket: \"" + socket + "\"}\n"
	rewrite(t, path, base, lines...)
	s, at := serve(t, "-c", path)
	ctl = func(args ...string) outcome {
		return run(t, append([]string{"ctl", "--socket", socket}, args...)...)
	}
	return s, path, base, ctl, func(name string) string { return brief(ask(t, "udp", at, name, "A")) }
}

func TestCtlLooksIntoARunningServer(t *testing.T) {
	_, path, _, ctl, askFor := controlled(t)
	if got := askFor("www.example.com."); got != "NOERROR | www.example.com. A 192.0.2.80" {
		t.Fatal(got)
	}
	ctl("status").want(t, 0, []string{"version ", "listens on ", "root known ", "queries ", "1, 0.0% of them", "log level ", "as at the start"}, nil)
	ctl("lookup", "www.example.com").want(t, 0, []string{"; answer www.example.com. A NOERROR", "www.example.com. 300 IN A 192.0.2.80\n"}, nil)
	ctl("dump", "com").want(t, 0, []string{"; delegation example.com. NS, ", "www.example.com. 300 IN A 192.0.2.80\n"}, nil)
	ctl("lookup", "nothing.example").want(t, 0, []string{"; nothing\n"}, nil)
	ctl("explain", "www.example.com").want(t, 0, []string{"cache has www.example.com. A: answer", "\nNOERROR in "}, nil)
	ctl("explain", "--anew", "www.example.com", "aaaa").want(t, 0, []string{"[example.com.] www.example.com. AAAA? ask ", "no data"}, nil)
	ctl("failures").want(t, 0, []string{"no walk has failed"}, nil)
	run(t, "ctl", "-c", path, "status").want(t, 0, []string{"version "}, nil) // the socket that the configuration names
}

func TestCtlShowsSettingsAndNumbers(t *testing.T) {
	_, _, _, ctl, askFor := controlled(t)
	askFor("www.example.com.")
	ctl("log-level").want(t, 0, []string{"info\n"}, nil)
	ctl("query-log", "7").want(t, 0, []string{"7\n"}, nil)
	ctl("query-log").want(t, 0, []string{"7\n"}, nil)
	ctl("status").want(t, 0, []string{"one query in 7\n"}, nil)
	ctl("stats").want(t, 0, []string{"\nserver.queries.udp.A 1\n", "\nserver.latency.miss.buckets 0 ", "\nresolver.walks 1\n", "\nupstream.rtt_seconds 0."}, nil)
	ctl("stats", "--json").want(t, 0, []string{`"edes": {`, `"in_flight": 0`}, nil)
}

func TestAWrongCommandLineSaysWhatIsTaken(t *testing.T) {
	for _, x := range []struct{ args, says string }{
		{"ctl relod", `ctl: unknown command "relod"; did you mean reload?`},
		{"ctl nonsense", `ctl: unknown command "nonsense"; see --help`},
		{"ctl flush", "usage: rootwalk ctl flush NAME [flags]"},
		{"trace", "usage: rootwalk trace NAME [TYPE] [flags]"},
		{"serve now", "usage: rootwalk serve [flags]"},
	} {
		run(t, strings.Fields(x.args)...).want(t, 1, nil, []string{x.says})
	}
	run(t, "ctl").want(t, 0, []string{"Available Commands:"}, nil)
}

func TestCtlSpeaksJSON(t *testing.T) {
	_, _, _, ctl, askFor := controlled(t)
	askFor("www.example.com.")
	for _, args := range []string{"status", "stats", "lookup www.example.com", "explain www.example.com", "failures", "flush x.example", "reload", "log-level info"} {
		o := ctl(append(strings.Fields(args), "--json")...)
		if o.code != 0 || !json.Valid([]byte(o.out)) {
			t.Errorf("%s: exit code %d, %s%s", args, o.code, o.out, o.err)
		}
	}
	o := ctl("dump", "--json")
	for line := range strings.Lines(o.out) {
		var e control.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Name == "" || e.Kind == "" {
			t.Fatalf("%v: %s", err, line)
		}
	}
}

func TestCtlFlushesWhatIsKnown(t *testing.T) {
	_, _, _, ctl, askFor := controlled(t)
	askFor("www.example.com.")
	ctl("flush", "example.com").want(t, 0, []string{" flushed\n"}, nil)
	ctl("lookup", "www.example.com").want(t, 0, []string{"192.0.2.80"}, nil)
	ctl("flush", "example.com", "--subtree").want(t, 0, []string{" flushed\n"}, nil)
	ctl("lookup", "www.example.com").want(t, 0, []string{"; nothing"}, nil)
	if got := askFor("www.example.com."); got != "NOERROR | www.example.com. A 192.0.2.80" {
		t.Errorf("after the flush: %s", got)
	}
}

func TestCtlReloadTellsWhatChangedAndABadFileIsExitCodeOne(t *testing.T) {
	_, path, base, ctl, askFor := controlled(t)
	ctl("reload").want(t, 0, []string{"no key has another value"}, nil)
	rewrite(t, path, base, "access: {allow: [192.0.2.0/24]}", "server: {workers: 7}")
	ctl("reload").want(t, 0, []string{"access.allow: changed\n", "server.workers: the change takes effect at the next start\n"}, nil)
	if got := askFor("www.example.com."); got != "REFUSED" {
		t.Error(got)
	}
	rewrite(t, path, base, "access: {allow: 5}")
	ctl("reload").want(t, 1, nil, []string{"access.allow: 5 is a number; accepted:"})
	var r reloaded
	o := ctl("reload", "--json")
	o.want(t, 1, nil, []string{"access.allow: 5 is a number; accepted:"})
	if err := json.Unmarshal([]byte(o.out), &r); err != nil || len(r.Problems) != 1 || r.Problems[0].File != path || r.Problems[0].Line == 0 || r.Problems[0].Key != "access.allow" || r.Error == "" {
		t.Errorf("%v: %s", err, o.out)
	}
	ctl("status").want(t, 0, []string{"the last reload FAILED"}, nil)
	if got := askFor("www.example.com."); got != "REFUSED" {
		t.Error(got)
	}
	t.Attr("row", "F | a wrong configuration, read again by order | exit code 1, file, line and key; status says so; the one before stays | held | ")
}

func TestCtlSetsTheLogLevel(t *testing.T) {
	s, _, _, ctl, askFor := controlled(t, `zones: [{name: gone.example., type: stub, servers: ["127.53.0.99"]}]`)
	ctl("log-level", "debug").want(t, 0, []string{"debug\n"}, nil)
	askFor("gone.example.")
	eventually(t, "the failure is logged", func() bool { return len(logged(t, s, "failed")) > 0 })
	ctl("failures").want(t, 0, []string{"gone.example. A: no server of gone.example. answers", "└─ failed: "}, nil)
	ctl("explain", "gone.example").want(t, 2, []string{"remembered", "SERVFAIL in "}, nil)
	ctl("log-level", "shout").want(t, 1, nil, []string{"accepted: debug, info, warn or error"})
}

func TestQueriesAreLoggedWhenItIsSwitchedOn(t *testing.T) {
	s, path, base, ctl, askFor := controlled(t)
	askFor("www.example.com.")
	ctl("query-log", "1").want(t, 0, []string{"1\n"}, nil)
	askFor("www.example.com.")
	askFor(`odd\010name\".example.com.`)
	eventually(t, "two are logged", func() bool { return len(logged(t, s, "query")) == 2 })
	hit, miss := logged(t, s, "query")[0], logged(t, s, "query")[1]
	if hit["name"] != "www.example.com." || hit["type"] != "A" || hit["rcode"] != "NOERROR" || hit["result"] != "cached" || hit["client"] != "127.0.0.1" || hit["transport"] != "udp" {
		t.Errorf("logged as %v", hit)
	}
	if miss["name"] != `odd\010name\".example.com.` || miss["result"] != "walk" || miss["rcode"] != "NXDOMAIN" {
		t.Errorf("logged as %v", miss)
	}
	rewrite(t, path, base, "cache: {max-ttl: 5m}")
	ctl("reload").want(t, 0, []string{"log.queries: changed"}, nil)
	askFor("www.example.com.")
	if n := len(logged(t, s, "query")); n != 2 {
		t.Errorf("%d queries are logged after it was switched off", n)
	}
	ctl("query-log", "some").want(t, 1, nil, []string{"0 to 1000000"})
}

func TestCtlSaysWhatToDoWhenNobodyAnswers(t *testing.T) {
	run(t, "ctl", "--socket", filepath.Join(t.TempDir(), "none"), "status").want(t, 1, nil, []string{"no server has a control socket at", "control.socket"})
	s, _, _, ctl, _ := controlled(t)
	if code := s.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	ctl("status").want(t, 1, nil, []string{"no server has a control socket at"}) // it takes its socket with it
}

func TestTheSocketIsInTheRuntimeDirectoryWhereThereIsOne(t *testing.T) {
	dir := t.TempDir()
	_, path := loopbackInternet(t)
	at := freePort(t)
	cmd := command("serve", "-c", path, "--listen", at.String())
	cmd.Env = append(cmd.Env, "RUNTIME_DIRECTORY="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, "the socket is there", func() bool {
		_, err := os.Stat(filepath.Join(dir, "control"))
		return err == nil
	})
	eventually(t, "it answers", func() bool {
		return run(t, "ctl", "--socket", filepath.Join(dir, "control"), "status").code == 0
	})
}
