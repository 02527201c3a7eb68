package config

// This file lays a tree of nodes over a Config and collects what is wrong with it. It knows of keys, lines and types;
// what a single value means is said in keys.go.

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Problem is one thing that is wrong with a configuration; its text is one line.
// File is a file, an environment variable or a flag; Line is 0 where there are no lines. Key is the dotted key with the
// index of a list's item, as in "zones[0].servers[1]", or "" when the document as a whole is wrong.
type Problem struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Key      string `json:"key,omitempty"`
	Wrong    string `json:"wrong"`              // what is wrong
	Accepted string `json:"accepted,omitempty"` // what would be right: "accepted: ...", or a guess at what was meant
}

// Problems are those that an error joins.
func Problems(err error) (all []*Problem) {
	switch err := err.(type) {
	case *Problem:
		return []*Problem{err}
	case interface{ Unwrap() []error }:
		for _, e := range err.Unwrap() {
			all = append(all, Problems(e)...)
		}
	case interface{ Unwrap() error }:
		return Problems(err.Unwrap())
	}
	return all
}

// Error is "FILE:LINE: key: what is wrong; what is accepted".
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteString(":" + strconv.Itoa(p.Line))
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Wrong)
	if p.Accepted != "" {
		b.WriteString("; " + p.Accepted)
	}
	return b.String()
}

// report collects the problems of one layer.
type report struct {
	file      string
	elsewhere func(unknown string, at place) (hint string, ok bool) // other sections that know a key; may be nil
	problems  []*Problem
}

// err is the problems joined, in the order of lines, or nil.
func (r *report) err() error {
	slices.SortStableFunc(r.problems, func(a, b *Problem) int { return cmp.Compare(a.Line, b.Line) })
	var all []error
	for _, p := range r.problems {
		all = append(all, p)
	}
	return errors.Join(all...)
}

// place is a key whose value is being read.
type place struct {
	report *report
	key    string
}

func (p place) item(i int) place {
	return place{p.report, fmt.Sprintf("%s[%d]", p.key, i)}
}

func (p place) under(name string) place {
	if p.key == "" {
		return place{p.report, name}
	}
	return place{p.report, p.key + "." + name}
}

// wrong reports a problem with the key.
func (p place) wrong(line int, what, accepted string) {
	p.report.problems = append(p.report.problems, &Problem{p.report.file, line, p.key, what, accepted})
}

// eachKey visits the keys of a mapping that are among known, each once, and reports all others.
func (p place) eachKey(n *node, known []string, visit func(name string, at place, pr pair)) {
	if n.kind != mapping {
		p.wrong(n.line, n.describe(), "accepted: a mapping with the keys "+strings.Join(known, ", "))
		return
	}
	first := map[string]int{}
	for _, pr := range n.pairs {
		name := pr.key
		if !slices.Contains(known, name) {
			name = clipped(strings.Trim(strconv.Quote(name), `"`)) // on one line
			p.under(name).wrong(pr.line, "unknown key", p.suggest(pr.key, known))
			continue
		}
		if line, double := first[name]; double {
			what := "given twice"
			if line > 0 {
				what += fmt.Sprintf(", first on line %d", line)
			}
			p.under(name).wrong(pr.line, what, "accepted: each key once")
			continue
		}
		first[name] = pr.line
		visit(name, p.under(name), pr)
	}
}

// apply reads a document into the configuration. What is wrong goes to the report and leaves the value alone.
func (c *Config) apply(root *node, r *report) {
	top := place{report: r}
	top.eachKey(root, names(""), func(name string, at place, pr pair) {
		if k, ok := lookup(name); ok {
			c.read(k, pr.value, pr.line, at)
			return
		}
		if pr.value.kind == null {
			return // a section whose keys are all commented out
		}
		at.eachKey(pr.value, names(name), func(_ string, at place, pr pair) {
			k, _ := lookup(at.key)
			c.read(k, pr.value, pr.line, at)
		})
	})
}

// read reads the value of one key and remembers that it was given.
func (c *Config) read(k key, n *node, line int, at place) {
	if k.slot(c).read(n, at) {
		c.set[k.name] = origin{at.report.file, line}
	}
}

// check holds keys against each other. It runs when each value by itself is right.
func (c *Config) check(r *report) {
	for _, pair := range []struct {
		low, high     string
		lowest, limit time.Duration
	}{
		{"cache.min-ttl", "cache.max-ttl", c.Cache.MinTTL, c.Cache.MaxTTL},
		{"cache.min-negative-ttl", "cache.max-negative-ttl", c.Cache.MinNegativeTTL, c.Cache.MaxNegativeTTL},
	} {
		if pair.lowest > pair.limit {
			c.blame(r, [2]string{pair.low, pair.high},
				fmt.Sprintf("%s is more than %s", durationText(pair.lowest), pair.high),
				"accepted: at most "+durationText(pair.limit))
		}
	}
	if !c.Upstream.IPv4 && !c.Upstream.IPv6 {
		c.blame(r, [2]string{"upstream.ipv4", "upstream.ipv6"}, "no server can be asked with ipv4 and ipv6 both false",
			"accepted: true for at least one")
	}
}

// blame reports two keys that do not agree, by the name of the first and at the place where it was given, or else the
// second.
func (c *Config) blame(r *report, keys [2]string, what, accepted string) {
	where, given := c.set[keys[0]]
	if !given {
		where = c.set[keys[1]]
	}
	r.problems = append(r.problems, &Problem{where.name, where.line, keys[0], what, accepted})
}

// suggest is what is accepted in place of an unknown key: the nearest known one, or one of another section, or else all
// that may stand here.
func (p place) suggest(unknown string, known []string) string {
	if near, ok := nearest(unknown, known); ok {
		return "did you mean " + p.under(near).key + "?"
	}
	if p.report.elsewhere != nil {
		if hint, ok := p.report.elsewhere(unknown, p); ok {
			return hint
		}
	}
	return "accepted: " + strings.Join(known, ", ")
}

// otherSection finds a key that was written with its dots, or in the wrong section.
func otherSection(unknown string, at place) (hint string, ok bool) {
	for _, k := range keys {
		section, last, nested := strings.Cut(k.name, ".")
		switch {
		case nested && at.key == "" && k.name == unknown:
			return fmt.Sprintf("write %s: within %s:", last, section), true
		case nested && last == plainKey(unknown), !nested && section == plainKey(unknown):
			return "did you mean " + k.name + "?", true
		}
	}
	return "", false
}

// nearest is the known word that differs least from a word, in at most a third of its letters.
func nearest(word string, known []string) (string, bool) {
	word = plainKey(word)
	best, least := "", len(word)/3+1
	for _, k := range known {
		if d := distance(word, plainKey(k)); d < least {
			best, least = k, d
		}
	}
	return best, best != ""
}

// plainKey is a key without the ways of spelling that other programs have: case, underscores, spaces.
func plainKey(name string) string {
	return strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(clipped(name)))
}

// distance counts the letters to insert, delete, replace or swap with a neighbour to make b of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			d := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				d++
			}
			d = min(d, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
