package main

import (
	"runtime/debug"
	"testing"

	"rootwalk/config"
)

func TestTheHeapIsBoundedByCacheAndContainer(t *testing.T) {
	const mib = 1 << 20
	for _, x := range []struct {
		cache, limit int64
		limited      bool
		want         int64
	}{
		{1 * mib, 0, false, leastHeap}, {256 * mib, 0, false, 320 * mib}, {256 * mib, 8 << 30, true, 320 * mib},
		{50 * mib, 125 * mib, true, 50 * mib}, {16 * mib, 40 * mib, true, tightHeap},
	} {
		if got := heapLimit(x.cache, x.limit, x.limited); got != x.want {
			t.Errorf("with a cache of %d bytes in %d the limit is %d, want %d", x.cache, x.limit, got, x.want)
		}
	}
}

func TestTheOperatorsLimitOfTheHeapStands(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	limit, limited := config.MemoryLimit()
	for env, want := range map[string]int64{"": heapLimit(256<<20, limit, limited), "1GiB": 1 << 30} {
		t.Setenv("GOMEMLIMIT", env)
		debug.SetMemoryLimit(1 << 30)
		boundHeap(256 << 20)
		if got := debug.SetMemoryLimit(-1); got != want {
			t.Errorf("with %q the limit is %d, want %d", env, got, want)
		}
	}
}

func TestASmallContainerHasFewerWalksAtOnce(t *testing.T) {
	for _, x := range []struct {
		limit   int64
		limited bool
		want    int
	}{
		{0, false, 0}, {1, true, 1}, {64 << 20, true, 256}, {128 << 20, true, 512}, {512 << 20, true, 2048}, {8 << 30, true, 2048},
	} {
		if got := walksIn(x.limit, x.limited); got != x.want {
			t.Errorf("in %d bytes %d, want %d", x.limit, got, x.want)
		}
	}
}
