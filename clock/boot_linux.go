package clock

import "golang.org/x/sys/unix"

// bootNanoseconds reads CLOCK_BOOTTIME, which Linux offers since 2.6.39.
func bootNanoseconds() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return monotonicNanoseconds()
	}
	return ts.Nano()
}
