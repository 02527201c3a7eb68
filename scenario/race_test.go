//go:build race

package scenario

// underRace: the race detector takes many times the processor.
const underRace = true
