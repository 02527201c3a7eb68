package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// rooms are the packages that have limits, in the order of the table.
var rooms = []string{"resolver", "upstream", "dnssec", "wire", "cache", "server", "metrics", "config"}

// limit is one row of the table.
type limit struct {
	names   []string // in metrics, where it is counted
	counted bool
	value   string
	meaning string
	peers   string
	file    string
}

// readLimits finds the limits of all rooms in the source.
func readLimits(tree fs.FS) ([]limit, error) {
	var out []limit
	for _, room := range rooms {
		files, err := fs.Glob(tree, room+"/*.go")
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := fs.ReadFile(tree, file)
			if err != nil {
				return nil, err
			}
			set := token.NewFileSet()
			parsed, err := parser.ParseFile(set, file, text, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			found, err := limitsOf(set, parsed, file)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
	}
	return out, nil
}

var directive = regexp.MustCompile(`^//(limit|bound):([a-z0-9_,]+)(?: (.*))?$`)

// limitsOf finds the limits of a file.
func limitsOf(set *token.FileSet, file *ast.File, name string) ([]limit, error) {
	var out []limit
	for _, d := range file.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range group.Specs {
			spec, ok := s.(*ast.ValueSpec)
			if !ok {
				continue
			}
			doc := spec.Doc
			if doc == nil && !group.Lparen.IsValid() {
				doc = group.Doc
			}
			if doc == nil {
				continue
			}
			for _, line := range doc.List {
				m := directive.FindStringSubmatch(line.Text)
				if m == nil {
					if strings.HasPrefix(line.Text, "//limit") || strings.HasPrefix(line.Text, "//bound") {
						return nil, fmt.Errorf("%s: want //limit:NAME BOUNDS OF OTHERS, have %q", set.Position(line.Pos()), line.Text)
					}
					continue
				}
				if len(spec.Values) != 1 {
					return nil, fmt.Errorf("%s: a limit has one value", set.Position(spec.Pos()))
				}
				out = append(out, limit{names: strings.Split(m[2], ","), counted: m[1] == "limit", peers: m[3], file: name,
					value: value(set, spec.Values[0]), meaning: meaning(spec.Names[0].Name, doc.Text())})
			}
		}
	}
	return out, nil
}

// meaning is a doc comment without the constant's name.
func meaning(name, doc string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	for _, verb := range []string{" is ", " are ", " bounds "} {
		if rest, ok := strings.CutPrefix(doc, name+verb); ok {
			if verb == " bounds " {
				return "bounds " + rest
			}
			return rest
		}
	}
	return doc
}

var (
	inUnits = regexp.MustCompile(`^(\d+) ?\* ?time\.(\w+)$`)
	shifted = regexp.MustCompile(`^(\d+) ?<< ?10$`)
	units   = map[string]string{"Millisecond": "ms", "Second": "s", "Minute": "min", "Hour": "h"}
)

// value is a constant's expression in the words of people.
func value(set *token.FileSet, e ast.Expr) string {
	var b bytes.Buffer
	_ = printer.Fprint(&b, set, e)
	text := b.String()
	if _, list, ok := strings.Cut(text, "{"); ok {
		text = strings.TrimSuffix(list, "}")
	}
	if text == "time.Hour" {
		text = "1 * time.Hour"
	}
	if m := inUnits.FindStringSubmatch(text); m != nil {
		return m[1] + " " + units[m[2]]
	}
	if m := shifted.FindStringSubmatch(text); m != nil {
		return m[1] + " KiB"
	}
	if n, err := strconv.Atoi(strings.ReplaceAll(text, "_", "")); err == nil {
		return thousands(n)
	}
	return text
}

// thousands writes 10000 as 10,000.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// limitsTable writes the table as Markdown.
func limitsTable(list []limit) string {
	var b strings.Builder
	b.WriteString("| Limit | Ours | What it bounds, and why so | Others | Where |\n|---|---|---|---|---|\n")
	for _, l := range list {
		name := "`" + strings.Join(l.names, "`, `") + "`"
		if !l.counted {
			name = strings.ReplaceAll(strings.Join(l.names, ", "), "_", " ")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, l.value, l.meaning, l.peers, path.Clean(l.file))
	}
	return b.String()
}
