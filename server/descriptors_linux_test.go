package server

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"rootwalk/upstream"
)

// A process that has no descriptor left goes on answering from its cache, and walks
// again when it has some. The limit holds for a whole process, so a child of this
// test is one.
func TestWithoutDescriptorsTheCacheStillAnswers(t *testing.T) {
	const most = 256
	if os.Getenv("ROOTWALK_TEST_DESCRIPTORS") != "" {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			t.Fatal(err)
		}
		fewDescriptors(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run", "^TestWithoutDescriptorsTheCacheStillAnswers$")
	cmd.Env = append(os.Environ(), "ROOTWALK_TEST_DESCRIPTORS=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "held:") {
		t.Fatalf("%v: %s", err, out)
	}
	_, said, _ := strings.Cut(string(out), "held: ")
	said, _, _ = strings.Cut(said, "\n")
	t.Attr("row", "F | RLIMIT_NOFILE 256, all taken, a connection that cannot be accepted | cached answers 100%; walks again when some are back; no busy loop: <= 25% of a processor at rest | "+said+" | ")
}

func fewDescriptors(t *testing.T) {
	w := newWorld(t, settings{allow: "127.0.0.0/8", dial: func(dial upstream.Dialer) upstream.Dialer {
		return func(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
			c, err := net.Dial("udp", "127.0.0.1:9") // takes a descriptor, as asking a server does
			if err != nil {
				return nil, err
			}
			defer c.Close()
			return dial(ctx, network, server)
		}
	}})
	if w.maxConns != 64 {
		t.Errorf("%d connections may be open, want a quarter of the descriptors", w.maxConns)
	}
	c := w.dial(t, overUDP)
	defer c.Close()
	ask := func(name string) int {
		c.send(pack(t, question(name, "A", 1232)))
		return unpack(t, c.receive()).Rcode
	}
	if code := ask("www.example.com."); code != dns.RcodeSuccess {
		t.Fatalf("before: %s", dns.RcodeToString[code])
	}
	late, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0) // for a connection that nobody can accept
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(late)
	var taken []net.Conn
	for {
		conn, err := net.Dial("udp", "127.0.0.1:9")
		if err != nil {
			break
		}
		taken = append(taken, conn)
	}
	good := 0
	for range 200 {
		if ask("www.example.com.") == dns.RcodeSuccess {
			good++
		}
	}
	if good != 200 {
		t.Errorf("%d of 200 cached answers", good)
	}
	if code := ask("pool.example.com."); code != dns.RcodeServerFailure {
		t.Errorf("without descriptors: %s", dns.RcodeToString[code])
	}
	if err := unix.Connect(late, &unix.SockaddrInet4{Addr: w.tcp.Addr().As4(), Port: int(w.tcp.Port())}); err != nil {
		t.Fatal(err)
	}
	const rest = 500 * time.Millisecond
	used := processorTime(t)
	time.Sleep(rest)
	used = processorTime(t) - used
	if used > rest/4 {
		t.Errorf("%v of the processor within %v of rest", used, rest)
	}
	for _, conn := range taken {
		conn.Close()
	}
	if code := ask("pool.example.com."); code != dns.RcodeSuccess {
		t.Errorf("afterwards: %s", dns.RcodeToString[code])
	}
	fmt.Printf("held: %d of 200; at once; %.0f%%\n", good, 100*float64(used)/float64(rest))
}

// processorTime is what this process has used of processors.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
