//go:build !long && !attacks

package cache

// floodOf is how many names TestAFloodOfUniqueNamesLeavesThePopularOnes floods the cache
// with, and floodSize the size of the cache in octets.
const (
	floodOf   = 1_000_000 / 2
	floodSize = 128 << 20
)
