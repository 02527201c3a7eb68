//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A configuration that is written by hand, octet by octet, is the slowest start there is.
func TestAReloadThatIsOrderedDuringTheStartIsMadeAfterIt(t *testing.T) {
	_, file, base := loopbackSettings(t)
	pipe := filepath.Join(t.TempDir(), "rootwalk.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	s := launch(t, `"reloaded"`, command("serve", "-c", pipe, "--listen", freePort(t).String()))
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // returns when it is being read
	if err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Process.Signal(syscall.SIGHUP)
	_ = os.Rename(file, pipe) // for the reload
	_, _ = w.WriteString(base)
	w.Close()
	s.await(t)
	if len(logged(t, s, "ready")) != 1 {
		t.Errorf("is not ready:\n%s", s.text())
	}
	if code := s.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
