package main

// This file runs the program: the test binary is rootwalk too, when it is told so.

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const beRootwalk = "BE_ROOTWALK_NOT_ITS_TESTS"

func TestMain(m *testing.M) {
	if path := os.Getenv(writeSnapshots); path != "" {
		writeForEver(path)
	}
	if os.Getenv(beRootwalk) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// patience bounds waiting for what must happen.
const patience = 30 * time.Second

// command is rootwalk with arguments, in an environment without settings. The
// race detector sleeps for a second at every exit unless it is told not to.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = []string{beRootwalk + "=1", "GORACE=atexit_sleep_ms=0", "PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir()}
	cmd.WaitDelay = patience
	return cmd
}

// outcome is what a run left.
type outcome struct {
	code     int
	out, err string
}

// run runs rootwalk to its end.
func run(t *testing.T, args ...string) outcome {
	t.Helper()
	return end(t, command(args...))
}

func end(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// want checks the exit code, and that the output has these words.
func (o outcome) want(t *testing.T, code int, out, errs []string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d", o.code, code)
	}
	for _, w := range out {
		if !strings.Contains(o.out, w) {
			t.Errorf("the output lacks %q", w)
		}
	}
	for _, w := range errs {
		if !strings.Contains(o.err, w) {
			t.Errorf("the errors lack %q", w)
		}
	}
	if t.Failed() {
		t.Logf("output:\n%s\nerrors:\n%s", o.out, o.err)
	}
}

// file writes a file for a test and returns its path.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// service is a rootwalk that goes on until it is told to end.
type service struct {
	cmd *exec.Cmd
	mu  sync.Mutex
	log []string
	end chan struct{} // closed at the end of its log

	word string
	seen chan struct{} // closed when the word is in the log
}

// start runs rootwalk and returns when a line of its log has the word, or when it
// ends.
func start(t *testing.T, word string, args ...string) *service {
	t.Helper()
	return begin(t, word, command(args...))
}

// begin is start with a command of one's own.
func begin(t *testing.T, word string, cmd *exec.Cmd) *service {
	t.Helper()
	s := launch(t, word, cmd)
	s.await(t)
	return s
}

// launch is begin that does not wait for the word; await does.
func launch(t *testing.T, word string, cmd *exec.Cmd) *service {
	t.Helper()
	s := &service{cmd: cmd, word: word, seen: make(chan struct{}), end: make(chan struct{})}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout, s.cmd.Stderr = w, w
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait(); <-s.end })
	var once sync.Once
	go func() {
		defer close(s.end)
		defer r.Close()
		for lines := bufio.NewScanner(r); lines.Scan(); {
			s.mu.Lock()
			s.log = append(s.log, lines.Text())
			s.mu.Unlock()
			if strings.Contains(lines.Text(), word) {
				once.Do(func() { close(s.seen) })
			}
		}
	}()
	return s
}

// await returns when a line of the log has the word, or when the process ends.
func (s *service) await(t *testing.T) {
	t.Helper()
	select {
	case <-s.seen:
	case <-s.end:
	case <-time.After(patience):
		t.Fatalf("%q is not in the log:\n%s", s.word, s.text())
	}
}

func (s *service) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, "\n")
}

// stop sends a signal and returns the exit code.
func (s *service) stop(t *testing.T, sig syscall.Signal) int {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	return s.wait(t)
}

func (s *service) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-s.end:
	case <-time.After(patience):
		t.Fatalf("does not end; its log:\n%s", s.text())
	}
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// freePort is a port of 127.0.0.1 that is free over UDP and TCP, at the moment.
func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at := tcp.Addr().(*net.TCPAddr).AddrPort()
		udp, err := net.ListenPacket("udp", at.String())
		tcp.Close()
		if err == nil {
			udp.Close()
			return at
		}
	}
	t.Fatal("no free port")
	return netip.AddrPort{}
}

// withFreePort starts something that listens, again with another port when
// somebody else has taken it.
func withFreePort(t *testing.T, begin func(at netip.AddrPort) (busy bool)) netip.AddrPort {
	t.Helper()
	for range 5 {
		at := freePort(t)
		if !begin(at) {
			return at
		}
	}
	t.Fatal("every port is taken as soon as it is free")
	return netip.AddrPort{}
}

// ask asks a server on loopback.
func ask(t *testing.T, network string, at netip.AddrPort, name, rrtype string) *dns.Msg {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion(name, dns.StringToType[rrtype])
	q.SetEdns0(1232, false)
	c := dns.Client{Net: network, Timeout: patience}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, _, err := c.ExchangeContext(ctx, q, at.String())
	if err != nil {
		t.Fatalf("%s %s over %s: %v", name, rrtype, network, err)
	}
	return r
}

// brief is the rcode of a reply and its answer.
func brief(r *dns.Msg) string {
	words := []string{dns.RcodeToString[r.Rcode]}
	if r.Truncated {
		words = append(words, "TC")
	}
	for _, rr := range r.Answer {
		h := rr.Header()
		words = append(words, h.Name+" "+dns.TypeToString[h.Rrtype]+" "+strings.TrimPrefix(rr.String(), h.String()))
	}
	return strings.Join(words, " | ")
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("never: %s", what)
		}
	}
}
