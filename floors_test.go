// Package rootwalk_test holds what is true of the repository as a whole: which
// package may import which. The packages themselves are in the folders beside it.
package rootwalk_test

// This file owns the floor plan. A package may import those on lower floors and
// nothing else of the project, so that every part can be read, tested and
// replaced without what stands above it. .golangci.yml says the same to the
// linter, and a test here compares the two.

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goccy/go-yaml"
)

// module is the import path of the project, and the prefix of its packages.
const module = "rootwalk"

// floors is the floor plan: the packages of each floor by folder, from the
// bottom. A new package gets its place here and in .golangci.yml.
var floors = [][]string{
	0: {"wire", "clock", "rootHints", "lab", "deploy", "dnstap"},
	1: {"cache", "upstream", "policy"},
	2: {"dnssec"},
	3: {"resolver"},
	4: {"server"},
	5: {"metrics", "config", "control", "system"},
	6: {"cmd/rootwalk", "rootHints/generate", "scenario", "test/e2e", "test/soak", "test/attacks", "bench", "."},
}

// prometheusHome is the only package that may import Prometheus: who counts
// owns plain counters, and one place reads them.
const prometheusHome = "metrics"

// floorOf is the floor of a folder, or -1 where the plan does not have it.
func floorOf(dir string) int {
	return slices.IndexFunc(floors, func(rooms []string) bool { return slices.Contains(rooms, dir) })
}

// mayImport says why the package in dir may not import the one in target; empty
// means it may. Tests may also import their own package and lab.
func mayImport(dir, target string, test bool) (objection string) {
	from, to := floorOf(dir), floorOf(target)
	switch {
	case to < 0:
		return "it stands on no floor; give it a place in floors_test.go and .golangci.yml"
	case test && (target == dir || target == "lab"):
		return ""
	case target == dir:
		return "it is the package itself"
	case to >= from:
		return fmt.Sprintf("it stands on floor %d, and %s on floor %d: imports point down only", to, dir, from)
	}
	return ""
}

// checkFloors is every import of the tree that points up or sideways, and every
// package that has no floor, one line each.
func checkFloors(tree fs.FS) (complaints []string, err error) {
	homeless := map[string]bool{}
	err = fs.WalkDir(tree, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			name := entry.Name()
			if file != "." && (name == "testdata" || name == "vendor" || name[0] == '.' || name[0] == '_') {
				return fs.SkipDir
			}
			if _, err := fs.Stat(tree, path.Join(file, "go.mod")); err == nil && file != "." {
				return fs.SkipDir // another module
			}
			return nil
		}
		if path.Ext(file) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(tree, file)
		if err != nil {
			return err
		}
		if strings.HasPrefix(string(text), "//go:build ignore\n") { // a script, of no package
			return nil
		}
		dir := path.Dir(file)
		if floorOf(dir) < 0 {
			if !homeless[dir] {
				homeless[dir] = true
				complaints = append(complaints, fmt.Sprintf("%s: a package that stands on no floor; give it a place in floors_test.go and .golangci.yml", dir))
			}
			return nil
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			objection := ""
			switch target, ours := strings.CutPrefix(imported, module+"/"); {
			case ours:
				objection = mayImport(dir, target, strings.HasSuffix(file, "_test.go"))
			case strings.HasPrefix(imported, "github.com/prometheus/") && dir != prometheusHome:
				objection = "only " + prometheusHome + " knows Prometheus"
			}
			if objection != "" {
				complaints = append(complaints, fmt.Sprintf("%s: imports %s: %s", set.Position(spec.Pos()), imported, objection))
			}
		}
		return nil
	})
	return complaints, err
}

func TestImportsPointDown(t *testing.T) {
	complaints, err := checkFloors(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range complaints {
		t.Error(c)
	}
}

func TestAnImportThatPointsUpOrSidewaysIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		file, imports string
		want          string // part of the complaint; empty: none
	}{
		"down":                       {"server/a.go", "rootwalk/resolver", ""},
		"down by several floors":     {"server/a.go", "rootwalk/wire", ""},
		"up":                         {"cache/a.go", "rootwalk/resolver", "cache/a.go:2:8: imports rootwalk/resolver: it stands on floor 3, and cache on floor 1"},
		"sideways":                   {"cache/a.go", "rootwalk/upstream", "imports point down only"},
		"sideways on the lowest":     {"wire/a.go", "rootwalk/clock", "imports point down only"},
		"up in a test":               {"cache/a_test.go", "rootwalk/resolver", "imports point down only"},
		"sideways in a test":         {"cache/a_test.go", "rootwalk/policy", "imports point down only"},
		"a test's own package":       {"cache/a_test.go", "rootwalk/cache", ""},
		"itself":                     {"cache/a.go", "rootwalk/cache", "it is the package itself"},
		"lab above floor 0":          {"resolver/a.go", "rootwalk/lab", ""},
		"lab on floor 0":             {"wire/a.go", "rootwalk/lab", "imports point down only"},
		"lab in a test on floor 0":   {"wire/a_test.go", "rootwalk/lab", ""},
		"Prometheus in metrics":      {"metrics/a.go", "github.com/prometheus/client_golang/prometheus", ""},
		"Prometheus elsewhere":       {"cmd/rootwalk/a.go", "github.com/prometheus/client_golang/prometheus", "only metrics knows Prometheus"},
		"a module":                   {"wire/a.go", "github.com/miekg/dns", ""},
		"a room without a floor":     {"attic/a.go", "fmt", "attic: a package that stands on no floor"},
		"a room below a room":        {"cache/slab/a.go", "fmt", "cache/slab: a package that stands on no floor"},
		"an import without a floor":  {"server/a.go", "rootwalk/attic", "it stands on no floor"},
		"test data is not looked at": {"attic/testdata/a.go", "fmt", ""},
		"a build tag hides nothing":  {"cache/a_plan9.go", "rootwalk/server", "imports point down only"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := fstest.MapFS{c.file: {Data: []byte("package x\nimport \"" + c.imports + "\"\n")}}
			got, err := checkFloors(tree)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case c.want == "" && len(got) != 0:
				t.Errorf("complains: %q", got)
			case c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)):
				t.Errorf("got %q, want one complaint with %q", got, c.want)
			}
		})
	}
}

// TestLinterKnowsTheSameFloors compares the depguard rules with the floor plan:
// rule floor-N is about every package of floor N, and allows those below.
func TestLinterKnowsTheSameFloors(t *testing.T) {
	text, err := os.ReadFile(".golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	type rule struct {
		Files []string `yaml:"files"`
		Allow []string `yaml:"allow"`
	}
	var conf struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]rule `yaml:"rules"`
				} `yaml:"depguard"`
			} `yaml:"settings"`
		} `yaml:"linters"`
	}
	if err := yaml.Unmarshal(text, &conf); err != nil {
		t.Fatal(err)
	}
	rules := conf.Linters.Settings.Depguard.Rules
	var below []string
	for n, rooms := range floors {
		name := fmt.Sprintf("floor-%d", n)
		wantFiles := []string{"!$test"}
		for _, room := range rooms {
			if room != "." { // it has tests only
				wantFiles = append(wantFiles, "**/"+filepath.ToSlash(room)+"/*.go")
			}
		}
		if got := rules[name].Files; !sameStrings(got, wantFiles) {
			t.Errorf("%s is about the files %q, want %q", name, got, wantFiles)
		}
		if got := rules[name].Allow; !sameStrings(got, below) {
			t.Errorf("%s allows %q, want %q", name, got, below)
		}
		for _, room := range rooms {
			below = append(below, module+"/"+room+"$")
		}
	}
}

func sameStrings(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
