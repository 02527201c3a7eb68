// Package clock tells the time: the boot clock that leases and TTLs run on,
// and the wall clock that signatures and files need.
//
// The boot clock goes on while the machine sleeps (CLOCK_BOOTTIME), so that a
// laptop that wakes up does not serve yesterday's addresses, and it never
// jumps when somebody sets the date. Nothing below the resolver reads a clock
// by itself: the instant is a parameter, read once per batch.
package clock

import "time"

// Time is an instant of the boot clock in nanoseconds. Only differences mean
// anything; the zero of the clock is arbitrary and differs between processes
// on some systems, so it is never written to a file.
type Time int64

// Second is one second of boot clock time.
const Second = Time(time.Second)

// Add returns the instant d later.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns the duration from u to t.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// Seconds is the whole number of seconds of the instant, the unit of TTLs.
func (t Time) Seconds() int64 { return int64(t) / int64(time.Second) }

// Clock reads a clock: Now in a running server, a virtual one in tests.
type Clock func() Time

// Now reads the boot clock.
func Now() Time { return Time(bootNanoseconds() + shift()) }

// Wall reads the wall clock.
func Wall() time.Time { return time.Now().Add(time.Duration(shift())) }
