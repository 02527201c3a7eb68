package clock

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Go reads CLOCK_BOOTTIME by a system call, which costs as much as all else that a
// cached answer needs; its own monotonic clock costs a twentieth. The two differ by
// the time that the machine has slept. So the difference is read every
// [lookAgain] and added: after a sleep that one instant may be that late, which
// TTLs, counted in seconds, do not notice.

// lookAgain is how long a difference is taken as it is, in nanoseconds.
const lookAgain = 100_000_000

var (
	slept    atomic.Int64 // CLOCK_BOOTTIME minus monotonicNanoseconds, or a bit less
	lookedAt atomic.Int64 // monotonicNanoseconds
)

// bootNanoseconds reads the boot clock.
func bootNanoseconds() int64 {
	now := monotonicNanoseconds()
	if d := now - lookedAt.Load(); d < 0 || d >= lookAgain { // d < 0: from a bubble of testing/synctest, or back
		look()
		lookedAt.Store(now)
	}
	return now + slept.Load()
}

// look reads CLOCK_BOOTTIME, which Linux offers since 2.6.39. What is read before
// the monotonic clock makes the difference too small by the time between, never too
// large: so the largest one ever seen is the best, and time never goes back.
func look() {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return
	}
	d := ts.Nano() - monotonicNanoseconds()
	for was := slept.Load(); was < d && !slept.CompareAndSwap(was, d); was = slept.Load() {
	}
}

func init() {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) == nil {
		slept.Store(ts.Nano() - monotonicNanoseconds()) // may be negative: see there
	}
}
