//go:build !long && !attacks

package scenario

// lossyNames is how many names are asked for over a network that loses packets.
const lossyNames = 300

// deepWorlds is how many sets of names far away are asked for.
const deepWorlds = 4
