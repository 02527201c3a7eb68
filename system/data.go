package system

import (
	"encoding/json"
	"fmt"
	"io"
)

// This file is a step as data, in the terms of the journal.

// MarshalJSON has what a step changes and to what, down to the text of a file, unless
// that is a copy of another.
func (s Step) MarshalJSON() ([]byte, error) {
	v := struct {
		What      string   `json:"what,omitempty"` // in words; none is done only to undo
		Path      string   `json:"path,omitempty"`
		Before    *node    `json:"before,omitempty"`
		After     *node    `json:"after,omitempty"`
		Text      string   `json:"text,omitempty"`    // of the file
		CopyOf    string   `json:"copy_of,omitempty"` // another file
		Systemctl []string `json:"systemctl,omitempty"`
		Undo      []string `json:"undo,omitempty"`     // arguments of systemctl
		WaitFor   string   `json:"wait_for,omitempty"` // the "server" resolves; the "host" keeps its resolv.conf
	}{What: s.What, Path: s.path, CopyOf: s.from, Systemctl: s.do, Undo: s.undo, WaitFor: [...]string{nothing: "", forServer: "server", forHost: "host"}[s.wait]}
	if s.path != "" {
		v.Before, v.After = &s.had, &s.want
	}
	if s.text != nil && s.from == "" {
		r, err := s.text()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.path, err)
		}
		defer r.Close()
		text, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.path, err)
		}
		v.Text = string(text)
	}
	return json.Marshal(v)
}
