package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
)

// tested are the packages whose tests have rows.
var tested = []string{"./wire", "./policy", "./upstream", "./dnssec", "./resolver", "./cache", "./server", "./scenario", "./cmd/rootwalk"}

// wholeSize is the build tag with which attacks and faults have their whole size, rather than one
// that every run of the tests can afford.
const wholeSize = "attacks"

func main() {
	write := flag.String("write", "", "document into which board and limits are written")
	limits := flag.Bool("limits", false, "only write the limits, which takes no time")
	without := flag.Bool("without", false, "take limits away, one after the other: the tests of their rows must fail; rows and tests may be named")
	flag.Parse()
	work := func() error { return run(*write, *limits) }
	if *without {
		work = func() error { return takeAway(flag.Args()) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(document string, onlyLimits bool) error {
	list, err := readLimits(os.DirFS("."))
	if err != nil {
		return err
	}
	if onlyLimits {
		return update(document, map[string]string{"limits": limitsTable(list)})
	}
	rows, failed, err := play()
	if err != nil {
		return err
	}
	tab := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\n", r.number, r.what, r.bar, r.figure, r.peers)
	}
	tab.Flush()
	if len(failed) > 0 {
		return fmt.Errorf("%d tests failed: %s", len(failed), strings.Join(failed, ", "))
	}
	if missing := lacking(rows); len(missing) > 0 {
		return fmt.Errorf("nothing was measured for %s: a test was skipped, or has lost its row", strings.Join(missing, ", "))
	}
	fmt.Printf("%d rows hold\n", len(rows))
	if document == "" {
		return nil
	}
	return update(document, map[string]string{"limits": limitsTable(list), "board": boardTable(rows)})
}

// update puts tables into a document.
func update(document string, tables map[string]string) error {
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	out := string(text)
	for name, table := range tables {
		if out, err = insert(out, name, table); err != nil {
			return fmt.Errorf("%s: %w", document, err)
		}
	}
	return os.WriteFile(document, []byte(out), 0o644)
}

// wanted are the numbers of which the board has at least one row each.
var wanted = strings.Fields("A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 A17 A18 A19 A20 A21 A22 A23 " +
	"B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 B12 C C1 C2 C3 C4 C5 C7 C9 C10 C11 C12 D1 D2 D3 D4 D5 D8 E1 E5 F H")

// lacking are those that the rows do not have.
func lacking(rows []row) (missing []string) {
	for _, n := range wanted {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.number == n }) {
			missing = append(missing, n)
		}
	}
	return missing
}

// row is one attack or fault and how it went.
type row struct{ number, what, bar, figure, peers string }

// play runs the tests and gathers their rows, in the order of their numbers.
func play() (rows []row, failed []string, err error) {
	cmd := exec.Command("go", append([]string{"test", "-json", "-count", "1", "-timeout", "1h", "-tags", wholeSize}, tested...)...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	rows, failed, err = gather(pipe)
	if waited := cmd.Wait(); err == nil && waited != nil && len(failed) == 0 {
		err = waited
	}
	return rows, failed, err
}

// gather reads the events of go test -json.
func gather(events io.Reader) (rows []row, failed []string, err error) {
	in := bufio.NewScanner(events)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var e struct{ Action, Test, Key, Value string }
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			return nil, nil, fmt.Errorf("go test -json: %w in %q", err, in.Text())
		}
		switch {
		case e.Action == "attr" && e.Key == "row":
			r, err := parseRow(e.Value)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", e.Test, err)
			}
			rows = append(rows, r)
		case e.Action == "fail" && e.Test != "":
			failed = append(failed, e.Test)
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.group(), b.group()), cmp.Compare(a.place(), b.place()))
	})
	return rows, failed, in.Err()
}

func parseRow(text string) (row, error) {
	f := strings.Split(text, " | ")
	if len(f) == 4 && strings.HasSuffix(f[3], " |") { // nothing about others
		f[3] = strings.TrimSuffix(f[3], " |")
		f = append(f, "")
	}
	if len(f) != 5 {
		return row{}, fmt.Errorf("a row has five fields, not %d: %q", len(f), text)
	}
	for i := range f {
		f[i] = strings.TrimSpace(f[i])
	}
	return row{f[0], f[1], f[2], f[3], f[4]}, nil
}

// group is the letter of a row's number.
func (r row) group() string { return strings.TrimRightFunc(r.number, unicode.IsDigit) }

func (r row) place() int {
	n := 0
	for _, c := range strings.TrimPrefix(r.number, r.group()) {
		n = 10*n + int(c-'0')
	}
	return n
}

func boardTable(rows []row) string {
	var b strings.Builder
	b.WriteString("| Row | What | Bar | Measured | Others |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.number, r.what, r.bar, r.figure, r.peers)
	}
	return b.String()
}

// insert puts a table between the marks of its name.
func insert(document, name, table string) (string, error) {
	begin, end := "<!-- "+name+": made by make attacks -->\n", "<!-- end of "+name+" -->"
	before, rest, ok := strings.Cut(document, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", fmt.Errorf("no place between %q and %q", strings.TrimSpace(begin), end)
	}
	return before + begin + "\n" + table + "\n" + end + after, nil
}
