//go:build race

package main

// underRace is whether the race detector is at work, which takes several times the memory.
const underRace = true
