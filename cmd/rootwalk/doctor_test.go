package main

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"rootwalk/config"
)

// doctorRig is a configuration that is right, with validation, and its parts.
func doctorRig(t *testing.T) (base string, path string) {
	t.Helper()
	n, path, base := loopbackSettings(t)
	base, _, _ = strings.Cut(base, "dnssec:")
	return strings.Replace(base, "root: {", fmt.Sprintf("root: {trust-anchors: %q, ", file(t, "root.ds", n.TrustAnchors())), 1), path
}

func TestTheDoctorFindsNothingWhereAllIsWell(t *testing.T) {
	base, path := doctorRig(t)
	rewrite(t, path, base, fmt.Sprintf("listen: [%q]", freePort(t)))
	resolv := file(t, "resolv.conf", "# x\nnameserver 192.0.2.1\n")
	o := run(t, "doctor", "-c", path, "--resolv-conf", resolv)
	o.want(t, 0, []string{"ok    configuration: no mistake", ": free\n", "ok    root servers over IPv4: 127.53.0.1 answers over UDP and TCP, with EDNS, in ",
		"root servers over IPv6: the root hints have no address", "ok    validation: the root is secure, and the clock agrees", "warn  " + resolv + ": this host asks 192.0.2.1 first"}, nil)
	var found []finding
	if o = run(t, "doctor", "--json", "-c", path, "--resolv-conf", resolv); json.Unmarshal([]byte(o.out), &found) != nil || len(found) < 5 {
		t.Errorf("as JSON: %s", o.out)
	}
}

func TestTheDoctorFindsWhatIsBroken(t *testing.T) {
	base, path := doctorRig(t)
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := taken.LocalAddr().(*net.UDPAddr).AddrPort()
	for what, x := range map[string]struct{ base, lines, want string }{
		"a port that is taken":  {base, fmt.Sprintf("listen: [%q]", at), "fail  listen " + at.String() + ": cannot listen on"},
		"a zone that loops":     {base, "listen: [\"127.0.0.1:5301\"]\nzones: [{name: corp., type: forward, servers: [\"127.0.0.1:5301\"]}]", "fail  zone corp.: its server 127.0.0.1:5301 is this server itself"},
		"a clock that is wrong": {base, "dnssec: {validation-time: \"2001-01-01T00:00:00Z\"}", "is the clock right?"},
	} {
		rewrite(t, path, x.base, x.lines)
		run(t, "doctor", "-c", path).want(t, 1, []string{x.want}, nil)
		if t.Failed() {
			t.Fatal(what)
		}
	}
}

func TestResolvConfIsReadAsTheStubReadsIt(t *testing.T) {
	base, path := doctorRig(t)
	rewrite(t, path, base)
	for text, want := range map[string]string{
		"nameserver 127.0.0.1\n":                                 "ok    ",
		"nameserver 127.0.0.1\nnameserver 192.0.2.1\n":           "this host asks others beside this server",
		"nameserver 192.0.2.1\nnameserver 127.0.0.1\n":           "this host asks 192.0.2.1 first",
		"search example.com\n":                                   "names no server",
		"nameserver\t::1\noptions edns0\nnameserver 127.0.0.1\n": "this host asks this server",
	} {
		cfg := stub(configOf(t, path), file(t, "resolv.conf", text))
		if got := fmt.Sprintf("%-4s  %s", cfg.State, cfg.Text); !strings.Contains(got, want) {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// configOf loads a configuration.
func configOf(t *testing.T, path string) *config.Config {
	t.Helper()
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
