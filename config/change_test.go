package config

import (
	"slices"
	"testing"
)

func TestChangesTellWhatARunningServerCanTakeOver(t *testing.T) {
	old := Default()
	next, err := Parse("f", []byte(`
listen: ["127.0.0.1:5300"]
access: {allow: [10.0.0.0/8]}
server: {workers: 3}
cache: {size: 64MiB, max-ttl: 24h}
zones: [{name: corp., type: stub, servers: ["10.0.0.1"]}]
`))
	if err != nil {
		t.Fatal(err)
	}
	live, restart := old.Changes(next)
	if want := []string{"access.allow", "cache.size", "zones"}; !slices.Equal(live, want) {
		t.Errorf("live %q, want %q", live, want)
	}
	if want := []string{"listen", "server.workers"}; !slices.Equal(restart, want) {
		t.Errorf("at the next start %q, want %q", restart, want)
	}
	next.Keep(old, restart)
	if live, restart = old.Changes(next); len(restart) != 0 || len(live) != 3 || !slices.Equal(next.Listen, old.Listen) {
		t.Errorf("once kept, %q and %q differ", live, restart)
	}
}

func TestADigestIsOfTheValuesOfItsKeys(t *testing.T) {
	a, b := Default(), Default()
	b.Cache.MaxTTL++
	if a.Digest("zones", "ede") != b.Digest("zones", "ede") || a.Digest("zones", "cache.max-ttl") == b.Digest("zones", "cache.max-ttl") {
		t.Error("a digest depends on other keys, or not on its own")
	}
}

func TestEveryKeyThatNeedsAStartIsAKey(t *testing.T) {
	for _, name := range atStart {
		if _, ok := lookup(name); !ok {
			t.Errorf("%s is no key", name)
		}
	}
}
