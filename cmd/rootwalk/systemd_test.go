package main

// This file is about being run by systemd.

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// told are the messages that a notify socket gets (sd_notify(3)).
func told(t *testing.T) (path string, next func(word string) string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return path, func(word string) string {
		t.Helper()
		buf := make([]byte, 4096)
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		for {
			n, err := conn.Read(buf)
			if err != nil {
				t.Fatalf("never told: %s", word)
			}
			if text := string(buf[:n]); strings.Contains(text, word) {
				return text
			}
		}
	}
}

// watched starts the server as systemd does that watches it, and returns told's next.
func watched(t *testing.T, path string) (cmd *exec.Cmd, next func(word string) string) {
	t.Helper()
	notify, next := told(t)
	cmd = command("serve", "-c", path, "--listen", freePort(t).String())
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+notify, "WATCHDOG_USEC=100000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, next
}

func TestSystemdIsToldOfReadinessReloadsAndHealth(t *testing.T) {
	_, path := loopbackInternet(t)
	cmd, next := watched(t, path)
	next("READY=1")
	next("WATCHDOG=1")
	_ = cmd.Process.Signal(syscall.SIGHUP)
	if text := next("RELOADING=1"); !regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=\d+$`).MatchString(text) {
		t.Errorf("told %q", text)
	}
	next("READY=1")
	_ = cmd.Process.Signal(syscall.SIGTERM)
	next("STOPPING=1")
}

func TestTheWatchdogIsContentWhereThisHostGetsNoReply(t *testing.T) {
	_, path, base := loopbackSettings(t)
	rewrite(t, path, base+"access: {rules: [127.0.0.0/8 deny]}")
	_, next := watched(t, path)
	next("WATCHDOG=1")
}

func TestSocketsThatSystemdHasOpenedAreServed(t *testing.T) {
	_, path := loopbackInternet(t)
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	atUDP, atTCP := udp.LocalAddr().(*net.UDPAddr).AddrPort(), tcp.Addr().(*net.TCPAddr).AddrPort()
	udpFile, _ := udp.File()
	tcpFile, _ := tcp.File()
	udp.Close()
	tcp.Close()
	// LISTEN_PID is the process's own, which a shell knows before it becomes it.
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, os.Args[0], "serve", "-c", path)
	cmd.Env = append(command().Env, "LISTEN_FDS=2")
	cmd.ExtraFiles = []*os.File{udpFile, tcpFile}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	udpFile.Close()
	tcpFile.Close()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	// What is asked before the server lives waits in the socket.
	if got := brief(ask(t, "udp", atUDP, "www.example.com.", "A")); got != "NOERROR | www.example.com. A 192.0.2.80" {
		t.Errorf("over UDP: %s", got)
	}
	if got := brief(ask(t, "tcp", atTCP, "www.example.com.", "A")); got != "NOERROR | www.example.com. A 192.0.2.80" {
		t.Errorf("over TCP: %s", got)
	}
}

func TestSystemdSocketActivateStartsTheServerWithTheFirstQuery(t *testing.T) {
	tool, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Skip("systemd-socket-activate is not installed")
	}
	_, path := loopbackInternet(t)
	at := freePort(t)
	cmd := exec.Command(tool, "-d", "-l", at.String(), "-E", beRootwalk+"=1", os.Args[0], "serve", "-c", path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	// Nobody but the tool may bind the port meanwhile, not even for a look: it would find it taken, and end.
	var reply *dns.Msg
	eventually(t, "the first query is answered", func() (answered bool) {
		q := new(dns.Msg)
		q.SetQuestion("www.example.com.", dns.TypeA)
		c := dns.Client{Timeout: patience}
		var err error
		reply, _, err = c.Exchange(q, at.String()) // refused at once while nobody listens
		return err == nil
	})
	if got := brief(reply); got != "NOERROR | www.example.com. A 192.0.2.80" {
		t.Error(got)
	}
}

func TestTheConfigurationDirectoryIsLookedInto(t *testing.T) {
	dir := t.TempDir()
	rewrite(t, filepath.Join(dir, "rootwalk.yaml"), "", "cache: {max-ttl: 7m}")
	cmd := command("check", "--defaults")
	cmd.Env = append(cmd.Env, "CONFIGURATION_DIRECTORY="+dir)
	end(t, cmd).want(t, 0, []string{"max-ttl: 7m"}, nil)
	cmd = command("check", "--defaults")
	cmd.Env = append(cmd.Env, "CONFIGURATION_DIRECTORY="+t.TempDir())
	end(t, cmd).want(t, 0, []string{"max-ttl: 24h"}, nil)
}

func TestTheUnitExposesLittle(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	const unit = "../../deploy/systemd/rootwalk.service"
	out, err := exec.Command(tool, "security", "--offline=true", "--threshold=20", unit).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	level := regexp.MustCompile(`Overall exposure level for rootwalk.service: ([0-9.]+)`).FindSubmatch(out)
	if level == nil {
		t.Fatalf("no level in\n%s", out)
	}
	if n, err := strconv.ParseFloat(string(level[1]), 64); err != nil || n > 2 {
		t.Errorf("the exposure level is %s", level[1])
	}
	if strings.Contains(string(out), "ignoring") {
		t.Errorf("the unit has what systemd does not know:\n%s", out)
	}
}
