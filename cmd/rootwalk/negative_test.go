package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rootwalk/config"
)

func TestNegativeTrustAnchorsAreToldOfOnce(t *testing.T) {
	end := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	forever, passing := config.NegativeTrustAnchor{Name: "corp."}, config.NegativeTrustAnchor{Name: "broken.example.", Until: end}
	over := config.NegativeTrustAnchor{Name: "over.example.", Until: end.Add(-time.Hour)}
	told := map[config.NegativeTrustAnchor]bool{}
	for _, step := range []struct {
		list []config.NegativeTrustAnchor
		at   time.Time
		want []string
	}{
		{[]config.NegativeTrustAnchor{forever, passing, over}, end.Add(-time.Minute), []string{"not validated\" name=corp.", "for a time\" name=broken.example.", "before the start"}},
		{[]config.NegativeTrustAnchor{forever, passing, over}, end.Add(-time.Second), nil},
		{[]config.NegativeTrustAnchor{forever, passing, over}, end, []string{"has ended: names at and below it are validated again\" name=broken.example."}},
		{[]config.NegativeTrustAnchor{forever, passing}, end.Add(time.Hour), nil},
		{nil, end, nil},
		{[]config.NegativeTrustAnchor{forever}, end, []string{"name=corp."}},
	} {
		var log bytes.Buffer
		told = tellOf(step.list, told, step.at, slog.New(slog.NewTextHandler(&log, nil)))
		if n := strings.Count(log.String(), "\n"); n != len(step.want) {
			t.Errorf("%d lines, want %d:\n%s", n, len(step.want), &log)
		}
		for _, w := range step.want {
			if !strings.Contains(log.String(), w) {
				t.Errorf("nothing says %q:\n%s", w, &log)
			}
		}
	}
}
