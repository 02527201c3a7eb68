//go:build long

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestEveryPanelShowsSomethingInARealPrometheus has a Prometheus scrape a server, and
// asks it for every expression of the dashboard.
func TestEveryPanelShowsSomethingInARealPrometheus(t *testing.T) {
	tool, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "prometheus.yml")
	rewrite(t, conf, "", "global: {scrape_interval: 1s}", "scrape_configs:", "  - job_name: rootwalk",
		fmt.Sprintf("    static_configs: [{targets: [%q]}]", metered(t)))
	at := freePort(t).String()
	cmd := exec.Command(tool, "--config.file="+conf, "--storage.tsdb.path="+dir, "--web.listen-address="+at, "--log.level=error")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	series := func(expr string) int {
		resp, err := http.Get("http://" + at + "/api/v1/query?" + url.Values{"query": {expr}}.Encode())
		if err != nil {
			return -1
		}
		defer resp.Body.Close()
		var r struct {
			Status, Error string
			Data          struct{ Result []any }
		}
		if json.NewDecoder(resp.Body).Decode(&r) != nil || r.Status != "success" {
			return -1
		}
		return len(r.Data.Result)
	}
	for limit := time.Now().Add(time.Minute); series("count_over_time(rootwalk_primed[1m]) > 5") < 1; time.Sleep(time.Second) {
		if time.Now().After(limit) {
			t.Fatal("Prometheus has no samples")
		}
	}
	for _, e := range dashboardExpressions(t) {
		e = strings.NewReplacer("$__rate_interval", "1m", "$job", ".+", "$instance", ".+").Replace(e)
		if n := series(e); n < 1 {
			t.Errorf("%d series: %s", n, e)
		}
	}
}
