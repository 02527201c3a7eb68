package main

// This file is about the commands that end by themselves: version, check, trace.

import (
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"

	"rootwalk/config"
	"rootwalk/control"
	"rootwalk/lab"
)

func TestVersionSaysWhatThisIs(t *testing.T) {
	o := run(t, "version")
	o.want(t, 0, []string{"rootwalk ", runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}, nil)
	if words := strings.Fields(o.out); len(words) != 4 {
		t.Errorf("%q has %d words, want name, version, Go and system", o.out, len(words))
	}
}

func TestAWrongCommandLineIsExitCodeOne(t *testing.T) {
	for _, args := range [][]string{
		{"serv"}, {"serve", "extra"}, {"serve", "--port", "53"}, {"check", "-c"}, {"version", "now"},
		{"trace"}, {"trace", "a", "A", "b"}, {"trace", "--lab", "www.example.com", "NOTYPE"}, {"trace", "--lab", "www.example.com", "TYPE70000"},
		{"trace", "--lab", "www.example.com", "TYPE12x"}, {"trace", "--lab", "www.example.com", "TYPE"}, {"trace", "--lab", "a..b"},
		{"trace", "--lab", strings.Repeat("a", 64) + ".example"}, {"trace", "--lab", "-c", "/nonexistent/rootwalk.yaml", "www.example.com"},
		{"lab", "--listen", "nowhere"}, {"serve", "--listen", "127.0.0.1"}, {"serve", "--listen", "127.0.0.1:99999"}, {"serve", "--metrics", "x"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			o := run(t, args...)
			o.want(t, 1, nil, []string{"rootwalk: "})
			if o.out != "" || strings.Count(o.err, "\n") > 6 || strings.Contains(o.err, "goroutine") {
				t.Errorf("more than an error:\n%s%s", o.out, o.err)
			}
		})
	}
}

func TestCheckAcceptsWhatIsRight(t *testing.T) {
	run(t, "check").want(t, 0, []string{"ok\n"}, nil)
	path := file(t, "right.yaml", "listen: [\"127.0.0.1:5300\"]\nupstream: {port: 5354, refuse: []}\ncache: {size: 64MiB}\n")
	run(t, "check", "-c", path).want(t, 0, []string{"ok\n"}, nil)
}

func TestCheckNamesFileLineAndKey(t *testing.T) {
	for what, c := range map[string]struct {
		text string
		want []string
	}{
		"an unknown key":     {"log: {level: info}\ncache:\n  sise: 64MiB\n", []string{":3: ", "cache.sise", "unknown key"}},
		"an unknown section": {"\nlistne: []\n", []string{":2: ", "listne", "unknown key"}},
		"a wrong type":       {"upstream:\n  ipv4: 4\n", []string{":2: ", "upstream.ipv4"}},
		"a wrong value":      {"log:\n  format: xml\n", []string{":2: ", "log.format", "xml"}},
		"a wrong address":    {"listen: [\"localhost:53\"]\n", []string{":1: ", "listen", "localhost"}},
		"no YAML":            {"log: {level: info\n", []string{":"}},
		"two mistakes":       {"ede: maybe\n\nlogg: {}\n", []string{":1: ede", ":3: logg"}},
	} {
		for _, command := range [][]string{{"check"}, {"serve"}, {"trace", "--lab", "www.example.com"}} {
			t.Run(what+" by "+command[0], func(t *testing.T) {
				path := file(t, "wrong.yaml", c.text)
				o := run(t, append(slices.Clone(command), "-c", path)...)
				o.want(t, 1, nil, append([]string{"rootwalk: ", path}, c.want...))
				if o.out != "" {
					t.Errorf("output: %s", o.out)
				}
			})
		}
	}
}

func TestCheckLooksAtTheFilesToo(t *testing.T) {
	missing := file(t, "a.yaml", "root: {hints: /nonexistent/named.root}\n")
	run(t, "check", "-c", missing).want(t, 1, nil, []string{"root.hints", "/nonexistent/named.root"})
	hints := file(t, "named.root", "this is no zone file\n")
	bad := file(t, "b.yaml", "root: {hints: "+hints+"}\n")
	run(t, "check", "-c", bad).want(t, 1, nil, []string{hints})
}

func TestTheDefaultsArePrintedAsAConfiguration(t *testing.T) {
	o := run(t, "check", "--defaults")
	o.want(t, 0, []string{"listen: ", "access:", "127.0.0.1:53", "# "}, nil)
	cfg, err := config.Parse("defaults", []byte(o.out))
	if err != nil {
		t.Fatal(err)
	}
	if again := cfg.YAML(); again != o.out {
		t.Errorf("what is read is printed otherwise:\n%s", again)
	}
	path := file(t, "defaults.yaml", o.out)
	run(t, "check", "-c", path).want(t, 0, []string{"ok\n"}, nil)
}

func TestTheSchemaIsPrinted(t *testing.T) {
	o := run(t, "check", "--schema")
	o.want(t, 0, []string{`"Configuration of rootwalk"`, `"max-negative-ttl"`}, nil)
	if !json.Valid([]byte(o.out)) {
		t.Error("it is no JSON")
	}
}

func TestTheEnvironmentIsALayerOfItsOwn(t *testing.T) {
	cmd := command("check", "--defaults")
	cmd.Env = append(cmd.Env, "ROOTWALK_LOG_LEVEL=debug", "ROOTWALK_UNKNOWN=1")
	end(t, cmd).want(t, 0, []string{"level: debug"}, []string{"warning:", "ROOTWALK_UNKNOWN"})
	cmd = command("check")
	cmd.Env = append(cmd.Env, "ROOTWALK_LOG_LEVEL=loud")
	end(t, cmd).want(t, 1, nil, []string{"ROOTWALK_LOG_LEVEL", "loud"})
}

func TestTraceShowsTheWalk(t *testing.T) {
	run(t, "trace", "--lab", "www.example.com").want(t, 0,
		[]string{"www.example.com. A\n", "closest known zone cut is .", "[.] ", "[com.] ", "[example.com.] ", "referral to com.", "127.53.0.", "\nNOERROR in ", "www.example.com. 300 IN A 192.0.2.80\n"}, nil)
	run(t, "trace", "--lab", "blog.example.com").want(t, 0,
		[]string{"alias blog.example.com. is pages.example.net.", "pages.example.net. 300 IN A 203.0.113.80\n"}, nil)
	run(t, "trace", "--lab", "poem.library.example.org", "txt").want(t, 0, []string{"over tcp", "A name set out one morning"}, nil)
	run(t, "trace", "--lab", "www.example.com", "TYPE1").want(t, 0, []string{"192.0.2.80"}, nil)
	run(t, "trace", "--lab", "nowhere.example.com").want(t, 0, []string{"\nNXDOMAIN in "}, nil)
	run(t, "trace", "--lab", "www.example.com", "AAAA").want(t, 0, []string{"\nNOERROR in ", "no data"}, nil)
}

func TestTraceOfAFailureIsExitCodeTwo(t *testing.T) {
	path := file(t, "six.yaml", "upstream: {ipv4: false}\n") // the private Internet has no IPv6
	o := run(t, "trace", "--lab", "-c", path, "www.example.com")
	o.want(t, 2, []string{"failed: ", "\nSERVFAIL in "}, nil)
	if o.err != "" {
		t.Errorf("the errors say %q, though the walk has said it all", o.err)
	}
	var out control.Explanation
	o = run(t, "trace", "--lab", "--json", "-c", path, "www.example.com")
	o.want(t, 2, nil, nil)
	if err := json.Unmarshal([]byte(o.out), &out); err != nil || out.Rcode != "SERVFAIL" || out.Error == "" || out.Answer == nil {
		t.Errorf("%v: %+v", err, out)
	}
}

func TestTraceAsJSONIsTheSameStory(t *testing.T) {
	for _, q := range lab.DemoQuestions() {
		t.Run(q.Name+" "+q.Type, func(t *testing.T) {
			o := run(t, "trace", "--lab", "--json", q.Name, q.Type)
			o.want(t, 0, nil, nil)
			var out control.Explanation
			d := json.NewDecoder(strings.NewReader(o.out))
			d.DisallowUnknownFields()
			if err := d.Decode(&out); err != nil {
				t.Fatal(err)
			}
			if out.Question != q.Name+" "+q.Type || out.Took <= 0 || out.Error != "" || d.More() {
				t.Errorf("%+v", out)
			}
			asks, last := 0, ""
			var visit func(depth int, steps []jsonStep)
			visit = func(depth int, steps []jsonStep) {
				for _, s := range steps {
					if s.Kind == "" {
						t.Errorf("a step without kind: %+v", s)
					}
					if s.Kind == "ask" {
						asks++
						if s.Server == "" || s.Question == "" || s.Zone == "" || s.Outcome == "" {
							t.Errorf("an incomplete step: %+v", s)
						}
					}
					last = s.Kind
					visit(depth+1, s.Steps)
				}
			}
			visit(0, stepsOf(t, o.out))
			if asks < 2 || last != "answer" {
				t.Errorf("%d exchanges, the last step is %q", asks, last)
			}
			human := run(t, "trace", "--lab", q.Name, q.Type)
			human.want(t, 0, []string{"\n" + out.Rcode + " in "}, nil)
			for _, a := range out.Answer {
				if strings.Count(human.out, "\n"+a+"\n") != 1 && q.Name != "pool.example.com." {
					t.Errorf("%q is not in the other form", a)
				}
			}
			if got := strings.Count(human.out, "? ask "); got < asks-2 || got > asks+2 { // chance picks servers
				t.Errorf("%d exchanges, %d in the other form", asks, got)
			}
		})
	}
}

// jsonStep is a step as a program outside would read it.
type jsonStep struct {
	Kind, Question, Zone, Server, Network, Outcome, Text string
	Steps                                                []jsonStep
}

func stepsOf(t *testing.T, text string) []jsonStep {
	t.Helper()
	var out struct{ Steps []jsonStep }
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out.Steps
}
