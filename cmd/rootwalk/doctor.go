package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"rootwalk/config"
	"rootwalk/control"
	"rootwalk/resolver"
	"rootwalk/wire"
)

// This file looks for what keeps a server on this host from answering. It changes
// nothing.

// finding is the outcome of one look.
type finding struct {
	What  string `json:"what"`
	State string `json:"state"` // ok, warn or fail
	Text  string `json:"text"`
}

const (
	fine   = "ok"
	doubt  = "warn"
	broken = "fail"
)

// doctorTime is how long one server may take to answer.
const doctorTime = 3 * time.Second

func doctorCommand() *cobra.Command {
	var s settings
	var asJSON bool
	resolvConf := "/etc/resolv.conf"
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look for what keeps the server from answering on this host", Args: cobra.NoArgs,
		Long: `Look at the configuration, the addresses to listen on, the way to the root servers
over IPv4 and IPv6, UDP and TCP, with EDNS, the clock, and /etc/resolv.conf. It
sends a few queries to root servers and changes nothing. The exit code is 1 if
something is broken.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := s.configuration(cmd)
			if err != nil {
				return err
			}
			found, err := examine(cmd, cfg, resolvConf)
			if err != nil {
				return err
			}
			if err := showFindings(cmd.OutOrStdout(), found, asJSON); err != nil {
				return err
			}
			if slices.ContainsFunc(found, func(f finding) bool { return f.State == broken }) {
				return &exit{code: 1}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&s.file, "config", "c", "", "configuration `FILE`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&resolvConf, "resolv-conf", resolvConf, "look at this `FILE` in the place of /etc/resolv.conf")
	return cmd
}

func showFindings(w io.Writer, found []finding, asJSON bool) error {
	if asJSON {
		return showJSON(w, found)
	}
	for _, f := range found {
		fmt.Fprintf(w, "%-4s  %s: %s\n", f.State, f.What, f.Text)
	}
	return nil
}

// examine makes all the looks.
func examine(cmd *cobra.Command, cfg *config.Config, resolvConf string) ([]finding, error) {
	w, err := worldOf(cfg)
	if err != nil {
		return nil, err
	}
	found := []finding{{"configuration", fine, "no mistake"}}
	for _, l := range cfg.Listen {
		found = append(found, portOf(cmd.Context(), cfg, l))
	}
	found = append(found, loops(cfg)...)
	v4, v6 := rootAddresses(w)
	a, b := family(cfg, "IPv4", cfg.Upstream.IPv4, v4), family(cfg, "IPv6", cfg.Upstream.IPv6, v6)
	if a.State == broken && b.State == fine { // one is enough
		a.State = doubt
	}
	if b.State == broken && a.State == fine {
		b.State = doubt
		b.Text += "; upstream.ipv6: false saves trying"
	}
	found = append(found, a, b)
	if a.State == fine || b.State == fine {
		found = append(found, trust(cmd, cfg, w))
	}
	return append(found, stub(cfg, resolvConf)), nil
}

// portOf tells whether an address can be listened on, or is by a server that answers.
func portOf(ctx context.Context, cfg *config.Config, l string) finding {
	f := finding{What: "listen " + l, State: fine, Text: "free"}
	ap, err := netip.ParseAddrPort(l)
	if err != nil {
		return finding{f.What, broken, err.Error()}
	}
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(ap))
	if err == nil {
		_ = udp.Close()
		var tcp *net.TCPListener
		if tcp, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(ap)); err == nil {
			tcp.Close()
			return f
		}
	}
	if at, _ := healthAddress(config.Default(), l); healthySoon(ctx, at, cfg) == nil {
		f.Text = "a name server answers there"
		return f
	}
	return finding{f.What, broken, listenError(l, err).Error()}
}

// loops finds zones that are sent to this server itself.
func loops(cfg *config.Config) (found []finding) {
	for _, z := range cfg.Zones {
		for _, s := range z.Servers {
			if slices.Contains(cfg.Listen, s.String()) {
				found = append(found, finding{"zone " + z.Name, broken, fmt.Sprintf("its server %s is this server itself", s)})
			}
		}
	}
	return found
}

// rootAddresses are the addresses of the root servers by family.
func rootAddresses(w world) (v4, v6 []netip.Addr) {
	for _, s := range w.hints {
		for _, a := range s.Addrs {
			if a.Is4() {
				v4 = append(v4, a)
			} else {
				v6 = append(v6, a)
			}
		}
	}
	return v4, v6
}

// family asks root servers over one family of addresses, until one answers in every
// way.
func family(cfg *config.Config, name string, on bool, roots []netip.Addr) finding {
	f := finding{What: "root servers over " + name, State: broken}
	switch {
	case !on:
		return finding{f.What, fine, "switched off"}
	case len(roots) == 0:
		return finding{f.What, broken, "the root hints have no address"}
	}
	for _, a := range roots[:min(len(roots), 3)] {
		text, err := askRoot(netip.AddrPortFrom(a, cfg.Upstream.Port))
		if err == nil {
			return finding{f.What, fine, text}
		}
		f.Text = err.Error()
	}
	return f
}

// askRoot asks one server over UDP with EDNS, and over TCP.
func askRoot(at netip.AddrPort) (string, error) {
	q := new(dns.Msg)
	q.SetQuestion(".", dns.TypeSOA)
	q.RecursionDesired = false
	q.SetEdns0(1232, true)
	var took time.Duration
	for _, network := range []string{"udp", "tcp"} {
		r, rtt, err := (&dns.Client{Net: network, Timeout: doctorTime}).Exchange(q, at.String())
		switch {
		case err != nil:
			return "", fmt.Errorf("%s does not answer over %s (%w); is port %d open to the outside?", at.Addr(), strings.ToUpper(network), err, at.Port())
		case r.IsEdns0() == nil:
			return "", fmt.Errorf("%s answers over %s without EDNS: something between changes packets", at.Addr(), strings.ToUpper(network))
		case !r.Authoritative:
			return "", fmt.Errorf("%s answers over %s without authority: something between answers in its place", at.Addr(), strings.ToUpper(network))
		}
		took = cmp.Or(took, rtt)
	}
	return fmt.Sprintf("%s answers over UDP and TCP, with EDNS, in %s", at.Addr(), took.Round(100*time.Microsecond)), nil
}

// trust resolves and validates the root's own list of servers: it fails where the clock
// is wrong, or something between changes answers.
func trust(cmd *cobra.Command, cfg *config.Config, w world) finding {
	f := finding{What: "validation", State: fine}
	if !cfg.DNSSEC.Validate {
		f.Text = "switched off"
		return f
	}
	p := assembleIn(w, cfg, slog.New(slog.DiscardHandler))
	x, err := control.Explain(cmd.Context(), p.resolver, resolver.Request{Question: wire.Question{Name: wire.Root, Type: wire.TypeSOA, Class: wire.ClassIN}})
	switch {
	case err != nil:
		return finding{f.What, broken, err.Error()}
	case x.EDE != nil && (*x.EDE == wire.EDE(7) || *x.EDE == wire.EDE(8)):
		return finding{f.What, broken, fmt.Sprintf("%s; is the clock right? It shows %s", x.Error, time.Now().UTC().Format(time.RFC3339))}
	case x.Failed():
		return finding{f.What, broken, x.Error}
	}
	f.Text = "the root is " + x.Status + ", and the clock agrees"
	return f
}

// stub tells whether this host asks the server.
func stub(cfg *config.Config, path string) finding {
	f := finding{What: path, State: doubt}
	file, err := os.Open(path)
	if err != nil {
		return finding{f.What, doubt, err.Error()}
	}
	defer file.Close()
	var servers []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) >= 2 && words[0] == "nameserver" {
			servers = append(servers, words[1])
		}
	}
	ours := func(s string) bool {
		a, err := netip.ParseAddr(s)
		return err == nil && slices.ContainsFunc(cfg.Listen, func(l string) bool {
			ap, err := netip.ParseAddrPort(l)
			return err == nil && ap.Port() == 53 && (ap.Addr() == a || ap.Addr().IsUnspecified() && a.IsLoopback())
		})
	}
	switch {
	case len(servers) == 0:
		f.Text = "names no server"
	case !ours(servers[0]):
		f.Text = fmt.Sprintf("this host asks %s first, not this server", servers[0])
	case slices.ContainsFunc(servers, func(s string) bool { return !ours(s) }):
		f.Text = "this host asks others beside this server, and gets their answers whenever it likes"
	default:
		f.State, f.Text = fine, "this host asks this server"
	}
	return f
}
