package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"rootwalk/config"
	"rootwalk/policy"
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
The exit code is 0 if it does and 1 if not, as the health check of a container wants.
A server that refuses is well: access.allow leaves out this host. Where access.rules
deny it a reply, the question goes over TCP, and hanging up is the answer.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, _, err := s.configuration(cmd)
			if err != nil {
				return err
			}
			to, err := healthAddress(cfg, at)
			if err != nil {
				return err
			}
			return healthySoon(cmd.Context(), to, cfg)
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

// healthySoon asks a server that has this configuration, and says what is wrong.
func healthySoon(ctx context.Context, at netip.AddrPort, cfg *config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	return healthy(ctx, at, policy.NewACL(cfg.Access.Allow, accessRules(cfg.Access.Rules)...))
}

// healthy asks a server that has these rules, until the deadline of ctx. To be refused is
// well: a health check is no reason to allow this host what it need not ask.
func healthy(ctx context.Context, at netip.AddrPort, rules *policy.ACL) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", at.String()) // sends nothing
	if err != nil {
		return err
	}
	defer conn.Close()
	const id = 0x7277
	query := wire.AppendQuestion(nil, id, wire.FlagRD, wire.MustName("localhost."), wire.TypeA, wire.ClassIN)
	denied := rules.Judge(conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr()) == policy.Deny
	if denied { // silence tells nothing, but who does not live does not hang up
		if conn, err = d.DialContext(ctx, "tcp", at.String()); err != nil {
			return fmt.Errorf("%s does not answer: %w", at, err)
		}
		defer conn.Close()
		query = append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)
	}
	until, _ := ctx.Deadline()
	_ = conn.SetDeadline(until)
	if _, err := conn.Write(query); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	reply := make([]byte, 512)
	n, err := conn.Read(reply)
	switch {
	case denied && (n > 0 || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)):
		return nil
	case err != nil:
		return fmt.Errorf("%s does not answer: %w", at, err)
	case n < wire.HeaderLen || reply[0] != id>>8 || reply[1] != id&0xff || reply[2]&0x80 == 0:
		return fmt.Errorf("%s answers with something else than a reply", at)
	case wire.Rcode(reply[3]&0xf) != wire.NoError && wire.Rcode(reply[3]&0xf) != wire.Refused:
		return fmt.Errorf("%s answers %s", at, wire.Rcode(reply[3]&0xf))
	}
	return nil
}
