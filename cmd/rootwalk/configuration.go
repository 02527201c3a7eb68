package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rootwalk/config"
)

// settings are the flags that say where the configuration comes from.
type settings struct {
	file         string
	listen       []string
	metrics      string
	rootHints    string
	trustAnchors string
}

// configuration lays file, environment and flags over the defaults.
func (s *settings) configuration(cmd *cobra.Command) (*config.Config, []string, error) {
	cfg, file := config.Default(), s.file
	if file == "" {
		file = usualConfiguration()
	}
	if file != "" {
		var err error
		if cfg, err = config.Load(file); err != nil {
			return nil, nil, err
		}
	}
	warnings, err := cfg.ApplyEnv(os.Environ())
	if err != nil {
		return nil, nil, err
	}
	for _, f := range []struct{ flag, key, value string }{
		{"listen", "listen", strings.Join(s.listen, ",")},
		{"metrics", "metrics.listen", s.metrics},
		{"root-hints", "root.hints", s.rootHints},
		{"trust-anchors", "root.trust-anchors", s.trustAnchors},
	} {
		if fl := cmd.Flags().Lookup(f.flag); fl != nil && fl.Changed {
			if err := cfg.Set(f.key, f.value, "--"+f.flag); err != nil {
				return nil, nil, err
			}
		}
	}
	return cfg, warnings, nil
}

// logger writes to w as the configuration says. The level can be changed.
func logger(cfg *config.Config, w io.Writer) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(levelOf(cfg.Log.Level))
	o := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, o)), level
	}
	return slog.New(slog.NewTextHandler(w, o)), level
}

func levelOf(l config.LogLevel) slog.Level {
	return map[config.LogLevel]slog.Level{config.LogDebug: slog.LevelDebug, config.LogInfo: slog.LevelInfo,
		config.LogWarn: slog.LevelWarn, config.LogError: slog.LevelError}[l]
}

func checkCommand() *cobra.Command {
	var s settings
	var defaults, schema, asJSON bool
	cmd := &cobra.Command{
		Use: "check", Short: "Check a configuration, or print it whole with the defaults", Args: cobra.NoArgs,
		Example: "  rootwalk check -c /etc/rootwalk/rootwalk.yaml\n  rootwalk check --defaults > rootwalk.yaml\n  rootwalk check --schema > rootwalk.schema.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if schema {
				_, err := cmd.OutOrStdout().Write(config.Schema())
				return err
			}
			cfg, warnings, err := s.configuration(cmd)
			if err != nil {
				return err
			}
			if !asJSON {
				for _, w := range warnings {
					fmt.Fprintln(cmd.ErrOrStderr(), "warning:", w)
				}
			}
			if _, err := rootServers(cfg); err != nil {
				return err
			}
			if _, err := configuredAnchors(cfg); err != nil {
				return err
			}
			if defaults {
				fmt.Fprint(cmd.OutOrStdout(), cfg.YAML())
				return nil
			}
			if asJSON {
				return showJSON(cmd.OutOrStdout(), struct {
					OK       bool     `json:"ok"`
					Warnings []string `json:"warnings"`
				}{true, append([]string{}, warnings...)})
			}
			fmt.Fprintln(cmd.OutOrStdout(), "ok")
			return nil
		},
	}
	cmd.Flags().StringVarP(&s.file, "config", "c", "", "configuration `FILE`")
	cmd.Flags().BoolVar(&defaults, "defaults", false, "print the whole configuration")
	cmd.Flags().BoolVar(&schema, "schema", false, "print a JSON schema of all keys, for editors")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON what is wrong, with file, line and key")
	cmd.MarkFlagsMutuallyExclusive("defaults", "schema", "json")
	return cmd
}
