package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const anchorsXML = `<?xml version="1.0" encoding="UTF-8"?>
<TrustAnchor id="x" source="http://data.iana.org/root-anchors/root-anchors.xml">
<Zone>.</Zone>
<KeyDigest id="old" validFrom="2010-07-15T00:00:00+00:00" validUntil="2019-01-11T00:00:00+00:00">
<KeyTag>19036</KeyTag><Algorithm>8</Algorithm><DigestType>2</DigestType>
<Digest>49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5</Digest>
</KeyDigest>
<KeyDigest id="now" validFrom="2017-02-02T00:00:00+00:00">
<KeyTag>20326</KeyTag><Algorithm>8</Algorithm><DigestType>2</DigestType>
<Digest>E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D</Digest>
</KeyDigest>
<KeyDigest id="next" validFrom="2024-07-18T00:00:00+00:00">
<KeyTag>38696</KeyTag><Algorithm>8</Algorithm><DigestType>2</DigestType>
<Digest>683d2d0acb8c9b712a1948b27f741219298d0a450d612c483af444a4c0fb2b16</Digest>
<PublicKey>AwEAAa</PublicKey><Flags>257</Flags>
</KeyDigest>
</TrustAnchor>`

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEmbeddedFilesAreWhatTheGeneratorWrites(t *testing.T) {
	out := t.TempDir()
	if err := generate("../named.root", "../root.ds", out, now); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"named.root", "root.ds"} {
		if got, want := read(t, out, name), read(t, "..", name); got != want {
			t.Errorf("%s is not in the generator's form; run go generate ./rootHints\ngot:\n%s\nembedded:\n%s", name, got, want)
		}
	}
}

func TestAnchorsXMLLosesEndedKeysOnly(t *testing.T) {
	out := t.TempDir()
	if err := generate("../named.root", write(t, "root-anchors.xml", anchorsXML), out, now); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, out, "root.ds"), read(t, "..", "root.ds"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestWrongDownloadsChangeNothing(t *testing.T) {
	hints, anchors := read(t, "..", "named.root"), read(t, "..", "root.ds")
	lines := strings.SplitAfter(hints, "\n")
	for name, c := range map[string]struct{ hints, anchors, want string }{
		"hints cut short":          {strings.Join(lines[:len(lines)-4], ""), anchors, "12 root servers"},
		"a server without IPv6":    {strings.Join(lines[:len(lines)-2], ""), anchors, "lacks an IPv4 or an IPv6 address"},
		"a private address":        {strings.Replace(hints, "198.41.0.4", "10.0.0.4", 1), anchors, "10.0.0.4 is no public address"},
		"a page instead of a file": {"<html></html>\n", anchors, "named.root:1: "},
		"anchors of another zone":  {hints, strings.Replace(anchors, "\n. IN", "\nexample. IN", 1), "only DS records of the root"},
		"a key instead of a DS":    {hints, ". DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n", "only DS records of the root"},
		"a SHA-1 digest":           {hints, ". DS 20326 8 1 " + strings.Repeat("00", 20) + "\n", "SHA-1"},
		"no anchor":                {hints, "; none\n", "no trust anchor"},
		"XML of another zone":      {hints, strings.Replace(anchorsXML, "<Zone>.<", "<Zone>example.<", 1), "not of the root"},
		"XML of something else":    {hints, "<html></html>", "TrustAnchor"},
		"XML with a hole":          {hints, strings.Replace(anchorsXML, "<KeyTag>20326</KeyTag>", "", 1), "lacks KeyTag"},
		"XML with a broken date":   {hints, strings.Replace(anchorsXML, "2019-01-11T", "soon", 1), "validUntil"},
		"XML whose keys all ended": {hints, strings.ReplaceAll(anchorsXML, `+00:00">`, `+00:00" validUntil="2019-01-11T00:00:00Z">`), "no trust anchor"},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			err := generate(write(t, "named.root", c.hints), write(t, "anchors", c.anchors), out, now)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got the error %v, want one with %q", err, c.want)
			}
			if left, _ := os.ReadDir(out); len(left) != 0 {
				t.Errorf("it wrote %v", left)
			}
		})
	}
}
