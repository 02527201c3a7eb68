package main

import (
	"os"
	"runtime/debug"
)

// This file bounds Go's heap. Cached entries are not in it (package cache), but walks
// are, and what is known of zones and servers.

// leastHeap is enough to resolve with, in bytes.
const leastHeap = 64 << 20

// boundHeap limits the heap beside a cache of so many bytes, unless the environment
// says otherwise (GOMEMLIMIT). The limit leaves a container room: where it has
// 128 MiB, the cache gets 40%, and the heap at most half.
func boundHeap(cacheSize int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapLimit(cacheSize))
	}
}

// heapLimit is the most that the heap is to take beside such a cache.
func heapLimit(cacheSize int64) int64 { return max(cacheSize/4*5, leastHeap) }
