package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// This file switches limits off: a test that holds without its limit shows nothing.

// absence is a limit or rule that is taken away, and the test that must fail then.
type absence struct {
	row, room, test string
	file            string // from the root of the module
	source, instead string
}

// withoutFile is the list, from the root of the module.
const withoutFile = "test/attacks/without.txt"

// readAbsences reads the list: "== ROW PACKAGE TEST FILE", the source, "== instead", and
// what stands there without it.
func readAbsences(tree fs.FS) ([]absence, error) {
	text, err := fs.ReadFile(tree, withoutFile)
	if err != nil {
		return nil, err
	}
	var out []absence
	_, list, _ := strings.Cut(string(text), "\n== ")
	for _, part := range strings.Split(list, "\n== ") {
		title, body, _ := strings.Cut(part, "\n")
		body = strings.Trim(body, "\n")
		if title == "instead" && len(out) > 0 {
			out[len(out)-1].instead = body
			continue
		}
		w := strings.Fields(title)
		if len(w) != 4 {
			return nil, fmt.Errorf("%s: want \"== ROW PACKAGE TEST FILE\" or \"== instead\", have %q", withoutFile, title)
		}
		out = append(out, absence{row: w[0], room: w[1], test: w[2], file: w[3], source: body})
	}
	return out, nil
}

// changed is the file without the limit.
func (a *absence) changed(tree fs.FS) (string, error) {
	text, err := fs.ReadFile(tree, a.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), a.source); n != 1 {
		return "", fmt.Errorf("%s, %s: its source stands %d times in %s, want once", a.row, a.test, n, a.file)
	}
	return strings.Replace(string(text), a.source, a.instead, 1), nil
}

// takeAway runs the tests of all absences, or of the rows or tests that are named, and
// returns an error if one holds.
func takeAway(names []string) error {
	list, err := readAbsences(os.DirFS("."))
	if err != nil {
		return err
	}
	held, all := 0, 0
	for i := range list {
		a := &list[i]
		if len(names) > 0 && !slices.Contains(names, a.row) && !slices.Contains(names, a.test) {
			continue
		}
		failed, err := a.fails()
		if err != nil {
			return err
		}
		all++
		word := "fails"
		if !failed {
			word = "HOLDS"
			held++
		}
		first, _, _ := strings.Cut(strings.TrimSpace(a.source), "\n")
		fmt.Printf("%-4s %s %s without %q of %s\n", a.row, a.test, word, first, a.file)
	}
	if held > 0 {
		return fmt.Errorf("%d of %d tests hold without their limit", held, all)
	}
	fmt.Printf("all %d tests fail without their limit\n", all)
	return nil
}

// fails runs the test without the limit.
func (a *absence) fails() (bool, error) {
	text, err := a.changed(os.DirFS("."))
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "without")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	path, err := filepath.Abs(a.file)
	if err != nil {
		return false, err
	}
	other, overlay := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{path: other}})
	if err != nil {
		return false, err
	}
	for name, b := range map[string]string{other: text, overlay: string(list)} {
		if err := os.WriteFile(name, []byte(b), 0o644); err != nil {
			return false, err
		}
	}
	name := "^" + strings.ReplaceAll(a.test, "/", "$/^") + "$"
	cmd := exec.Command("go", "test", "-count", "1", "-vet=off", "-timeout", "5m", "-tags", wholeSize, "-overlay", overlay, "-run", name, "./"+a.room)
	b, err := cmd.CombinedOutput()
	out := string(b)
	switch {
	case err == nil && strings.Contains(out, "no tests to run"):
		return false, fmt.Errorf("%s: there is no test %s in %s", a.row, a.test, a.room)
	case err != nil && !strings.Contains(out, "--- FAIL") && !strings.Contains(out, "panic:"):
		return false, fmt.Errorf("%s, %s: %w\n%s", a.row, a.test, err, out)
	}
	return err != nil, nil
}
