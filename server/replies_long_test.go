//go:build long

package server

// repliesCompared is how many replies TestEveryReplyIsWhatItWasTheFirstTime compares.
const repliesCompared = 10_000_000
