package main

import (
	"os"
	"runtime/debug"

	"rootwalk/resolver"
)

// This file bounds Go's heap. Cached entries are not in it (package cache), but walks
// are, and what is known of zones and servers.

// leastHeap is enough to resolve with, in bytes.
const leastHeap = 48 << 20

// boundHeap limits the heap beside a cache of so many bytes, unless the environment
// says otherwise (GOMEMLIMIT). The limit leaves a container room: where it has
// 128 MiB, the cache gets 40%, and the heap as much.
func boundHeap(cacheSize int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit(cacheSize))
	}
}

// heapLimit is the most that the heap is to take beside such a cache.
func heapLimit(cacheSize int64) int64 { return max(cacheSize, leastHeap) }

// perWalk is how much memory, in bytes, there has to be for each walk that may run at the
// same time. One takes a quarter of it; what is in use cannot be collected, so a limit on
// the heap alone does not hold.
const perWalk = 128 << 10

// walksIn is how many walks may run where memory is limited to so many bytes; 0 is as many
// as anywhere.
func walksIn(limit int64, limited bool) int {
	if !limited {
		return 0
	}
	return int(min(max(limit/perWalk, 1), resolver.MaxInFlight))
}
