package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"rootwalk/clock"
	"rootwalk/config"
	"rootwalk/control"
	"rootwalk/metrics"
	"rootwalk/system"
)

// primeWait is how long the start waits for the first priming before it calls
// itself ready all the same: the root may be out of reach at boot.
const primeWait = 2 * time.Second

// drainTime is how long queries in flight may take at the end.
const drainTime = 2 * time.Second

// serveCommand runs the server. confine gives up what it does not need once it runs,
// for the whole process and for good; nil keeps it all.
func serveCommand(confine func(written []string) error) *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the name server", Args: cobra.NoArgs,
		Long: `Run the name server in the foreground. Without flags and file it listens on
127.0.0.1:53 and [::1]:53, answers this host alone, and shows its numbers on
http://127.0.0.1:9153/metrics.`,
		Example: "  rootwalk serve\n  rootwalk serve --listen 127.0.0.1:5300\n  rootwalk serve -c /etc/rootwalk/rootwalk.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			hup := hangups()
			cfg, warnings, err := s.configuration(cmd)
			if err != nil {
				return err
			}
			signal.Ignore(syscall.SIGPIPE) // who reads the log may go; Go would end the process at the next line
			note, _ := logger(cfg, cmd.ErrOrStderr())
			out := newLines(cmd.ErrOrStderr(), note)
			defer out.end()
			log, level := logger(cfg, out)
			for _, w := range warnings {
				log.Warn(w)
			}
			serve := func() error {
				p, err := assemble(cfg, log)
				if err != nil {
					return err
				}
				p.level, p.lines, p.confine = level, out, confine
				p.hup = hup
				p.load = func() (*config.Config, []string, error) { return s.configuration(cmd) }
				ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
				defer stop()
				return p.run(ctx, cfg, log, nil)
			}
			if err := serve(); err != nil {
				fmt.Fprintln(out, "rootwalk:", err) // whoever prints it elsewhere would wait for who reads
				return &exit{code: 1}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVarP(&s.file, "config", "c", "", "configuration `FILE` (YAML)")
	f.StringArrayVar(&s.listen, "listen", nil, "answer on this `ADDR`, host:port, UDP and TCP; may be repeated")
	f.StringVar(&s.metrics, "metrics", "", "serve metrics on this `ADDR`; \"\" is off")
	f.StringVar(&s.rootHints, "root-hints", "", "`FILE` of root hints in named.root form")
	f.StringVar(&s.trustAnchors, "trust-anchors", "", "`FILE` of DS or DNSKEY records")
	return cmd
}

// run opens the sockets, primes, serves until ctx ends, and drains. ready, if
// not nil, is called once the server can be asked.
func (p *parts) run(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func()) error {
	bound, err := p.handedOver()
	if err != nil {
		return err
	}
	listen := cfg.Listen
	if len(bound) > 0 { // systemd has opened the sockets
		listen = nil
	}
	for _, l := range listen {
		if err := p.listen(l); err != nil {
			if !cfg.IsSet("listen") && errors.Is(err, syscall.EADDRNOTAVAIL) {
				log.Warn("this host does not have the default address; going on without it", "address", l)
				continue
			}
			return listenError(l, err)
		}
		bound = append(bound, l)
	}
	if len(bound) == 0 {
		return errors.New("there is no address to listen on; give one with --listen")
	}
	if path := snapshotFile(cfg); path != "" {
		p.snapshots = &snapshots{p: p, path: path, log: log}
	}
	rooms := p.rooms(bound)
	if cfg.Metrics.Listen != "" {
		ln, err := net.Listen("tcp", cfg.Metrics.Listen)
		if err != nil {
			return metricsError(cfg.Metrics.Listen, err)
		}
		mux := metrics.Mux(metrics.Rooms{Cache: p.cache, Upstream: p.upstream, Resolver: p.resolver, Server: p.server, Reloads: p.reloadStats, Snapshots: p.snapshotStats, Validation: p.validationStats, NotLogged: p.queriesNotLogged, LinesLost: p.linesLost, Tap: &p.tapCounts, Version: version}, p.resolver.Primed, rooms.Page(p.server.Allows))
		sampleBehind(ctx, rooms)
		srv := metrics.Server(mux)
		go func() { _ = srv.Serve(metrics.Bounded(ln)) }()
		defer srv.Close()
	}
	r := p.resolver
	if err := serveControl(ctx, controlSocket(cfg), rooms); err != nil {
		return err
	}
	p.watchdog(ctx, log)
	warm := make(chan struct{})
	if p.snapshots != nil {
		last := p.snapshots.run(ctx, func() {
			if r.Primed() {
				close(warm)
			}
		})
		defer func() { last(); log.Info("stopped") }()
	} else {
		defer log.Info("stopped")
	}
	primed := make(chan struct{})
	go func() {
		defer close(primed)
		r.Prime(ctx)
	}()
	select {
	case <-primed:
	case <-warm:
	case <-time.After(primeWait):
	case <-ctx.Done():
	}
	go p.tellOfNegativeAnchors(ctx)
	if p.validator != nil {
		p.validator.CheckClock()
	}
	if p.follower != nil {
		followed := make(chan struct{})
		go func() {
			defer close(followed)
			p.follower.Run(ctx)
		}()
		defer func() { <-followed }()
	}
	if p.confine != nil {
		if err := p.confine([]string{snapshotFile(cfg), anchorState(cfg), controlSocket(cfg)}); err != nil {
			log.Warn("going on without", "reason", err)
		}
	}
	log.Info("ready", "listen", bound, "metrics", cfg.Metrics.Listen, "primed", r.Primed())
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
	p.reloadOnSignal(ctx)
	if ready != nil {
		ready()
	}
	<-ctx.Done()
	_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	drain, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := p.server.Shutdown(drain); err != nil {
		log.Warn("some queries were not answered", "after", drainTime)
	}
	p.closeTap()
	return nil
}

// sampleBehind has the rooms take note of their numbers until ctx ends.
func sampleBehind(ctx context.Context, rooms *control.Rooms) {
	go func() {
		tick := time.NewTicker(control.SampleEvery)
		defer tick.Stop()
		for rooms.Sample(); ; rooms.Sample() {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
}

// serveControl serves the control socket until ctx ends.
func serveControl(ctx context.Context, path string, rooms *control.Rooms) error {
	if path == "" {
		return nil
	}
	ln, err := control.Listen(path)
	if err != nil {
		return err
	}
	go rooms.Serve(ctx, ln)
	return nil
}

// rooms are what an operator may look into.
func (p *parts) rooms(bound []string) *control.Rooms {
	return &control.Rooms{Cache: p.cache, Upstream: p.upstream, Server: p.server, Resolver: p.inForce,
		Reload:   func() (any, error) { return p.reload() },
		Reloads:  func() control.Reloads { return control.Reloads(p.reloadStats()) },
		QueryLog: p.queriesLogged, LogOneIn: p.setQueryLog,
		Level: p.level, Now: clock.Wall, Started: clock.Wall(), Version: version, Listen: bound, Anchors: p.anchorTexts}
}

// listen opens UDP and TCP on one address.
func (p *parts) listen(addr string) error {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return err
	}
	if _, err := p.server.ListenUDP(ap); err != nil {
		return err
	}
	_, err = p.server.ListenTCP(ap)
	return err
}

// holder is who has an address, for the end of a sentence.
func holder(addr string) string {
	if at, err := netip.ParseAddrPort(addr); err == nil {
		if l, ok := system.Holder(at); ok {
			return ": " + l.String()
		}
	}
	return " (see `ss -lntup`)"
}

// metricsError says why metrics cannot be served, and how to go on.
func metricsError(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("metrics.listen: another program listens on %s already%s; stop it, or choose another address with --metrics 127.0.0.1:9154, or none with --metrics \"\"", addr, holder(addr))
	}
	return fmt.Errorf("metrics.listen: %w; choose another address, or \"\" for none", err)
}

// listenError says why an address cannot be listened on, and how to go on.
func listenError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		other := "127.0.0.1:5300"
		if addr == other {
			other = "127.0.0.1:5301"
		}
		return fmt.Errorf("cannot listen on %s: another program does already%s; stop it, or choose another address with --listen %s", addr, holder(addr), other)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("cannot listen on %s: ports below 1024 are not allowed to this user; run as root or with CAP_NET_BIND_SERVICE, or choose another address with --listen 127.0.0.1:5300", addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("cannot listen on %s: this host does not have that address", addr)
	}
	return fmt.Errorf("cannot listen on %s: %w", addr, err)
}
