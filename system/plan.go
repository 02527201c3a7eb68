package system

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"

	"rootwalk/deploy"
)

// This file decides what has to change. It only decides.

// Step is one change of a plan.
type Step struct {
	What string // in words: "write /etc/rootwalk/rootwalk.yaml"
	path string
	had  node // what was at the path when the plan was made
	want node
	text func() (io.ReadCloser, error)
	from string   // the file that text is a copy of; "" is none
	do   []string // arguments of systemctl
	undo []string
	till bool // undo is of use only until the installation has come to its end
	wait waiting
}

// waiting is what a step waits for.
type waiting uint8

const (
	nothing waiting = iota
	forServer
	forHost // resolv.conf is still ours when its writers have been told
)

// Plan is what has to change for the host to ask the server.
type Plan struct {
	Steps []Step
	Notes []string // what the user should know beside that
}

// configText is the configuration that is written where there is none.
const configText = `# The configuration of rootwalk. What is not here has its default: it answers this host alone, on
# 127.0.0.1:53 and [::1]:53, and validates. All keys with their meaning: rootwalk check --defaults
#
# To answer others, too, add an address of this host and say who they are:
#
# listen: ["127.0.0.1:53", "[::1]:53", "192.0.2.53:53"]
# access:
#   allow: ["127.0.0.0/8", "::1/128", "192.0.2.0/24"]
`

// resolvedText has systemd-resolved ask the server for everything, instead of those of
// any interface ("~." is every domain), and leaves port 53 to it. The empty DNS= takes
// back what other files have named, which would be asked beside it.
const resolvedText = `# Written by ` + ourMark + `.
[Resolve]
DNS=
DNS=%s
DNSOverTLS=no
Domains=~.
DNSStubListener=no
`

// nmText keeps NetworkManager from writing resolv.conf. That it tells systemd-resolved
// of the servers of its connections is another setting, and harmless with "~.".
const nmText = `# Written by ` + ourMark + `.
[main]
dns=none
rc-manager=unmanaged
`

// dhclientText is a hook of dhclient-script(8), which calls this function to write
// resolv.conf.
const dhclientText = `# Written by ` + ourMark + `: resolv.conf is not dhclient's.
make_resolv_conf() { :; }
`

// Plan is what has to change. The error says why it cannot be done here, and the way out.
func (f *Facts) Plan(h *Host) (*Plan, error) {
	p := &planner{f: f, h: h, half: f.journal != nil && !f.journal.Done}
	if err := p.hindrance(); err != nil {
		return nil, err
	}
	if f.Systemd {
		p.service()
	}
	p.resolver()
	return &p.Plan, nil
}

// planner makes a plan. Where an installation did not come to its end, what had to be
// told of its files is told again: that it was is nowhere written down.
type planner struct {
	Plan
	f    *Facts
	h    *Host
	half bool
}

// hindrance is why the host cannot be changed.
func (p *planner) hindrance() error {
	f, h := p.f, p.h
	if f.Mounted {
		return fmt.Errorf("%s is mounted from outside: this is a container, and its engine says whom it asks (docker run --dns ADDRESS, or dns: in a compose file)", resolvConf)
	}
	if k := f.nodes[resolvConf].Kind; k == folder || k == other {
		return fmt.Errorf("%s is neither a file nor a link; look at it, and remove it", resolvConf)
	}
	if !h.Live {
		if !f.Systemd {
			return fmt.Errorf("%s has no systemd, which would start the server", h.Dir)
		}
		return nil
	}
	ours := false
	for _, l := range f.Listeners {
		if !l.covers(h.Server) {
			continue
		}
		switch {
		case l.Process == "rootwalk":
			ours = true
		case l.PID == 0 && f.Active:
		default:
			return fmt.Errorf("%s is held by %s; stop it first (if it is a service: systemctl disable --now NAME)", l.Addr, l)
		}
	}
	switch {
	case ours && !f.Active && f.Systemd:
		l, _ := f.holder(h.Server)
		return fmt.Errorf("%s answers on %s, and systemd did not start it; stop it first, so that it can be started as a service", l, h.Server)
	case !ours && !f.Active && !f.Systemd:
		return fmt.Errorf("systemd does not run here, which would start the server; have the init system of this host run `rootwalk serve`, start it, and come again")
	}
	return nil
}

// service installs the program as a service of systemd, and starts it.
func (p *planner) service() {
	f, h := p.f, p.h
	const unit = "rootwalk.service"
	start := len(p.Steps)
	if f.Packaged == "" {
		p.program()
	}
	p.folder(configFolder)
	if f.nodes[configFile].Kind == absent {
		p.write(configFile, configText, 0o644)
	}
	if f.Packaged == "" {
		if h.Live {
			p.add(Step{undo: []string{"daemon-reload"}}) // once the units are gone again
		}
		p.folder(unitFolder)
		before := len(p.Steps)
		for _, u := range []struct{ name, text string }{{serviceFile, deploy.Service}, {socketFile, deploy.Socket}} {
			if f.nodes[u.name].Kind == absent || p.wrote(u.name) {
				p.write(u.name, u.text, 0o644)
			} else if f.nodes[u.name].Sum != sumOf(u.text) {
				p.note("%s is not the one of this program; it is left as it is", u.name)
			}
		}
		if h.Live && (p.half || len(p.Steps) > before) {
			p.add(Step{What: "have systemd read its units: systemctl daemon-reload", do: []string{"daemon-reload"}})
		}
		if h.Live && f.Active && (p.half || p.changes(binary) || p.changes(serviceFile)) {
			p.add(Step{What: "start it anew: systemctl try-restart " + unit, do: []string{"try-restart", unit}})
			// Should it not resolve, that of before is started once its files are back, also where
			// systemd has tried too often.
			p.Steps = slices.Insert(p.Steps, start, Step{undo: []string{"restart", unit}, till: true}, Step{undo: []string{"reset-failed", unit}, till: true})
		}
	}
	switch {
	case !h.Live:
		p.folder(wantsFolder)
		to := serviceFile
		if f.Packaged != "" {
			to = f.Packaged
		}
		if f.nodes[wantsLink].Kind == absent {
			p.link(wantsLink, to)
		}
	case f.Enabled && !f.Active:
		p.add(Step{What: "start the server: systemctl start " + unit, do: []string{"start", unit}, undo: []string{"stop", unit}})
	case f.Active && !f.Enabled:
		p.add(Step{What: "start the server at boot, too: systemctl enable " + unit, do: []string{"enable", unit}, undo: []string{"disable", unit}})
	case !f.Active:
		p.add(Step{What: "start the server, now and at boot: systemctl enable --now " + unit, do: []string{"enable", "--now", unit}, undo: []string{"disable", "--now", unit}})
	}
}

// program installs the binary, if there is none, and its manual.
func (p *planner) program() {
	have := p.f.nodes[binary]
	source, err := os.Open(p.h.Binary)
	if err != nil {
		p.note("%v: put the program at %s yourself", err, binary)
		return
	}
	defer source.Close()
	s, err := sum(source)
	switch {
	case err != nil:
		p.note("%v: put the program at %s yourself", err, binary)
	case have.Sum != s && (have.Kind == absent || p.wrote(binary)):
		p.folder(parentOf(binary))
		p.put(Step{What: "write " + binary + ", a copy of " + p.h.Binary, path: binary,
			want: node{Kind: file, Sum: s, Mode: 0o755, UID: os.Geteuid(), GID: os.Getegid()},
			text: func() (io.ReadCloser, error) { return os.Open(p.h.Binary) }, from: p.h.Binary})
	case have.Sum != s:
		p.note("%s is another build, and the one that the service runs; to replace it: sudo install %s %s", binary, p.h.Binary, binary)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(p.h.Manual)) {
		if p.f.nodes[name].Kind == absent || p.wrote(name) {
			p.folder(parentOf(name))
			p.write(name, p.h.Manual[name], 0o644)
		}
	}
}

// resolver has the host ask the server, and keeps the writers of resolv.conf from it.
func (p *planner) resolver() {
	f, h := p.f, p.h
	if h.Live {
		p.add(Step{What: "wait until the server resolves; if it does not, all this is undone", wait: forServer})
	}
	p.write(resolvConf, ourResolvConf(f.Resolv, h.Server.Addr()), 0o644)
	reload := func(m Manager, args ...string) (after func()) {
		if m.PID == 0 || !h.Live {
			return func() {}
		}
		p.add(Step{undo: args}) // once its files are gone again
		before := len(p.Steps)
		return func() {
			if p.half || len(p.Steps) > before {
				p.add(Step{What: "tell " + m.Name + ": systemctl " + strings.Join(args, " "), do: args})
			} else {
				p.Steps = p.Steps[:before-1]
			}
		}
	}
	for _, m := range f.Managers {
		switch m.Name {
		case resolved:
			after := reload(m, "try-restart", "systemd-resolved.service")
			p.folder(resolvedDir)
			p.write(resolvedFile, fmt.Sprintf(resolvedText, h.Server.Addr()), 0o644)
			after()
		case networkManager:
			after := reload(m, "try-reload-or-restart", "NetworkManager.service")
			p.folder(nmDir)
			p.write(nmFile, nmText, 0o644)
			after()
		case dhclient:
			p.folder(dhclientDir)
			p.write(dhclientFile, dhclientText, 0o644)
		case openresolv:
			if f.manager(resolvconf).Name == "" {
				p.append(openresolvIn, "resolvconf=NO")
			}
		case dhcpcd:
			p.append(dhcpcdIn, "nohook resolv.conf")
		case resolvconf: // leaves alone what is not its link
		}
	}
	if a := f.Resolv.Author; a == "WSL" {
		p.note("WSL writes %s at each start unless /etc/wsl.conf has generateResolvConf=false in its section [network]", resolvConf)
	} else if a == "cloud-init" {
		p.note("cloud-init may write %s again unless its configuration has manage_resolv_conf: false", resolvConf)
	}
	if h.Live {
		p.add(Step{What: "see that " + resolvConf + " stays as it is", wait: forHost})
	}
}

func (p *planner) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

func (p *planner) add(s Step) { p.Steps = append(p.Steps, s) }

// changes tells whether there is a step already that changes a path.
func (p *planner) changes(name string) bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.path == name })
}

// put adds a step that changes a path, unless it is what it should be.
func (p *planner) put(s Step) {
	have, ok := p.f.nodes[s.path]
	if !ok { // a folder of every host, which may lack in an image
		have, _ = p.h.at(s.path)
	}
	if !have.is(s.want) {
		s.had = have
		p.add(s)
	}
}

// folder adds steps that make a folder, and those above it.
func (p *planner) folder(name string) {
	if name == "/" || p.changes(name) {
		return
	}
	p.folder(parentOf(name))
	if have, err := p.h.at(name); err == nil && have.Kind == link { // to a folder; else the next step fails
		return
	}
	p.put(Step{What: "make " + name, path: name, want: node{Kind: folder, Mode: 0o755, UID: os.Geteuid(), GID: os.Getegid()}})
}

func (p *planner) link(name, target string) {
	p.put(Step{What: "link " + name + " to " + target, path: name, want: node{Kind: link, Target: target, UID: os.Geteuid(), GID: os.Getegid()}})
}

func (p *planner) write(name, text string, mode os.FileMode) {
	what := "write " + name
	if p.f.nodes[name].Kind != absent {
		what = "replace " + name
	}
	if name == resolvConf || name == resolvedFile {
		what += " with " + inOneLine(text)
	}
	p.put(Step{What: what, path: name, want: textNode(text, mode), text: textOf(text)})
}

// inOneLine is a text without its comments.
func inOneLine(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return "\"" + strings.Join(lines, "; ") + "\""
}

// append adds a line to a file of the user's, unless it is there.
func (p *planner) append(name, line string) {
	text, err := p.h.read(name)
	if err != nil {
		p.note("%s cannot be read (%v); add a line to it: %s", name, err, line)
		return
	}
	if slices.Contains(strings.Split(text, "\n"), line) {
		return
	}
	if p.f.nodes[name].Kind != file {
		p.note("%s is a link; add a line to what it leads to: %s", name, line)
		return
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	text += "# Written by " + ourMark + ".\n" + line + "\n"
	had := p.f.nodes[name]
	want := textNode(text, had.Mode)
	want.UID, want.GID = had.UID, had.GID
	p.put(Step{What: "add to " + name + ": " + line, path: name, want: want, text: textOf(text)})
}

// wrote tells whether what is at a path was written by an installation, and not changed
// since.
func (p *planner) wrote(name string) bool {
	if p.f.journal == nil {
		return false
	}
	return slices.ContainsFunc(p.f.journal.Entries, func(e entry) bool { return e.Path == name && e.After.is(p.f.nodes[name]) })
}

// ServerAt is where a host asks a server that listens on these addresses: on loopback if
// it can, on port 53, since resolv.conf has no way to name another.
func ServerAt(listen []netip.AddrPort) (netip.AddrPort, error) {
	var best netip.AddrPort
	for _, l := range listen {
		if l.Port() != 53 {
			continue
		}
		switch {
		case l.Addr() == netip.IPv4Unspecified():
			l = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53)
		case l.Addr() == netip.IPv6Unspecified():
			l = netip.AddrPortFrom(netip.IPv6Loopback(), 53)
		}
		if !best.IsValid() || l.Addr().IsLoopback() && !best.Addr().IsLoopback() {
			best = l
		}
	}
	if !best.IsValid() {
		return best, fmt.Errorf("the configuration has no address with port 53 to listen on, and resolv.conf can name no other port; add 127.0.0.1:53 to its key listen")
	}
	return best, nil
}
