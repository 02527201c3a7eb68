package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"rootwalk/config"
	"rootwalk/control"
)

// This file is what --json has in common: how values are printed, and failures.

// showJSON prints a value, for programs and for people who look.
func showJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// failure is what is printed, in one line, where JSON is wanted and something else than a
// result came of it. Stderr has the same in words.
type failure struct {
	Error    string            `json:"error"`
	Problems []*config.Problem `json:"problems,omitempty"` // of a configuration
}

// showFailure prints a failure, if the command is one that was to print JSON. What a
// server has refused is in its own words.
func showFailure(cmd *cobra.Command, err error) {
	if f := cmd.Flags().Lookup("json"); f == nil || f.Value.String() != "true" {
		return
	}
	var line bytes.Buffer
	refusal := (*control.Refusal)(nil)
	if errors.As(err, &refusal) && json.Compact(&line, refusal.Body) == nil {
		line.WriteByte('\n')
		_, _ = cmd.OutOrStdout().Write(line.Bytes())
		return
	}
	_ = json.NewEncoder(cmd.OutOrStdout()).Encode(failure{err.Error(), config.Problems(err)})
}
