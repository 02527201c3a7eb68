//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"rootwalk/lab"
)

// This file is the private Internet, what its names say, and the comparison with
// what a resolver says.

// zone is the zone of all names.
const zone = "bench.example."

// world is what all resolvers share.
type world struct {
	o              *options
	listener       *lab.Listener
	ds             string
	hints, anchors string // files
	queries        string // file for dnsperf
	expect         map[dns.Question]string
}

// newWorld starts the private Internet on the loopback interface of the namespace.
func newWorld(o *options) (*world, error) {
	w := &world{o: o, expect: map[dns.Question]string{}}
	text, queries := w.names()
	n, _, err := lab.Parse(text)
	if err != nil {
		return nil, err
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ip link set lo up: %w: %s", err, out)
	}
	if w.listener, err = n.Listen(53); err != nil {
		return nil, err
	}
	w.ds = n.TrustAnchors()
	w.hints = write(o.inside, "hints", n.Hints())
	w.anchors = write(o.inside, "anchors", w.ds)
	w.queries = write(o.inside, "queries", queries)
	return w, nil
}

func (w *world) close() { _ = w.listener.Close() }

// names makes the zone and the questions: of ten names six have one address, one
// has four, one is an alias, one has no data of the type that is asked, and one
// does not exist.
func (w *world) names() (text, queries string) {
	var z, q strings.Builder
	fmt.Fprintf(&z, "== zone . @ 127.53.0.1 signed\n== zone example @ 127.53.0.2 signed\n== zone bench.example @ 127.53.0.3 signed\n$TTL 86400\n")
	for i := range w.o.names {
		name, address := fmt.Sprintf("host%d", i), func(k int) string { return fmt.Sprintf("10.%d.%d.%d", i>>8&255, i&255, k) }
		rcode, want := dns.RcodeSuccess, []string{"A " + address(1)}
		switch i % 10 {
		case 6:
			for k := 2; k <= 4; k++ {
				want = append(want, "A "+address(k))
			}
			fallthrough
		default:
			for _, a := range want {
				fmt.Fprintf(&z, "%s %s\n", name, a)
			}
		case 7:
			fmt.Fprintf(&z, "%s CNAME to%d\nto%d A %s\n", name, i, i, address(1))
			want = append(want, fmt.Sprintf("CNAME to%d.%s", i, zone))
		case 8:
			fmt.Fprintf(&z, "%s TXT \"no address\"\n", name)
			want = nil
		case 9:
			rcode, want = dns.RcodeNameError, nil
		}
		slices.Sort(want)
		fmt.Fprintf(&q, "%s.%s A\n", name, zone)
		w.expect[dns.Question{Name: name + "." + zone, Qtype: dns.TypeA, Qclass: dns.ClassINET}] = fmt.Sprintf("%s %v", dns.RcodeToString[rcode], want)
	}
	return z.String(), q.String()
}

// wrong asks the resolver every name and returns the number of answers that are
// not what the zone says, and one of them.
func (w *world) wrong(do bool) (n int, example string) {
	c := &dns.Client{Timeout: 5 * time.Second}
	conn, err := c.Dial("127.0.0.1:53")
	if err != nil {
		return len(w.expect), err.Error()
	}
	defer conn.Close()
	for question, want := range w.expect {
		q := new(dns.Msg)
		q.SetQuestion(question.Name, question.Qtype)
		q.SetEdns0(1232, do)
		r, _, err := c.ExchangeWithConn(q, conn)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = brief(r)
			if do && !r.AuthenticatedData {
				got += " not validated"
			}
		}
		if got != want {
			n, example = n+1, fmt.Sprintf("%s: %s, want %s", question.Name, got, want)
		}
	}
	return n, example
}

// brief is the response code and the records of the answer, in order.
func brief(r *dns.Msg) string {
	var got []string
	for _, rr := range r.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			got = append(got, "A "+rr.A.String())
		case *dns.CNAME:
			got = append(got, "CNAME "+rr.Target)
		}
	}
	slices.Sort(got)
	return fmt.Sprintf("%s %v", dns.RcodeToString[r.Rcode], got)
}

// start starts a resolver and waits until it answers.
func (w *world) start(name string, p peer) (*exec.Cmd, error) {
	file, err := p.program(w)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(w.o.inside, name)
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("taskset", append([]string{"-c", fmt.Sprintf("0-%d", w.o.workers-1), file}, p.config(w, dir)...)...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, dir
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", w.o.workers))
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	q := new(dns.Msg)
	q.SetQuestion(zone, dns.TypeSOA)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if r, err := dns.Exchange(q, net.JoinHostPort("127.0.0.1", "53")); err == nil && len(r.Answer) > 0 {
			return cmd, nil
		}
	}
	stop(cmd)
	said, _ := os.ReadFile(log.Name())
	return nil, fmt.Errorf("does not answer; it said:\n%s", said)
}

// stop ends a resolver.
func stop(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(os.Interrupt)
	late := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	late.Stop()
}
