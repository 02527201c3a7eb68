package control

import (
	"log/slog"
	"time"

	"rootwalk/cache"
	"rootwalk/resolver"
	"rootwalk/server"
	"rootwalk/upstream"
)

// Rooms are the parts of the server that is looked into.
type Rooms struct {
	Cache    *cache.Cache
	Upstream *upstream.Upstream
	Server   *server.Server
	Resolver func() *resolver.Resolver // the one in force

	Reload   func() (any, error) // reads the configuration again; what is told about it, with a field error where that is one
	Reloads  func() Reloads      // how that went so far
	Level    *slog.LevelVar      // of the log
	QueryLog func() int          // one query in so many is logged; 0: none
	LogOneIn func(oneIn int)     // has the query log do so
	Now      func() time.Time    // wall clock
	Started  time.Time
	Version  string
	Listen   []string
	Anchors  func() []string // the trust anchors in words; nil: none are shown

	history history
}

// Reloads are the readings of the configuration after the start.
type Reloads struct {
	Good    uint64    `json:"good"`
	Bad     uint64    `json:"bad"`
	Last    time.Time `json:"last,omitzero"` // the last good one
	Failing bool      `json:"failing"`       // the last one was bad, so that what is in force is older
}

// Status is how the server is, in a few figures.
type Status struct {
	Version  string        `json:"version"`
	Started  time.Time     `json:"started"`
	Uptime   time.Duration `json:"uptime_ns"`
	Listen   []string      `json:"listen"`
	Primed   bool          `json:"primed"` // the root's own list of servers is known
	LogLevel string        `json:"log_level"`
	QueryLog int           `json:"query_log"` // one query in so many is logged; 0: none
	Reloads  Reloads       `json:"reloads"`

	Queries  uint64  `json:"queries"`
	Hits     uint64  `json:"hits"`
	Misses   uint64  `json:"misses"`
	HitRatio float64 `json:"hit_ratio"` // of hits and misses; 0 where there were none
	Stale    uint64  `json:"stale"`
	Walks    uint64  `json:"walks"`
	Failures uint64  `json:"walk_failures"`
	InFlight int64   `json:"in_flight"`

	UpstreamQueries  uint64 `json:"upstream_queries"`
	UpstreamTimeouts uint64 `json:"upstream_timeouts"`
	UpstreamServers  int    `json:"upstream_servers"` // addresses that are remembered

	CacheEntries int    `json:"cache_entries"`
	CacheBytes   int64  `json:"cache_bytes"`
	CacheLimit   int64  `json:"cache_limit_bytes"`
	Evictions    uint64 `json:"cache_evictions"`
}

// Stats are all numbers, as each room has them.
type Stats struct {
	Server   server.Stats   `json:"server"`
	Resolver resolver.Stats `json:"resolver"`
	Upstream upstream.Stats `json:"upstream"`
	Cache    cache.Stats    `json:"cache"`
}

// Stats reads the numbers.
func (r *Rooms) Stats() Stats {
	return Stats{r.Server.Stats(), r.Resolver().Stats(), r.Upstream.Stats(), r.Cache.Stats()}
}

// Status sums up.
func (r *Rooms) Status() Status {
	all, now := r.Stats(), r.Now()
	s := Status{Version: r.Version, Started: r.Started, Uptime: now.Sub(r.Started), Listen: r.Listen, Primed: r.Resolver().Primed(),
		Hits: all.Server.Hits, Misses: all.Server.Misses, Stale: all.Server.Stale, InFlight: all.Server.Pending,
		Walks: all.Resolver.Walks, Failures: all.Resolver.Failures,
		UpstreamQueries: all.Upstream.UDP + all.Upstream.TCP, UpstreamTimeouts: all.Upstream.Timeouts, UpstreamServers: all.Upstream.Servers,
		CacheEntries: all.Cache.Entries, CacheBytes: all.Cache.Bytes, CacheLimit: all.Cache.Limit, Evictions: all.Cache.Evictions}
	for _, types := range all.Server.Queries {
		for _, n := range types {
			s.Queries += n
		}
	}
	if both := s.Hits + s.Misses; both > 0 {
		s.HitRatio = float64(s.Hits) / float64(both)
	}
	if r.Level != nil {
		s.LogLevel = levelName(r.Level.Level())
	}
	if r.QueryLog != nil {
		s.QueryLog = r.QueryLog()
	}
	if r.Reloads != nil {
		s.Reloads = r.Reloads()
	}
	return s
}
