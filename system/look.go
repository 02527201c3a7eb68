package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"
)

// This file finds out how a host resolves names. It changes nothing.

const resolvConf = "/etc/resolv.conf"

// Manager is a program that writes resolv.conf, or answers in its place.
type Manager struct {
	Name string `json:"name"`
	PID  int    `json:"pid,omitempty"` // 0: it is installed and does not run
}

// Facts are how a host resolves names now.
type Facts struct {
	Resolv    ResolvConf `json:"resolv_conf"`
	Managers  []Manager  `json:"managers"`
	Listeners []Listener `json:"port_53"`
	Systemd   bool       `json:"systemd"`            // it runs services here, or will in this image
	ByD       bool       `json:"nss_resolve"`        // programs ask systemd-resolved and not resolv.conf (nsswitch.conf)
	Mounted   bool       `json:"mounted,omitempty"`  // resolv.conf is mounted from elsewhere
	Installed Progress   `json:"installed"`          // what the journal says
	Active    bool       `json:"service_active"`     // systemd runs rootwalk.service
	Enabled   bool       `json:"service_enabled"`    // and starts it at boot
	Packaged  string     `json:"packaged,omitempty"` // the unit of a package, which then brings the program, too
	live      bool       // the host runs: what listens on it can be seen
	nodes     map[string]node
	journal   *journal
}

// Names of what may write resolv.conf.
const (
	resolved       = "systemd-resolved"
	networkManager = "NetworkManager"
	resolvconf     = "resolvconf"
	openresolv     = "openresolv"
	dhclient       = "dhclient"
	dhcpcd         = "dhcpcd"
)

// managers are where they are installed, and what their process is called (the kernel
// keeps 15 octets of a name).
var managers = []struct {
	name, process string
	paths         []string
}{
	{resolved, "systemd-resolve", []string{"/usr/lib/systemd/systemd-resolved", "/lib/systemd/systemd-resolved"}},
	{networkManager, "NetworkManager", []string{"/usr/sbin/NetworkManager", "/usr/bin/NetworkManager"}},
	{resolvconf, "", []string{"/etc/resolvconf/update.d"}},
	{openresolv, "", []string{"/etc/resolvconf.conf"}},
	{dhclient, "dhclient", []string{"/usr/sbin/dhclient", "/sbin/dhclient"}},
	{dhcpcd, "dhcpcd", []string{"/etc/dhcpcd.conf"}},
}

// Files that a plan is about.
const (
	binary       = "/usr/local/bin/rootwalk"
	configFolder = "/etc/rootwalk"
	configFile   = "/etc/rootwalk/rootwalk.yaml"
	unitFolder   = "/etc/systemd/system"
	serviceFile  = unitFolder + "/rootwalk.service"
	socketFile   = unitFolder + "/rootwalk.socket"
	wantsFolder  = unitFolder + "/multi-user.target.wants"
	wantsLink    = wantsFolder + "/rootwalk.service"
	resolvedDir  = "/etc/systemd/resolved.conf.d"
	resolvedFile = resolvedDir + "/zz-rootwalk.conf"
	nmDir        = "/etc/NetworkManager/conf.d"
	nmFile       = nmDir + "/zz-rootwalk.conf"
	dhclientDir  = "/etc/dhcp/dhclient-enter-hooks.d"
	dhclientFile = dhclientDir + "/rootwalk"
	openresolvIn = "/etc/resolvconf.conf"
	dhcpcdIn     = "/etc/dhcpcd.conf"
)

// planned are all of them but resolv.conf.
var planned = []string{binary, configFolder, configFile, unitFolder, serviceFile, socketFile, wantsFolder, wantsLink,
	resolvedDir, resolvedFile, nmDir, nmFile, dhclientDir, dhclientFile, openresolvIn, dhcpcdIn}

// Look finds out how the host resolves names.
func Look(ctx context.Context, h *Host) (*Facts, error) {
	f := &Facts{live: h.Live, nodes: map[string]node{}}
	var err error
	if f.journal, err = h.readJournal(); err != nil {
		return nil, err
	}
	for _, name := range slices.Concat([]string{resolvConf}, planned, slices.Collect(maps.Keys(h.Manual))) {
		n, err := h.at(name)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", name, err)
		}
		f.nodes[name] = n
	}
	if f.nodes[resolvConf].Kind != absent {
		text, err := h.read(resolvConf)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a link that leads nowhere says nothing
			return nil, fmt.Errorf("read %s: %w", resolvConf, err)
		}
		f.Resolv = parseResolvConf(text)
		f.Resolv.Link = f.nodes[resolvConf].Target
	}
	for _, unit := range []string{"/usr/local/lib/systemd/system/rootwalk.service", "/usr/lib/systemd/system/rootwalk.service", "/lib/systemd/system/rootwalk.service"} {
		if f.Packaged == "" && h.exists(unit) {
			f.Packaged = unit
		}
	}
	f.Systemd = h.exists("/run/systemd/system") || !h.Live && (h.exists("/usr/lib/systemd/systemd") || h.exists("/lib/systemd/systemd"))
	if h.Live && f.Systemd {
		f.Active = h.settled(ctx) == "active" // before the sockets: those of a start or an end may be anybody's
		// The exit code says the same as the words, and "no such unit" is no error here.
		out, _ := h.Systemctl(ctx, "is-enabled", "rootwalk.service")
		f.Enabled = strings.TrimSpace(out) == "enabled"
	}
	processes := h.processes()
	f.Managers = h.managers(processes)
	f.Listeners = h.listeners(53, processes)
	f.ByD = f.manager(resolved).PID != 0 && h.asksResolved()
	mounts, err := h.read("/proc/self/mountinfo")
	f.Mounted = err == nil && h.Live && strings.Contains(mounts, " "+resolvConf+" ")
	f.Installed = f.progress(h)
	return f, nil
}

// settleTime is how long a service may be about to start or to end, as after an
// installation that was killed while it waited for that.
const settleTime = 5 * time.Second

// settled is the state of the service, once it is not about to be another one.
func (h *Host) settled(ctx context.Context) string {
	const pause = 100 * time.Millisecond
	for waited := time.Duration(0); ; waited += pause {
		out, _ := h.Systemctl(ctx, "is-active", "rootwalk.service")
		switch state := strings.TrimSpace(out); state {
		case "activating", "deactivating", "reloading", "refreshing":
			if waited < settleTime && ctx.Err() == nil {
				time.Sleep(pause)
				continue
			}
			return state
		default:
			return state
		}
	}
}

// managers are those that are installed or run.
func (h *Host) managers(processes map[int]string) (found []Manager) {
	for _, m := range managers {
		pid := 0
		for p, name := range processes {
			if m.process != "" && name == m.process && (pid == 0 || p < pid) {
				pid = p
			}
		}
		if pid != 0 || slices.ContainsFunc(m.paths, h.exists) {
			found = append(found, Manager{m.name, pid})
		}
	}
	return found
}

// manager is the one of that name, or one without a name if it is not there.
func (f *Facts) manager(name string) Manager {
	for _, m := range f.Managers {
		if m.Name == name {
			return m
		}
	}
	return Manager{}
}

// asksResolved tells whether the C library asks systemd-resolved before resolv.conf.
func (h *Host) asksResolved() bool {
	text, _ := h.read("/etc/nsswitch.conf")
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) > 0 && words[0] == "hosts:" {
			i, j := slices.Index(words, "resolve"), slices.Index(words, "dns")
			return i > 0 && (j < 0 || i < j)
		}
	}
	return false
}

// asked is the first server of resolv.conf; one that is not valid where it has none.
// Without any, the C library asks this host.
func (c ResolvConf) asked() netip.Addr {
	if len(c.Servers) == 0 {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	text, _, _ := strings.Cut(c.Servers[0], "%")
	a, _ := netip.ParseAddr(text)
	return a
}

// holder is who answers on an address, over UDP.
func (f *Facts) holder(a netip.AddrPort) (Listener, bool) {
	for _, l := range f.Listeners {
		if l.Addr == a && l.Protocol == "udp" {
			return l, true
		}
	}
	for _, l := range f.Listeners {
		if l.covers(a) && l.Protocol == "udp" {
			return l, true
		}
	}
	return Listener{}, false
}

// Now says in words whom the host asks.
func (f *Facts) Now() string {
	way := "by way of " + resolvConf
	if f.Resolv.Link != "" {
		way += ", a link to " + f.Resolv.Link
	} else if f.Resolv.Author != "" {
		way += ", written by " + f.Resolv.Author
	}
	if f.nodes[resolvConf].Kind == absent {
		way = "since there is no " + resolvConf
	}
	asked := f.Resolv.asked()
	who := asked.String()
	if !asked.IsValid() {
		who = f.Resolv.Servers[0] + " (no address)"
	} else if l, ok := f.holder(netip.AddrPortFrom(asked, 53)); ok {
		who += ", where " + l.String() + " answers"
	} else if f.live && asked.IsLoopback() {
		who += ", where nobody answers"
	}
	text := "This host asks " + who + ", " + way + "."
	if n := len(f.Resolv.Servers); n > 1 {
		text += fmt.Sprintf(" After it: %s.", strings.Join(f.Resolv.Servers[1:], ", "))
	}
	if f.ByD {
		text += " Programs of the C library ask systemd-resolved first (nsswitch.conf)."
	}
	return text
}

// parentOf is the folder of a path.
func parentOf(name string) string { return path.Dir(name) }
