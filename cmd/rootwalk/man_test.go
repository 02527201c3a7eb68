package main

// This file is about the manual pages.

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rootwalk/config"
)

func TestTheManualHasEveryCommandFlagAndKey(t *testing.T) {
	root := rootCommand()
	pages := manualPages(root)
	has := func(page, words string) {
		t.Helper()
		if !strings.Contains(pages[page], escaped.Replace(words)) {
			t.Errorf("%s lacks %q", page, words)
		}
	}
	commands := 0
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			if sub.Hidden || sub.Name() == "help" {
				continue
			}
			commands++
			has("rootwalk.8", strings.TrimSuffix(sub.UseLine(), " [flags]"))
			sub.LocalFlags().VisitAll(func(f *pflag.Flag) {
				_, text := pflag.UnquoteUsage(f)
				has("rootwalk.8", "--"+f.Name)
				has("rootwalk.8", text)
			})
			visit(sub)
		}
	}
	visit(root)
	if commands < 20 {
		t.Errorf("only %d commands were looked at", commands)
	}
	for _, k := range config.KeyDocs() {
		has("rootwalk.yaml.5", k.Name)
		has("rootwalk.yaml.5", k.Means[1:])
		has("rootwalk.yaml.5", k.Default)
	}
}

func TestTheManualIsFormattedWithoutWarnings(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"rootwalk.8", "rootwalk.yaml.5"} {
		o := run(t, "man", name)
		o.want(t, 0, []string{".TH "}, nil)
		var out, errs bytes.Buffer
		cmd := exec.Command(groff, "-man", "-Tutf8", "-ww", "-P-c") // as `man --warnings` does
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(o.out), &out, &errs
		if err := cmd.Run(); err != nil || errs.Len() > 0 || out.Len() < len(o.out)/2 {
			t.Errorf("%s: %v: %s", name, err, errs.String())
		}
	}
	run(t, "man", "rootwalk").want(t, 1, nil, []string{"rootwalk.8 and rootwalk.yaml.5"})
}

func TestATextMeansNothingToTheFormatter(t *testing.T) {
	p := new(page)
	p.words(".SH a\\b 'c' `--d`\n'e")
	if want := "\\&.SH a\\eb \\(aqc\\(aq \\fB\\-\\-d\\fR\n\\(aqe\n"; p.String() != want {
		t.Errorf("%q, want %q", p.String(), want)
	}
}
