// Package metrics shows the numbers of every room to Prometheus. It is the only
// importer of its library: each room counts for itself and hands out a Stats
// value when it is asked, so the hot path sees neither labels nor registries.
//
// Labels are bounded: transport, query type from a short list, response code,
// result. A name or an address is never a label.
package metrics

import (
	"math"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"rootwalk/cache"
	"rootwalk/dnssec"
	"rootwalk/dnstap"
	"rootwalk/resolver"
	"rootwalk/server"
	"rootwalk/upstream"
)

// Rooms are the places whose numbers are shown.
type Rooms struct {
	Cache     *cache.Cache
	Upstream  *upstream.Upstream
	Resolver  *resolver.Resolver
	Server    *server.Server
	Reloads   func() Reloads   // nil where nothing is reloaded
	Snapshots func() Snapshots // nil where nothing is kept
	NotLogged func() uint64    // queries that the query log left out
	LinesLost func() uint64    // lines of the log that nobody took
	Tap       *dnstap.Counts   // nil where nobody is told
	// Validation gives the numbers of the validator and of who follows its trust anchors.
	Validation func() (dnssec.Stats, dnssec.FollowStats)
	Version    string
}

// Snapshots are the writings of the cache to its file.
type Snapshots struct {
	Entries  int // of the last one
	Last     time.Time
	Failures uint64
}

// Reloads are the readings of the configuration after the start.
type Reloads struct {
	Good, Bad uint64
	Last      time.Time // of the last good one; zero is none
	Failing   bool      // the last one was bad, so that what is in force is older
}

type collector struct {
	r Rooms
	d map[string]*prometheus.Desc
}

// descriptions are all metrics: name without prefix, help, labels.
var descriptions = []struct {
	name, help string
	labels     []string
}{
	{"queries_total", "Client queries by transport and type.", []string{"transport", "type"}},
	{"responses_total", "Replies to clients by response code.", []string{"rcode"}},
	{"cache_hits_total", "Queries answered from the cache at once.", nil},
	{"cache_misses_total", "Queries that had to be resolved.", nil},
	{"cache_answers_total", "Queries answered from the cache by what the answer says, and whether it was fresh.", []string{"kind", "state"}},
	{"cache_stale_total", "Queries answered with data whose TTL had run out.", nil},
	{"cache_refreshes_total", "Answers that were renewed behind a reply.", nil},
	{"client_latency_seconds", "Time from a query to its reply, by result.", []string{"result"}},
	{"extended_errors_total", "Extended errors (RFC 8914) in replies to clients by number.", []string{"code"}},
	{"refused_total", "Queries answered with a bare error because of what they are or who sent them.", nil},
	{"truncated_total", "Replies over UDP that were too long for the client.", nil},
	{"dropped_total", "Packets that are no queries.", nil},
	{"shed_total", "Queries and connections turned away because of too many, and replies without room.", []string{"where"}},
	{"panics_total", "Panics while answering a query; each cost that query alone.", nil},
	{"in_flight", "Client questions that are being resolved.", nil},
	{"tcp_connections", "Open TCP connections of clients.", nil},
	{"walks_total", "Walks through the hierarchy.", nil},
	{"inferred_answers_total", "Answers that follow from what was proved for other questions (RFC 8198, RFC 8020), by kind.", []string{"kind"}},
	{"limits_total", "What went beyond a limit and was cut short or turned away, by the limit's name (docs/security.md).", []string{"limit"}},
	{"walk_failures_total", "Walks that ended without an answer.", nil},
	{"upstream_queries_total", "Queries sent to authoritative servers by transport.", []string{"transport"}},
	{"upstream_outcomes_total", "What came of them.", []string{"outcome"}},
	{"upstream_rtt_seconds", "Round-trip time of matching replies.", nil},
	{"upstream_servers", "Server addresses whose speed and abilities are remembered.", nil},
	{"cache_entries", "Entries in the cache, stale ones included.", nil},
	{"cache_bytes", "Memory of the entries with their overhead.", nil},
	{"cache_limit_bytes", "Most memory that the entries may take.", nil},
	{"cache_evictions_total", "Entries that made room for others.", nil},
	{"primed", "1 once the root's own list of servers is known.", nil},
	{"dnssec_verdicts_total", "Pieces of answers that were judged by how far they can be trusted (RFC 4033 section 5).", []string{"status"}},
	{"dnssec_reasons_total", "Pieces of answers that were judged and are not secure by the number of the extended error (RFC 8914).", []string{"code"}},
	{"dnssec_signature_checks_total", "Signatures that were checked by result.", []string{"result"}},
	{"dnssec_nsec3_hashes_total", "Names that were hashed for NSEC3.", nil},
	{"dnssec_zones", "Names whose keys, or lack of them, are remembered.", nil},
	{"dnssec_zones_bytes", "Memory that they take.", nil},
	{"dnssec_trust_anchors", "Keys of the zones that trust begins with by state (RFC 5011).", []string{"state"}},
	{"dnssec_trust_anchor_refreshes_total", "Looks at the keys of those zones by result.", []string{"result"}},
	{"config_reloads_total", "Readings of the configuration after the start by result.", []string{"result"}},
	{"config_last_reload_successful", "0 when the last reading of the configuration failed, and an older one is in force.", nil},
	{"config_last_reload_timestamp_seconds", "When the configuration was last read again without a mistake; 0 is never.", nil},
	{"query_log_dropped_total", "Queries that the query log left out because writing was too slow.", nil},
	{"log_lines_lost_total", "Lines of the log that were lost because nobody took them in time.", nil},
	{"dnstap_messages_total", "Messages for the reader of dnstap by what became of them.", []string{"result"}},
	{"dnstap_connected", "1 while there is a reader of dnstap.", nil},
	{"snapshot_entries", "Entries in the last snapshot of the cache; 0 is none yet.", nil},
	{"snapshot_timestamp_seconds", "When the last snapshot of the cache was written; 0 is none yet.", nil},
	{"snapshot_failures_total", "Snapshots of the cache that could not be written.", nil},
	{"build_info", "Always 1.", []string{"version", "goversion"}},
}

// Handler serves /metrics in the Prometheus formats.
func Handler(r Rooms) http.Handler {
	c := &collector{r: r, d: map[string]*prometheus.Desc{}}
	for _, d := range descriptions {
		c.d[d.name] = prometheus.NewDesc("rootwalk_"+d.name, d.help, d.labels, nil)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.d {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	count := func(name string, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(c.d[name], prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(name string, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(c.d[name], prometheus.GaugeValue, v, labels...)
	}
	s := c.r.Server.Stats()
	for tr, types := range s.Queries {
		for t, n := range types {
			count("queries_total", n, tr, t)
		}
	}
	for r, n := range s.Rcodes {
		count("responses_total", n, r)
	}
	for code, n := range s.EDEs {
		count("extended_errors_total", n, code)
	}
	count("cache_hits_total", s.Hits)
	count("cache_misses_total", s.Misses)
	count("cache_stale_total", s.Stale)
	for k, n := range s.HitKinds {
		count("cache_answers_total", n, k, "fresh")
	}
	for k, n := range s.StaleKinds {
		count("cache_answers_total", n, k, "stale")
	}
	for result, h := range s.Latency {
		ch <- histogram(c.d["client_latency_seconds"], server.LatencyBounds[:], h.Buckets[:], h.Seconds, result)
	}
	count("refused_total", s.Refused)
	count("truncated_total", s.Truncated)
	count("dropped_total", s.Dropped)
	count("shed_total", s.Shed, "server")
	count("panics_total", s.Panics+c.r.Resolver.Stats().Panics)
	gauge("in_flight", float64(s.Pending))
	gauge("tcp_connections", float64(s.TCPConns))

	w := c.r.Resolver.Stats()
	count("walks_total", w.Walks)
	count("walk_failures_total", w.Failures)
	for kind, n := range w.Inferred {
		count("inferred_answers_total", n, kind)
	}
	count("cache_refreshes_total", w.Refreshes)
	count("shed_total", w.Shed, "resolver")
	primed := 0.0
	if c.r.Resolver.Primed() {
		primed = 1
	}
	gauge("primed", primed)

	c.validation(count, gauge)

	u := c.r.Upstream.Stats()
	count("upstream_queries_total", u.UDP, "udp")
	count("upstream_queries_total", u.TCP, "tcp")
	count("upstream_outcomes_total", u.Answers, "reply")
	count("upstream_outcomes_total", u.Timeouts, "timeout")
	count("upstream_outcomes_total", u.Unreachable, "unreachable")
	count("upstream_outcomes_total", u.Forged, "mismatch")
	count("upstream_outcomes_total", u.Malformed, "malformed")
	count("upstream_outcomes_total", u.OwnTrouble, "no_socket")
	ch <- histogram(c.d["upstream_rtt_seconds"], upstream.RTTBounds[:], u.RTTBuckets[:], u.RTTSeconds)
	gauge("upstream_servers", float64(u.Servers))
	for _, room := range [...]map[string]uint64{s.Limits, w.Limits, u.Limits} {
		for name, n := range room {
			count("limits_total", n, name)
		}
	}

	k := c.r.Cache.Stats()
	gauge("cache_entries", float64(k.Entries))
	gauge("cache_bytes", float64(k.Bytes))
	gauge("cache_limit_bytes", float64(k.Limit))
	count("cache_evictions_total", k.Evictions)
	for name, lost := range map[string]func() uint64{"query_log_dropped_total": c.r.NotLogged, "log_lines_lost_total": c.r.LinesLost} {
		n := uint64(0)
		if lost != nil {
			n = lost()
		}
		count(name, n)
	}
	c.dnstap(count, gauge)
	c.reloads(count, gauge)
	c.snapshots(count, gauge)
	gauge("build_info", 1, c.r.Version, runtime.Version())
}

// reloads is about the readings of the configuration.
func (c *collector) reloads(count func(string, uint64, ...string), gauge func(string, float64, ...string)) {
	var r Reloads
	if c.r.Reloads != nil {
		r = c.r.Reloads()
	}
	count("config_reloads_total", r.Good, "success")
	count("config_reloads_total", r.Bad, "failure")
	ok, last := 1.0, 0.0
	if r.Failing {
		ok = 0
	}
	if !r.Last.IsZero() {
		last = float64(r.Last.Unix())
	}
	gauge("config_last_reload_successful", ok)
	gauge("config_last_reload_timestamp_seconds", last)
}

// dnstap is about the messages that a reader is told of.
func (c *collector) dnstap(count func(string, uint64, ...string), gauge func(string, float64, ...string)) {
	t := c.r.Tap
	if t == nil {
		t = new(dnstap.Counts)
	}
	count("dnstap_messages_total", t.Written.Load(), "written")
	count("dnstap_messages_total", t.Dropped.Load(), "dropped")
	gauge("dnstap_connected", float64(t.Connected.Load()))
}

// snapshots is about the snapshot of the cache.
func (c *collector) snapshots(count func(string, uint64, ...string), gauge func(string, float64, ...string)) {
	var s Snapshots
	if c.r.Snapshots != nil {
		s = c.r.Snapshots()
	}
	last := 0.0
	if !s.Last.IsZero() {
		last = float64(s.Last.Unix())
	}
	gauge("snapshot_entries", float64(s.Entries))
	gauge("snapshot_timestamp_seconds", last)
	count("snapshot_failures_total", s.Failures)
}

// nativeSchema makes the buckets of native histograms as narrow as they get: the
// bound of one is 2^(1/256) times the bound before, less than 0.3% more.
const nativeSchema = 8

// histogram makes a Prometheus histogram of counts that are not cumulative. It
// is classic and native at once: text has the classic buckets, and a scraper
// that asks for the protobuf form may take either.
//
// In the native form what was counted below a bound stands in the narrow bucket
// that holds the bound, and what is beyond the last bound at twice that. A
// quantile of it is therefore a bound, and never less than the truth but for
// what lies beyond. Counting so finely in the first place would cost the
// hot path, and this costs it nothing.
func histogram(d *prometheus.Desc, bounds []float64, counts []uint64, sum float64, labels ...string) prometheus.Metric {
	buckets := make(map[float64]uint64, len(bounds))
	native := make(map[int]int64, len(counts))
	total := uint64(0)
	for i, n := range counts {
		total += n
		bound := 2 * bounds[len(bounds)-1]
		if i < len(bounds) {
			bound = bounds[i]
			buckets[bound] = total
		}
		if n > 0 {
			native[nativeBucket(bound)] += int64(n)
		}
	}
	return both{
		prometheus.MustNewConstHistogram(d, total, sum, buckets, labels...),
		prometheus.MustNewConstNativeHistogram(d, total, sum, native, nil, 0, nativeSchema, 0, time.Time{}, labels...),
	}
}

// nativeBucket is the index of the native bucket that holds v: the one whose
// bound 2^(index/256) is the first that is not less.
func nativeBucket(v float64) int { return int(math.Ceil(math.Log2(v) * (1 << nativeSchema))) }

// both is a histogram in the classic and the native form.
type both struct{ classic, native prometheus.Metric }

// Desc implements prometheus.Metric.
func (b both) Desc() *prometheus.Desc { return b.classic.Desc() }

// Write implements prometheus.Metric.
func (b both) Write(out *dto.Metric) error {
	if err := b.classic.Write(out); err != nil {
		return err
	}
	var native dto.Metric
	if err := b.native.Write(&native); err != nil {
		return err
	}
	h := native.GetHistogram()
	out.Histogram.Schema, out.Histogram.ZeroThreshold, out.Histogram.ZeroCount = h.Schema, h.ZeroThreshold, h.ZeroCount
	out.Histogram.PositiveSpan, out.Histogram.PositiveDelta = h.PositiveSpan, h.PositiveDelta
	return nil
}

// Version is the version of the module that the binary was built from.
func Version() string {
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "(devel)"
}
