package main

import (
	"runtime/debug"
	"testing"
)

func TestTheHeapIsBoundedByTheSizeOfTheCache(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	for _, x := range []struct {
		env               string
		cache, want, from int64
	}{
		{"", 1 << 20, leastHeap, 0},
		{"", 256 << 20, 320 << 20, 0},
		{"1GiB", 256 << 20, 1 << 30, 1 << 30}, // the operator knows better
	} {
		t.Setenv("GOMEMLIMIT", x.env)
		if x.from != 0 {
			debug.SetMemoryLimit(x.from)
		}
		boundHeap(x.cache)
		if got := debug.SetMemoryLimit(-1); got != x.want {
			t.Errorf("with %q and a cache of %d bytes the limit is %d, want %d", x.env, x.cache, got, x.want)
		}
	}
}
