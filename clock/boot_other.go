//go:build !linux

package clock

// bootNanoseconds falls back to Go's monotonic clock, which on these systems
// may stop while the machine sleeps.
func bootNanoseconds() int64 { return monotonicNanoseconds() }
