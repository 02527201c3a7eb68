//go:build unix

package cache

import (
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file asks the system for memory. It is not a part of Go's heap, which would let
// itself grow to twice of it between two collections, and lies on huge pages where
// there are such: entries are found all over it, and of ordinary pages the processor
// knows where a few thousand are.

// regionLen is how much is asked for at a time in octets: a huge page of most processors.
const regionLen = 2 << 20

// pageSize is what the system gives and takes back whole: 4 KiB, or on some machines 16
// or 64. A chunk has its pages for itself, so that what is given back is its own alone.
var pageSize = os.Getpagesize()

// pages is the octets of the pages that n octets take.
func pages(n int) int { return (n + pageSize - 1) / pageSize * pageSize }

// regions hands out the memory of all caches.
var regions struct {
	mu   sync.Mutex
	rest []byte // of the last region
}

// newChunk is zeroed memory of n octets, at most regionLen.
func newChunk(n int) []byte {
	r := &regions
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.rest) < pages(n) {
		r.rest = newRegion()
	}
	b := r.rest[:n:n]
	r.rest = r.rest[pages(n):]
	return b
}

// newRegion asks the system for a region. Linux has it begin where a huge page does
// since 6.7, and puts it beside the last one before that.
func newRegion() []byte {
	b, err := unix.MmapPtr(-1, 0, nil, regionLen, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic("cache: no memory: " + err.Error()) // as Go's own allocator would
	}
	region := unsafe.Slice((*byte)(b), regionLen)
	wantHuge(region)
	return region
}

// freeChunks gives chunks back.
func freeChunks(indexes []*index) {
	for _, x := range indexes {
		for _, list := range [2][][]byte{x.chunks, x.table} {
			for _, b := range list {
				_ = unix.MunmapPtr(unsafe.Pointer(&b[0]), uintptr(pages(len(b))))
			}
		}
	}
}
