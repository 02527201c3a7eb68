package main

// This file is about the commands that go on: serve and lab.

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/lab"
)

// loopbackInternet serves the demo on loopback and returns a configuration whose
// resolver walks it.
func loopbackInternet(t *testing.T) (*lab.Internet, string) {
	t.Helper()
	n, _, err := lab.Parse(lab.Demo())
	if err != nil {
		t.Fatal(err)
	}
	l, err := n.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	hints := file(t, "named.root", n.Hints())
	return n, file(t, "rootwalk.yaml", fmt.Sprintf(`
root: {hints: %q}
upstream: {port: %d, refuse: []}
dnssec: {validate: false}
metrics: {listen: ""}
log: {format: json}
`, hints, l.Port()))
}

// loopbackSettings is loopbackInternet with the text of the configuration beside it, for
// settings to be added to.
func loopbackSettings(t *testing.T) (n *lab.Internet, path, base string) {
	t.Helper()
	n, path = loopbackInternet(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return n, path, string(text)
}

// serve starts the name server at a free port.
func serve(t *testing.T, args ...string) (*service, netip.AddrPort) {
	t.Helper()
	var s *service
	at := withFreePort(t, func(at netip.AddrPort) bool {
		s = start(t, `"ready"`, append([]string{"serve", "--listen", at.String()}, args...)...)
		return strings.Contains(s.text(), "cannot listen on")
	})
	return s, at
}

func TestServeAnswersUntilItIsToldToEnd(t *testing.T) {
	n, path := loopbackInternet(t)
	for name, sig := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			s, at := serve(t, "-c", path)
			for _, network := range []string{"udp", "tcp"} {
				if got, want := brief(ask(t, network, at, "www.example.com.", "A")), "NOERROR | www.example.com. A 192.0.2.80"; got != want {
					t.Errorf("over %s: %s, want %s", network, got, want)
				}
			}
			if code := s.stop(t, sig); code != 0 {
				t.Errorf("exit code %d", code)
			}
			ready := logged(t, s, "ready")
			if len(ready) != 1 || ready[0]["primed"] != true || ready[0]["level"] != "INFO" {
				t.Errorf("ready is logged as %v, want once and primed", ready)
			}
			if len(logged(t, s, "stopped")) != 1 {
				t.Errorf("the end is not logged:\n%s", s.text())
			}
		})
	}
	if len(n.Queries()) == 0 {
		t.Error("nobody asked the private Internet")
	}
}

// logged lists the lines of a JSON log with a message.
func logged(t *testing.T, s *service, message string) (lines []map[string]any) {
	t.Helper()
	for _, l := range strings.Split(s.text(), "\n") {
		var m map[string]any
		if err := json.Unmarshal([]byte(l), &m); err != nil {
			t.Errorf("no JSON: %s", l)
		} else if m["msg"] == message {
			lines = append(lines, m)
		}
	}
	return lines
}

func TestServeAnswersWhatIsInFlightBeforeItEnds(t *testing.T) {
	n, path := loopbackInternet(t)
	s, at := serve(t, "-c", path)
	if err := n.SetFaults("127.53.0.14", "delay 250ms"); err != nil { // the servers of example.
		t.Fatal(err)
	}
	n.ResetQueries()
	var conns []net.Conn
	for _, network := range []string{"udp", "tcp"} {
		c, err := net.Dial(network, at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		q := new(dns.Msg)
		q.SetQuestion("pier.harbour.example.", dns.TypeA)
		if err := (&dns.Conn{Conn: c}).WriteMsg(q); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	eventually(t, "the walk is on its way", func() bool {
		for _, q := range n.Queries() {
			if q.Server == netip.MustParseAddr("127.53.0.14") {
				return true
			}
		}
		return false
	})
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for range 10 { // a reload, or the end of a terminal, at the worst time
		time.Sleep(10 * time.Millisecond)
		_ = s.cmd.Process.Signal(syscall.SIGHUP)
	}
	r, err := (&dns.Conn{Conn: conns[0]}).ReadMsg()
	if err != nil {
		t.Fatalf("no reply to the question in flight: %v", err)
	}
	if got, want := brief(r), "NOERROR | pier.harbour.example. A 192.0.2.141"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := (&dns.Conn{Conn: conns[1]}).ReadMsg(); err != nil {
		t.Errorf("over TCP: %v", err)
	}
	if code := s.wait(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	t.Attr("row", "F | SIGTERM with questions in flight, over UDP and TCP | all are answered, exit code 0 | held | ")
}

// A log that nobody reads any more is no reason to end: a pipe into another program, or
// the log of a container.
func TestTheServerOutlivesWhoReadsItsLog(t *testing.T) {
	_, path := loopbackInternet(t)
	at := freePort(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := command("serve", "-c", path, "--listen", at.String())
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	w.Close()
	for lines := bufio.NewScanner(r); lines.Scan() && !strings.Contains(lines.Text(), `"ready"`); {
	}
	r.Close()
	_ = cmd.Process.Signal(syscall.SIGHUP) // which is logged
	time.Sleep(50 * time.Millisecond)
	if got := brief(ask(t, "udp", at, "www.example.com.", "A")); got != "NOERROR | www.example.com. A 192.0.2.80" {
		t.Error(got)
	}
	_ = cmd.Process.Signal(syscall.SIGTERM) // and so is this
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestABusyAddressIsOneClearError(t *testing.T) {
	_, path := loopbackInternet(t)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for network, at := range map[string]net.Addr{"TCP": tcp.Addr(), "UDP": udp.LocalAddr()} {
		o := run(t, "serve", "-c", path, "--listen", at.String())
		o.want(t, 1, nil, []string{"rootwalk: cannot listen on " + at.String() + ": another program does already", "--listen 127.0.0.1:5300"})
		if runtime.GOOS == "linux" && !strings.Contains(o.err, fmt.Sprintf("(pid %d)", os.Getpid())) {
			t.Errorf("%s: it is not said who: %s", network, o.err)
		}
		errors := 0
		for _, line := range strings.Split(strings.TrimSpace(o.err), "\n") {
			if !strings.HasPrefix(line, "{") { // warnings are log lines
				errors++
			}
		}
		if errors != 1 || strings.Contains(o.err, `"ready"`) {
			t.Errorf("%s: %d errors:\n%s", network, errors, o.err)
		}
	}
	o := run(t, "serve", "-c", path, "--listen", "127.0.0.1:0", "--metrics", tcp.Addr().String())
	o.want(t, 1, nil, []string{"rootwalk: metrics.listen: another program listens on " + tcp.Addr().String(), "another address with --metrics"})
}

func TestAnAddressThatIsNotOursIsAnError(t *testing.T) {
	_, path := loopbackInternet(t)
	o := run(t, "serve", "-c", path, "--listen", "192.0.2.1:5300")
	o.want(t, 1, nil, []string{"cannot listen on 192.0.2.1:5300", "does not have that address"})
}

func TestServeIsReadyThoughTheRootIsOutOfReach(t *testing.T) {
	n, path := loopbackInternet(t)
	if err := n.SetFaults("all", "drop"); err != nil {
		t.Fatal(err)
	}
	s, at := serve(t, "-c", path)
	ready := logged(t, s, "ready")
	if len(ready) != 1 || ready[0]["primed"] != false {
		t.Errorf("ready is %v, want once and not primed", ready)
	}
	if len(logged(t, s, "priming failed")) != 0 {
		t.Error("the end of the first priming was waited for")
	}
	n.ClearFaults()
	eventually(t, "an answer once the root is back", func() bool {
		return ask(t, "udp", at, "www.example.com.", "A").Rcode == dns.RcodeSuccess
	})
	if code := s.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestMetricsAreServedBesideTheAnswers(t *testing.T) {
	_, path := loopbackInternet(t)
	var s *service
	var numbers netip.AddrPort
	at := withFreePort(t, func(at netip.AddrPort) bool {
		numbers = freePort(t)
		s = start(t, `"ready"`, "serve", "-c", path, "--listen", at.String(), "--metrics", numbers.String())
		return strings.Contains(s.text(), "in use") || strings.Contains(s.text(), "cannot listen on")
	})
	ask(t, "udp", at, "www.example.com.", "A")
	for what, want := range map[string]string{
		"/metrics": `rootwalk_queries_total{transport="udp",type="A"} 1`, "/readyz": "ready", "/healthz": "ok",
	} {
		r, err := http.Get("http://" + numbers.String() + what)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s says %d and lacks %q", what, r.StatusCode, want)
		}
	}
	s.stop(t, syscall.SIGTERM)
}

// labAnswers are what the demo promises, in the words of brief.
var labAnswers = map[string]string{
	"www.example.com. A":          "NOERROR | www.example.com. A 192.0.2.80",
	"blog.example.com. A":         "NOERROR | blog.example.com. CNAME pages.example.net. | pages.example.net. A 203.0.113.80",
	"pier.harbour.example. A":     "NOERROR | pier.harbour.example. A 192.0.2.141",
	"bob.guests.example.org. A":   "NOERROR | bob.guests.example.org. A 203.0.113.100",
	"alice.guests.example.org. A": "NOERROR | alice.guests.example.org. A 203.0.113.101",
	"quiet.example.org. A":        "NOERROR",
	"www.old.example.net. A":      "NOERROR | old.example.net. DNAME example.com. | www.old.example.net. CNAME www.example.com. | www.example.com. A 192.0.2.80",
	"www.example.com. AAAA":       "NOERROR",
	"nowhere.example.com. A":      "NXDOMAIN",
	"lamp.lighthouse.example. A":  "NOERROR | lamp.lighthouse.example. A 192.0.2.151",
}

func TestTheLabAnswersWhatItPromises(t *testing.T) {
	var help []string
	var ended chan error
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	at := withFreePort(t, func(at netip.AddrPort) (busy bool) {
		cmd := labCommand()
		r, w := io.Pipe()
		cmd.SetArgs([]string{"--listen", at.String()})
		cmd.SetOut(w)
		cmd.SetErr(io.Discard)
		ended = make(chan error, 1)
		go func() {
			err := cmd.ExecuteContext(ctx)
			w.Close()
			ended <- err
		}()
		help = nil
		for lines := bufio.NewScanner(r); lines.Scan(); {
			help = append(help, lines.Text())
			if strings.HasPrefix(lines.Text(), "Ctrl-C") {
				return false
			}
		}
		if err := <-ended; err != nil && !strings.Contains(err.Error(), "cannot listen on") {
			t.Fatal(err)
		}
		return true
	})
	for _, q := range lab.DemoQuestions() {
		id := q.Name + " " + q.Type
		shown := fmt.Sprintf("dig @127.0.0.1 -p %d %s %s ", at.Port(), strings.TrimSuffix(q.Name, "."), q.Type)
		if !strings.Contains(strings.Join(help, "\n"), shown) {
			t.Errorf("%s is not among the commands to try", shown)
		}
		for _, network := range []string{"udp", "tcp"} {
			r := ask(t, network, at, q.Name, q.Type)
			switch id {
			case "example.com. MX":
				if r.Rcode != dns.RcodeSuccess || len(r.Answer) != 2 {
					t.Errorf("%s over %s: %s", id, network, brief(r))
				}
			case "pool.example.com. A":
				if r.Rcode != dns.RcodeSuccess || len(r.Answer) != 4 {
					t.Errorf("%s over %s: %s", id, network, brief(r))
				}
			case "poem.library.example.org. TXT":
				if (network == "udp") != r.Truncated || network == "tcp" && (len(r.Answer) != 1 || len(r.Answer[0].(*dns.TXT).Txt) < 20) {
					t.Errorf("%s over %s: %s", id, network, brief(r))
				}
			default:
				if got := brief(r); got != labAnswers[id] || labAnswers[id] == "" {
					t.Errorf("%s over %s:\n have %s\n want %s", id, network, got, labAnswers[id])
				}
			}
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
