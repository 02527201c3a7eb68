package system

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

func TestTheHostIsDescribedInWords(t *testing.T) {
	for name, c := range map[string]struct {
		host func(t *testing.T) *world
		want string
	}{
		"systemd-resolved": {resolvedHost, "This host asks 127.0.0.53, where systemd-resolve (pid 412) answers, by way of /etc/resolv.conf, a link to ../run/systemd/resolve/stub-resolv.conf. Programs of the C library ask systemd-resolved first (nsswitch.conf)."},
		"NetworkManager":   {hosts["NetworkManager alone"], "This host asks 192.0.2.1, by way of /etc/resolv.conf, written by NetworkManager. After it: 192.0.2.2."},
		"nothing":          {hosts["nobody, and no resolv.conf"], "This host asks 127.0.0.1, where nobody answers, since there is no /etc/resolv.conf."},
		"no address": {func(t *testing.T) *world {
			return newWorld(t, map[string]string{"etc/resolv.conf": "nameserver one.example\n"})
		}, "This host asks one.example (no address), by way of /etc/resolv.conf."},
		"a link to itself": {func(t *testing.T) *world { return newWorld(t, map[string]string{"etc/resolv.conf": "-> resolv.conf"}) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.host(t)
			f, err := Look(t.Context(), w.host)
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), "/etc/resolv.conf: too many links") {
					t.Errorf("the error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := f.Now(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestWhoHasPort53IsFoundInProc(t *testing.T) {
	w := newWorld(t, nil)
	w.process(7, "dnsmasq", "192.0.2.1:53", "[2001:db8::1]:53", "127.0.0.1:5353")
	w.process(8, "unbound", "[::]:53")
	w.write("proc/net/tcp", "  sl  local_address ...\n"+
		"   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 999 1 0\n"+
		"   1: 0200007F:0035 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 998 1 0\n") // a connection
	var got []string
	for _, l := range w.host.listeners(53, w.host.processes()) {
		got = append(got, l.Protocol+" "+l.Addr.String()+" "+l.String())
	}
	want := []string{"udp 192.0.2.1:53 dnsmasq (pid 7)", "udp [2001:db8::1]:53 dnsmasq (pid 7)", "udp [::]:53 unbound (pid 8)",
		"tcp 127.0.0.1:53 a process that only root can see"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAPortThatIsTakenIsNamedWithItsHolder(t *testing.T) {
	for name, c := range map[string]struct {
		process, at string
		prepare     func(w *world)
		want        string
	}{
		"by another server":                   {"dnsmasq", "127.0.0.1:53", nil, "127.0.0.1:53 is held by dnsmasq (pid 9); stop it first"},
		"by another server, everywhere":       {"dnsmasq", "0.0.0.0:53", nil, "0.0.0.0:53 is held by dnsmasq (pid 9)"},
		"by another server, of both families": {"named", "[::]:53", nil, "[::]:53 is held by named (pid 9)"},
		"elsewhere":                           {"dnsmasq", "192.0.2.1:53", nil, ""},
		"by ours, by hand":                    {"rootwalk", "127.0.0.1:53", nil, "systemd did not start it; stop it first"},
		"by ours, as a service":               {"rootwalk", "127.0.0.1:53", func(w *world) { w.active = true }, ""},
		"by ours, without systemd":            {"rootwalk", "127.0.0.1:53", func(w *world) { w.noSystemd() }, ""},
		"by nobody, without systemd":          {"x", "192.0.2.1:53", func(w *world) { w.noSystemd() }, "systemd does not run here"},
		"in a container": {"x", "192.0.2.1:53", func(w *world) {
			w.write("proc/self/mountinfo", "618 612 0:30 /x/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda rw\n")
		}, "is mounted from outside"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, map[string]string{"etc/resolv.conf": "nameserver 192.0.2.1\n"})
			w.process(9, c.process, c.at)
			if c.prepare != nil {
				c.prepare(w)
			}
			_, err := w.look().Plan(w.host)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("the error is %v, want %q", err, c.want)
			}
		})
	}
}

func TestWithoutSystemdARunningServerIsAskedAllTheSame(t *testing.T) {
	w := hosts["dhclient"](t)
	w.noSystemd()
	w.process(9, "rootwalk", "127.0.0.1:53")
	before := w.tree()
	w.active = true // it runs, whoever started it
	w.install()
	if got := w.text("etc/resolv.conf"); !strings.Contains(got, "nameserver 127.0.0.1\nsearch lan\n") || w.host.exists(serviceFile) || len(w.calls) > 0 {
		t.Errorf("resolv.conf is %q, systemctl was called %q", got, w.calls)
	}
	w.uninstall()
	same(t, "after uninstall", before, w.tree())
}

func TestStatusSaysWhetherItIsUs(t *testing.T) {
	w := resolvedHost(t)
	status := func() *Status { return w.look().Status(t.Context(), w.host) }
	if s := status(); s.Rootwalk || s.Resolver != "127.0.0.53" || !strings.HasSuffix(s.Text, "That is not rootwalk.") {
		t.Errorf("before: %+v", s)
	}
	w.install()
	w.process(99, "rootwalk", "127.0.0.1:53")
	if s := status(); !s.Rootwalk || !s.Alone || s.Resolves == nil || !*s.Resolves || len(s.Advice) != 0 {
		t.Errorf("after: %+v", s)
	}
	w.serves = false
	if s := status(); !s.Rootwalk || *s.Resolves || s.Failure != "no answer" || len(s.Advice) != 1 {
		t.Errorf("out of order: %+v", s)
	}
	w.serves = true
	w.write("etc/resolv.conf", "nameserver 127.0.0.53\nnameserver 192.0.2.1\n")
	if s := status(); !s.Rootwalk || s.Alone || len(s.Advice) != 2 {
		t.Errorf("by way of systemd-resolved, and not alone: %+v", s)
	}
	w.write("etc/resolv.conf", "nameserver 192.0.2.1\n")
	w.write("etc/nsswitch.conf", "hosts: files dns\n")
	if s := status(); s.Rootwalk || s.Host.Installed != Changed {
		t.Errorf("somebody else: %+v", s)
	}
}

func TestOptionsAndSearchOfTheUserAreKept(t *testing.T) {
	for before, want := range map[string]string{
		"": "nameserver 127.0.0.1\noptions edns0 trust-ad\n",
		"search a b\noptions ndots:2 edns0\noptions rotate\nnameserver ::1": "nameserver 127.0.0.1\nsearch a b\noptions edns0 trust-ad ndots:2 rotate\n",
		"domain x\nsearch y z": "nameserver 127.0.0.1\nsearch y z\noptions edns0 trust-ad\n",
		";search a\nsearch\n":  "nameserver 127.0.0.1\noptions edns0 trust-ad\n",
	} {
		_, got, _ := strings.Cut(ourResolvConf(parseResolvConf(before), netip.MustParseAddr("127.0.0.1")), "\n")
		if got != want {
			t.Errorf("%q: got %q, want %q", before, got, want)
		}
	}
}

func TestTheServerIsAskedOnLoopbackIfItCanBe(t *testing.T) {
	for text, want := range map[string]string{
		"127.0.0.1:53 [::1]:53":         "127.0.0.1:53",
		"192.0.2.1:53 [::1]:53":         "[::1]:53",
		"0.0.0.0:53":                    "127.0.0.1:53",
		"[::]:53":                       "[::1]:53",
		"192.0.2.1:53":                  "192.0.2.1:53",
		"127.0.0.1:5300 192.0.2.1:5300": "",
	} {
		var listen []netip.AddrPort
		for _, a := range strings.Fields(text) {
			listen = append(listen, netip.MustParseAddrPort(a))
		}
		got, err := ServerAt(listen)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
}

func FuzzResolvConf(f *testing.F) {
	f.Add("# c\nnameserver 192.0.2.1\nsearch a b\noptions ndots:2\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := parseResolvConf(text)
		once := ourResolvConf(c, netip.IPv6Loopback())
		again := parseResolvConf(once)
		if !again.Ours || len(again.Servers) != 1 || again.asked() != netip.IPv6Loopback() {
			t.Errorf("%q becomes %q", text, once)
		}
		if twice := ourResolvConf(again, netip.IPv6Loopback()); twice != once {
			t.Errorf("%q becomes %q, and then %q", text, once, twice)
		}
	})
}

func TestAServiceThatIsAboutToStartIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		motion int // looks at which it is about to start
		active bool
	}{{0, true}, {10, true}, {1000, false}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil)
			w.active = true
			looks, systemctl := 0, w.host.Systemctl
			w.host.Systemctl = func(ctx context.Context, args ...string) (string, error) {
				if args[0] == "is-active" {
					if looks++; looks <= c.motion {
						return "activating\n", errors.New("exit status 3")
					}
				}
				return systemctl(ctx, args...)
			}
			if f := w.look(); f.Active != c.active || looks > 100 {
				t.Errorf("about to start at %d looks: active %t after %d", c.motion, f.Active, looks)
			}
		})
	}
}
