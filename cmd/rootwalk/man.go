package main

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rootwalk/config"
)

// This file writes the manual pages, rootwalk(8) and rootwalk.yaml(5), in the language of
// man(7). What they say of commands, flags and keys is what those say of themselves.

// manualPages are the pages by the names of their files.
func manualPages(root *cobra.Command) map[string]string {
	return map[string]string{"rootwalk.8": commandsPage(root), "rootwalk.yaml.5": keysPage()}
}

func manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man [PAGE]", Short: "Print a manual page", Hidden: true, Args: cobra.MaximumNArgs(1),
		Long:    "Print a manual page, rootwalk.8 or rootwalk.yaml.5, for man(1) or a package.",
		Example: "  rootwalk man | man -l -\n  rootwalk man rootwalk.yaml.5 > rootwalk.yaml.5",
		RunE: func(cmd *cobra.Command, args []string) error {
			name := cmp.Or(strings.Join(args, ""), "rootwalk.8")
			page, ok := manualPages(cmd.Root())[name]
			if !ok {
				return fmt.Errorf("there is no page %q; there are rootwalk.8 and rootwalk.yaml.5", name)
			}
			_, err := fmt.Fprint(cmd.OutOrStdout(), page)
			return err
		},
	}
}

// page is a manual page that is being written.
type page struct{ strings.Builder }

// escaped is a text as it shall be read: no character of it means anything to the formatter.
var escaped = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, `"`, `\(dq`, "^", `\(ha`, "~", `\(ti`)

// inQuotes is a command within a text.
var inQuotes = regexp.MustCompile("`[^`]+`")

// words writes a text to be filled, with its paragraphs and with commands in bold.
func (p *page) words(text string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimSpace(line)
		if line == "" {
			p.WriteString(".PP\n")
			continue
		}
		at := 0
		for _, m := range inQuotes.FindAllStringIndex(line, -1) {
			p.plain(line[at:m[0]], at == 0)
			p.WriteString(`\fB` + escaped.Replace(line[m[0]+1:m[1]-1]) + `\fR`)
			at = m[1]
		}
		p.plain(line[at:], at == 0)
		p.WriteByte('\n')
	}
}

// plain writes a text that may begin a line, where a dot would be a request.
func (p *page) plain(text string, begins bool) {
	if begins && strings.HasPrefix(text, ".") {
		p.WriteString(`\&`)
	}
	p.WriteString(escaped.Replace(text))
}

// macro writes a request with its arguments.
func (p *page) macro(name string, args ...string) {
	p.WriteString("." + name)
	for _, a := range args {
		p.WriteString(` "` + escaped.Replace(a) + `"`)
	}
	p.WriteByte('\n')
}

// example writes lines as they are.
func (p *page) example(lines string) {
	p.WriteString(".PP\n.RS 4\n.nf\n")
	for line := range strings.Lines(lines) {
		p.plain(strings.TrimSuffix(line, "\n"), true)
		p.WriteByte('\n')
	}
	p.WriteString(".fi\n.RE\n")
}

// item writes what something is.
func (p *page) item(head, text string) {
	p.WriteString(".TP\n" + head + "\n")
	p.words(text)
}

func bold(text string) string   { return `\fB` + escaped.Replace(text) + `\fR` }
func italic(text string) string { return `\fI` + escaped.Replace(text) + `\fR` }

// flags writes what flags do.
func (p *page) flags(set *pflag.FlagSet) {
	set.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		head := bold("--" + f.Name)
		if f.Shorthand != "" {
			head = bold("-"+f.Shorthand) + ", " + head
		}
		value, text := pflag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
			text += " (default " + f.DefValue + ")"
		}
		if value != "" {
			head += " " + italic(value)
		}
		p.item(head, text)
	})
}

// command writes what a command and those below it do.
func (p *page) command(cmd *cobra.Command) {
	p.macro("SS", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	p.words(cmp.Or(cmd.Long, cmd.Short+"."))
	p.flags(cmd.LocalFlags())
	if cmd.Example != "" {
		p.example(strings.ReplaceAll("\n"+cmd.Example, "\n  ", "\n")[1:])
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			p.command(sub)
		}
	}
}

func commandsPage(root *cobra.Command) string {
	p := new(page)
	p.macro("TH", "ROOTWALK", "8", "", "rootwalk "+version, "rootwalk")
	p.macro("SH", "NAME")
	p.words("rootwalk - a local name server that walks the DNS itself")
	p.macro("SH", "SYNOPSIS")
	p.WriteString(bold("rootwalk") + " " + italic("COMMAND") + " [" + italic("ARGUMENTS") + "] [" + italic("FLAGS") + "]\n")
	p.macro("SH", "DESCRIPTION")
	p.words(root.Long + "\n\nEvery command takes --help. `rootwalk completion` has bash, zsh, fish or powershell complete commands and flags.")
	p.macro("SH", "COMMANDS")
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() && cmd.Name() != "help" {
			p.command(cmd)
		}
	}
	p.macro("SH", "EXIT STATUS")
	p.words("0 if all is well, 1 if not; 2 of `rootwalk trace` and `rootwalk ctl explain` if there is no answer (SERVFAIL). With --json a failure is one line of JSON, with error and, where a configuration is to blame, the file, line and key of each of its problems.")
	p.macro("SH", "SIGNALS")
	p.item("HUP", "`rootwalk serve` reads its configuration again. What has a mistake changes nothing.")
	p.item("TERM, INT", "It answers what it is at, for two seconds at most, writes the cache to its file, and ends.")
	p.macro("SH", "ENVIRONMENT")
	p.item(italic("ROOTWALK_SECTION_KEY"), "The value of a key of the configuration, such as ROOTWALK_CACHE_SIZE=1GiB for cache.size; it goes before that of the file.")
	p.item(italic("CONFIGURATION_DIRECTORY")+", "+italic("RUNTIME_DIRECTORY")+", "+italic("STATE_DIRECTORY"),
		"As set by systemd: where rootwalk.yaml is looked for without --config, where the control socket is, and where the snapshot of the cache and the trust anchors are, unless the configuration names other places.")
	p.macro("SH", "FILES")
	p.item("/etc/rootwalk/rootwalk.yaml", "The configuration of the service; see rootwalk.yaml(5).")
	p.item("/run/rootwalk/control", "Its control socket. Who may write to it may do all that `rootwalk ctl` can.")
	p.item("/var/lib/rootwalk", "Its snapshot of the cache, and trust anchors as they have changed (RFC 5011).")
	p.item("/var/lib/rootwalk-system", "What `rootwalk system install` has replaced, with a journal.")
	p.macro("SH", "SEE ALSO")
	p.words("rootwalk.yaml(5), resolv.conf(5), systemctl(1), dig(1)")
	return p.String()
}

func keysPage() string {
	p := new(page)
	p.macro("TH", "ROOTWALK.YAML", "5", "", "rootwalk "+version, "rootwalk")
	p.macro("SH", "NAME")
	p.words("rootwalk.yaml - configuration of rootwalk")
	p.macro("SH", "DESCRIPTION")
	p.words("One document of YAML or JSON. Any key may be left out, and has its default then. A key that is not known, a wrong type or a wrong value is an error with file, line and key, and keeps the server from starting, or from taking over anything of it where it runs: `rootwalk check` finds all of them before.\n\n" +
		"Durations are written as 500ms, 30s, 5m or 24h, sizes as 256MiB. Each key can be given in the environment, too: ROOTWALK_CACHE_SIZE is cache.size.\n\n" +
		"`systemctl reload rootwalk`, `rootwalk ctl reload` or SIGHUP has a running server read it again, and take over all but a few keys, which are marked.")
	p.macro("SH", "KEYS")
	section := ""
	for _, k := range config.KeyDocs() {
		first, _, nested := strings.Cut(k.Name, ".")
		if nested && first != section {
			section = first
			p.macro("SS", section)
		} else if !nested {
			p.macro("SS", k.Name)
		}
		text := strings.ToUpper(k.Means[:1]) + k.Means[1:] + ". Accepted: " + k.Accepts + "."
		if k.AtStart {
			text += " Read at the start alone."
		}
		p.item(bold(k.Name)+" (default "+escaped.Replace(k.Default)+")", text)
	}
	p.macro("SH", "EXAMPLE")
	p.words("A server for a network, with a private zone that its own servers answer, and that the signed root denies:")
	p.example(`listen: ["127.0.0.1:53", "[::1]:53", "192.0.2.53:53"]
access:
  allow: ["127.0.0.0/8", "::1/128", "192.0.2.0/24"]
zones:
  - {name: corp., type: stub, servers: ["10.0.0.53"]}
dnssec:
  negative-trust-anchors: [corp.]`)
	p.macro("SH", "SEE ALSO")
	p.words("rootwalk(8); `rootwalk check --schema` has the same for editors")
	return p.String()
}
