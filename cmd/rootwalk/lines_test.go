package main

// This file is about a log that nobody reads.

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"rootwalk/config"
)

// pipe is a reader that takes a line when it is told to.
type pipe struct {
	takes chan struct{} // closed: all
	fails error
	lines []string
}

func (p *pipe) Write(line []byte) (int, error) {
	<-p.takes
	if p.fails != nil {
		return 0, p.fails
	}
	p.lines = append(p.lines, string(line))
	return len(line), nil
}

// queued is a queue in front of a pipe that takes nothing yet, with a line in hand.
func queued(t *testing.T) (*pipe, *lines) {
	t.Helper()
	to := &pipe{takes: make(chan struct{})}
	note, _ := logger(config.Default(), to)
	l := newLines(to, note)
	fmt.Fprintln(l, "first")
	synctest.Wait()
	return to, l
}

func TestLinesThatNobodyTakesAreLostAndToldOfLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to, l := queued(t)
		line := strings.Repeat("x", 1023) + "\n"
		for range maxLines/len(line) + 7 {
			fmt.Fprint(l, line)
		}
		if n := l.lostEver.Load(); n != 7 {
			t.Errorf("%d lines are counted as lost, want 7", n)
		}
		close(to.takes)
		synctest.Wait()
		fmt.Fprintln(l, "later")
		l.end()
		n := len(to.lines)
		if n != 1+maxLines/len(line)+2 || to.lines[0] != "first\n" || to.lines[1] != line || to.lines[n-1] != "later\n" {
			t.Fatalf("%d lines, %q ... %q", n, to.lines[0], to.lines[n-1])
		}
		if !strings.Contains(to.lines[n-2], "lines of the log were lost") || !strings.Contains(to.lines[n-2], "lines=7") {
			t.Errorf("the loss is told as %q", to.lines[n-2])
		}
	})
}

func TestLinesThatCannotBeWrittenAreToldOfOnceTheyCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to, l := queued(t)
		to.fails = io.ErrShortWrite
		close(to.takes)
		synctest.Wait()
		to.fails = nil
		fmt.Fprintln(l, "later")
		l.end()
		if len(to.lines) != 2 || to.lines[0] != "later\n" || !strings.Contains(to.lines[1], "lines=1") || l.lostEver.Load() != 1 {
			t.Errorf("%q, %d lost", to.lines, l.lostEver.Load())
		}
	})
}

func TestTheEndWritesWhatIsQueuedButDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to, l := queued(t)
		fmt.Fprintln(l, "last")
		go func() { time.Sleep(lastLines / 2); close(to.takes) }()
		l.end()
		if fmt.Sprint(to.lines) != "[first\n last\n]" {
			t.Errorf("%q", to.lines)
		}
		to, l = queued(t)
		began := time.Now()
		l.end()
		if took := time.Since(began); took != lastLines || len(to.lines) != 0 {
			t.Errorf("it took %v", took)
		}
		close(to.takes)
	})
}

func TestQueriesLeaveRoomForOtherLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to, l := queued(t)
		p := &parts{lines: l, log: slog.New(slog.NewTextHandler(l, nil))}
		end, logged := make(chan struct{}), 0
		go func() {
			defer close(end)
			for ; logged < maxLines/10; logged++ {
				l.room()
				p.log.Info("query")
			}
		}()
		synctest.Wait()
		for range 100 {
			p.log.Info("another line")
		}
		if n := p.linesLost(); n != 0 || logged == 0 || logged == maxLines/10 {
			t.Errorf("%d lines were lost when %d queries were logged", n, logged)
		}
		close(to.takes)
		<-end
		l.end()
		if n := len(to.lines); n != 1+logged+100 {
			t.Errorf("%d lines", n)
		}
	})
}

// fullPipe is a pipe that has no room, and both its ends.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	raw, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Write(func(fd uintptr) bool {
		for size := 4096; size > 0; size /= 4096 { // pages, and then what is left
			for n := 1; n > 0; n, _ = syscall.Write(int(fd), make([]byte, size)) {
			}
		}
		return true
	})
	return r, w
}

func TestNobodyWaitsForALogThatIsNotRead(t *testing.T) {
	_, path, base := loopbackSettings(t)
	at, numbers, socket := freePort(t), freePort(t), filepath.Join(t.TempDir(), "control")
	base = strings.Replace(base, `listen: ""`, fmt.Sprintf("listen: %q", numbers), 1) + fmt.Sprintf("control: {socket: %q}\n", socket)
	rewrite(t, path, base)
	r, w := fullPipe(t)
	cmd := command("serve", "-c", path, "--listen", at.String())
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	eventually(t, "it is ready", func() bool {
		resp, err := http.Get("http://" + numbers.String() + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	rewrite(t, path, strings.Replace(base, "format: json", "queries: 1", 1))
	_ = cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, "SIGHUP reloads", func() bool { return strings.Contains(run(t, "ctl", "query-log", "--socket", socket).out, "1") })
	for range 100 { // each is logged
		if got := brief(ask(t, "udp", at, "www.example.com.", "A")); got != "NOERROR | www.example.com. A 192.0.2.80" {
			t.Fatal(got)
		}
	}
	rewrite(t, path, base, "access: {allow: [192.0.2.0/24]}")
	run(t, "ctl", "reload", "--socket", socket).want(t, 0, []string{"access.allow"}, nil)
	if got := ask(t, "udp", at, "www.example.com.", "A"); got.Rcode != dns.RcodeRefused {
		t.Error(brief(got))
	}
	run(t, "ctl", "status", "--socket", socket).want(t, 0, nil, nil)
	_ = cmd.Process.Signal(syscall.SIGTERM)
	wait(t, cmd.Wait)

	// It is the same pipe: what was to be logged is gone.
	busy := command("serve", "-c", path, "--listen", "192.0.2.1:5300")
	busy.Stderr = w
	if err := busy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Process.Kill() })
	wait(t, func() error {
		if err := busy.Wait(); err == nil || busy.ProcessState.ExitCode() != 1 {
			return fmt.Errorf("a start that fails: %v", err)
		}
		return nil
	})
	w.Close()
	if text, err := io.ReadAll(r); err != nil || strings.Trim(string(text), "\x00") != "" {
		t.Errorf("the pipe was not full: %q, %v", strings.Trim(string(text), "\x00"), err)
	}
}

// wait waits for the end of something that has to end.
func wait(t *testing.T, end func() error) {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- end() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}
