//go:build unix && !linux

package cache

func wantHuge([]byte) {}
