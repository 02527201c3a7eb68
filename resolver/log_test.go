package resolver

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"rootwalk/cache"
	"rootwalk/upstream"
	"rootwalk/wire"
)

// D3: whatever a label holds, an event is one line of the log, in either format.
func TestALabelCannotWriteIntoTheLog(t *testing.T) {
	nowhere := func(context.Context, string, netip.AddrPort) (net.Conn, error) {
		return nil, errors.New("no\nway\x1b[2J")
	}
	for _, format := range []string{"text", "json"} {
		var log bytes.Buffer
		var h slog.Handler = slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
		if format == "json" {
			h = slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})
		}
		r := New(Options{Cache: cache.New(cache.Options{Size: 1 << 20, Shards: 1}), IPv4: true, Log: slog.New(h),
			Upstream: upstream.New(upstream.Options{IPv4: true, Dial: nowhere}), Zones: []Zone{{Name: wire.Root, Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}}}})
		label := "\nlevel=ERROR msg=\"\r\x1b[2J\x00\xff"
		name := wire.Name(string(rune(len(label))) + label + "\x00")
		if _, err := r.Lookup(context.Background(), Request{Question: wire.Question{Name: name, Type: wire.TypeA, Class: wire.ClassIN}}); err == nil {
			t.Fatal("there is an answer")
		}
		r.Close()
		lines := strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
		if len(lines) != 1 || strings.ContainsAny(lines[0], "\r\x1b\x00") || !utf8.ValidString(lines[0]) {
			t.Errorf("%s: the log has %d lines: %q", format, len(lines), log.String())
		}
	}
	t.Attr("row", "D3 | labels of line ends, escapes, quotes in the log | one line an event | held | ")
}
