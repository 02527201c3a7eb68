//go:build long

package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// TestNoQueryIsLostOverAThousandReloads is the long form of TestNoQueryIsLostOverReloads:
// 1,000 reloads in ten minutes, every fifth of a file with a mistake, under the load of
// dnsperf.
func TestNoQueryIsLostOverAThousandReloads(t *testing.T) {
	tool, err := exec.LookPath("dnsperf")
	if err != nil {
		t.Skip("dnsperf is not installed")
	}
	const reloads, lasts = 1000, 10 * time.Minute
	_, path, base := loopbackSettings(t)
	s, at := serve(t, "-c", path)
	names := ""
	for i := range 2000 { // with TTLs that end meanwhile: some are walked for again and again
		names += fmt.Sprintf("w%d.guests.example.org. A\nwww.example.com. A\nblog.example.com. A\n", i)
	}
	// No more than 100 questions at a time: what the system's buffer for a socket has no room for while the host is busy
	// elsewhere (RcvbufErrors) would count as lost, and is nobody's fault here.
	load := exec.Command(tool, "-s", at.Addr().String(), "-p", strconv.Itoa(int(at.Port())), "-d", file(t, "queries", names),
		"-l", strconv.Itoa(int(lasts.Seconds())), "-Q", "2000", "-q", "100", "-t", "10")
	var out bytes.Buffer
	load.Stdout, load.Stderr = &out, &out
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = load.Process.Kill() })
	begin := time.Now()
	for i := range reloads {
		time.Sleep(time.Until(begin.Add(lasts * time.Duration(i) / reloads)))
		if i%5 == 4 {
			rewrite(t, path, base, "nonsense: true")
			s.hup(t, notReloaded)
			continue
		}
		rewrite(t, path, base, fmt.Sprintf("cache: {size: %dMiB, max-ttl: %ds}", 16+i%32, 100+i), "access: {allow: [127.0.0.0/8]}",
			fmt.Sprintf("zones: [{name: corp%d., type: stub, servers: [\"127.53.0.31\"]}]", i%3))
		s.hup(t, "reloaded")
	}
	took := time.Since(begin)
	if err := load.Wait(); err != nil {
		t.Errorf("dnsperf: %v", err)
	}
	t.Logf("%d reloads in %v, every fifth of a file with a mistake\n%s", reloads, took.Round(time.Second), out.String())
	for _, want := range []string{`Queries lost: +0 `, `Response codes: +NOERROR \d+ \(100.00%\)`} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("not %s", want)
		}
	}
}
