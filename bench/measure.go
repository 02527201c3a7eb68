//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// This file measures and reports.

// result is one round of one resolver.
type result struct {
	name, version string
	wrong         int
	example       string
	loads         map[string]load
}

// load is what came of one load.
type load struct {
	rate, lost, latency float64 // queries per second; percent; mean in µs
	cpu, user           float64 // CPU µs per query, and what of it was in user space
}

// brief is a line that tells how it goes.
func (r result) brief(tests []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", r.name, r.version)
	for _, t := range tests {
		fmt.Fprintf(&b, ", %s %.0f/s %.2f µs", t, r.loads[t].rate, r.loads[t].cpu)
	}
	return b.String()
}

// arguments of dnsperf for each kind of load.
var loads = map[string][]string{"udp": nil, "do": {"-D"}, "tcp": {"-m", "tcp"}}

// titles of the tables.
var titles = map[string]string{"udp": "over UDP", "do": "over UDP with DO, signed", "tcp": "over TCP"}

// measure starts a resolver, fills its cache, and lays load on it.
func (w *world) measure(name string, p peer) (result, error) {
	r := result{name: name, version: p.says(w), loads: map[string]load{}}
	cmd, err := w.start(name, p)
	if err != nil {
		return r, err
	}
	defer stop(cmd)
	for _, do := range []bool{false, true} {
		r.note(w.wrong(do)) // and now it knows them all
	}
	for _, t := range w.o.tests {
		args, ok := loads[t]
		if !ok {
			return r, fmt.Errorf("no load has the name %q", t)
		}
		if r.loads[t], err = w.load(cmd.Process.Pid, args); err != nil {
			return r, err
		}
		r.note(w.wrong(t == "do"))
	}
	return r, nil
}

func (r *result) note(wrong int, example string) {
	if r.wrong += wrong; wrong > 0 {
		r.example = example
	}
}

// load runs dnsperf against the resolver.
func (w *world) load(pid int, args []string) (load, error) {
	args = append([]string{"-c", strconv.Itoa(runtime.NumCPU() - 1), "dnsperf", "-s", "127.0.0.1", "-d", w.queries,
		"-l", strconv.Itoa(int(w.o.load.Seconds())), "-q", strconv.Itoa(w.o.outstanding), "-c", "16", "-T", "1"}, args...)
	user, system := cpuTime(pid)
	out, err := exec.Command("taskset", args...).CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("dnsperf: %w\n%s", err, out)
	}
	userAfter, systemAfter := cpuTime(pid)
	completed := number(out, `Queries completed:\s+(\d+)`)
	if completed == 0 {
		return load{}, fmt.Errorf("nothing was answered:\n%s", out)
	}
	return load{
		rate: number(out, `Queries per second:\s+([\d.]+)`), latency: 1e6 * number(out, `Average Latency \(s\):\s+([\d.]+)`),
		lost: 100 * number(out, `Queries lost:\s+(\d+)`) / number(out, `Queries sent:\s+(\d+)`),
		cpu:  1e6 * (userAfter + systemAfter - user - system) / completed, user: 1e6 * (userAfter - user) / completed,
	}, nil
}

// number is what the expression finds, 0 for nothing.
func number(text []byte, expression string) float64 {
	m := regexp.MustCompile(expression).FindSubmatch(text)
	if m == nil {
		return 0
	}
	f, _ := strconv.ParseFloat(string(m[1]), 64)
	return f
}

// cpuTime is the CPU time of a process in seconds; the kernel counts in hundredths.
func cpuTime(pid int) (user, system float64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+2:]))
	user, _ = strconv.ParseFloat(f[11], 64)
	system, _ = strconv.ParseFloat(f[12], 64)
	return user / 100, system / 100
}

// report prints the tables and what has to be known about them. It fails when an
// answer was wrong.
func (o *options) report(out io.Writer, results map[string][]result) error {
	fmt.Fprintf(out, "\n%d names of a signed zone, cached; %d worker%s; %d outstanding; loads of %s; medians of %d rounds.\n", o.names, o.workers,
		map[bool]string{true: "s"}[o.workers > 1], o.outstanding, o.load, o.rounds)
	for _, t := range o.tests {
		fmt.Fprintf(out, "\n%s:\n\n| peer | CPU µs/query | of it user | spread %% | queries/s | mean latency µs | lost %% |\n|---|---|---|---|---|---|---|\n", titles[t])
		for _, name := range o.peers {
			rs := results[name]
			if len(rs) == 0 {
				continue
			}
			m := func(f func(load) float64) float64 { return median(rs, t, f) }
			cpu := func(l load) float64 { return l.cpu }
			fmt.Fprintf(out, "| %s | %.2f | %.2f | %.0f | %.0f | %.0f | %.2f |\n", strings.TrimSpace(name+" "+rs[0].version), m(cpu), m(func(l load) float64 { return l.user }),
				spread(rs, t, cpu), m(func(l load) float64 { return l.rate }), m(func(l load) float64 { return l.latency }), m(func(l load) float64 { return l.lost }))
		}
	}
	var uts unix.Utsname
	_ = unix.Uname(&uts)
	fmt.Fprintf(out, "\nMeasured on %s: %s, %d CPUs, Linux %s, %s", time.Now().Format(time.DateOnly), cpuModel(), runtime.NumCPU(), unix.ByteSliceToString(uts.Release[:]), runtime.Version())
	if commit, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output(); err == nil {
		fmt.Fprintf(out, ", commit %s", strings.TrimSpace(string(commit)))
	}
	fmt.Fprintf(out, "; all on the loopback interface of one network namespace. The spread is between the rounds, which is the noise; what is below it is no difference.\n")
	var bad error
	for _, name := range o.peers {
		for _, r := range results[name] {
			if r.wrong > 0 {
				fmt.Fprintf(out, "\n%s gave %d answers that are not what the zone says: %s\n", name, r.wrong, r.example)
				if name == "rootwalk" {
					bad = fmt.Errorf("rootwalk gave wrong answers")
				}
			}
		}
	}
	return bad
}

func values(rs []result, test string, f func(load) float64) []float64 {
	var v []float64
	for _, r := range rs {
		v = append(v, f(r.loads[test]))
	}
	slices.Sort(v)
	return v
}

func median(rs []result, test string, f func(load) float64) float64 {
	v := values(rs, test, f)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// spread is the distance of the extremes in percent of the median.
func spread(rs []result, test string, f func(load) float64) float64 {
	v := values(rs, test, f)
	return 100 * (v[len(v)-1] - v[0]) / median(rs, test, f)
}

func cpuModel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
