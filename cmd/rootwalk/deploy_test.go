package main

// This file holds the alerts and the dashboard in deploy/ against the numbers that a
// server really has.

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
)

// dashboardExpressions are the expressions of all panels.
func dashboardExpressions(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/grafana/rootwalk.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	return all
}

// alertExpressions are the expressions of all alerts.
func alertExpressions(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/prometheus/rootwalk.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Groups []struct {
			Rules []struct {
				Expr string `yaml:"expr"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			all = append(all, r.Expr)
		}
	}
	return all
}

// metered starts a server with metrics that has answered something.
func metered(t *testing.T) (metricsAt string) {
	t.Helper()
	_, path, base := loopbackSettings(t)
	at := freePort(t)
	rewrite(t, path, regexp.MustCompile(`metrics: .*`).ReplaceAllString(base, fmt.Sprintf("metrics: {listen: %q}", at)))
	_, dnsAt := serve(t, "-c", path)
	for _, name := range []string{"www.example.com.", "www.example.com.", "nowhere.example.com."} {
		ask(t, "udp", dnsAt, name, "A")
	}
	return at.String()
}

func TestAlertsAndDashboardAskForNumbersThatThereAre(t *testing.T) {
	at := metered(t)
	resp, err := http.Get("http://" + at + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)[{ ]`).FindAllSubmatch(text, -1) {
		have = append(have, string(m[1]))
	}
	expressions := append(dashboardExpressions(t), alertExpressions(t)...)
	if len(expressions) < 30 {
		t.Fatalf("only %d expressions", len(expressions))
	}
	for _, e := range expressions {
		for _, name := range regexp.MustCompile(`\b(?:rootwalk|process)_[a-z_]+`).FindAllString(e, -1) {
			if !slices.Contains(have, name) {
				t.Errorf("%s: there is no %s", e, name)
			}
		}
	}
}

func TestPromtoolAcceptsTheAlertsAndTheirTests(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	for _, args := range [][]string{{"check", "rules", "rootwalk.rules.yml"}, {"test", "rules", "rootwalk.rules.test.yml"}} {
		cmd := exec.Command(tool, args...)
		cmd.Dir = "../../deploy/prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
