package config

// This file prints a whole Config with its comments.

import (
	"strings"
	"unicode/utf8"
)

// commentColumn is where comments begin, unless the value is longer.
const commentColumn = 42

// zoneExample shows the shape of what is printed as an empty list.
const zoneExample = `#  - {name: "example.org.", type: forward, servers: ["192.0.2.1", "192.0.2.2:5353"], fall-back: false}`

// YAML is the whole configuration with its comments, every key in a fixed order.
// What [Parse] makes of it is the same configuration, though every key of that has been set.
func (c *Config) YAML() string {
	var b strings.Builder
	section := ""
	for _, k := range keys {
		indent, last := "", k.name
		if first, rest, nested := strings.Cut(k.name, "."); nested {
			if first != section {
				b.WriteString(first + ":\n")
			}
			section, indent, last = first, "  ", rest
		}
		value, lines, block := strings.Cut(k.slot(c).print(), "\n")
		line := indent + last + ":"
		if value != "" {
			line += " " + value
		}
		b.WriteString(line + strings.Repeat(" ", max(commentColumn-utf8.RuneCountInString(line), 3)) + "# " + k.comment + "\n")
		switch {
		case block:
			b.WriteString(lines + "\n")
		case k.name == "zones":
			b.WriteString(zoneExample + "\n")
		}
	}
	return b.String()
}
