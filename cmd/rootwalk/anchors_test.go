package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	roothints "rootwalk/rootHints"

	"rootwalk/config"
	"rootwalk/dnssec"
	"rootwalk/lab"
)

// builtin are the built-in anchors.
func builtin(t *testing.T) []dnssec.Anchor {
	t.Helper()
	a, err := anchorsOf(roothints.BuiltinAnchors())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAStateThatIsUnusableCostsNoTrust(t *testing.T) {
	anchors := builtin(t)
	points, _ := dnssec.TrustPoints(anchors, nil)
	good := string(dnssec.AppendTrustPoints(nil, points))
	for name, c := range map[string]struct {
		text, told string
		keeps      bool
	}{
		"good":           {good, "", true},
		"damaged":        {strings.Replace(good, "20326", "20327", 1), "void", true},
		"cut":            {good[:len(good)/2], "void", true},
		"something else": {". IN DS 20326 8 2 E06D\n", "left alone", false},
		"empty":          {"", "left alone", false},
		"newer":          {strings.Replace(good, " 1\n", " 2\n", 1), "left alone", false},
	} {
		var log bytes.Buffer
		path := file(t, "state", c.text)
		points, save := rememberedAnchors(path, anchors, slog.New(slog.NewTextHandler(&log, nil)))
		if len(dnssec.Trusted(points)) != len(anchors) || (save != nil) != c.keeps {
			t.Errorf("%s: %d anchors, keeps the state: %v", name, len(dnssec.Trusted(points)), save != nil)
		}
		if c.told == "" && log.Len() > 0 || !strings.Contains(log.String(), c.told) {
			t.Errorf("%s: told %q, want %q", name, log.String(), c.told)
		}
		if text, _ := os.ReadFile(path); string(text) != c.text {
			t.Errorf("%s: the file was changed to %q", name, text)
		}
	}
	var log bytes.Buffer
	if points, save := rememberedAnchors(filepath.Join(t.TempDir(), "none"), anchors, slog.New(slog.NewTextHandler(&log, nil))); len(points) != 1 || save == nil || log.Len() > 0 {
		t.Errorf("a file that is not there yet is nothing to talk about: %q", log.String())
	}
}

func TestTheStateIsNextToOtherState(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "/var/lib/rootwalk:/var/lib/other")
	cfg := config.Default()
	if got := anchorState(cfg); got != "/var/lib/rootwalk/trust-anchors" {
		t.Errorf("with STATE_DIRECTORY: %s", got)
	}
	cfg.DNSSEC.TrustAnchorState = "/elsewhere"
	if got := anchorState(cfg); got != "/elsewhere" {
		t.Errorf("configured: %s", got)
	}
	t.Setenv("STATE_DIRECTORY", "")
	if got := anchorState(config.Default()); got != "" {
		t.Errorf("with nothing: %s", got)
	}
}

func TestAFileIsReplacedWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	for _, text := range []string{"first", "second"} {
		if err := writeFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("the file has %q", got)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d files, want one", len(left))
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(dir, "taken"), nil); err == nil {
		t.Error("a directory was replaced")
	}
	if err := writeFile(filepath.Join(dir, "gone", "state"), nil); err == nil {
		t.Error("written where there is no directory")
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("%d files are left, want two", len(left))
	}
}

func TestKeysAreFetchedFromTheirServersAndRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		n, _, err := lab.Parse(lab.Demo())
		if err != nil {
			t.Fatal(err)
		}
		cfg := config.Default()
		p, err := assembleLab(cfg, slog.New(slog.DiscardHandler), n, n.Dial)
		if err != nil {
			t.Fatal(err)
		}
		list, _ := roothints.ParseAnchors("lab", strings.NewReader(n.TrustAnchors()))
		anchors, _ := anchorsOf(list)
		points, save := rememberedAnchors(path, anchors, slog.New(slog.DiscardHandler))
		f := dnssec.NewFollower(dnssec.FollowOptions{Validator: p.validator, Points: points, Fetch: p.resolver.FetchKeys, Save: save,
			Wall: func() time.Time { return time.Now().AddDate(26, 0, 0) }}) // the lab's signatures begin in 2020
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); f.Run(ctx) }()
		time.Sleep(time.Minute)
		cancel()
		<-done
		p.resolver.Close()
		time.Sleep(time.Minute)
	})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	points, err := dnssec.ReadTrustPoints(text)
	if err != nil || len(points) != 1 || len(points[0].Keys) != 1 || points[0].Keys[0].State != dnssec.Valid {
		t.Errorf("the state is %+v, %v", points, err)
	}
}
