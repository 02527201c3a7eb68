package control

import (
	"reflect"
	"strings"
)

// This file names numbers as all of the JSON here does.

// figures is a value as JSON has it, the fields of structs in lower case with
// underscores: RTTSeconds is rtt_seconds.
func figures(v reflect.Value) any {
	if v.Kind() != reflect.Struct {
		if v.Kind() != reflect.Map || v.Type().Elem().Kind() < reflect.Array {
			return v.Interface()
		}
		m := map[string]any{}
		for i := v.MapRange(); i.Next(); {
			m[i.Key().String()] = figures(i.Value())
		}
		return m
	}
	m := map[string]any{}
	for f, value := range v.Fields() {
		m[underscored(f.Name)] = figures(value)
	}
	return m
}

// underscored is the name of a field: a word begins with a capital, and an abbreviation
// is one word, with its plural.
func underscored(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		small := func(at int) bool { return at < len(name) && name[at] >= 'a' }
		plural := i+1 == len(name)-1 && name[i+1] == 's'
		if i > 0 && !small(i) && (small(i-1) || small(i+1) && !plural) {
			b.WriteByte('_')
		}
		b.WriteByte(name[i])
	}
	return strings.ToLower(b.String())
}
