package server

import (
	"testing"

	"rootwalk/wire"
)

func TestSentinelLabels(t *testing.T) {
	for _, c := range []struct {
		name   string
		tag    uint16
		is, ok bool
	}{
		{"root-key-sentinel-is-ta-20326.example.", 20326, true, true},
		{"root-key-sentinel-not-ta-20326.example.", 20326, false, true},
		{"ROOT-key-Sentinel-IS-ta-00012.", 12, true, true},
		{"root-key-sentinel-not-ta-65535.", 65535, false, true},
		{"root-key-sentinel-not-ta-65536.", 0, false, false},
		{"root-key-sentinel-is-ta-1234.example.", 0, false, false},
		{"root-key-sentinel-is-ta-123456.example.", 0, false, false},
		{"root-key-sentinel-is-ta-1234x.example.", 0, false, false},
		{"root-key-sentinel-is-ta--1234.example.", 0, false, false},
		{"root-key-sentinel-un-ta-12345.example.", 0, false, false},
		{"www.root-key-sentinel-is-ta-20326.example.", 0, false, false},
		{"www.example.", 0, false, false},
		{".", 0, false, false},
	} {
		tag, is, ok := sentinelLabel([]byte(wire.MustName(c.name)))
		if ok != c.ok || ok && (tag != c.tag || is != c.is) {
			t.Errorf("%s: key %d, is %v, %v; want %d, %v, %v", c.name, tag, is, ok, c.tag, c.is, c.ok)
		}
	}
}
