package main

import (
	"os"
	"runtime/debug"

	"rootwalk/config"
	"rootwalk/resolver"
)

// This file bounds Go's heap. Cached entries are not in it (package cache), but walks
// are, and what is known of zones and servers.

// The heap is to have leastHeap bytes, which are enough for all walks that may run, and
// where memory is limited tightHeap, which are enough for those that may run there.
const (
	leastHeap = 64 << 20
	tightHeap = 24 << 20
)

// boundHeap limits the heap beside a cache of so many bytes, unless the environment
// says otherwise (GOMEMLIMIT).
func boundHeap(cacheSize int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		limit, limited := config.MemoryLimit()
		debug.SetMemoryLimit(heapLimit(cacheSize, limit, limited))
	}
}

// heapLimit is the most that the heap is to take beside such a cache. A container keeps
// room for what is neither: the cache gets 40% of its memory, and the heap no more.
func heapLimit(cacheSize, limit int64, limited bool) int64 {
	heap := max(cacheSize/4*5, leastHeap)
	if limited {
		heap = min(heap, max(limit/5*2, tightHeap))
	}
	return heap
}

// perWalk is how much memory, in bytes, there has to be for each walk that may run at the
// same time. One takes some 30 KiB, and who waits for its place a few more; what is in use
// cannot be collected, so a limit on the heap alone does not hold.
const perWalk = 256 << 10

// walksIn is how many walks may run where memory is limited to so many bytes; 0 is as many
// as anywhere.
func walksIn(limit int64, limited bool) int {
	if !limited {
		return 0
	}
	return int(min(max(limit/perWalk, 1), resolver.MaxInFlight))
}
