package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	roothints "rootwalk/rootHints"

	"rootwalk/config"
	"rootwalk/lab"
	"rootwalk/upstream"
)

// labPort is the port of the lab's servers; it needs no privilege.
const labPort = 5354

func labCommand() *cobra.Command {
	listen, metricsAddr := "127.0.0.1:5300", ""
	cmd := &cobra.Command{
		Use: "lab", Short: "Run a private Internet on loopback, and a resolver that walks it", Args: cobra.NoArgs,
		Long: `Run a private Internet inside this process: a root, top-level domains and the
servers of a few zones, on loopback addresses. A resolver walks it and answers
on 127.0.0.1:5300. No packet leaves this host. The commands to try are printed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg := config.Default()
			if err := cfg.Set("listen", listen, "--listen"); err != nil {
				return err
			}
			if err := cfg.Set("metrics.listen", metricsAddr, "--metrics"); err != nil {
				return err
			}
			internet, _, err := lab.Parse(lab.Demo())
			if err != nil {
				return err
			}
			log, _ := logger(cfg, cmd.ErrOrStderr())
			dial := upstream.Dialer(nil)
			where := fmt.Sprintf("on loopback addresses, port %d", labPort)
			if l, err := internet.Listen(labPort); err == nil {
				defer l.Close()
			} else { // systems with one loopback address only
				dial, where = internet.Dial, "inside this process"
			}
			p, err := assembleLab(cfg, log, internet, dial)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return p.run(ctx, cfg, log, func() { labHelp(cmd.OutOrStdout(), listen, where, metricsAddr) })
		},
	}
	cmd.Flags().StringVar(&listen, "listen", listen, "answer on this `ADDR`")
	cmd.Flags().StringVar(&metricsAddr, "metrics", "", "serve metrics on this `ADDR`; \"\" is off")
	return cmd
}

// assembleLab makes a resolver whose Internet is the lab's. Its servers are on
// loopback, which a resolver of the real Internet never asks.
func assembleLab(cfg *config.Config, log *slog.Logger, internet *lab.Internet, dial upstream.Dialer) (*parts, error) {
	hints, err := roothints.Parse("lab", strings.NewReader(internet.Hints()))
	if err != nil {
		return nil, err
	}
	list, err := roothints.ParseAnchors("lab", strings.NewReader(internet.TrustAnchors()))
	if err != nil {
		return nil, err
	}
	anchors, err := anchorsOf(list)
	if err != nil {
		return nil, err
	}
	cfg.Upstream.Refuse, cfg.Upstream.Port = nil, labPort
	return assembleIn(world{dial, hints, anchors}, cfg, log), nil
}

// labHelp prints what can be tried.
func labHelp(w io.Writer, listen, where, metricsAddr string) {
	ap, err := netip.ParseAddrPort(listen)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "A private Internet runs %s. The resolver that walks it answers on %s. Try:\n\n", where, listen)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, q := range lab.DemoQuestions() {
		fmt.Fprintf(t, "  dig @%s -p %d %s %s\t# %s\n", ap.Addr(), ap.Port(), strings.TrimSuffix(q.Name, "."), q.Type, q.What)
	}
	t.Flush()
	fmt.Fprintln(w, "\nAdd +dnssec to see signatures; the flag ad says that the answer was validated.")
	q := lab.DemoQuestions()[0]
	fmt.Fprintf(w, "The same walk, step by step: %s trace --lab %s %s\n", called(), strings.TrimSuffix(q.Name, "."), q.Type)
	if metricsAddr != "" {
		fmt.Fprintf(w, "Metrics: curl http://%s/metrics\n", metricsAddr)
	}
	fmt.Fprintln(w, "Ctrl-C ends it.")
}

// called is how somebody has called this program, to be typed again: go run gives it a
// place that is gone afterwards.
func called() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/rootwalk"
	}
	return os.Args[0]
}
