package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"rootwalk/config"
	"rootwalk/control"
	"rootwalk/lab"
	"rootwalk/resolver"
)

func traceCommand() *cobra.Command {
	var s settings
	var asJSON, useLab bool
	cmd := &cobra.Command{
		Use: "trace NAME [TYPE]", Short: "Resolve once, from an empty cache, and show every step",
		Args:    cobra.RangeArgs(1, 2),
		Example: "  rootwalk trace www.example.com\n  rootwalk trace example.com MX --json\n  rootwalk trace --lab pier.harbour.example",
		Long: `Resolve once, from an empty cache, and show every step: which zone's servers were
asked for what, how long they took, what they said and what followed from it.

The exit code is 0 for an answer (a name that does not exist is one), 1 for a
wrong command line, 2 when there is no answer (SERVFAIL).`,
		RunE: func(cmd *cobra.Command, args []string) error {
			q, err := control.ParseQuestion(args[0], strings.Join(args[1:], ""))
			if err != nil {
				return err
			}
			cfg, _, err := s.configuration(cmd)
			if err != nil {
				return err
			}
			p, err := tracer(cfg, useLab)
			if err != nil {
				return err
			}
			x, err := control.Explain(cmd.Context(), p.resolver, resolver.Request{Question: q})
			if err != nil {
				return err
			}
			return showExplanation(cmd, x, asJSON)
		},
	}
	cmd.Flags().StringVarP(&s.file, "config", "c", "", "configuration `FILE`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the walk as JSON")
	cmd.Flags().BoolVar(&useLab, "lab", false, "walk the built-in private Internet instead of the real one")
	return cmd
}

// tracer assembles a resolver for one question.
func tracer(cfg *config.Config, useLab bool) (*parts, error) {
	log, _ := logger(cfg, io.Discard)
	cfg.Dnstap = config.Dnstap{} // the reader is the server's
	if !useLab {
		return assemble(cfg, log)
	}
	net, _, err := lab.Parse(lab.Demo())
	if err != nil {
		return nil, err
	}
	return assembleLab(cfg, log, net, net.Dial)
}
