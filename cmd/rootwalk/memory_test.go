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
		{"", 256 << 20, 256 << 20, 0},
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

func TestASmallContainerHasFewerWalksAtOnce(t *testing.T) {
	for _, x := range []struct {
		limit   int64
		limited bool
		want    int
	}{
		{0, false, 0}, {1, true, 1}, {64 << 20, true, 512}, {128 << 20, true, 1024}, {256 << 20, true, 2048}, {8 << 30, true, 2048},
	} {
		if got := walksIn(x.limit, x.limited); got != x.want {
			t.Errorf("in %d bytes %d, want %d", x.limit, got, x.want)
		}
	}
}
