package config

// This file finds the memory limit of the process. A cache that fills a container to its limit ends in the kernel's
// hands, so the default size of the cache follows the limit.

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// noLimit is a figure above any real machine: version 1 of cgroups writes "no limit" as the largest multiple of the
// page size, 0x7ffffffffffff000.
const noLimit = 1 << 60

// MemoryLimit is the smallest memory limit in bytes of the cgroup (version 1 or 2) this process is in and of those
// above it. It is false where there is none, or no cgroup at all.
func MemoryLimit() (int64, bool) {
	return memoryLimit(os.DirFS("/"))
}

// memoryLimit is MemoryLimit on a file system whose root is given.
// A container often sees the path of its cgroup on the host while its own cgroup is mounted at the root, so every
// directory from that path up to the root is tried.
func memoryLimit(root fs.FS) (int64, bool) {
	least := int64(noLimit)
	for _, g := range memoryGroups(root) {
		for dir := path.Clean("/" + g.path); ; dir = path.Dir(dir) {
			text, err := fs.ReadFile(root, path.Join(g.mount, dir, g.file))
			if err == nil {
				// "max" does not parse, and means what it says.
				n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
				if err == nil && n > 0 {
					least = min(least, n)
				}
			}
			if dir == "/" {
				break
			}
		}
	}
	if least == noLimit {
		return 0, false
	}
	return least, true
}

// memoryGroup is a cgroup that may limit memory: where its hierarchy is mounted, its path there, the file of the limit.
type memoryGroup struct {
	mount, path, file string
}

// memoryGroups reads /proc/self/cgroup, lines of "id:controllers:path" (cgroups(7)).
func memoryGroups(root fs.FS) []memoryGroup {
	v2 := memoryGroup{"sys/fs/cgroup", "/", "memory.max"}
	v1 := memoryGroup{"sys/fs/cgroup/memory", "/", "memory.limit_in_bytes"}
	text, _ := fs.ReadFile(root, "proc/self/cgroup") // without it the roots are still tried
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		if fields[0] == "0" && fields[1] == "" {
			v2.path = fields[2]
		}
		for controller := range strings.SplitSeq(fields[1], ",") {
			if controller == "memory" {
				v1.path = fields[2]
			}
		}
	}
	return []memoryGroup{v2, v1}
}
