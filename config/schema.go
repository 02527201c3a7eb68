package config

// This file describes all keys as a JSON schema, for editors and for whoever
// generates configurations. It is made of the same table and forms that files are
// read by.

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// schema is a part of a JSON schema, draft 2020-12.
type schema map[string]any

// The shapes of texts that the description alone would not let an editor check.
const (
	durationPattern = `^\+?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`
	sizePattern     = `^[0-9]+(KiB|MiB|GiB)?$`
)

// with is the schema with one more part.
func (s schema) with(part string, value any) schema {
	s = maps.Clone(s)
	s[part] = value
	return s
}

// scalarSchema describes a single value.
func scalarSchema(accepts string, kinds []kind) schema {
	var types []string
	for _, k := range kinds {
		types = append(types, map[kind]string{text: "string", integer: "integer", boolean: "boolean"}[k])
	}
	s := schema{"description": "accepted: " + accepts}
	if len(types) == 1 {
		return s.with("type", types[0])
	}
	return s.with("type", types)
}

// object describes a mapping of these parts and no others.
func object(parts schema, required ...string) schema {
	s := schema{"type": "object", "properties": parts, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// KeyDoc describes a key to people.
type KeyDoc struct {
	Name    string // dotted
	Means   string
	Accepts string // what values, in words
	Default string // as it is written
	AtStart bool   // it is read at the start alone, and not by a reload
}

// KeyDocs describes all keys, in the order in which they are printed.
func KeyDocs() (all []KeyDoc) {
	standard := defaults(0, false)
	for _, k := range keys {
		s := k.slot(standard)
		accepts, _ := s.describe()["description"].(string)
		all = append(all, KeyDoc{k.name, k.comment, strings.TrimPrefix(accepts, "accepted: "), s.print(), slices.Contains(atStart, k.name)})
	}
	return all
}

// Schema is a JSON schema of the configuration: every key with its type, its default,
// what it means and what is accepted.
func Schema() []byte {
	standard := defaults(0, false)
	top := schema{}
	for _, k := range keys {
		s := k.slot(standard).describe()
		words := k.comment
		if accepted, ok := s["description"].(string); ok {
			words = strings.TrimPrefix(words+"; "+accepted, "; ")
		}
		if slices.Contains(atStart, k.name) {
			words += "; read at the start alone"
		}
		s = s.with("description", words).with("default", k.standard(standard))
		section, last, nested := strings.Cut(k.name, ".")
		if !nested {
			top[k.name] = s
			continue
		}
		if top[section] == nil {
			top[section] = object(schema{}).with("type", []string{"object", "null"}) // null: all keys commented out
		}
		top[section].(schema)["properties"].(schema)[last] = s
	}
	whole := object(top).with("$schema", "https://json-schema.org/draft/2020-12/schema").with("title", "Configuration of rootwalk")
	out, err := json.MarshalIndent(whole, "", "  ")
	if err != nil { // it holds texts, numbers and lists
		panic(err)
	}
	return append(out, '\n')
}

// standard is the default of a key as JSON has it.
func (k key) standard(c *Config) any {
	root, problem := parseTree("default", []byte("value: "+k.slot(c).print()))
	if problem != nil {
		return nil
	}
	return root.pairs[0].value.plain()
}

// plain is a node as encoding/json has it.
func (n *node) plain() any {
	switch n.kind {
	case integer:
		return json.Number(n.text)
	case boolean:
		return n.text == "true"
	case list:
		all := []any{}
		for _, item := range n.items {
			all = append(all, item.plain())
		}
		return all
	}
	return n.text
}
