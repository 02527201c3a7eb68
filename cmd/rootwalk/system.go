package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"rootwalk/config"
	"rootwalk/system"
)

// This file makes the server the resolver of this host, and undoes that.

// systemFlags are what all commands of `rootwalk system` have in common.
type systemFlags struct {
	root              string
	dryRun, yes, json bool
}

// work is what a command would do, or has done, as data.
type work struct {
	Now     string        `json:"now,omitempty"` // who answers for the host before, in words
	Steps   []system.Step `json:"steps"`
	Notes   []string      `json:"notes"`   // what the user should know
	Changed bool          `json:"changed"` // the steps were gone through
}

func systemCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "system", Short: "Make rootwalk the resolver of this host, or undo that",
		Long: `Make rootwalk the resolver of this host, see who is, or undo it. Each command
shows what it will change before it changes anything; what it replaces is kept, and put
back by uninstall.`,
	}
	cmd.AddCommand(systemInstallCommand(), systemUninstallCommand(), systemStatusCommand())
	return cmd
}

func systemInstallCommand() *cobra.Command {
	var s systemFlags
	cmd := &cobra.Command{
		Use: "install", Short: "Have this host ask rootwalk for every name", Args: cobra.NoArgs,
		Long: `Install rootwalk as a service of systemd, and have this host ask it: /etc/resolv.conf
names it, and systemd-resolved, NetworkManager, dhclient and their like are told to leave
that file alone. The server must resolve before anything asks it; if it does not, or
anything else fails, all is undone again. Going through it twice does no harm.`,
		Example: "  rootwalk system install --dry-run\n  sudo rootwalk system install",
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, f, err := s.look(cmd, true)
			if err != nil {
				return err
			}
			plan, err := f.Plan(h)
			if err != nil {
				return err
			}
			out, w := s.words(cmd), work{Steps: []system.Step{}, Notes: append([]string{}, plan.Notes...)}
			if h.Live {
				w.Now = f.Now()
				fmt.Fprintln(out, w.Now)
			}
			if !plan.Changes() {
				fmt.Fprintln(out, "rootwalk is installed as its resolver; there is nothing to do.")
				showNotes(out, w.Notes)
				if !s.dryRun {
					if err := h.Install(cmd.Context(), f, plan, nil); err != nil {
						return err
					}
				}
				return s.show(cmd, w)
			}
			w.Steps = plan.Steps
			fmt.Fprintln(out, "\nTo be done:")
			showSteps(out, w.Steps)
			showNotes(out, w.Notes)
			fmt.Fprintf(out, "What is replaced is kept in %s; `rootwalk system uninstall` puts it back.\n", system.JournalDir)
			if s.dryRun {
				return s.show(cmd, w)
			}
			if err := s.confirm(cmd); err != nil {
				return err
			}
			// What was begun is undone when somebody loses patience.
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if err := h.Install(ctx, f, plan, func(step string) { fmt.Fprintln(out, "-", step) }); err != nil {
				return err
			}
			if h.Live {
				fmt.Fprintf(out, "\nThis host asks rootwalk now. `rootwalk system status` says so; the numbers are at http://127.0.0.1:9153/\n")
			} else {
				fmt.Fprintf(out, "\nThe host in %s will ask rootwalk when it starts.\n", h.Dir)
			}
			w.Changed = true
			return s.show(cmd, w)
		},
	}
	s.flags(cmd)
	return cmd
}

func systemUninstallCommand() *cobra.Command {
	var s systemFlags
	var u system.Undoing
	cmd := &cobra.Command{
		Use: "uninstall", Short: "Undo what install did", Args: cobra.NoArgs,
		Long: `Put back what install replaced, also after an installation that did not come to its
end, and remove what it brought. Files that were changed since are told and left alone.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, f, err := s.look(cmd, false)
			if err != nil {
				return err
			}
			out, w := s.words(cmd), work{Steps: append([]system.Step{}, f.Undo()...), Notes: []string{}}
			if len(w.Steps) == 0 {
				fmt.Fprintln(out, "`rootwalk system install` has changed nothing here; there is nothing to undo.")
				if !s.dryRun {
					if _, err := h.Uninstall(cmd.Context(), f, u, nil); err != nil {
						return err
					}
				}
				return s.show(cmd, w)
			}
			fmt.Fprintln(out, "To be done, where nobody has changed it since:")
			showSteps(out, w.Steps)
			if s.dryRun {
				return s.show(cmd, w)
			}
			if err := s.confirm(cmd); err != nil {
				return err
			}
			left, err := h.Uninstall(cmd.Context(), f, u, func(step string) { fmt.Fprintln(out, "-", step) })
			showNotes(out, left)
			if err != nil {
				return err
			}
			if h.Live {
				fmt.Fprintln(out, "This host resolves as it did before. The cache and trust anchors of the service stay in /var/lib/rootwalk, if it ran.")
			}
			w.Notes, w.Changed = append(w.Notes, left...), true
			return s.show(cmd, w)
		},
	}
	s.flags(cmd)
	cmd.Flags().BoolVar(&u.Force, "force", false, "also put back what was changed since; the changed files are saved")
	return cmd
}

func systemStatusCommand() *cobra.Command {
	var s systemFlags
	cmd := &cobra.Command{
		Use: "status", Short: "Say who answers for this host, and whether that is rootwalk", Args: cobra.NoArgs,
		Long: `Say who answers for this host, and whether that is rootwalk, which is then asked a
question. The exit code is 0 if it is rootwalk and resolves, and 1 if not. Of an image
it says whether rootwalk will be asked.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, f, err := s.look(cmd, false)
			if err != nil {
				return err
			}
			status := f.Status(cmd.Context(), h)
			out := cmd.OutOrStdout()
			if s.json {
				err = showJSON(out, status)
			} else {
				fmt.Fprintln(out, status.Text)
				fmt.Fprintf(out, "Installed by `rootwalk system install`: %s.\n", f.Installed)
				showNotes(out, status.Advice)
			}
			if err == nil && (!status.Rootwalk || status.Resolves != nil && !*status.Resolves) {
				return &exit{code: 1}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&s.root, "root", "", "look at the host whose / is in this `DIR`")
	cmd.Flags().BoolVar(&s.json, "json", false, "print JSON")
	return cmd
}

// words is where a command tells people what it does.
func (s *systemFlags) words(cmd *cobra.Command) io.Writer {
	if s.json {
		return io.Discard
	}
	return cmd.OutOrStdout()
}

// show tells it as data, if that is wanted.
func (s *systemFlags) show(cmd *cobra.Command, w work) error {
	if !s.json {
		return nil
	}
	return showJSON(cmd.OutOrStdout(), w)
}

func showSteps(w io.Writer, steps []system.Step) {
	for i, words := range system.Words(steps) {
		fmt.Fprintf(w, "%3d. %s\n", i+1, words)
	}
}

func showNotes(w io.Writer, notes []string) {
	for _, n := range notes {
		fmt.Fprintln(w, "note:", n)
	}
}

func (s *systemFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.root, "root", "", "change the host whose / is in this `DIR`, an image for example; no service is started")
	f.BoolVar(&s.dryRun, "dry-run", false, "show what would be done, and do nothing")
	f.BoolVarP(&s.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&s.json, "json", false, "print JSON; with --dry-run or --yes")
}

// look is the host, and what can be seen of it. Where it is not strict, a mistake in the
// configuration is no hindrance: there is always a way back.
func (s *systemFlags) look(cmd *cobra.Command, strict bool) (*system.Host, *system.Facts, error) {
	if runtime.GOOS != "linux" {
		return nil, nil, fmt.Errorf("`rootwalk system` knows Linux only; on %s run `rootwalk serve` as a service, and set the DNS server of this host to 127.0.0.1 in its network settings", runtime.GOOS)
	}
	h := &system.Host{Dir: "/", Live: true, Systemctl: systemctl, Resolves: resolves, Manual: map[string]string{}}
	for name, text := range manualPages(cmd.Root()) {
		h.Manual["/usr/local/share/man/man"+name[len(name)-1:]+"/"+name] = text
	}
	if s.root != "" {
		dir, err := filepath.Abs(s.root)
		if err != nil {
			return nil, nil, err
		}
		if dir != "/" {
			h.Dir, h.Live = dir, false
		}
	}
	var err error
	if h.Binary, err = os.Executable(); err != nil {
		return nil, nil, err
	}
	if h.Server, err = serverOf(filepath.Join(h.Dir, "etc/rootwalk/rootwalk.yaml")); err != nil {
		if strict {
			return nil, nil, err
		}
		fmt.Fprintln(cmd.ErrOrStderr(), "note:", err)
		h.Server = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53)
	}
	f, err := system.Look(cmd.Context(), h)
	return h, f, err
}

// serverOf is where the server answers that has this configuration, if there is one.
func serverOf(file string) (netip.AddrPort, error) {
	cfg := config.Default()
	if _, err := os.Stat(file); err == nil {
		if cfg, err = config.Load(file); err != nil {
			return netip.AddrPort{}, err
		}
	}
	var listen []netip.AddrPort
	for _, l := range cfg.Listen {
		if a, err := netip.ParseAddrPort(l); err == nil {
			listen = append(listen, a)
		}
	}
	at, err := system.ServerAt(listen)
	if err != nil {
		err = fmt.Errorf("%s: %w", file, err)
	}
	return at, err
}

// confirm asks whether to go on, if there is somebody to ask; its error says why not.
func (s *systemFlags) confirm(cmd *cobra.Command) error {
	switch {
	case s.root == "" && os.Geteuid() != 0:
		return errors.New("only root can do this: sudo rootwalk system ... (and --dry-run shows it to everybody)")
	case s.yes:
		return nil
	case s.json:
		return errors.New("--json asks nothing: give --dry-run to see what would be done, or --yes to have it done")
	}
	in := cmd.InOrStdin()
	if file, ok := in.(*os.File); ok {
		if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
			return errors.New("there is no terminal to ask on; --yes goes on without asking")
		}
	}
	fmt.Fprint(cmd.OutOrStdout(), "Go on? [y/N] ")
	line, _ := bufio.NewReader(in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errors.New("nothing was changed")
}

// systemctl runs systemctl.
func systemctl(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
	return string(out), err
}

// resolves asks a server for the SOA of the root, which it cannot know by itself.
func resolves(ctx context.Context, at netip.AddrPort) error {
	q := new(dns.Msg)
	q.SetQuestion(".", dns.TypeSOA)
	ctx, cancel := context.WithTimeout(ctx, 2*healthTime)
	defer cancel()
	r, _, err := (&dns.Client{Timeout: 2 * healthTime}).ExchangeContext(ctx, q, at.String())
	switch {
	case err != nil:
		return fmt.Errorf("%s does not answer: %w", at, err)
	case r.Rcode != dns.RcodeSuccess:
		return fmt.Errorf("%s answers %s for the SOA of the root", at, dns.RcodeToString[r.Rcode])
	}
	return nil
}
