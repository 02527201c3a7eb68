package config

// This file holds the forms of lists, of zones and of negative trust anchors.

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// listOf is a form of lists. An empty list is nil. In the environment the items stand between commas, or the list is
// written as YAML.
func listOf[T any](item form[T]) form[[]T] {
	accepts := "a list, each item " + item.accepts
	return form[[]T]{accepts, func(n *node, at place) ([]T, bool) {
		if n.kind == untyped {
			var ok bool
			if n, ok = untypedList(n, at); !ok {
				return nil, false
			}
		}
		if n.kind != list {
			at.wrong(n.line, n.describe(), "accepted: "+accepts)
			return nil, false
		}
		var values []T
		good := true
		for i, it := range n.items {
			value, ok := item.read(it, at.item(i))
			values = append(values, value)
			good = good && ok
		}
		return values, good
	}, func(values []T) string {
		var all []string
		for _, v := range values {
			all = append(all, item.print(v))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}, schema{"type": "array", "items": item.schema, "description": "accepted: " + accepts}}
}

// untypedList is the list that a text without types means.
func untypedList(n *node, at place) (*node, bool) {
	trimmed := strings.TrimSpace(n.text)
	if strings.HasPrefix(trimmed, "{") {
		trimmed = "[" + trimmed + "]"
	}
	if strings.HasPrefix(trimmed, "[") && !isBracketedAddr(trimmed) {
		root, problem := parseTree(at.report.file, []byte(trimmed))
		if problem != nil {
			at.wrong(n.line, problem.Wrong, problem.Accepted)
			return nil, false
		}
		root.clearLines()
		return root, true
	}
	l := &node{kind: list, line: n.line}
	if trimmed == "" {
		return l, true
	}
	for part := range strings.SplitSeq(trimmed, ",") {
		l.items = append(l.items, &node{kind: untyped, text: strings.TrimSpace(part), line: n.line})
	}
	return l, true
}

// isBracketedAddr tells "[2001:db8::1]:53,..." from a list in YAML.
func isBracketedAddr(text string) bool {
	addr, _, port := strings.Cut(text[1:], "]:")
	return port && isAddr(addr)
}

// clearLines makes a tree one of a text without lines.
func (n *node) clearLines() {
	n.line = 0
	for _, item := range n.items {
		item.clearLines()
	}
	for i := range n.pairs {
		n.pairs[i].line = 0
		n.pairs[i].value.clearLines()
	}
}

// listens is the addresses to listen on: at least one, and none twice, since the second could not be bound.
var listens = listOf(listen).that("a list of one or more different addresses, each item "+listen.accepts, func(all []string) error {
	if len(all) == 0 {
		return fmt.Errorf("there is no address to listen on")
	}
	seen := map[string]bool{}
	for _, address := range all {
		if seen[address] && !strings.HasSuffix(address, ":0") {
			return fmt.Errorf("%s is given twice", shown(address))
		}
		seen[address] = true
	}
	return nil
}).shaped("minItems", 1)

// The forms of the parts of a zone.
var (
	zoneType    = enum(ZoneForward, ZoneStub)
	zoneServers = listOf(server).that("a list of one or more, each item "+server.accepts, func(all []netip.AddrPort) error {
		if len(all) == 0 {
			return fmt.Errorf("there is no server")
		}
		return nil
	})
)

// zone is the form of one zone: all but fall-back must be given.
var zone = form[Zone]{
	accepts: `a zone such as {name: example.org., type: forward, servers: ["192.0.2.1"], fall-back: false}`,
	read: func(n *node, at place) (z Zone, ok bool) {
		parts := map[string]slot{
			"name":      formed[string]{&z.Name, name},
			"type":      formed[ZoneType]{&z.Type, zoneType},
			"servers":   formed[[]netip.AddrPort]{&z.Servers, zoneServers},
			"fall-back": formed[bool]{&z.FallBack, truth},
		}
		return z, readParts(n, at, []string{"name", "type", "servers", "fall-back"}, 3, parts)
	},
	print: func(z Zone) string {
		return fmt.Sprintf("{name: %s, type: %s, servers: %s, fall-back: %s}",
			name.print(z.Name), zoneType.print(z.Type), zoneServers.print(z.Servers), truth.print(z.FallBack))
	},
	schema: object(schema{"name": name.schema, "type": zoneType.schema, "servers": zoneServers.schema.with("minItems", 1), "fall-back": truth.schema}, "name", "type", "servers"),
}

// zones is the list of zones, printed one on a line. No name may stand twice: which servers would it mean?
var zones = func() form[[]Zone] {
	f := listOf(zone).that("each zone once", func(all []Zone) error {
		seen := map[string]bool{}
		for _, z := range all {
			if seen[z.Name] {
				return fmt.Errorf("%s is given twice", shown(z.Name))
			}
			seen[z.Name] = true
		}
		return nil
	}).shaped("description", "accepted: a list, each item "+zone.accepts)
	f.print = func(all []Zone) string {
		if len(all) == 0 {
			return "[]"
		}
		var b strings.Builder
		for _, z := range all {
			b.WriteString("\n  - " + zone.print(z))
		}
		return b.String()
	}
	return f
}()

// negativeTrustAnchor is a name, or a mapping that has a name and may have a date.
var negativeTrustAnchor = form[NegativeTrustAnchor]{
	accepts: `a name, or {name: example.org., until: "2026-01-31T12:00:00Z"}`,
	read: func(n *node, at place) (a NegativeTrustAnchor, ok bool) {
		if n.kind != mapping {
			a.Name, ok = name.read(n, at)
			return a, ok
		}
		parts := map[string]slot{
			"name":  formed[string]{&a.Name, name},
			"until": formed[time.Time]{&a.Until, date},
		}
		return a, readParts(n, at, []string{"name", "until"}, 1, parts)
	},
	print: func(a NegativeTrustAnchor) string {
		if a.Until.IsZero() {
			return name.print(a.Name)
		}
		return fmt.Sprintf("{name: %s, until: %s}", name.print(a.Name), date.print(a.Until))
	},
	schema: schema{"anyOf": []schema{name.schema, object(schema{"name": name.schema, "until": date.schema}, "name")}},
}

// readParts reads a mapping of some parts, of which the first few are required.
func readParts(n *node, at place, order []string, required int, parts map[string]slot) bool {
	before := len(at.report.problems)
	given := map[string]bool{}
	at.eachKey(n, order, func(part string, at place, pr pair) {
		given[part] = true
		parts[part].read(pr.value, at)
	})
	for _, part := range order[:required] {
		if n.kind == mapping && !given[part] {
			at.under(part).wrong(n.line, "missing", "accepted: "+map[string]string{
				"name": name.accepts, "type": zoneType.accepts, "servers": zoneServers.accepts}[part])
		}
	}
	return len(at.report.problems) == before
}
