package system

import (
	"encoding/hex"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// This file reads /proc: which processes run, and who has a port.

// Listener is somebody who takes queries on port 53.
type Listener struct {
	Addr     netip.AddrPort `json:"address"`
	Protocol string         `json:"protocol"`          // udp or tcp
	PID      int            `json:"pid,omitempty"`     // 0: of another user, whose files this one may not see
	Process  string         `json:"process,omitempty"` // its name, up to 15 octets
}

// String is "systemd-resolve (pid 412)".
func (l Listener) String() string {
	if l.PID == 0 {
		return "a process that only root can see"
	}
	return l.Process + " (pid " + strconv.Itoa(l.PID) + ")"
}

// covers tells whether who listens there has a, too.
func (l Listener) covers(a netip.AddrPort) bool {
	return l.Addr.Port() == a.Port() && (l.Addr.Addr() == a.Addr() || l.Addr.Addr().IsUnspecified() && (l.Addr.Addr().Is6() || a.Addr().Is4()))
}

// Holder is who has an address of this host that cannot be listened on; false where
// that cannot be seen.
func Holder(at netip.AddrPort) (Listener, bool) {
	h := &Host{Dir: "/"}
	for _, l := range h.listeners(at.Port(), h.processes()) {
		if l.PID != 0 && l.PID != os.Getpid() && (l.covers(at) || Listener{Addr: at}.covers(l.Addr)) {
			return l, true
		}
	}
	return Listener{}, false
}

// names are the files in a folder; none if it cannot be read.
func (h *Host) names(dir string) []string {
	r, _, err := h.parent(path.Join(dir, "x"))
	if err != nil {
		return nil
	}
	defer r.Close()
	d, err := r.Open(".")
	if err != nil {
		return nil
	}
	defer d.Close()
	list, _ := d.Readdirnames(-1)
	slices.Sort(list)
	return list
}

// processes are the names of all processes by their id.
func (h *Host) processes() map[int]string {
	all := map[int]string{}
	for _, name := range h.names("/proc") {
		if pid, err := strconv.Atoi(name); err == nil {
			comm, err := h.read(path.Join("/proc", name, "comm"))
			if err == nil {
				all[pid] = strings.TrimSpace(comm)
			}
		}
	}
	return all
}

// listeners are all sockets on a port, with their processes.
func (h *Host) listeners(port uint16, processes map[int]string) (found []Listener) {
	inodes := map[string]int{} // to the index in found
	for _, protocol := range []string{"udp", "udp6", "tcp", "tcp6"} {
		text, err := h.read("/proc/net/" + protocol)
		if err != nil {
			continue
		}
		for line := range strings.Lines(text) {
			// sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
			f := strings.Fields(line)
			if len(f) < 10 {
				continue
			}
			const listening, unconnected = "0A", "07"
			at, ok := procAddress(f[1])
			if !ok || at.Port() != port || f[3] != listening && f[3] != unconnected {
				continue
			}
			inodes["socket:["+f[9]+"]"] = len(found)
			found = append(found, Listener{Addr: at, Protocol: strings.TrimSuffix(protocol, "6")})
		}
	}
	if len(found) == 0 {
		return nil
	}
	for pid, name := range processes {
		dir := path.Join("/proc", strconv.Itoa(pid), "fd")
		r, _, err := h.parent(path.Join(dir, "x"))
		if err != nil {
			continue
		}
		for _, fd := range h.names(dir) {
			to, err := r.Readlink(fd)
			if i, ok := inodes[to]; err == nil && ok && (found[i].PID == 0 || pid < found[i].PID) {
				found[i].PID, found[i].Process = pid, name
			}
		}
		r.Close()
	}
	return found
}

// procAddress reads 0100007F:0035: words of four octets, in the order of the processor,
// which is little-endian wherever this runs but on a few.
func procAddress(text string) (netip.AddrPort, bool) {
	words, port, ok := strings.Cut(text, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	octets, err2 := hex.DecodeString(words)
	if !ok || err != nil || err2 != nil || len(octets)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(octets); i += 4 {
		slices.Reverse(octets[i : i+4])
	}
	a, ok := netip.AddrFromSlice(octets)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), ok
}
