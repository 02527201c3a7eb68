package config

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fits tells why a document does not fit a schema, as far as ours go; "" is that it does.
func fits(doc *node, s map[string]any) string {
	if choices, ok := s["anyOf"].([]any); ok {
		var all []string
		for _, one := range choices {
			why := fits(doc, one.(map[string]any))
			if why == "" {
				return ""
			}
			all = append(all, why)
		}
		return strings.Join(all, " and ")
	}
	if doc.kind == untyped {
		return "untyped"
	}
	is := map[kind]string{text: "string", integer: "integer", number: "number", boolean: "boolean", null: "null", list: "array", mapping: "object"}[doc.kind]
	if types := strings.Fields(strings.Trim(fmt.Sprint(s["type"]), "[]")); !slices.Contains(types, is) {
		return fmt.Sprintf("a %s, not %s", is, types)
	}
	if words, ok := s["enum"].([]any); ok && !slices.Contains(words, any(doc.text)) {
		return doc.text + " is none of the words"
	}
	if p, ok := s["pattern"].(string); ok && doc.kind == text && !regexp.MustCompile(p).MatchString(doc.text) {
		return doc.text + " is not like the pattern"
	}
	var n float64
	if _, err := fmt.Sscan(doc.text, &n); err == nil && doc.kind == integer {
		if least, ok := s["minimum"].(float64); ok && n < least {
			return "too small"
		}
		if most, ok := s["maximum"].(float64); ok && n > most {
			return "too large"
		}
	}
	if least, ok := s["minItems"].(float64); ok && float64(len(doc.items)) < least {
		return "too few"
	}
	for _, item := range doc.items {
		if why := fits(item, s["items"].(map[string]any)); why != "" {
			return why
		}
	}
	given := map[string]bool{}
	for _, p := range doc.pairs {
		given[p.key] = true
		part, ok := s["properties"].(map[string]any)[p.key].(map[string]any)
		if !ok {
			return "unknown " + p.key
		}
		if why := fits(p.value, part); why != "" {
			return p.key + ": " + why
		}
	}
	required, _ := s["required"].([]any)
	for _, r := range required {
		if !given[r.(string)] {
			return fmt.Sprint("no ", r)
		}
	}
	return ""
}

func theSchema(t *testing.T) (s map[string]any) {
	t.Helper()
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func fit(t *testing.T, doc string, s map[string]any) string {
	t.Helper()
	root, problem := parseTree("doc", []byte(doc))
	if problem != nil {
		t.Fatal(problem)
	}
	return fits(root, s)
}

func TestTheSchemaFitsTheDefaultsAndEveryGoodValue(t *testing.T) {
	s := theSchema(t)
	if why := fit(t, Default().YAML(), s); why != "" {
		t.Errorf("the defaults: %s", why)
	}
	for _, k := range keyTests {
		doc := k.key + ": " + k.good
		if section, last, nested := strings.Cut(k.key, "."); nested {
			doc = section + ":\n  " + last + ": " + k.good
		}
		if why := fit(t, doc, s); why != "" {
			t.Errorf("%s: %s", doc, why)
		}
	}
	for _, doc := range []string{"cache: {size: 5, max-ttl: 1h30m}", "cache:\n", "zones: []", "listen: [\"[::1]:53\"]"} {
		if why := fit(t, doc, s); why != "" {
			t.Errorf("%s: %s", doc, why)
		}
	}
}

func TestTheSchemaRefusesWhatIsWrongByItsShape(t *testing.T) {
	s := theSchema(t)
	for _, doc := range []string{"cash: {}", "cache: {sise: 5}", "cache: {size: 5MB}", "cache: {max-ttl: fast}", "listen: []", "ede: 1", "log: {level: loud}",
		"upstream: {port: 70000}", "zones: [{name: a.}]", "zones: [{name: a., type: stub, servers: []}]", "dnssec: {negative-trust-anchors: [5]}"} {
		if fit(t, doc, s) == "" {
			t.Errorf("%s fits", doc)
		}
	}
}

func TestTheSchemaHasEveryKeyWithItsDefault(t *testing.T) {
	s := theSchema(t)
	for _, k := range keys {
		at := s
		for part := range strings.SplitSeq(k.name, ".") {
			at, _ = at["properties"].(map[string]any)[part].(map[string]any)
		}
		if at == nil || at["description"] == nil || at["default"] == nil {
			t.Errorf("%s is %v", k.name, at)
		}
	}
	size := s["properties"].(map[string]any)["cache"].(map[string]any)["properties"].(map[string]any)["size"].(map[string]any)
	if size["default"] != "256MiB" {
		t.Errorf("the default of cache.size is %v", size["default"])
	}
}
