package metrics

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"rootwalk/server"
	"rootwalk/upstream"
)

func TestAScrapeHasEveryMetricAndNoOther(t *testing.T) {
	r, at := newRooms(t)
	ask(t, at, "www.example.com.", dns.TypeA)
	families := read(t, scrape(t, r))
	for _, d := range descriptions {
		f := families[d.name]
		if f == nil {
			t.Errorf("%s is not in the scrape", d.name)
			continue
		}
		if f.help != d.help || f.kind == "" || f.kind == "untyped" || len(f.values) == 0 {
			t.Errorf("%s: help %q, type %q, %d values", d.name, f.help, f.kind, len(f.values))
		}
		for v := range f.values {
			for _, l := range d.labels {
				if !strings.Contains(v, l+`="`) {
					t.Errorf("%s has no label %s", v, l)
				}
			}
		}
		delete(families, d.name)
	}
	for name := range families {
		t.Errorf("%s has no description", name)
	}
}

func TestTheScrapePassesTheLinter(t *testing.T) {
	r, at := newRooms(t)
	ask(t, at, "www.example.com.", dns.TypeA)
	problems, err := promlint.New(strings.NewReader(scrape(t, r))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestValuesMoveWithTheQueries(t *testing.T) {
	r, at := newRooms(t)
	value := func(f map[string]*family, what string) float64 {
		name, _, _ := strings.Cut(what, "{")
		family := name
		for _, suffix := range []string{"_count", "_sum"} {
			family = strings.TrimSuffix(family, suffix)
		}
		if f[family] == nil {
			t.Fatalf("no metric %s", family)
		}
		v, ok := f[family].values[what]
		if !ok {
			t.Errorf("%s is not in the scrape", what)
		}
		return v
	}
	before := read(t, scrape(t, r))
	for what, f := range map[string]float64{`queries_total{transport="udp",type="A"}`: 0, `queries_total{transport="tcp",type="other"}`: 0,
		`responses_total{rcode="NXDOMAIN"}`: 0, "cache_entries": 0, "primed": 0, `upstream_queries_total{transport="udp"}`: 0} {
		if v := value(before, what); v != f {
			t.Errorf("%s begins with %v", what, v)
		}
	}
	r.Resolver.Prime(t.Context())
	for range 3 { // a miss and two hits
		ask(t, at, "www.example.com.", dns.TypeA)
	}
	ask(t, at, "nowhere.example.com.", dns.TypeAAAA) // a miss
	ask(t, at, "www.broken.example.", dns.TypeMX)    // a miss without an answer
	ask(t, at, "www.example.com.", dns.TypeAXFR)
	send(t, at, "no query")
	ask(t, at, "www.example.com.", dns.TypeLOC) // a miss, and what came before was read
	settle(t, r)
	after := read(t, scrape(t, r))
	for what, want := range map[string]float64{
		`queries_total{transport="udp",type="A"}`:      3,
		`queries_total{transport="udp",type="AAAA"}`:   1,
		`queries_total{transport="udp",type="MX"}`:     1,
		`queries_total{transport="udp",type="other"}`:  2,
		`queries_total{transport="tcp",type="A"}`:      0,
		`responses_total{rcode="NOERROR"}`:             4,
		`responses_total{rcode="NXDOMAIN"}`:            1,
		`responses_total{rcode="SERVFAIL"}`:            1,
		`responses_total{rcode="REFUSED"}`:             1,
		"cache_hits_total":                             2,
		"cache_misses_total":                           4,
		"cache_stale_total":                            0,
		"cache_refreshes_total":                        0,
		"refused_total":                                1,
		"dropped_total":                                1,
		"panics_total":                                 0,
		"in_flight":                                    0,
		"tcp_connections":                              0,
		`shed_total{where="server"}`:                   0,
		`shed_total{where="resolver"}`:                 0,
		"walks_total":                                  4,
		`inferred_answers_total{kind="nxdomain"}`:      0,
		`inferred_answers_total{kind="nodata"}`:        0,
		`inferred_answers_total{kind="wildcard"}`:      0,
		"walk_failures_total":                          1,
		"primed":                                       1,
		`upstream_queries_total{transport="tcp"}`:      1, // priming
		`client_latency_seconds_count{result="miss"}`:  4,
		`client_latency_seconds_count{result="hit"}`:   3, // with the refusal
		`upstream_outcomes_total{outcome="malformed"}`: 0,
		`upstream_outcomes_total{outcome="mismatch"}`:  0,
		`upstream_outcomes_total{outcome="timeout"}`:   0,
		`cache_limit_bytes`:                            value(before, "cache_limit_bytes"),
		`upstream_rtt_seconds_count`:                   value(after, `upstream_outcomes_total{outcome="reply"}`),
		`upstream_queries_total{transport="udp"}`:      value(after, `upstream_outcomes_total{outcome="reply"}`) - 1,
		`build_info{goversion="` + goVersion(t, after)[0] + `",version="v1.2.3"}`: 1,
	} {
		if got := value(after, what); got != want {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	for _, what := range []string{"cache_entries", "cache_bytes", "upstream_servers", `upstream_outcomes_total{outcome="reply"}`} {
		if v := value(after, what); v <= value(before, what) {
			t.Errorf("%s is %v, and was %v", what, v, value(before, what))
		}
	}
}

// goVersion is the version of Go in the scrape.
func goVersion(t *testing.T, f map[string]*family) []string {
	t.Helper()
	for v := range f["build_info"].values {
		if m := regexp.MustCompile(`goversion="(go[^"]+)"`).FindStringSubmatch(v); m != nil {
			return m[1:]
		}
	}
	t.Fatal("no version of Go in build_info")
	return nil
}

func TestLimitsAndExtendedErrorsAreCounted(t *testing.T) {
	r, at := newRooms(t)
	q := new(dns.Msg)
	q.SetQuestion("a0.example.com.", dns.TypeA) // twelve links, of which ten are followed
	q.SetEdns0(1232, false)
	c := dns.Client{Timeout: patience}
	for range 2 { // the second time it is remembered
		if _, _, err := c.Exchange(q, at.String()); err != nil {
			t.Fatal(err)
		}
	}
	ask(t, at, "a0.example.com.", dns.TypeA) // without EDNS nothing extended is said
	settle(t, r)
	f := read(t, scrape(t, r))
	for what, want := range map[string]float64{`limits_total{limit="aliases"}`: 1, `limits_total{limit="packets"}`: 0,
		`extended_errors_total{code="0"}`: 1, `extended_errors_total{code="13"}`: 1, `extended_errors_total{code="22"}`: 0} {
		family, _, _ := strings.Cut(what, "{")
		if f[family] == nil {
			t.Fatalf("no metric %s", family)
		}
		if got, ok := f[family].values[what]; !ok || got != want {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
}

func TestValidationIsCounted(t *testing.T) {
	r, at := newRooms(t)
	value := func(what string) float64 {
		t.Helper()
		family, _, _ := strings.Cut(what, "{")
		f := read(t, scrape(t, r))[family]
		if f == nil {
			t.Fatalf("no metric %s", family)
		}
		v, ok := f.values[what]
		if !ok {
			t.Errorf("%s is not in the scrape", what)
		}
		return v
	}
	ask(t, at, "www.signed.example.", dns.TypeA)
	ask(t, at, "gone.signed.example.", dns.TypeA)
	ask(t, at, "www.bogus.example.", dns.TypeA)
	ask(t, at, "www.example.com.", dns.TypeA)
	settle(t, r)
	for what, want := range map[string]float64{
		`dnssec_verdicts_total{status="secure"}`:               2,
		`dnssec_verdicts_total{status="insecure"}`:             1,
		`dnssec_verdicts_total{status="indeterminate"}`:        0,
		`dnssec_reasons_total{code="7"}`:                       0,
		`dnssec_reasons_total{code="other"}`:                   0,
		`limits_total{limit="signatures"}`:                     0,
		`dnssec_trust_anchors{state="configured"}`:             1,
		`dnssec_trust_anchors{state="valid"}`:                  0,
		`dnssec_trust_anchor_refreshes_total{result="failed"}`: 0,
		`dnssec_trust_anchor_refreshes_total{result="good"}`:   0,
		`dnssec_signature_checks_total{result="failed"}`:       value(`dnssec_verdicts_total{status="bogus"}`),
		`dnssec_reasons_total{code="6"}`:                       value(`dnssec_verdicts_total{status="bogus"}`),
	} {
		if got := value(what); got != want {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	for _, what := range []string{`dnssec_verdicts_total{status="bogus"}`, `dnssec_signature_checks_total{result="good"}`,
		"dnssec_nsec3_hashes_total", "dnssec_zones", "dnssec_zones_bytes"} {
		if value(what) == 0 {
			t.Errorf("%s is zero", what)
		}
	}
}

func TestHistogramsAreConsistent(t *testing.T) {
	r, at := newRooms(t)
	for i := range 20 {
		ask(t, at, fmt.Sprintf("n%d.many.example.com.", i%10), dns.TypeA)
	}
	settle(t, r)
	text := scrape(t, r)
	type series struct {
		last, count float64
		buckets     int
		infinite    float64
	}
	all := map[string]*series{}
	for _, line := range strings.Split(text, "\n") { // in the order of the bounds
		m := regexp.MustCompile(`^rootwalk_(\w+)_(bucket|count|sum)(?:\{(.*)\})? (\S+)$`).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		label := regexp.MustCompile(`,?le="([^"]+)"`)
		key := m[1] + "{" + label.ReplaceAllString(m[3], "") + "}"
		s := all[key]
		if s == nil {
			s = new(series)
			all[key] = s
		}
		var v float64
		if _, err := fmt.Sscan(m[4], &v); err != nil {
			t.Fatal(err)
		}
		switch m[2] {
		case "bucket":
			if v < s.last {
				t.Errorf("%s falls from %v to %v: buckets are cumulative", key, s.last, v)
			}
			s.last = v
			s.buckets++
			if label.FindStringSubmatch(m[3])[1] == "+Inf" {
				s.infinite = v
			}
		case "count":
			s.count = v
		case "sum":
			if v < 0 || v > 60 {
				t.Errorf("the sum of %s is %v s", key, v)
			}
		}
	}
	want := map[string]float64{`client_latency_seconds{result="hit"}`: 10, `client_latency_seconds{result="miss"}`: 10}
	for key, s := range all {
		if s.infinite != s.count || s.last != s.count || s.buckets < 5 {
			t.Errorf("%s: %d buckets, the last is %v of %v", key, s.buckets, s.infinite, s.count)
		}
		if n, ok := want[key]; ok && s.count != n {
			t.Errorf("%s counts %v, want %v", key, s.count, n)
		}
		delete(want, key)
	}
	if len(want) != 0 || len(all) != 3 {
		t.Errorf("histograms are %v", slices.Sorted(maps.Keys(all)))
	}
}

// nativeCounts are the counts of the native form by the bounds of their buckets.
func nativeCounts(t *testing.T, h *dto.Histogram) (bounds []float64, counts []int64) {
	t.Helper()
	index, count, delta := int32(0), int64(0), 0
	for _, span := range h.PositiveSpan {
		index += span.GetOffset()
		for range span.GetLength() {
			count += h.PositiveDelta[delta]
			delta++
			if count > 0 {
				bounds = append(bounds, math.Exp2(float64(index)/float64(int(1)<<h.GetSchema())))
				counts = append(counts, count)
			}
			index++
		}
	}
	return bounds, counts
}

func TestTheNativeFormHasTheCountsOfTheClassicAtItsBounds(t *testing.T) {
	for name, bounds := range map[string][]float64{"latency": server.LatencyBounds[:], "rtt": upstream.RTTBounds[:], "powers of two": {0.25, 0.5, 1}} {
		t.Run(name, func(t *testing.T) {
			counts := make([]uint64, len(bounds)+1)
			total := uint64(0)
			for i := range counts {
				counts[i] = uint64(1 + (i*7)%5)
				total += counts[i]
			}
			var m dto.Metric
			if err := histogram(prometheus.NewDesc("h", "h", nil, nil), bounds, counts, 12.5).Write(&m); err != nil {
				t.Fatal(err)
			}
			h := m.GetHistogram()
			if h.GetSampleCount() != total || h.GetSampleSum() != 12.5 || len(h.Bucket) != len(bounds) {
				t.Errorf("the classic form has %d samples, sum %v, %d buckets", h.GetSampleCount(), h.GetSampleSum(), len(h.Bucket))
			}
			at, got := nativeCounts(t, h)
			if len(at) != len(counts) {
				t.Fatalf("%d native buckets, want %d", len(at), len(counts))
			}
			for i, n := range got {
				bound := 2 * bounds[len(bounds)-1]
				if i < len(bounds) {
					bound = bounds[i]
				}
				if at[i] < bound*(1-1e-12) || at[i] > bound*1.003 || uint64(n) != counts[i] {
					t.Errorf("%d at %v, want %d at %v", n, at[i], counts[i], bound)
				}
			}
		})
	}
}

func TestAHistogramWithoutCountsIsNativeToo(t *testing.T) {
	var m dto.Metric
	if err := histogram(prometheus.NewDesc("h", "h", nil, nil), []float64{1}, []uint64{0, 0}, 0).Write(&m); err != nil {
		t.Fatal(err)
	}
	if h := m.GetHistogram(); len(h.PositiveSpan) == 0 || h.Schema == nil {
		t.Errorf("a scraper would take it for a classic one: %v", h)
	}
}

func TestHostileQueriesMakeNoNewSeries(t *testing.T) {
	r, at := newRooms(t)
	ask(t, at, "www.example.com.", dns.TypeA)
	before := read(t, scrape(t, r))
	for i := range 300 {
		ask(t, at, fmt.Sprintf("n%d.many.example.com.", i), uint16(1000+i))
	}
	settle(t, r)
	after := read(t, scrape(t, r))
	for name, f := range after {
		if got, had := len(f.values), len(before[name].values); got != had {
			t.Errorf("%s has %d series, and had %d", name, got, had)
		}
	}
	if n := after["queries_total"].values[`queries_total{transport="udp",type="other"}`]; n != 300 {
		t.Errorf("%v other queries, want 300", n)
	}
}

func TestTheNumbersAreForScrapersByAnyNameAndNameNobody(t *testing.T) {
	r, at := newRooms(t)
	ask(t, at, "www.example.com.", dns.TypeA)
	settle(t, r)
	mux := Mux(r, r.Resolver.Primed, nil)
	for _, host := range []string{"127.0.0.1:9153", "10.96.0.10:9153", "rootwalk.dns.svc.cluster.local:9153", "ns1.example.net"} {
		for _, path := range []string{"/metrics", "/healthz"} {
			req := httptest.NewRequest(http.MethodGet, path, nil)
			req.Host, req.RemoteAddr = host, "198.51.100.7:4000"
			rec := httptest.NewRecorder()
			mux.ServeHTTP(rec, req)
			if rec.Code != http.StatusOK {
				t.Errorf("%s by the name %s says %d", path, host, rec.Code)
			}
			for _, secret := range []string{"example", "127.0.0.1", "192.0.2.", "198.51.100."} {
				if strings.Contains(rec.Body.String(), secret) {
					t.Errorf("%s tells of %s", path, secret)
				}
			}
		}
	}
}

func TestHealthAndReadiness(t *testing.T) {
	r, _ := newRooms(t)
	mux := Mux(r, r.Resolver.Primed, nil)
	status := func(method, path string) int {
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
		return rec.Code
	}
	want := func(when, path string, code int) {
		t.Helper()
		if got := status(http.MethodGet, path); got != code {
			t.Errorf("%s %s says %d, want %d", when, path, got, code)
		}
	}
	want("before priming", "/healthz", http.StatusOK)
	want("before priming", "/readyz", http.StatusServiceUnavailable)
	want("before priming", "/metrics", http.StatusOK)
	r.Resolver.Prime(t.Context())
	want("after priming", "/healthz", http.StatusOK)
	want("after priming", "/readyz", http.StatusOK)
	want("always", "/", http.StatusNotFound)
	if got := status(http.MethodPost, "/metrics"); got != http.StatusMethodNotAllowed {
		t.Errorf("POST /metrics says %d", got)
	}
}

func TestTheServerHasBounds(t *testing.T) {
	r, _ := newRooms(t)
	s := Server(Mux(r, r.Resolver.Primed, nil))
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("a slow client is waited for without end: %+v", s)
	}
}

func TestTheVersionIsNeverEmpty(t *testing.T) {
	if Version() == "" {
		t.Error("no version")
	}
}
