//go:build race

package server

// underRace: the race detector has pools forget buffers at random.
const underRace = true
