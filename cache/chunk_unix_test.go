//go:build unix

package cache

import (
	"testing"
	"unsafe"
)

// Where pages have 16 KiB, as on a Raspberry Pi 5, giving back a part of a table that
// has 4 KiB takes all of its page.
func TestWhatIsGivenBackOfTheMemoryIsNobodyElses(t *testing.T) {
	defer func(size int) { pageSize, regions.rest = size, nil }(pageSize)
	pageSize, regions.rest = 16<<10, nil
	for range 3 * regionLen / (chunkBlocks * blockLen) { // into another region
		for _, n := range []int{tablePart * bucketLen, chunkBlocks * blockLen} {
			b, other := newChunk(n), newChunk(n)
			if at := uintptr(unsafe.Pointer(&b[0])); at%uintptr(pageSize) != 0 {
				t.Fatalf("a chunk of %d octets begins at %#x, within a page", n, at)
			}
			other[0] = 1
			freeChunks([]*index{{table: [][]byte{b}}})
			if other[0] != 1 {
				t.Fatal("not reached: its page is gone")
			}
		}
	}
}
