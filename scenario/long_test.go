//go:build long

package scenario

// everyWay tells whether scenarios are played in all other ways.
const everyWay = true
