package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	roothints "rootwalk/rootHints"

	"rootwalk/cache"
	"rootwalk/lab"
	"rootwalk/resolver"
	"rootwalk/server"
	"rootwalk/upstream"
	"rootwalk/wire"
)

const internet = `
== zone . @ 198.41.0.4
== zone example.com @ 192.0.2.1
www   A 192.0.2.80
ftp   CNAME www
== zone broken.org @ 192.0.2.9
== fault 192.0.2.9 servfail
`

// newRooms are the rooms of a server over a private Internet, and a client at its
// socket.
func newRooms(t *testing.T) (*Rooms, *Client) {
	t.Helper()
	n, _, err := lab.Parse(internet)
	if err != nil {
		t.Fatal(err)
	}
	hints, err := roothints.Parse("lab", strings.NewReader(n.Hints()))
	if err != nil {
		t.Fatal(err)
	}
	c := cache.New(cache.Options{Size: 8 << 20})
	up := upstream.New(upstream.Options{IPv4: true, Dial: n.Dial})
	r := resolver.New(resolver.Options{Cache: c, Upstream: up, Hints: hints, IPv4: true})
	t.Cleanup(r.Close)
	r.Prime(t.Context()) // now, not behind some question
	rooms := &Rooms{Cache: c, Upstream: up, Server: server.New(server.Options{Cache: c, Resolver: r}),
		Resolver: func() *resolver.Resolver { return r }, Level: new(slog.LevelVar), Now: time.Now, Started: time.Now(), Version: "v1"}
	path := filepath.Join(t.TempDir(), "control")
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); rooms.Serve(ctx, ln) }()
	t.Cleanup(func() { cancel(); <-done })
	return rooms, NewClient(path)
}

func explain(t *testing.T, c *Client, name, rrtype string, more ...string) (x Explanation) {
	t.Helper()
	params := url.Values{"name": {name}, "type": {rrtype}}
	for _, m := range more {
		params.Set(m, "1")
	}
	if err := c.Get(t.Context(), "GET", "/explain", params, &x); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestAQuestionIsExplainedByTheServerThatRuns(t *testing.T) {
	_, c := newRooms(t)
	first := explain(t, c, "FTP.example.com", "")
	if first.Question != "ftp.example.com. A" || first.Rcode != "NOERROR" || len(first.Answer) != 2 || first.Failed() {
		t.Errorf("%+v", first)
	}
	for _, want := range []string{"[.] com. A? ask", "alias ftp.example.com. is www.example.com.", "answer: www.example.com. has 1 A record", "\nNOERROR in ", "\nwww.example.com. 3600 IN A 192.0.2.80\n"} {
		if !strings.Contains(first.String(), want) {
			t.Errorf("the story lacks %q:\n%s", want, first.String())
		}
	}
	if second := explain(t, c, "ftp.example.com", "A"); !strings.Contains(second.String(), "cache has ftp.example.com. A: answer") {
		t.Errorf("the second time:\n%s", second.String())
	}
	if anew := explain(t, c, "ftp.example.com", "A", "anew"); !strings.Contains(anew.String(), "[example.com.] ftp.example.com. A? ask") {
		t.Errorf("anew:\n%s", anew.String())
	}
}

func TestAFailureIsExplainedAndRemembered(t *testing.T) {
	_, c := newRooms(t)
	x := explain(t, c, "www.broken.org", "MX")
	if !x.Failed() || x.Rcode != "SERVFAIL" || x.EDE == nil || *x.EDE != wire.EDENetworkError {
		t.Errorf("%+v", x)
	}
	var past []resolver.Past
	if err := c.Get(t.Context(), "GET", "/failures", nil, &past); err != nil {
		t.Fatal(err)
	}
	if len(past) != 1 || past[0].Question != "www.broken.org. MX" || len(past[0].Steps) == 0 {
		t.Errorf("the failures are %+v", past)
	}
}

func entries(t *testing.T, c *Client, path, name string) (out []Entry, words string) {
	t.Helper()
	var b strings.Builder
	err := c.Lines(t.Context(), path, url.Values{"name": {name}}, func(line []byte) error {
		var e Entry
		err := json.Unmarshal(line, &e)
		out = append(out, e)
		b.WriteString(e.String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, b.String()
}

func TestTheCacheIsShownForANameAndWhole(t *testing.T) {
	_, c := newRooms(t)
	explain(t, c, "www.example.com", "A")
	explain(t, c, "none.example.com", "A")
	explain(t, c, "www.broken.org", "A")
	for _, x := range []struct {
		name, kind string
		words      []string
	}{
		{"WWW.example.com", "answer", []string{"; answer www.example.com. A NOERROR unchecked, ", " s left\n", "\nwww.example.com. 3600 IN A 192.0.2.80\n"}},
		{"none.example.com", "answer", []string{"; answer none.example.com. NXDOMAIN unchecked, ", " IN SOA "}},
		{"example.com", "delegation", []string{"; delegation example.com. NS, ", "\nns1.example.com. 192.0.2.1\n"}},
		{"www.broken.org", "failure", []string{"; failure www.broken.org. A, ", "no server of broken.org. gave a usable answer", "(extended error 23)"}},
	} {
		got, words := entries(t, c, "/lookup", x.name)
		if len(got) == 0 || got[0].Kind != x.kind {
			t.Errorf("%s: %+v", x.name, got)
		}
		for _, w := range x.words {
			if !strings.Contains(words, w) {
				t.Errorf("%s: no %q in\n%s", x.name, w, words)
			}
		}
	}
	if got, _ := entries(t, c, "/lookup", "nothing.example"); len(got) != 0 {
		t.Errorf("of a name that nobody asked for: %+v", got)
	}
	all, _ := entries(t, c, "/dump", "")
	below, _ := entries(t, c, "/dump", "com")
	if len(all) <= len(below) || len(below) < 3 {
		t.Errorf("%d entries in all, %d below com.", len(all), len(below))
	}
}

func TestAFlushForgetsAtOnce(t *testing.T) {
	rooms, c := newRooms(t)
	explain(t, c, "www.example.com", "A")
	explain(t, c, "www.broken.org", "A")
	flush := func(params url.Values) int {
		var f Flushed
		if err := c.Get(t.Context(), "POST", "/flush", params, &f); err != nil {
			t.Fatal(err)
		}
		return f.Entries
	}
	if n := flush(url.Values{"name": {"www.example.com"}}); n != 1 {
		t.Errorf("%d entries of the name were flushed, want 1", n)
	}
	if got, _ := entries(t, c, "/lookup", "www.example.com"); len(got) != 0 {
		t.Errorf("still there: %+v", got)
	}
	if got, _ := entries(t, c, "/lookup", "example.com"); len(got) == 0 {
		t.Error("the name above went too")
	}
	flush(url.Values{"name": {"broken.org"}, "subtree": {"1"}})
	if got, _ := entries(t, c, "/dump", "broken.org"); len(got) != 0 {
		t.Errorf("below the name is still %+v", got)
	}
	flush(url.Values{"name": {"."}, "subtree": {"1"}})
	if n := rooms.Cache.Stats().Entries; n > 2 { // the root's servers are being learned again
		t.Errorf("%d entries are left of all", n)
	}
}

func TestStatusAndStatsAreNumbers(t *testing.T) {
	rooms, c := newRooms(t)
	rooms.Reloads = func() Reloads { return Reloads{Good: 3, Failing: true} }
	explain(t, c, "www.example.com", "A")
	var s Status
	if err := c.Get(t.Context(), "GET", "/status", nil, &s); err != nil {
		t.Fatal(err)
	}
	if s.Version != "v1" || s.Walks != 1 || s.CacheEntries == 0 || s.CacheLimit == 0 || s.UpstreamQueries < 2 || s.LogLevel != "info" || s.Reloads.Good != 3 || s.Uptime <= 0 {
		t.Errorf("%+v", s)
	}
	var all Stats
	if err := c.Get(t.Context(), "GET", "/stats", nil, &all); err != nil {
		t.Fatal(err)
	}
	if all.Resolver.Walks != 1 || all.Cache.Entries != s.CacheEntries {
		t.Errorf("%+v", all)
	}
}

func TestTheLogLevelIsSet(t *testing.T) {
	rooms, c := newRooms(t)
	var m map[string]string
	if err := c.Get(t.Context(), "POST", "/log-level", url.Values{"level": {"debug"}}, &m); err != nil || rooms.Level.Level() != slog.LevelDebug || m["log_level"] != "debug" {
		t.Errorf("error %v, level %v, told %v", err, rooms.Level.Level(), m)
	}
	for _, wrong := range []string{"", "loud", "INFO+1"} {
		if err := c.Get(t.Context(), "POST", "/log-level", url.Values{"level": {wrong}}, &m); err == nil || rooms.Level.Level() != slog.LevelDebug {
			t.Errorf("level %q: error %v, level %v", wrong, err, rooms.Level.Level())
		}
	}
}

func TestAReloadTellsWhatCameOfIt(t *testing.T) {
	rooms, c := newRooms(t)
	rooms.Reload = func() (any, error) { return map[string]int{"changed": 1}, nil }
	var m map[string]int
	if err := c.Get(t.Context(), "POST", "/reload", nil, &m); err != nil || m["changed"] != 1 {
		t.Errorf("error %v, %v", err, m)
	}
	rooms.Reload = func() (any, error) {
		return map[string]any{"error": "a: wrong\nb: wrong", "more": 1}, errors.New("a: wrong\nb: wrong")
	}
	err := c.Get(t.Context(), "POST", "/reload", nil, &m)
	r := (*Refusal)(nil)
	if !errors.As(err, &r) || r.Text != "a: wrong\nb: wrong" || !strings.Contains(string(r.Body), `"more":1`) {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsWrongIsRefusedAndChangesNothing(t *testing.T) {
	rooms, c := newRooms(t)
	explain(t, c, "www.example.com", "A")
	before := rooms.Cache.Stats().Entries
	for _, x := range [][3]string{{"GET", "/flush", "example.com"}, {"POST", "/flush", ""}, {"POST", "/flush", "a..b"}, {"GET", "/lookup", ""},
		{"GET", "/explain", ""}, {"GET", "/explain", strings.Repeat("a", 64) + ".com"}, {"GET", "/nothing", "x"}} {
		if body, err := c.Do(t.Context(), x[0], x[1], url.Values{"name": {x[2]}, "subtree": {"1"}}); err == nil {
			body.Close()
			t.Errorf("%v is done", x)
		}
	}
	if _, err := c.Do(t.Context(), "GET", "/explain", url.Values{"name": {"a.example"}, "type": {"BOGUS"}}); err == nil {
		t.Error("a type that is none is explained")
	}
	if after := rooms.Cache.Stats().Entries; after != before {
		t.Errorf("%d entries, before %d", after, before)
	}
}

func TestASocketThatWasLeftBehindIsReplacedAndALiveOneIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	left, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()
	ln, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o660 {
		t.Errorf("mode %v, error %v", fi.Mode(), err)
	}
	if _, err := Listen(path); err == nil || !strings.Contains(err.Error(), "another program answers") {
		t.Errorf("a second server gets %v", err)
	}
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(t.TempDir(), "none", "control")); err == nil || !strings.Contains(err.Error(), "there is no folder") {
		t.Errorf("without a folder the error is %v", err)
	}
	if _, err := Listen(plain); err == nil {
		t.Error("a file was taken for a socket")
	}
	if text, err := os.ReadFile(plain); err != nil || !bytes.Equal(text, []byte("precious")) {
		t.Errorf("the file is %q, %v", text, err)
	}
}

func TestAServerThatIsNotThereIsAnError(t *testing.T) {
	_, err := NewClient(filepath.Join(t.TempDir(), "none")).Do(t.Context(), http.MethodGet, "/status", nil)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
