package clock

import "time"

var processStart = time.Now()

// monotonicNanoseconds is the time since the process began, plus a day, so
// that an instant a few hours ago is never negative.
func monotonicNanoseconds() int64 { return int64(time.Since(processStart) + 24*time.Hour) }
