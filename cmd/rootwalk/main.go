// Command rootwalk is a local name server: it answers DNS queries from its
// cache, and otherwise walks the hierarchy from the root.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"rootwalk/metrics"
)

// version is set when a release is built (-ldflags -X main.version=...).
var version string

// exit is an error with an exit code of its own.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string { return e.err.Error() }
func (e *exit) Unwrap() error { return e.err }

func main() {
	if version == "" {
		version = metrics.Version()
	}
	cmd, err := rootCommand().ExecuteC()
	if err == nil {
		return
	}
	code := 1
	var e *exit
	if errors.As(err, &e) {
		code, err = e.code, e.err
	}
	if err != nil {
		showFailure(cmd, err)
		fmt.Fprintln(os.Stderr, "rootwalk:", err)
	}
	os.Exit(code)
}

// rootCommand is the command line: all commands, in the order in which one needs them.
func rootCommand() *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use:   "rootwalk",
		Short: "A local name server that walks the DNS itself",
		Long: `rootwalk answers DNS queries from its cache, and otherwise walks the hierarchy:
root, top-level domain, authoritative servers. It needs no configuration file.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(serveCommand(confine), systemCommand(), ctlCommand(), traceCommand(), checkCommand(), doctorCommand(), healthcheckCommand(), labCommand(), versionCommand(), manCommand())
	root.CompletionOptions.HiddenDefaultCmd = true
	// A command that only has others is not called alone.
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1))
	explainUsage(root)
	return root
}

// explainUsage has a command that gets wrong arguments say what it takes, and one of
// several subcommands that there is no such one.
func explainUsage(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		explainUsage(sub)
	}
	check := cmd.Args
	switch {
	case cmd.HasParent() && cmd.HasSubCommands() && !cmd.Runnable():
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			cmd.SuggestionsMinimumDistance = 2
			hint := "; see --help"
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				hint = "; did you mean " + strings.Join(near, " or ") + "?"
			}
			return fmt.Errorf("%s: unknown command %q%s", cmd.Name(), args[0], hint)
		}
	case check != nil:
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return fmt.Errorf("%w; usage: %s", err, cmd.UseLine())
			}
			return nil
		}
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "rootwalk %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}
