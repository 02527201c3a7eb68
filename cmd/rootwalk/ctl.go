package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rootwalk/config"
	"rootwalk/control"
	"rootwalk/resolver"
)

// This file is the operator's end of the control socket.

// usualSocket is where the socket is when systemd runs the server.
const usualSocket = "/run/rootwalk/control"

// controlSocket is the path of the control socket; "" is none.
func controlSocket(cfg *config.Config) string {
	if cfg.Control.Socket != "" {
		return cfg.Control.Socket
	}
	if dirs := filepath.SplitList(os.Getenv("RUNTIME_DIRECTORY")); len(dirs) > 0 {
		return filepath.Join(dirs[0], "control")
	}
	return ""
}

// ctl is what all subcommands share.
type ctl struct {
	settings
	socket string
	json   bool
}

func ctlCommand() *cobra.Command {
	var c ctl
	cmd := &cobra.Command{
		Use: "ctl", Short: "Look into a running server, and tell it what to do",
		Long: `Look into a running server through its control socket, and tell it what to do.
The socket is that of --socket, or of the configuration, or /run/rootwalk/control.
Who may write to the socket's file may do all of this.`,
		Example: "  rootwalk ctl status\n  rootwalk ctl explain www.example.com AAAA\n  rootwalk ctl flush example.com --subtree",
	}
	f := cmd.PersistentFlags()
	f.StringVarP(&c.file, "config", "c", "", "configuration `FILE` that names the socket")
	f.StringVar(&c.socket, "socket", "", "`PATH` of the control socket")
	f.BoolVar(&c.json, "json", false, "print JSON")
	var subtree, anew bool
	add := func(use, short string, args cobra.PositionalArgs, run func(client *control.Client, cmd *cobra.Command, args []string) error, long ...string) *cobra.Command {
		sub := &cobra.Command{Use: use, Short: short, Long: strings.Join(long, ""), Args: args, RunE: func(cmd *cobra.Command, args []string) error {
			path, err := c.path(cmd)
			if err != nil {
				return err
			}
			return ctlError(path, run(control.NewClient(path), cmd, args))
		}, ValidArgsFunction: cobra.NoFileCompletions}
		cmd.AddCommand(sub)
		return sub
	}
	add("status", "How the server is, in a few figures", cobra.NoArgs, c.status)
	add("explain NAME [TYPE]", "Resolve in the running server, and show every step", cobra.RangeArgs(1, 2), func(client *control.Client, cmd *cobra.Command, args []string) error {
		params := url.Values{"name": args[:1], "type": args[1:]}
		if anew {
			params.Set("anew", "1")
		}
		return c.explain(client, cmd, params)
	}, `Resolve in the running server, with what it knows, and show every step. The exit
code is 0 for an answer, 2 when there is none (SERVFAIL).`).Flags().BoolVar(&anew, "anew", false, "ask the servers of the name, whatever the cache has of it")
	add("failures", "The walks that failed of late, and how", cobra.NoArgs, c.failures,
		"The last hundred walks that failed, each with the servers that were asked and what\nthey said.")
	add("lookup NAME", "What the cache has of a name", cobra.ExactArgs(1), func(client *control.Client, cmd *cobra.Command, args []string) error {
		return c.entries(client, cmd, "/lookup", url.Values{"name": args})
	})
	add("dump [NAME]", "All entries of the cache, or those of a name and of all names below it", cobra.MaximumNArgs(1), func(client *control.Client, cmd *cobra.Command, args []string) error {
		return c.entries(client, cmd, "/dump", url.Values{"name": args})
	})
	add("flush NAME", "Forget what is known of a name", cobra.ExactArgs(1), func(client *control.Client, cmd *cobra.Command, args []string) error {
		r := request{http.MethodPost, "/flush", url.Values{"name": args}, c.json}
		if subtree {
			r.params.Set("subtree", "1")
		}
		return show(client, cmd, r, func(w io.Writer, f control.Flushed) { fmt.Fprintf(w, "%d entries flushed\n", f.Entries) })
	}, `Forget what is known of a name, at once: answers, delegations, keys, and what does
not exist or has failed. Queries go on meanwhile.`).Flags().BoolVar(&subtree, "subtree", false, "and of all names below it")
	add("reload", "Read the configuration again", cobra.NoArgs, func(client *control.Client, cmd *cobra.Command, _ []string) error {
		return show(client, cmd, request{http.MethodPost, "/reload", nil, c.json}, showReload)
	}, `Read the configuration again, and say which keys have another value, and which of them
take effect at the next start. A file with a mistake changes nothing, and the exit code
is 1.`)
	add("log-level [LEVEL]", "Show the level of the log, or set it: debug, info, warn or error", cobra.MaximumNArgs(1), func(client *control.Client, cmd *cobra.Command, args []string) error {
		return show(client, cmd, request{setting(args), "/log-level", url.Values{"level": args}, c.json}, func(w io.Writer, m map[string]string) { fmt.Fprintln(w, m["log_level"]) })
	}, "Show the level of the log, or set it to debug, info, warn or error until the next\nreload.").
		ValidArgsFunction = cobra.FixedCompletions([]string{"debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp)
	add("query-log [N]", "Show how many queries are logged, or log one in so many; 1 is all, 0 none", cobra.MaximumNArgs(1), func(client *control.Client, cmd *cobra.Command, args []string) error {
		return show(client, cmd, request{setting(args), "/query-log", url.Values{"one-in": args}, c.json}, func(w io.Writer, m map[string]int) { fmt.Fprintln(w, m["one_in"]) })
	}, "Show how many queries are logged, or log one in so many until the next reload: 1 is\nall, 0 none.")
	add("stats", "All numbers", cobra.NoArgs, func(client *control.Client, cmd *cobra.Command, _ []string) error {
		return show(client, cmd, request{method: http.MethodGet, path: "/stats", json: c.json}, func(w io.Writer, all map[string]any) { showNumbers(w, "", all) })
	}, "All numbers that the metrics are made of, one in a line behind its name.")
	return cmd
}

// setting is how a setting is asked for, or given with its new value.
func setting(args []string) string {
	if len(args) == 0 {
		return http.MethodGet
	}
	return http.MethodPost
}

// path is the path of the socket.
func (c *ctl) path(cmd *cobra.Command) (string, error) {
	if c.socket != "" {
		return c.socket, nil
	}
	cfg, _, err := c.configuration(cmd)
	if err != nil {
		return "", err
	}
	if path := controlSocket(cfg); path != "" {
		return path, nil
	}
	return usualSocket, nil
}

// ctlError says what to do about a socket that does not answer.
func ctlError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no server has a control socket at %s; set control.socket in its configuration, and give the same with -c or --socket", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody answers at %s: the server has ended", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be written to by this user; try as root", path)
	}
	return err
}

// request is what is asked of the server, and whether its JSON is shown as it is.
type request struct {
	method, path string
	params       url.Values
	json         bool
}

// show asks for one value, and shows it in words or as JSON.
func show[T any](client *control.Client, cmd *cobra.Command, r request, words func(io.Writer, T)) error {
	if r.json {
		body, err := client.Do(cmd.Context(), r.method, r.path, r.params)
		if err != nil {
			return err
		}
		defer body.Close()
		_, err = io.Copy(cmd.OutOrStdout(), body)
		return err
	}
	var v T
	if err := client.Get(cmd.Context(), r.method, r.path, r.params, &v); err != nil {
		return err
	}
	words(cmd.OutOrStdout(), v)
	return nil
}

func (c *ctl) status(client *control.Client, cmd *cobra.Command, _ []string) error {
	return show(client, cmd, request{method: http.MethodGet, path: "/status", json: c.json}, func(w io.Writer, s control.Status) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		line := func(what, format string, args ...any) {
			fmt.Fprintf(t, "%s\t"+format+"\n", append([]any{what}, args...)...)
		}
		line("version", "%s", s.Version)
		line("up", "%s, since %s", s.Uptime.Round(time.Second), s.Started.Format(time.RFC3339))
		line("listens on", "%s", strings.Join(s.Listen, ", "))
		line("root known", "%s", map[bool]string{true: "yes", false: "not yet"}[s.Primed])
		line("queries", "%d, %.1f%% of them answered from the cache, %d stale", s.Queries, 100*s.HitRatio, s.Stale)
		line("walks", "%d, %d failed, %d in flight", s.Walks, s.Failures, s.InFlight)
		line("upstream", "%d packets, %d timeouts, %d servers known", s.UpstreamQueries, s.UpstreamTimeouts, s.UpstreamServers)
		line("cache", "%d entries, %d of %d MiB, %d evicted", s.CacheEntries, s.CacheBytes>>20, s.CacheLimit>>20, s.Evictions)
		line("log level", "%s", s.LogLevel)
		line("query log", "%s", queryLogged(s.QueryLog))
		switch {
		case s.Reloads.Failing:
			line("configuration", "the last reload FAILED; an older one is in force (see the log, or rootwalk check)")
		case s.Reloads.Last.IsZero():
			line("configuration", "as at the start")
		default:
			line("configuration", "reloaded %s", s.Reloads.Last.Format(time.RFC3339))
		}
		t.Flush()
	})
}

func queryLogged(oneIn int) string {
	switch oneIn {
	case 0:
		return "off"
	case 1:
		return "all queries"
	}
	return fmt.Sprintf("one query in %d", oneIn)
}

// showNumbers prints numbers, one a line behind its dotted name.
func showNumbers(w io.Writer, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			showNumbers(w, strings.TrimPrefix(name+"."+k, "."), v[k])
		}
	case []any:
		fmt.Fprint(w, name)
		for _, n := range v {
			fmt.Fprintf(w, " %.f", n)
		}
		fmt.Fprintln(w)
	case float64:
		fmt.Fprintln(w, name, strconv.FormatFloat(v, 'f', -1, 64))
	default:
		fmt.Fprintln(w, name, v)
	}
}

func showReload(w io.Writer, r reloaded) {
	for _, text := range r.Warnings {
		fmt.Fprintln(w, "warning:", text)
	}
	for _, k := range r.Restart {
		fmt.Fprintf(w, "%s: the change takes effect at the next start\n", k)
	}
	if len(r.Changed) == 0 {
		fmt.Fprintln(w, "reloaded; no key has another value")
		return
	}
	for _, k := range r.Changed {
		fmt.Fprintf(w, "%s: changed\n", k)
	}
}

// entries shows entries of the cache.
func (c *ctl) entries(client *control.Client, cmd *cobra.Command, path string, params url.Values) error {
	w, n := cmd.OutOrStdout(), 0
	err := client.Lines(cmd.Context(), path, params, func(line []byte) error {
		n++
		if c.json {
			_, err := w.Write(line)
			return err
		}
		var e control.Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		_, err := io.WriteString(w, e.String())
		return err
	})
	if err == nil && n == 0 && !c.json {
		fmt.Fprintln(w, "; nothing")
	}
	return err
}

func (c *ctl) explain(client *control.Client, cmd *cobra.Command, params url.Values) error {
	var x control.Explanation
	if err := client.Get(cmd.Context(), http.MethodGet, "/explain", params, &x); err != nil {
		return err
	}
	return showExplanation(cmd, &x, c.json)
}

// showExplanation prints a walk and its answer; that there is none is an exit code.
func showExplanation(cmd *cobra.Command, x *control.Explanation, asJSON bool) error {
	w := cmd.OutOrStdout()
	if asJSON {
		if err := showJSON(w, x); err != nil {
			return err
		}
	} else {
		fmt.Fprint(w, x)
	}
	if x.Failed() {
		return &exit{code: 2}
	}
	return nil
}

func (c *ctl) failures(client *control.Client, cmd *cobra.Command, _ []string) error {
	return show(client, cmd, request{method: http.MethodGet, path: "/failures", json: c.json}, func(w io.Writer, all []resolver.Past) {
		for _, p := range all {
			times := ""
			if p.Times > 1 {
				times = fmt.Sprintf(", %d times in a row", p.Times)
			}
			t := resolver.Trace{Steps: p.Steps}
			fmt.Fprintf(w, "%s %s: %s (extended error %d, %d packets, %s%s)\n%s\n", p.When.Format(time.RFC3339), p.Question, p.Text, p.EDE, p.Packets,
				p.Took.Round(time.Millisecond), times, t.String())
		}
		if len(all) == 0 {
			fmt.Fprintln(w, "no walk has failed since the start")
		}
	})
}
