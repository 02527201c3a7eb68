package control

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// visit asks for a page as a client at an address would.
func visit(h http.Handler, method, target, client, host string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, nil)
	req.RemoteAddr, req.Host = client, host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

const here, hereHost = "127.0.0.1:40000", "127.0.0.1:9153"

func loopbackOnly(a netip.Addr) bool { return a.IsLoopback() }

func TestThePageShowsTheFigures(t *testing.T) {
	rooms, c := newRooms(t)
	rooms.Anchors = func() []string { return []string{". key 20326, by its DS"} }
	rooms.Listen = []string{"127.0.0.1:53"}
	now := time.Now()
	rooms.Now = func() time.Time { return now }
	rooms.Sample()
	explain(t, c, "www.example.com", "A")
	explain(t, c, "www.broken.org", "A")
	now = now.Add(30 * time.Second)
	rooms.Sample()
	now = now.Add(30 * time.Second)
	rooms.Sample()
	w := visit(rooms.Page(loopbackOnly), "GET", "/", here, hereHost)
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("code %d, %v", w.Code, w.Header())
	}
	page := w.Body.String()
	for _, want := range []string{"127.0.0.1:53", "<dt>walks</dt><dd>2</dd>", "<dt>that failed</dt><dd>1</dd>", ". key 20326, by its DS", "www.broken.org. A", "<polyline points=\"0.0,", "SERVFAIL",
		`<form action="/explain" method="get">`, "as at the start"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if outside := regexp.MustCompile(`(?:src|href|action)="(https?:|//)|url\(|@import|<script`).FindString(page); outside != "" {
		t.Errorf("the page needs something from elsewhere: %s", outside)
	}
}

func TestThePageRenewsItselfUntilItIsToHoldStill(t *testing.T) {
	rooms, _ := newRooms(t)
	h := rooms.Page(loopbackOnly)
	for target, renews := range map[string]bool{"/": true, "/?hold=1": false, "/explain?name=www.example.com": false, "/explain?name=": false} {
		page := visit(h, "GET", target, here, hereHost).Body.String()
		if strings.Contains(page, `http-equiv="refresh"`) != renews || strings.Contains(page, `href="/?hold=1"`) != renews {
			t.Errorf("%s: renews itself: not %v", target, renews)
		}
	}
}

func TestThePageExplains(t *testing.T) {
	rooms, _ := newRooms(t)
	h := rooms.Page(loopbackOnly)
	page := visit(h, "GET", "/explain?name=ftp.example.com&type=a", here, hereHost).Body.String()
	for _, want := range []string{"[com.] example.com. A? ask", `<span class="alias">alias ftp.example.com. is www.example.com.`, `<strong class="good">NOERROR</strong>`, "www.example.com. 3600 IN A 192.0.2.80", `value="ftp.example.com"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	page = visit(h, "GET", "/explain?name=www.broken.org&type=MX", here, hereHost).Body.String()
	for _, want := range []string{`<strong class="bad">SERVFAIL</strong>`, `<span class="bad">failed: no server of broken.org.`} {
		if !strings.Contains(page, want) {
			t.Errorf("of a failure the page lacks %q", want)
		}
	}
	for wrong, why := range map[string]string{"name=&type=A": "give a domain name", "name=a..b": "has an empty label", "name=a.example&type=BOGUS": "is no record type", "": "give a domain name"} {
		if page := visit(h, "GET", "/explain?"+wrong, here, hereHost).Body.String(); !strings.Contains(page, why) {
			t.Errorf("%q is not refused", wrong)
		}
	}
}

// unread is a client that does not read its reply.
type unread struct {
	http.ResponseWriter
	begun chan<- struct{} // the reply is
	end   <-chan struct{}
}

func (u *unread) Write([]byte) (int, error) {
	select {
	case u.begun <- struct{}{}:
	case <-u.end:
	}
	<-u.end
	return 0, io.ErrClosedPipe
}

func TestClientsThatDoNotReadTheirExplanationHoldNoPlaces(t *testing.T) {
	rooms, _ := newRooms(t)
	h := rooms.Page(loopbackOnly)
	begun, end := make(chan struct{}), make(chan struct{})
	var clients sync.WaitGroup
	defer clients.Wait()
	defer close(end)
	request := func(ctx context.Context) *http.Request {
		req := httptest.NewRequestWithContext(ctx, "GET", "/explain?name=www.example.com", nil)
		req.RemoteAddr, req.Host = here, hereHost
		return req
	}
	for range maxExplaining {
		clients.Go(func() { h.ServeHTTP(&unread{httptest.NewRecorder(), begun, end}, request(t.Context())) })
		<-begun
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, request(ctx)); !strings.Contains(w.Body.String(), "192.0.2.80") {
		t.Error("there is no place for another")
	}
}

func TestNothingOfAQuestionBecomesPartOfThePage(t *testing.T) {
	rooms, _ := newRooms(t)
	h := rooms.Page(loopbackOnly)
	for _, evil := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>.broken.org`} {
		page := visit(h, "GET", "/explain?"+url.Values{"name": {evil}, "type": {evil}}.Encode(), here, hereHost).Body.String()
		page += visit(h, "GET", "/explain?"+url.Values{"name": {evil}}.Encode(), here, hereHost).Body.String()
		page += visit(h, "GET", "/", here, hereHost).Body.String()
		if strings.Contains(page, "<script") || strings.Contains(page, "<img") {
			t.Errorf("%s is in the page as it is", evil)
		}
	}
}

func TestThePageIsForClientsThatMayAskAndNotForOtherSites(t *testing.T) {
	rooms, _ := newRooms(t)
	h := rooms.Page(loopbackOnly)
	for _, x := range []struct {
		client, host string
		code         int
	}{
		{here, "127.0.0.1:9153", 200}, {here, "localhost:9153", 200}, {here, "localhost", 200}, {"[::1]:4", "[::1]:9153", 200}, {here, "rootwalk:9153", 200},
		{"192.0.2.1:4", "127.0.0.1:9153", 403}, {here, "evil.example:9153", 403}, {here, "evil.example", 403}, {here, "127.0.0.1.evil.example", 403},
	} {
		for _, path := range []string{"/", "/explain?name=www.example.com"} {
			w := visit(h, "GET", path, x.client, x.host)
			if w.Code != x.code {
				t.Errorf("%s for %s by the name %s: code %d, want %d", path, x.client, x.host, w.Code, x.code)
			}
			if csp := w.Header().Get("Content-Security-Policy"); x.code == 200 && !strings.Contains(csp, "default-src 'none'") {
				t.Errorf("policy %q", csp)
			}
		}
	}
	for _, x := range [][2]string{{"POST", "/"}, {"POST", "/flush?name=example.com"}, {"GET", "/flush?name=example.com"}, {"GET", "/dump"}, {"POST", "/reload"}, {"POST", "/explain?name=a"}} {
		if w := visit(h, x[0], x[1], here, hereHost); w.Code == http.StatusOK {
			t.Errorf("%v is done", x)
		}
	}
}

func TestQuantilesAreBounds(t *testing.T) {
	bounds := []float64{.001, .01, .1}
	for _, x := range []struct {
		counts []uint64
		want   quantiles
	}{
		{[]uint64{0, 0, 0, 0}, quantiles{"–", "–"}},
		{[]uint64{99, 1, 0, 0}, quantiles{"≤ 1 ms", "≤ 1 ms"}},
		{[]uint64{98, 1, 1, 0}, quantiles{"≤ 1 ms", "≤ 10 ms"}},
		{[]uint64{10, 90, 0, 0}, quantiles{"≤ 10 ms", "≤ 10 ms"}},
		{[]uint64{0, 0, 0, 5}, quantiles{"> 100 ms", "> 100 ms"}},
	} {
		got := quantilesOf(bounds, x.counts)
		got.Half, got.Most = strings.ReplaceAll(got.Half, nbsp, " "), strings.ReplaceAll(got.Most, nbsp, " ")
		if got != x.want {
			t.Errorf("%v: %+v, want %+v", x.counts, got, x.want)
		}
	}
}

func TestRatesAreOfTheLastMinute(t *testing.T) {
	var h history
	start := time.Unix(1_700_000_000, 0)
	for i := range maxSamples {
		h.ring = append(h.ring, sample{at: start.Add(time.Duration(i) * SampleEvery), queries: uint64(100 * i), hits: uint64(90 * i), misses: uint64(10 * i)})
	}
	minute, curve := h.recent()
	if minute.Over != time.Minute || minute.Queries != 10 || minute.HitRatio != .9 || len(curve) != maxSamples-1 {
		t.Errorf("%+v, %d points", minute, len(curve))
	}
	h.ring = h.ring[:1]
	if minute, curve = h.recent(); minute.HitRatio != -1 || curve != nil {
		t.Errorf("of one sample: %+v %v", minute, curve)
	}
}
