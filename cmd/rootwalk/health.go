package main

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"rootwalk/config"
	"rootwalk/wire"
)

// This file asks a running server whether it is well.

// healthTime is how long it may take to answer: nothing has to be asked for.
const healthTime = 3 * time.Second

func healthcheckCommand() *cobra.Command {
	var s settings
	var at string
	cmd := &cobra.Command{
		Use: "healthcheck", Short: "Ask the server of this host a question; exit 0 if it answers", Args: cobra.NoArgs,
		Long: `Ask the server of this host over UDP for localhost, which it answers by itself.
The exit code is 0 if it does and 1 if not, as the health check of a container wants.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := s.configuration(cmd)
			if err != nil {
				return err
			}
			to, err := healthAddress(cfg, at)
			if err != nil {
				return err
			}
			return healthy(to)
		},
	}
	cmd.Flags().StringVarP(&s.file, "config", "c", "", "configuration `FILE` that says where the server listens")
	cmd.Flags().StringVar(&at, "server", "", "ask this `ADDR`, host:port")
	return cmd
}

// healthAddress is where the server can be asked from this host.
func healthAddress(cfg *config.Config, at string) (netip.AddrPort, error) {
	if at == "" {
		at = cfg.Listen[0]
	}
	ap, err := netip.ParseAddrPort(at)
	if err != nil {
		return ap, fmt.Errorf("--server: %w", err)
	}
	if ap.Addr().IsUnspecified() { // all addresses, so loopback too
		loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if ap.Addr().Is6() {
			loopback = netip.IPv6Loopback()
		}
		ap = netip.AddrPortFrom(loopback, ap.Port())
	}
	return ap, nil
}

// healthy asks a server, and says what is wrong.
func healthy(at netip.AddrPort) error {
	conn, err := net.Dial("udp", at.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(healthTime))
	const id = 0x7277
	query := wire.AppendQuestion(nil, id, wire.FlagRD, wire.MustName("localhost."), wire.TypeA, wire.ClassIN)
	if _, err := conn.Write(query); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	reply := make([]byte, 512)
	n, err := conn.Read(reply)
	switch {
	case err != nil:
		return fmt.Errorf("%s does not answer: %w", at, err)
	case n < wire.HeaderLen || reply[0] != id>>8 || reply[1] != id&0xff || reply[2]&0x80 == 0:
		return fmt.Errorf("%s answers with something else than a reply", at)
	case wire.Rcode(reply[3]&0xf) != wire.NoError:
		return fmt.Errorf("%s answers %s", at, wire.Rcode(reply[3]&0xf))
	}
	return nil
}
