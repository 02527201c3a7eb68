//go:build linux

// Command bench measures cached answers of rootwalk beside those of other
// resolvers, in one run, and prints tables for docs/benchmarks.md:
//
//	go run ./bench                                    # all that are installed, as root or any user
//	go run ./bench -peers unbound,rootwalk -rounds 5 -workers 2
//
// It enters a network namespace of its own, with a private Internet (package lab)
// behind the addresses of its servers, and starts one resolver after the other in
// it: what is asked goes nowhere else. Each validates, is asked every name of a
// zone, so that all answers are in its cache, and then takes the load of dnsperf:
// over UDP, over UDP with DO, over TCP. Before and after, every answer is compared
// with what the zone says. The resolver has CPU 0 (and more for more workers), the
// load the last one.
//
// It needs dnsperf and ip (iproute2), and the resolvers that are to be measured:
//
//	apt-get install dnsperf iproute2 unbound knot-resolver pdns-recursor bind9
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	peers, tests   []string
	rounds, names  int
	workers        int
	load           time.Duration
	outstanding    int
	binary, inside string
}

func main() {
	var o options
	peers := flag.String("peers", strings.Join(peerNames(), ","), "resolvers, in this order; those that are not installed are left out")
	tests := flag.String("tests", "udp,do,tcp", "kinds of load")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the tables hold medians")
	flag.IntVar(&o.names, "names", 2000, "names that are asked")
	flag.IntVar(&o.workers, "workers", 1, "threads of each resolver")
	flag.DurationVar(&o.load, "for", 5*time.Second, "length of a load")
	flag.IntVar(&o.outstanding, "q", 200, "queries that are outstanding at a time")
	flag.StringVar(&o.binary, "rootwalk", "", "the `FILE` of rootwalk; built when empty")
	flag.StringVar(&o.inside, "inside", "", "for the program itself: the `FOLDER` of the run, in the namespace already")
	flag.Parse()
	o.peers, o.tests = strings.Split(*peers, ","), strings.Split(*tests, ",")
	err := o.outside()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// outside builds what is measured and starts the program again in a namespace.
func (o *options) outside() error {
	if o.inside != "" {
		return o.run()
	}
	for _, tool := range []string{"dnsperf", "ip", "taskset"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w; apt-get install dnsperf iproute2 util-linux", err)
		}
	}
	dir, err := os.MkdirTemp("", "rootwalk-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // some resolvers give up their rights
		return err
	}
	args := append(os.Args[1:], "-inside", dir)
	if o.binary == "" {
		bin := filepath.Join(dir, "built") // beside the folders of the resolvers, which have their names
		build := exec.Command("go", "build", "-trimpath", "-o", bin, "rootwalk/cmd/rootwalk")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build rootwalk: %w\n%s", err, out)
		}
		args = append(args, "-rootwalk", bin)
	}
	again := exec.Command("/proc/self/exe", args...)
	again.Stdout, again.Stderr = os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		again.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	runtime.LockOSThread() // Pdeathsig is about the thread
	if err := again.Start(); err != nil {
		return fmt.Errorf("a network namespace: %w; run as root", err)
	}
	return again.Wait()
}

// run measures, inside the namespace.
func (o *options) run() error {
	w, err := newWorld(o)
	if err != nil {
		return err
	}
	defer w.close()
	results := map[string][]result{}
	for round := range o.rounds {
		for _, name := range o.peers {
			p, ok := peers[name]
			if !ok {
				return fmt.Errorf("no peer has the name %q; there are %s", name, strings.Join(peerNames(), ", "))
			}
			r, err := w.measure(name, p)
			if errors.Is(err, exec.ErrNotFound) {
				fmt.Fprintf(os.Stderr, "round %d: %s is not installed\n", round+1, name)
				continue
			}
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d: %s\n", round+1, r.brief(o.tests))
			results[name] = append(results[name], r)
		}
	}
	return o.report(os.Stdout, results)
}
