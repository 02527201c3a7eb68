package main

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"rootwalk/cache"
	"rootwalk/resolver"
	"rootwalk/server"
	"rootwalk/upstream"
)

func TestTheDocumentHasTheLimitsOfTheSource(t *testing.T) {
	list, err := readLimits(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), limitsTable(list)) {
		t.Error("docs/security.md is out of date: go run ./test/attacks -limits -write docs/security.md")
	}
}

// What is counted must be explained, and what is explained as counted must be.
func TestEveryCountedLimitIsInTheTable(t *testing.T) {
	list, err := readLimits(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, l := range list {
		for _, n := range l.names {
			explained[n] = explained[n] || l.counted
		}
	}
	c := cache.New(cache.Options{Size: 1 << 20, Shards: 1})
	u := upstream.New(upstream.Options{})
	r := resolver.New(resolver.Options{Cache: c, Upstream: u})
	s := server.New(server.Options{Cache: c, Resolver: r})
	counted := map[string]bool{}
	for _, room := range []map[string]uint64{u.Stats().Limits, r.Stats().Limits, s.Stats().Limits} {
		for n := range room {
			if counted[n] {
				t.Errorf("two rooms count %s", n)
			}
			counted[n] = true
			if !explained[n] {
				t.Errorf("%s is counted, but no constant says //limit:%s", n, n)
			}
		}
	}
	for n, e := range explained {
		if e && !counted[n] {
			t.Errorf("//limit:%s is counted nowhere; make it a //bound", n)
		}
	}
}

func TestWhatIsTakenAwayIsThere(t *testing.T) {
	list, err := readAbsences(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		a := &list[i]
		if text, err := a.changed(os.DirFS("../..")); err != nil {
			t.Error(err)
		} else if a.source == a.instead || text == "" {
			t.Errorf("%s, %s: nothing is taken away", a.row, a.test)
		}
		name, _, _ := strings.Cut(a.test, "/")
		files, _ := fs.Glob(os.DirFS("../.."), a.room+"/*_test.go")
		if !slices.ContainsFunc(files, func(f string) bool {
			text, _ := os.ReadFile("../../" + f)
			return strings.Contains(string(text), "func "+name+"(")
		}) {
			t.Errorf("%s has no test %s", a.room, name)
		}
	}
	if len(list) < 20 {
		t.Errorf("only %d are listed", len(list))
	}
}

func TestLimitsAreReadFromTheirComments(t *testing.T) {
	list, err := readLimits(fstest.MapFS{"wire/a.go": {Data: []byte(`package wire
// The limits.
const (
	// most is the most. For a reason
	// that takes two lines.
	//
	//limit:a,b X 7; Y 8
	most = 20_000
	// quiet is how long it is quiet.
	//
	//bound:quiet_time
	quiet = 3 * time.Second
	other = 5 //limit:no
)
// size is a size.
//
//bound:size
const size = 64 << 10
// sizes are sizes.
//
//bound:sizes
var sizes = [...]int{3, 2, 1}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range list {
		got = append(got, strings.Join(append(slices.Clone(l.names), l.value, l.meaning, l.peers), "|"))
	}
	want := []string{"a|b|20,000|the most. For a reason that takes two lines.|X 7; Y 8", "quiet_time|3 s|how long it is quiet.|", "size|64 KiB|a size.|", "sizes|3, 2, 1|sizes.|"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRowsAreGatheredFromTheTests(t *testing.T) {
	rows, failed, err := gather(strings.NewReader(`{"Action":"attr","Test":"TestB","Key":"row","Value":"A10 | ten | 5 | 4 | none"}
{"Action":"output","Test":"TestB","Output":"=== ATTR"}
{"Action":"attr","Test":"TestA","Key":"row","Value":"A2 | two | 5 | 4 | "}
{"Action":"fail","Test":"TestC"}
{"Action":"fail","Package":"rootwalk/wire"}
`))
	want := []row{{"A2", "two", "5", "4", ""}, {"A10", "ten", "5", "4", "none"}}
	if err != nil || !slices.Equal(rows, want) || !slices.Equal(failed, []string{"TestC"}) {
		t.Errorf("got %q, %q, %v", rows, failed, err)
	}
	if _, _, err := gather(strings.NewReader(`{"Action":"attr","Key":"row","Value":"A1 | one"}`)); err == nil {
		t.Error("half a row is taken")
	}
}

func TestARowThatIsGoneIsMissed(t *testing.T) {
	var all []row
	for _, n := range wanted {
		all = append(all, row{number: n})
	}
	if got := lacking(all); len(got) != 0 {
		t.Errorf("%q are missed though they are there", got)
	}
	if got := lacking(slices.Delete(all, 9, 10)); !slices.Equal(got, []string{"A10"}) {
		t.Errorf("without A10, %q are missed", got)
	}
}

func TestATableGoesBetweenItsMarks(t *testing.T) {
	const document = "a\n<!-- board: made by make attacks -->\nold\n<!-- end of board -->\nb\n"
	got, err := insert(document, "board", "new\n")
	if want := "a\n<!-- board: made by make attacks -->\n\nnew\n\n<!-- end of board -->\nb\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := insert(document, "limits", ""); err == nil {
		t.Error("a document without marks is written to")
	}
}
