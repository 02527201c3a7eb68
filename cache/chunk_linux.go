package cache

import "golang.org/x/sys/unix"

// wantHuge asks for a huge page. Where there is none, ordinary ones do.
func wantHuge(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }
