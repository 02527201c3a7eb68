//go:build long

package scenario

// lossyNames is how many names are asked for over a network that loses packets.
const lossyNames = 50_000
