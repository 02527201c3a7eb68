package main

// This file holds the compose file against the files that it mounts, and against the
// configuration of the image.

import (
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"rootwalk/config"
)

const dockerDir = "../../deploy/docker"

// composed is what the tests want of a service.
type composed struct {
	ReadOnly    bool              `yaml:"read_only"`
	CapDrop     []string          `yaml:"cap_drop"`
	CapAdd      []string          `yaml:"cap_add"`
	Privileged  bool              `yaml:"privileged"`
	Network     string            `yaml:"network_mode"`
	Environment map[string]string `yaml:"environment"`
	Volumes     []string          `yaml:"volumes"`
	Ports       []string          `yaml:"ports"`
	Build       struct {
		Context, Dockerfile string
	} `yaml:"build"`
}

func readYAML(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dockerDir, name))
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func composeFile(t *testing.T) map[string]composed {
	var f struct {
		Services map[string]composed
		Volumes  map[string]any
	}
	readYAML(t, "compose.yaml", &f)
	if names := slices.Sorted(maps.Keys(f.Services)); !slices.Equal(names, []string{"grafana", "prometheus", "rootwalk"}) {
		t.Fatalf("services are %q", names)
	}
	for name, s := range f.Services {
		for _, v := range s.Volumes {
			if source, _, _ := strings.Cut(v, ":"); source[0] != '.' {
				if _, ok := f.Volumes[source]; !ok {
					t.Errorf("%s: the volume %s is not listed", name, source)
				}
			}
		}
	}
	return f.Services
}

// mounted is the file of the repository that a service sees at a path.
func (c composed) mounted(t *testing.T, target string) string {
	t.Helper()
	for _, v := range c.Volumes {
		if parts := strings.Split(v, ":"); parts[1] == target {
			if len(parts) != 3 || parts[2] != "ro" {
				t.Errorf("%s is not mounted read-only", v)
			}
			return parts[0]
		}
	}
	t.Fatalf("nothing is mounted at %s", target)
	return ""
}

func TestComposedServicesMayDoLittle(t *testing.T) {
	for name, s := range composeFile(t) {
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || len(s.CapAdd) > 0 || s.Privileged || s.Network != "" {
			t.Errorf("%s may do more than it needs: %+v", name, s)
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s is open to others than this host at %s", name, p)
			}
		}
		for _, v := range s.Volumes {
			if source, _, _ := strings.Cut(v, ":"); source[0] == '.' {
				if info, err := os.Stat(filepath.Join(dockerDir, source)); err != nil || !info.Mode().IsRegular() {
					t.Errorf("%s mounts %s, which is no file (%v)", name, source, err)
				}
			}
		}
	}
}

func TestComposedServicesFindEachOther(t *testing.T) {
	services := composeFile(t)
	ours, prometheus, grafana := services["rootwalk"], services["prometheus"], services["grafana"]
	if _, err := os.Stat(filepath.Join(dockerDir, ours.Build.Context, ours.Build.Dockerfile)); err != nil {
		t.Error(err)
	}
	cfg, err := config.Load(filepath.Join(dockerDir, ours.mounted(t, "/etc/rootwalk/rootwalk.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(cfg.Metrics.Listen, ":")
	if at, err := netip.ParseAddrPort(cfg.Metrics.Listen); err != nil || !at.Addr().IsUnspecified() {
		t.Errorf("the numbers are at %s, where no other container reaches them", cfg.Metrics.Listen)
	}
	for _, want := range []string{"127.0.0.1:53:53/udp", "127.0.0.1:53:53/tcp", "127.0.0.1:" + port + ":" + port} {
		if !slices.Contains(ours.Ports, want) {
			t.Errorf("%s is not published", want)
		}
	}
	var scrape struct {
		RuleFiles []string `yaml:"rule_files"`
		Scrape    []struct {
			Job    string `yaml:"job_name"`
			Path   string `yaml:"metrics_path"`
			Static []struct {
				Targets []string
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	at := "/etc/prometheus/prometheus.yml"
	readYAML(t, prometheus.mounted(t, at), &scrape)
	if s := scrape.Scrape[0]; s.Job != "rootwalk" || s.Path != "" || !slices.Equal(s.Static[0].Targets, []string{"rootwalk:" + port}) {
		t.Errorf("Prometheus scrapes %+v", s)
	}
	for _, f := range scrape.RuleFiles {
		prometheus.mounted(t, filepath.Join(filepath.Dir(at), f))
	}
	var sources struct {
		Datasources []struct {
			Type, URL string
			Default   bool `yaml:"isDefault"`
		}
	}
	readYAML(t, grafana.mounted(t, "/etc/grafana/provisioning/datasources/rootwalk.yml"), &sources)
	if s := sources.Datasources[0]; s.Type != "prometheus" || s.URL != "http://prometheus:9090" || !s.Default {
		t.Errorf("Grafana asks %+v", s)
	}
	var providers struct {
		Providers []struct {
			Type    string
			Options struct{ Path string }
		}
	}
	readYAML(t, grafana.mounted(t, "/etc/grafana/provisioning/dashboards/rootwalk.yml"), &providers)
	dashboard := filepath.Join(providers.Providers[0].Options.Path, "rootwalk.json")
	if home := grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]; home != dashboard || providers.Providers[0].Type != "file" {
		t.Errorf("the dashboard is looked for at %s and %s", home, dashboard)
	}
	if from := grafana.mounted(t, dashboard); filepath.Join(dockerDir, from) != filepath.Clean("../../deploy/grafana/rootwalk.json") {
		t.Errorf("the dashboard is %s", from)
	}
}

func TestDockerComposeAcceptsTheFile(t *testing.T) {
	tool, err := exec.LookPath("docker-compose")
	if err != nil {
		t.Skip("docker-compose is not installed")
	}
	cmd := exec.Command(tool, "-f", filepath.Join(dockerDir, "compose.yaml"), "config", "--quiet")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "DOCKER_HOST=unix:///nonexistent"} // it asks no engine
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
