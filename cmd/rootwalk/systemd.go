package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"

	"rootwalk/server"
	"rootwalk/wire"
)

// This file is about being run by systemd: the directories that it makes, the sockets
// that it hands over, and telling it that all is well.

// usualConfiguration is the configuration in the directory that systemd made for it
// (ConfigurationDirectory=), if there is one.
func usualConfiguration() string {
	if dirs := filepath.SplitList(os.Getenv("CONFIGURATION_DIRECTORY")); len(dirs) > 0 {
		file := filepath.Join(dirs[0], "rootwalk.yaml")
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}

// handedOver serves the sockets that systemd has opened (LISTEN_FDS, sd_listen_fds(3)),
// and returns their addresses; none where it has not.
func (p *parts) handedOver() (bound []string, err error) {
	for _, f := range activation.Files(true) {
		at, err := p.serveFile(f)
		f.Close() // what serves has a copy
		if err != nil {
			return nil, fmt.Errorf("socket %s from systemd: %w", f.Name(), err)
		}
		bound = append(bound, at)
	}
	return bound, nil
}

// serveFile serves one socket.
func (p *parts) serveFile(f *os.File) (string, error) {
	if c, err := net.FilePacketConn(f); err == nil {
		udp, ok := c.(*net.UDPConn)
		if !ok {
			c.Close()
			return "", errors.New("it is neither UDP nor TCP; give ListenDatagram= and ListenStream= an address and a port")
		}
		at, err := p.server.ServeUDP(udp)
		return at.String(), err
	}
	l, err := net.FileListener(f)
	if err != nil {
		return "", err
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		l.Close()
		return "", errors.New("it is neither UDP nor TCP; give ListenDatagram= and ListenStream= an address and a port")
	}
	at, err := p.server.ServeTCP(tcp)
	return at.String(), err
}

// watchdog tells systemd, as often as it wants (WatchdogSec=), that queries are
// answered, for as long as they are.
func (p *parts) watchdog(ctx context.Context, log *slog.Logger) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	go func() {
		tick := time.NewTicker(every / 2)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if p.answers(ctx) {
					_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
				} else {
					log.Error("a query to this server itself got no reply: leaving it to the watchdog")
				}
			case <-ctx.Done():
				return
			}
		}
	}()
}

// answers tells whether a query gets any reply, or where this host itself is to get none
// (access.rules), comes to its end.
func (p *parts) answers(ctx context.Context) bool {
	query := wire.AppendQuestion(nil, 1, 0, wire.MustName("localhost."), wire.TypeA, wire.ClassIN)
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	reply := p.server.Handle(ctx, nil, query, server.Meta{Transport: server.UDP, Client: loopback})
	return len(reply) > 0 || !p.server.Allows(loopback)
}
