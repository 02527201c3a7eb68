package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rule is a piece of source that some scenario cannot do without.
type rule struct {
	name    string
	file    string // from the root of the module
	source  string
	instead string
	at      string // where the rule stands
}

// rules reads the RULES files: for each rule "== NAME FILE", the source, "==
// instead", and what stands there when the rule is removed.
func rules(t *testing.T) map[string]rule {
	t.Helper()
	list, err := filepath.Glob("testdata/*/RULES")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]rule{}
	for _, f := range list {
		readRules(t, f, out)
	}
	return out
}

func readRules(t *testing.T, file string, out map[string]rule) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r *rule
	into := func(string) {}
	flush := func() {
		if r != nil {
			r.source, r.instead = strings.Trim(r.source, "\n"), strings.Trim(r.instead, "\n")
			if _, twice := out[r.name]; twice {
				t.Errorf("%s: rule %s is there already", r.at, r.name)
			}
			out[r.name] = *r
		}
	}
	for i, l := range strings.Split(string(text), "\n") {
		title, ok := strings.CutPrefix(l, "== ")
		switch w := strings.Fields(title); {
		case ok && title == "instead" && r != nil:
			into = func(l string) { r.instead += l + "\n" }
		case ok && len(w) == 2:
			flush()
			r = &rule{name: w[0], file: w[1], at: fmt.Sprintf("%s:%d", file, i+1)}
			into = func(l string) { r.source += l + "\n" }
		case ok:
			t.Fatalf("%s:%d: want \"== NAME FILE\" or \"== instead\"", file, i+1)
		default:
			into(l)
		}
	}
	flush()
}

// without reads the names of the rules that a scenario fails without.
func without(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "RFC ") {
		t.Errorf("%s does not begin with its RFC and section", file)
	}
	return headWords(string(text), "without:")
}

// headWords are the words of a line in the head of a scenario.
func headWords(text, key string) []string {
	head, _, _ := strings.Cut(text, "\n== ")
	for _, l := range strings.Split(head, "\n") {
		if words, ok := strings.CutPrefix(l, key); ok {
			return strings.Fields(words)
		}
	}
	return nil
}

func TestEveryScenarioNamesTheRuleThatItShows(t *testing.T) {
	all := rules(t)
	used := map[string]bool{}
	for _, f := range files(t) {
		names := without(t, f)
		if len(names) == 0 {
			t.Errorf("%s names no rule", f)
		}
		for _, n := range names {
			if _, ok := all[n]; !ok {
				t.Errorf("%s names rule %q, which no RULES file has", f, n)
			}
			used[n] = true
		}
	}
	for n, r := range all {
		if !used[n] {
			t.Errorf("%s: no scenario names rule %s", r.at, n)
		}
		src, err := os.ReadFile(filepath.Join("..", r.file))
		if err != nil {
			t.Errorf("%s: %v", r.at, err)
			continue
		}
		if c := strings.Count(string(src), r.source); c != 1 {
			t.Errorf("%s: the source of rule %s stands %d times in %s, want once", r.at, n, c, r.file)
		}
	}
}

// TestScenariosFailWithoutTheirRule removes each rule and plays the scenarios
// that name it. It compiles the resolver once for each, so it runs on demand.
func TestScenariosFailWithoutTheirRule(t *testing.T) {
	if os.Getenv("ROOTWALK_MUTANTS") == "" {
		t.Skip("set ROOTWALK_MUTANTS=1 (make mutants) to remove each rule in turn")
	}
	uses := map[string][]string{}
	for _, f := range files(t) {
		for _, n := range without(t, f) {
			uses[n] = append(uses[n], strings.TrimSuffix(strings.TrimPrefix(f, "testdata/"), ".txt"))
		}
	}
	only := os.Getenv("ROOTWALK_MUTANTS")
	for n, r := range rules(t) {
		if only != "1" && !slices.Contains(strings.Split(only, ","), n) {
			continue
		}
		t.Run(n, func(t *testing.T) {
			t.Parallel()
			binary := mutant(t, r)
			for _, s := range uses[n] {
				// Which server is asked first is chance: one that is in order may be.
				out, err := exec.Command(binary, "-test.run", "^TestScenarios$/^"+strings.ReplaceAll(s, "/", "$/^")+"$", "-test.timeout", "60s", "-test.count", "5").CombinedOutput()
				if err == nil {
					t.Errorf("%s passes without rule %s", s, n)
				} else if !strings.Contains(string(out), "--- FAIL") && !strings.Contains(string(out), "panic:") {
					t.Errorf("%s: %v\n%s", s, err, out)
				}
			}
		})
	}
}

// mutant builds this package's tests without a rule.
func mutant(t *testing.T, r rule) string {
	dir := t.TempDir()
	path, err := filepath.Abs(filepath.Join("..", r.file))
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(src), r.source) != 1 {
		t.Fatalf("%s: the source of the rule does not stand once in %s", r.at, r.file)
	}
	changed := filepath.Join(dir, "changed.go")
	overlay, _ := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	for name, text := range map[string]string{changed: strings.Replace(string(src), r.source, r.instead, 1), filepath.Join(dir, "overlay.json"): string(overlay)} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(dir, "scenario.test")
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("building without the rule: %v\n%s", err, out))
	}
	return binary
}
