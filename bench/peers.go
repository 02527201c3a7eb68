//go:build linux

package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// This file is how each resolver is started: one thread for each worker, listening
// on 127.0.0.1:53, validating, with the root and the trust anchor of the private
// Internet.

// peer is a resolver.
type peer struct {
	file    string                              // of the program, but for rootwalk
	version []string                            // arguments that make it print its version
	config  func(w *world, dir string) []string // writes what it needs and returns its arguments
}

func peerNames() []string { return slices.Sorted(maps.Keys(peers)) }

var peers = map[string]peer{
	"rootwalk": {"", nil, func(w *world, dir string) []string {
		return []string{"serve", "-c", write(dir, "rootwalk.yaml", fmt.Sprintf(`listen: ["127.0.0.1:53"]
metrics: {listen: ""}
log: {level: warn}
root: {hints: %q, trust-anchors: %q}
server: {workers: %d}
upstream: {refuse: []}
`, w.hints, w.anchors, w.o.workers))}
	}},
	"unbound": {"unbound", []string{"-V"}, func(w *world, dir string) []string {
		return []string{"-d", "-c", write(dir, "unbound.conf", fmt.Sprintf(`server:
  interface: 127.0.0.1
  directory: %q
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  num-threads: %d
  so-reuseport: yes
  root-hints: %q
  trust-anchor-file: %q
  msg-cache-size: 128m
  rrset-cache-size: 256m
  outgoing-range: 4096
  incoming-num-tcp: 1000
remote-control:
  control-enable: no
`, dir, w.o.workers, w.hints, w.anchors))}
	}},
	"knot-resolver": {"kresd", []string{"--version"}, func(w *world, dir string) []string {
		return []string{"-n", "-c", write(dir, "kresd.conf", fmt.Sprintf(`net.listen('127.0.0.1', 53, { kind = 'dns' })
cache.open(256 * MB, 'lmdb://%s/cache')
modules.load('hints')
hints.root_file('%s')
modules.unload('ta_update')
trust_anchors.remove('.')
trust_anchors.add_file('%s', true)
option('ALLOW_LOCAL', true)
log_level('crit')
`, dir, w.hints, w.anchors)), dir}
	}},
	"pdns-recursor": {"pdns_recursor", []string{"--version"}, func(w *world, dir string) []string {
		ds := strings.Fields(w.ds)
		lua := write(dir, "anchors.lua", fmt.Sprintf("clearTA('.') addTA('.', \"%s\")\n", strings.Join(ds[len(ds)-4:], " ")))
		write(dir, "recursor.conf", fmt.Sprintf(`local-address=127.0.0.1
local-port=53
query-local-address=0.0.0.0
hint-file=%s
dont-query=
dnssec=validate
lua-config-file=%s
threads=%d
pdns-distributes-queries=no
reuseport=yes
max-tcp-clients=1000
security-poll-suffix=
quiet=yes
loglevel=0
disable-syslog=yes
daemon=no
write-pid=no
socket-dir=%s
`, w.hints, lua, w.o.workers, dir))
		return []string{"--config-dir=" + dir}
	}},
	"bind": {"named", []string{"-v"}, func(w *world, dir string) []string {
		ds := strings.Fields(w.ds)
		key := ds[len(ds)-4:]
		return []string{"-f", "-n", fmt.Sprint(w.o.workers), "-c", write(dir, "named.conf", fmt.Sprintf(`options {
  directory %q;
  pid-file none;
  session-keyfile %q;
  listen-on { 127.0.0.1; };
  listen-on-v6 { none; };
  recursion yes;
  dnssec-validation yes;
  max-cache-size 256m;
  tcp-clients 1000;
};
controls { };
zone "." { type hint; file %q; };
trust-anchors { . static-ds %s %s %s %q; };
logging { category default { null; }; category unmatched { null; }; };
`, dir, filepath.Join(dir, "session.key"), w.hints, key[0], key[1], key[2], key[3]))}
	}},
}

// program is the file of the resolver.
func (p peer) program(w *world) (string, error) {
	if p.file == "" {
		return w.o.binary, nil
	}
	return exec.LookPath(p.file)
}

var versionNumber = regexp.MustCompile(`\d+\.\d+(\.\d+)*`)

// says is the version of the resolver, from its own mouth.
func (p peer) says(w *world) string {
	file, err := p.program(w)
	if err != nil || p.file == "" {
		return ""
	}
	out, _ := exec.Command(file, p.version...).CombinedOutput()
	return string(versionNumber.Find(out))
}

// write writes a file and returns its path.
func write(dir, name, text string) string {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		panic(err) // a folder that was just made
	}
	return path
}
