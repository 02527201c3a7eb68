package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// What is taken away is gone for good, so a child of this test tries it.
func TestAConfinedProcessWritesNowhereElse(t *testing.T) {
	if dir := os.Getenv("ROOTWALK_TEST_CONFINED"); dir != "" {
		fmt.Println(tryConfined(dir))
		return
	}
	if v, err := ll.LandlockGetABIVersion(); err != nil || v < 1 {
		t.Skip("this kernel has no Landlock")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "state"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestAConfinedProcessWritesNowhereElse$")
	cmd.Env = append(os.Environ(), "ROOTWALK_TEST_CONFINED="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "confined\n") {
		t.Errorf("%v: %s", err, out)
	}
}

// tryConfined says "confined", or what is not as it should be.
func tryConfined(dir string) string {
	state := filepath.Join(dir, "state", "cache")
	if err := confine([]string{state, ""}); err != nil {
		return err.Error()
	}
	done := make(chan error) // another thread, perhaps
	go func() { done <- os.WriteFile(filepath.Join(dir, "elsewhere"), nil, 0o644) }()
	if err := <-done; !errors.Is(err, fs.ErrPermission) {
		return fmt.Sprint("a file elsewhere: ", err)
	}
	if err := exec.Command("/bin/true").Run(); !errors.Is(err, fs.ErrPermission) {
		return fmt.Sprint("another program: ", err)
	}
	if err := os.WriteFile(state+".new", []byte("x"), 0o644); err != nil {
		return err.Error()
	}
	if err := os.Rename(state+".new", state); err != nil {
		return err.Error()
	}
	if _, err := os.ReadFile("/proc/self/stat"); err != nil {
		return err.Error()
	}
	return "confined"
}
