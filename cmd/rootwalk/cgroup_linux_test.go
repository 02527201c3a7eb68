package main

// This file runs the server where it may not have much: in a cgroup with little memory,
// or with a part of one processor.

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/config"
	"rootwalk/lab"
	"rootwalk/wire"
)

// group is a cgroup that a test has made.
type group struct{ dir string }

// newGroup makes a cgroup below the own one, or else below the root, with these settings
// of version 2 or those of version 1, each "FILE VALUE". It is nil where none can be made.
func newGroup(t *testing.T, controller string, v2, v1 []string) *group {
	t.Helper()
	own, _ := os.ReadFile("/proc/self/cgroup")
	path := "/"
	if m := regexp.MustCompile(`(?m)^\d+:(?:` + controller + `)?:(/.*)$`).FindSubmatch(own); m != nil {
		path = string(m[1])
	}
	for _, way := range []struct {
		mount    string
		settings []string
	}{{"/sys/fs/cgroup/" + controller, v1}, {"/sys/fs/cgroup", v2}, {"/sys/fs/cgroup/unified", v2}} {
		for _, parent := range []string{path, "/"} {
			g := &group{filepath.Join(way.mount, parent, fmt.Sprintf("rootwalk-test-%d", os.Getpid()))}
			if os.Mkdir(g.dir, 0o755) != nil {
				continue
			}
			good := true
			for _, s := range way.settings {
				name, value, _ := strings.Cut(s, " ")
				f, err := os.OpenFile(filepath.Join(g.dir, name), os.O_WRONLY, 0)
				if err == nil {
					_, err = f.WriteString(value)
					f.Close()
				}
				good = good && err == nil
			}
			if !good {
				_ = os.Remove(g.dir)
				continue
			}
			t.Cleanup(func() {
				eventually(t, "the cgroup is empty", func() bool { return os.Remove(g.dir) == nil })
			})
			return g
		}
	}
	return nil
}

// number reads a file of the group, or a line of it that begins with the word; -1 where
// there is none.
func (g *group) number(file, word string) int64 {
	text, err := os.ReadFile(filepath.Join(g.dir, file))
	if err != nil {
		return -1
	}
	m := regexp.MustCompile(`(?m)^` + word + ` ?(\d+)$`).FindSubmatch(text)
	if m == nil {
		return -1
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return n
}

// killed is how many processes the group lost to its limit.
func (g *group) killed() int64 {
	return max(g.number("memory.oom_control", "oom_kill"), g.number("memory.events", "oom_kill"))
}

// serve starts the server in the group.
func (g *group) serve(t *testing.T, args ...string) (*service, netip.AddrPort) {
	t.Helper()
	var s *service
	at := withFreePort(t, func(at netip.AddrPort) bool {
		cmd := command(append([]string{"serve", "--listen", at.String()}, args...)...)
		if g != nil {
			sh := exec.Command("/bin/sh", append([]string{"-c", `echo $$ > "$0"/cgroup.procs && exec "$@"`, g.dir, os.Args[0]}, cmd.Args[1:]...)...)
			sh.Env, sh.WaitDelay = cmd.Env, cmd.WaitDelay
			cmd = sh
		}
		s = begin(t, `"ready"`, cmd)
		return strings.Contains(s.text(), "cannot listen on")
	})
	return s, at
}

// pressed is an Internet with a zone that is silent and one that is not, and a
// configuration for it.
func pressed(t *testing.T, more string) (path string, numbers netip.AddrPort) {
	t.Helper()
	n, _, err := lab.Parse("== zone . @ 127.53.7.1\n== zone example @ 127.53.7.1\n== zone silent.example @ 127.53.7.2\n* A 192.0.2.80\n" +
		"== fault 127.53.7.2\ndrop\n== zone good.example @ 127.53.7.3\n* A 192.0.2.81\n")
	if err != nil {
		t.Fatal(err)
	}
	l, err := n.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	numbers = freePort(t)
	return file(t, "rootwalk.yaml", fmt.Sprintf("root: {hints: %q}\nupstream: {port: %d, refuse: []}\ndnssec: {validate: false}\nmetrics: {listen: %q}\nlog: {format: json}\n%s",
		file(t, "named.root", n.Hints()), l.Port(), numbers.String(), more)), numbers
}

// written is a snapshot of so many octets of delegations, as a long-lived server has.
func written(t *testing.T, conf, path string, octets int) {
	t.Helper()
	cfg, err := config.Load(conf)
	if err != nil {
		t.Fatal(err)
	}
	c := cache.New(cache.Options{Size: int64(octets)})
	cut := cache.Cut{}
	for i := range 13 {
		cut.Servers = append(cut.Servers, cache.NameServer{Name: wire.MustName(fmt.Sprintf("ns%d.%sexample.", i, strings.Repeat(strings.Repeat("x", 60)+".", 3)))})
	}
	payload := cache.AppendCut(nil, &cut)
	for i := range octets / len(payload) {
		var k cache.Key
		k.SetName(cache.Delegation, wire.MustName(fmt.Sprintf("z%d.example.", i)), wire.TypeNS, wire.ClassIN)
		c.Put(&k, cache.Header{Stored: clock.Now().Seconds(), Lifetime: 86400}, payload)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := c.WriteSnapshot(f, cache.SnapshotOptions{Head: cache.Head{Written: clock.Wall(), Rules: cfg.Digest("zones", "access.private-addresses", "access.private-domains")}}); err != nil {
		t.Fatal(err)
	}
}

// openFiles is how many descriptors a process has.
func (s *service) openFiles() int {
	list, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	return len(list)
}

// anonymous is how many octets of memory a process has that no file stands behind.
func (s *service) anonymous() int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if m := regexp.MustCompile(`RssAnon:\s+(\d+) kB`).FindSubmatch(text); m != nil {
		n, _ := strconv.ParseInt(string(m[1]), 10, 64)
		return n << 10
	}
	return 0
}

// patiently asks as stubs do: again when nothing comes for a while, since the queue of a
// socket may be full for a moment.
func patiently(at netip.AddrPort, name string) (code, tries int) {
	q := new(dns.Msg)
	q.SetQuestion(name, dns.TypeA)
	for tries = 1; ; tries++ {
		r, _, err := (&dns.Client{Timeout: 2 * time.Second}).Exchange(q, at.String())
		if err == nil {
			return r.Rcode, tries
		}
		if tries == 3 {
			return -1, tries
		}
	}
}

// goroutines asks the server how many it has.
func goroutines(t *testing.T, numbers netip.AddrPort) int {
	t.Helper()
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + numbers.String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	m := regexp.MustCompile(`(?m)^go_goroutines (\d+)$`).FindSubmatch(text)
	if err != nil || m == nil {
		t.Fatalf("no go_goroutines: %v", err)
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// asked is a query.
func asked(name string) []byte {
	q := new(dns.Msg)
	q.SetQuestion(name, dns.TypeA)
	b, _ := q.Pack()
	return b
}

// from dials the server from an address of loopback.
func from(t *testing.T, network string, host int, at netip.AddrPort) net.Conn {
	t.Helper()
	d := net.Dialer{}
	local := net.IPv4(127, 0, 2, byte(1+host))
	if d.LocalAddr = (&net.UDPAddr{IP: local}); network == "tcp" {
		d.LocalAddr = &net.TCPAddr{IP: local}
	}
	c, err := d.Dial(network, at.String())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// A server in a container of 128 MiB is given a cache that is fuller than the container, as
// many connections and waiting questions as it takes, and goes on.
func TestAContainerOf128MiBIsEnough(t *testing.T) {
	const limit, clients, each, connections = 128 << 20, 12, 1000, 32 * 32
	const what = "F | a cgroup of 128 MiB: a cache of 140 MiB from before, 12,000 questions to silent servers over UDP and 16,000 over 1,024 connections at once | no OOM; cached answers 100%; afterwards goroutines and descriptors as before | "
	if underRace {
		t.Skip("the race detector takes several times the memory")
	}
	g := newGroup(t, "memory", []string{"memory.max 134217728", "memory.swap.max 0"}, []string{"memory.limit_in_bytes 134217728"})
	if g == nil {
		t.Attr("row", what+"not measured: no cgroup with a limit of memory can be made here | ")
		t.Skip("no cgroup with a limit of memory can be made here (root on Linux can)")
	}
	snapshot := filepath.Join(t.TempDir(), "cache.snapshot")
	path, numbers := pressed(t, fmt.Sprintf("cache: {snapshot: %q}\n", snapshot))
	written(t, path, snapshot, 140<<20)
	s, at := g.serve(t, "-c", path)
	for len(logged(t, s, "loaded the snapshot of the cache")) == 0 { // a busy machine takes its time for so much
		select {
		case <-s.end:
			t.Fatalf("it ended; its log:\n%s", s.text())
		case <-time.After(20 * time.Millisecond):
		}
	}
	for _, name := range []string{"www.good.example.", "n1.good.example."} {
		if got := brief(ask(t, "udp", at, name, "A")); got != "NOERROR | "+name+" A 192.0.2.81" {
			t.Fatal(got)
		}
	}
	eventually(t, "it has come to rest", func() bool { return goroutines(t, numbers) < 40 })
	files, running := s.openFiles(), goroutines(t, numbers)

	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range connections { // each with a query that is not whole, or with many
		c := from(t, "tcp", i/32, at)
		conns = append(conns, c)
		text := append([]byte{0x0f, 0xff}, make([]byte, 2000)...)
		if i%2 == 0 {
			text = nil
			for k := range 32 {
				b := asked(fmt.Sprintf("t%d-%d.silent.example.", i, k))
				text = append(binary.BigEndian.AppendUint16(text, uint16(len(b))), b...)
			}
		}
		_, _ = c.Write(text) // where too many wait the connection is closed
	}
	var flood sync.WaitGroup
	for i := range clients {
		c := from(t, "udp", i, at)
		conns = append(conns, c)
		flood.Go(func() {
			for k := range each {
				_, _ = c.Write(asked(fmt.Sprintf("n%d-%d.silent.example.", i, k)))
				if k%20 == 0 {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	var over atomic.Bool
	go func() { flood.Wait(); over.Store(true) }()
	good, cached, again, most := 0, 0, 0, int64(0)
	for ; !over.Load() || cached < 500; cached++ {
		code, tries := patiently(at, "www.good.example.")
		if again += tries - 1; code == dns.RcodeSuccess {
			good++
		}
		if cached%20 == 0 {
			most = max(most, s.anonymous())
		}
	}
	if good != cached {
		t.Fatalf("%d of %d cached answers; %d processes were killed for memory, %d MiB were in use:\n%s", good, cached, g.killed(), most>>20, s.text())
	}
	busy := s.openFiles()
	for _, c := range conns {
		c.Close()
	}
	eventually(t, "descriptors and goroutines are as before", func() bool {
		return s.openFiles() <= files+2 && goroutines(t, numbers) <= running+2
	})
	killed := g.killed()
	if code := s.stop(t, 15); code != 0 || killed > 0 {
		t.Errorf("exit code %d, %d processes killed for memory:\n%s", code, killed, s.text())
	}
	t.Attr("row", what+fmt.Sprintf("%d MiB at most, none killed; %d of %d (%d asked again); %d descriptors, %d, %d again | ", most>>20, good, cached, again, files, busy, files))
}
