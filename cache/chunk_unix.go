//go:build unix

package cache

import "golang.org/x/sys/unix"

// newChunk asks the system for zeroed memory. It is not a part of Go's heap, which
// would let itself grow to twice of it between two collections.
func newChunk(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic("cache: no memory: " + err.Error()) // as Go's own allocator would
	}
	return b
}

// freeChunks gives chunks back.
func freeChunks(indexes []*index) {
	for _, x := range indexes {
		for _, list := range [2][][]byte{x.chunks, x.table} {
			for _, b := range list {
				_ = unix.Munmap(b)
			}
		}
	}
}
