package config

// This file reads text into a tree of nodes. The tree is all that the rest of the package knows of YAML: scalars with
// their type as written, lists, mappings, and the line of each. Anchors, aliases, tags and merge keys have no place in a
// configuration this small and are refused, by the key that they stand at.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a configuration. The time of the YAML parser grows with the square of the size: at 256 KiB it is seconds.
const (
	maxFileSize = 256 << 10
	maxNesting  = 100
)

// Load is the defaults overlaid with a file of YAML or JSON.
// Its errors are those of reading the file, and those of [Parse].
func Load(path string) (*Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(path, text)
}

// Parse is the defaults overlaid with the text of a configuration, YAML or JSON, which name stands for in errors.
// Its error joins one [*Problem] for each thing that is wrong, in the order of lines.
func Parse(name string, text []byte) (*Config, error) {
	c := Default()
	r := &report{file: name, elsewhere: otherSection}
	root, problem := parseTree(name, text)
	if problem != nil {
		return nil, problem
	}
	c.apply(root, r)
	if len(r.problems) == 0 {
		c.check(r)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// kind is the type of a node as written. An unquoted true is no string, and a quoted 53 is no number.
type kind uint8

const (
	text    kind = iota // a string, quoted or plain
	integer             // a decimal number without fraction, exponent or leading zero
	number              // any other number
	boolean             // true or false
	null                // nothing, null or ~
	list
	mapping
	untyped // text from the environment or a flag, to be read as what the key wants
	foreign // YAML that a configuration has no use for
)

// node is one value of the document.
type node struct {
	kind  kind
	text  string // of scalars; of foreign nodes what they are
	line  int
	items []*node // of a list
	pairs []pair  // of a mapping, in the order written, doubles included
}

// pair is one key of a mapping and its value.
type pair struct {
	key   string
	line  int
	value *node
}

// describe says what a node is, for a key that wanted something else.
func (n *node) describe() string {
	switch n.kind {
	case integer, number:
		return clipped(n.text) + " is a number"
	case boolean:
		return n.text + " is a boolean"
	case null:
		return "the value is missing"
	case list:
		return "the value is a list"
	case mapping:
		return "the value is a mapping"
	case foreign:
		return n.text + " is not supported"
	}
	return shown(n.text) + " is a string"
}

// parseTree is the one document of a text. An empty one is an empty mapping.
func parseTree(name string, text []byte) (root *node, problem *Problem) {
	wrong := func(line int, what string) *Problem {
		return &Problem{File: name, Line: line, Wrong: what,
			Accepted: "accepted: one document of YAML or JSON; in YAML a text with brackets or colons stands in quotes"}
	}
	switch {
	case len(text) > maxFileSize:
		return nil, &Problem{File: name, Line: 1, Wrong: "the configuration is too large",
			Accepted: fmt.Sprintf("accepted: at most %v", Bytes(maxFileSize))}
	case !utf8.Valid(text):
		return nil, wrong(lineOfInvalid(text), "the text is not UTF-8")
	case isNestedDeeply(text):
		return nil, wrong(1, "brackets are nested too deeply")
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if json.Valid(text) {
		// JSON may indent with tabs, YAML may not. Within strings JSON has none.
		text = bytes.ReplaceAll(text, []byte("\t"), []byte(" "))
	}
	// The parser is not ours; a fault of it is an error in the file, not the end of a server that reloads.
	defer func() {
		if fault := recover(); fault != nil {
			root, problem = nil, wrong(1, "the YAML parser cannot read this")
		}
	}()
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		line, message := 1, err.Error()
		if syntax := (*yaml.SyntaxError)(nil); errors.As(err, &syntax) {
			message = syntax.Message
			if syntax.Token != nil && syntax.Token.Position != nil {
				line = syntax.Token.Position.Line
			}
		}
		if message, _, _ = strings.Cut(message, "\n"); !isPrintable(message) {
			message = strconv.Quote(message)
		}
		return nil, wrong(line, "not YAML: "+clipped(message))
	}
	for _, document := range file.Docs {
		if document.Body == nil {
			continue
		}
		if root != nil {
			return nil, wrong(lineOf(document.Body), "a second document")
		}
		root = tree(document.Body)
	}
	if root == nil || root.kind == null {
		root = &node{kind: mapping, line: 1}
	}
	return root, nil
}

// tree is the node of a syntax tree of the YAML library.
func tree(from ast.Node) *node {
	n := &node{line: lineOf(from)}
	switch from := from.(type) {
	case *ast.MappingNode:
		n.kind = mapping
		for _, value := range from.Values {
			n.pairs = append(n.pairs, treePair(value))
		}
	case *ast.MappingValueNode:
		n.kind = mapping
		n.pairs = []pair{treePair(from)}
	case *ast.SequenceNode:
		n.kind = list
		for _, value := range from.Values {
			n.items = append(n.items, tree(value))
		}
	case *ast.StringNode:
		n.text = from.Value
	case *ast.LiteralNode:
		n.text = from.Value.Value
	case *ast.IntegerNode:
		// As written: the library would read 053 as octal.
		n.kind, n.text = number, from.Token.Value
		if digits := strings.TrimPrefix(n.text, "-"); isDigits(digits) && (digits == "0" || digits[0] != '0') {
			n.kind = integer
		}
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		n.kind, n.text = number, from.GetToken().Value
	case *ast.BoolNode:
		n.kind, n.text = boolean, "false"
		if from.Value {
			n.text = "true"
		}
	case *ast.NullNode, nil:
		n.kind = null
	case *ast.AnchorNode:
		n.kind, n.text = foreign, "an anchor (&)"
	case *ast.AliasNode:
		n.kind, n.text = foreign, "an alias (*)"
	case *ast.TagNode:
		n.kind, n.text = foreign, "a tag (!)"
	case *ast.DirectiveNode:
		n.kind, n.text = foreign, "a directive (%)"
	default:
		n.kind, n.text = foreign, "this YAML"
	}
	return n
}

func treePair(from *ast.MappingValueNode) pair {
	p := pair{line: lineOf(from.Key), value: tree(from.Value)}
	switch key := from.Key.(type) {
	case *ast.StringNode:
		p.key = key.Value
	default:
		if t := key.GetToken(); t != nil {
			p.key = t.Value
		}
	}
	return p
}

func lineOf(n ast.Node) int {
	if n == nil {
		return 1
	}
	var t *token.Token
	if t = n.GetToken(); t == nil || t.Position == nil {
		return 1
	}
	return t.Position.Line
}

func lineOfInvalid(text []byte) int {
	line := 1
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		text = text[size:]
	}
	return line
}

// isNestedDeeply guards the stack: the parser recurses for every open bracket. Brackets in strings and comments count
// too, which no honest file notices.
func isNestedDeeply(text []byte) bool {
	depth := 0
	for _, b := range text {
		switch b {
		case '[', '{':
			if depth++; depth > maxNesting {
				return true
			}
		case ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return false
}
