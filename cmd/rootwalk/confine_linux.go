package main

import (
	"fmt"
	"path/filepath"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// confine takes from this process, for good, what a name server does not need of
// the file system once it runs: to execute anything, and to write anywhere but in
// the directories of the files given. Reading stays, as far as the user may, since
// a reload reads files that are named then. A kernel without Landlock (before
// 5.13, or switched off) confines nothing, which is no error.
func confine(written []string) error {
	const read = landlock.AccessFSSet(ll.AccessFSReadFile | ll.AccessFSReadDir)
	rules := []landlock.Rule{landlock.PathAccess(read, "/")}
	for _, f := range written {
		if f != "" {
			rules = append(rules, landlock.RWDirs(filepath.Dir(f)).IgnoreIfMissing())
		}
	}
	if err := landlock.V3.BestEffort().RestrictPaths(rules...); err != nil {
		return fmt.Errorf("confining the process (Landlock): %w", err)
	}
	return nil
}
