package config

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

// This file compares two configurations: what a running server can take over, and
// what it cannot.

// atStart are the keys that are read when the server starts and not again: sockets
// are bound then, perhaps with rights that are given up since, and files that are
// written have an owner.
var atStart = []string{"listen", "metrics.listen", "log.format", "server.workers", "cache.snapshot", "dnssec.trust-anchor-state", "control.socket"}

// Changes are the keys whose values differ in next: those that a running server can
// take over, and those that need a new start.
func (c *Config) Changes(next *Config) (live, restart []string) {
	for _, k := range keys {
		switch {
		case k.slot(c).print() == k.slot(next).print():
		case slices.Contains(atStart, k.name):
			restart = append(restart, k.name)
		default:
			live = append(live, k.name)
		}
	}
	return live, restart
}

// Digest is a digest of the values of some keys.
func (c *Config) Digest(names ...string) [32]byte {
	h := sha256.New()
	for _, k := range keys {
		if slices.Contains(names, k.name) {
			fmt.Fprintf(h, "%s: %s\n", k.name, k.slot(c).print())
		}
	}
	return [32]byte(h.Sum(nil))
}

// Keep gives keys the values that they have in another configuration.
func (c *Config) Keep(from *Config, names []string) {
	for _, k := range keys {
		if slices.Contains(names, k.name) {
			k.slot(c).copy(k.slot(from))
		}
	}
}

func (f formed[T]) copy(from slot) {
	if other, ok := from.(formed[T]); ok {
		*f.value = *other.value
	}
}
