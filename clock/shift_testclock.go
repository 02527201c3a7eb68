//go:build testclock && unix

package clock

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shift reads the offset in seconds from the 8-byte file that
// ROOTWALK_CLOCK_OFFSET_FILE names, so that an outside test can let time pass.
func shift() int64 {
	p := offset()
	if p == nil {
		return 0
	}
	return atomic.LoadInt64(p) * int64(time.Second)
}

var offset = sync.OnceValue(func() *int64 {
	name := os.Getenv("ROOTWALK_CLOCK_OFFSET_FILE")
	if name == "" {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		panic("clock: " + err.Error())
	}
	defer f.Close()
	b, err := unix.Mmap(int(f.Fd()), 0, 8, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		panic("clock: map " + name + ": " + err.Error())
	}
	return (*int64)(unsafe.Pointer(&b[0]))
})
