package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"rootwalk/config"
	"rootwalk/lab"
	"rootwalk/resolver"
	"rootwalk/wire"
)

func traceCommand() *cobra.Command {
	var s settings
	var asJSON, useLab bool
	cmd := &cobra.Command{
		Use: "trace NAME [TYPE]", Short: "Resolve once, from an empty cache, and show every step",
		Args:    cobra.RangeArgs(1, 2),
		Example: "  rootwalk trace www.example.com\n  rootwalk trace example.com MX --json\n  rootwalk trace --lab www.shop.example",
		Long: `Resolve once, from an empty cache, and show every step: which zone's servers were
asked for what, how long they took, what they said and what followed from it.

The exit code is 0 for an answer (a name that does not exist is one), 1 for a
wrong command line, 2 when there is no answer (SERVFAIL).`,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := wire.ParseName(args[0])
			if err != nil {
				return err
			}
			q := wire.Question{Name: name.Lower(), Type: wire.TypeA, Class: wire.ClassIN}
			if len(args) == 2 {
				if q.Type, err = parseType(args[1]); err != nil {
					return err
				}
			}
			cfg, _, err := s.configuration(cmd)
			if err != nil {
				return err
			}
			p, err := tracer(cfg, useLab)
			if err != nil {
				return err
			}
			return p.trace(cmd, q, asJSON)
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
	if !useLab {
		return assemble(cfg, log)
	}
	net, _, err := lab.Parse(lab.Demo())
	if err != nil {
		return nil, err
	}
	return assembleLab(cfg, log, net, net.Dial)
}

// parseType reads a type mnemonic or TYPE1234.
func parseType(s string) (wire.Type, error) {
	if t, ok := dns.StringToType[strings.ToUpper(s)]; ok {
		return wire.Type(t), nil
	}
	if digits, ok := strings.CutPrefix(strings.ToUpper(s), "TYPE"); ok {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return wire.Type(n), nil
		}
	}
	return 0, fmt.Errorf("%q is no record type; try A, AAAA, MX, TXT, NS or TYPE65", s)
}

// traceOutput is what --json prints.
type traceOutput struct {
	Question string           `json:"question"`
	Rcode    string           `json:"rcode"`
	Error    string           `json:"error,omitempty"`
	Answer   []string         `json:"answer"`
	Took     time.Duration    `json:"took_ns"`
	Steps    []*resolver.Step `json:"steps"`
}

// trace resolves q and prints the walk and the answer.
func (p *parts) trace(cmd *cobra.Command, q wire.Question, asJSON bool) error {
	var t resolver.Trace
	start := time.Now()
	res, err := p.resolver.Lookup(cmd.Context(), resolver.Request{Question: q, Trace: &t})
	out := traceOutput{Question: q.String(), Rcode: wire.ServFail.String(), Answer: []string{}, Took: time.Since(start), Steps: t.Steps}
	var failure *resolver.Failure
	if errors.As(err, &failure) {
		out.Error = failure.Text
	} else {
		var m wire.Message
		if err := res.Reply.Unpack(q, &m); err != nil {
			return err
		}
		out.Rcode = m.Rcode.String()
		for _, r := range m.Answer {
			if r.Type != wire.TypeRRSIG { // the steps say what became of signatures
				out.Answer = append(out.Answer, presentation(r))
			}
		}
	}
	w := cmd.OutOrStdout()
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		if err := e.Encode(out); err != nil {
			return err
		}
	} else {
		fmt.Fprint(w, t.String())
		fmt.Fprintf(w, "\n%s in %s\n", out.Rcode, out.Took.Round(10*time.Microsecond))
		for _, a := range out.Answer {
			fmt.Fprintln(w, a)
		}
	}
	if failure != nil {
		return &exit{code: 2}
	}
	return nil
}

// presentation is a record in master-file form.
func presentation(r wire.Record) string {
	msg := wire.AppendQuestion(nil, 0, 0, wire.Root, r.Type, r.Class)[:wire.HeaderLen]
	msg[5], msg[7] = 0, 1
	msg = append(msg, r.Name...)
	msg = append(msg, byte(r.Type>>8), byte(r.Type), byte(r.Class>>8), byte(r.Class),
		byte(r.TTL>>24), byte(r.TTL>>16), byte(r.TTL>>8), byte(r.TTL), byte(len(r.Data)>>8), byte(len(r.Data)))
	msg = append(msg, r.Data...)
	rr, _, err := dns.UnpackRR(msg, wire.HeaderLen)
	if err != nil {
		return fmt.Sprintf("%s %d %s \\# %d %x", r.Name, r.TTL, r.Type, len(r.Data), r.Data)
	}
	return strings.ReplaceAll(rr.String(), "\t", " ")
}
