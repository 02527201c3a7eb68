package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"time"

	roothints "rootwalk/rootHints"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/config"
	"rootwalk/dnssec"
	"rootwalk/policy"
	"rootwalk/resolver"
	"rootwalk/server"
	"rootwalk/upstream"
	"rootwalk/wire"
)

// parts are the rooms of one running resolver, wired together. A reload replaces
// upstream, validator and resolver by ones that share what the old ones learned.
type parts struct {
	cache     *cache.Cache
	upstream  *upstream.Upstream
	validator *dnssec.Validator // nil until validation is switched on
	follower  *dnssec.Follower  // nil: trust anchors stay as they are configured
	resolver  *resolver.Resolver
	server    *server.Server

	log       *slog.Logger
	level     *slog.LevelVar               // of the log
	lines     *lines                       // of the log; nil where nobody has to be waited for
	secret    [server.SecretLen]byte       // of cookies, where none is configured
	snapshots *snapshots                   // nil where nothing is kept
	confine   func(written []string) error // gives up rights once the server runs; nil keeps them
	reloading
}

// world is the Internet that is walked: where it begins, and how it is reached.
type world struct {
	dial    upstream.Dialer // nil for real sockets
	hints   []roothints.Server
	anchors []dnssec.Anchor
}

// worldOf reads the files of root hints and trust anchors, or takes those that are
// built in.
func worldOf(cfg *config.Config) (w world, err error) {
	if w.hints, err = rootServers(cfg); err != nil {
		return w, err
	}
	w.anchors, err = configuredAnchors(cfg)
	return w, err
}

// assemble makes the rooms from the configuration.
func assemble(cfg *config.Config, log *slog.Logger) (*parts, error) {
	w, err := worldOf(cfg)
	if err != nil {
		return nil, err
	}
	p := assembleIn(w, cfg, log)
	p.follow(cfg)
	return p, nil
}

// assembleIn makes the rooms for one Internet.
func assembleIn(w world, cfg *config.Config, log *slog.Logger) *parts {
	boundHeap(int64(cfg.Cache.Size))
	p := &parts{cache: cache.New(cache.Options{Size: int64(cfg.Cache.Size)}), log: log}
	_, _ = rand.Read(p.secret[:]) // it never fails
	p.setTap(cfg.Dnstap)
	p.upstream = upstream.New(p.upstreamOptions(w, cfg))
	if cfg.DNSSEC.Validate && len(w.anchors) > 0 {
		p.validator = dnssec.New(validatorOptions(w, cfg, log))
	}
	p.resolver = resolver.New(p.resolverOptions(w, cfg))
	p.server = server.New(p.serverOptions(cfg))
	p.cfg, p.world = cfg, w
	return p
}

func (p *parts) upstreamOptions(w world, cfg *config.Config) upstream.Options {
	var own []netip.AddrPort
	for _, l := range cfg.Listen {
		if ap, err := netip.ParseAddrPort(l); err == nil {
			own = append(own, ap)
		}
	}
	return upstream.Options{
		Port: cfg.Upstream.Port, IPv4: cfg.Upstream.IPv4, IPv6: cfg.Upstream.IPv6,
		Allowed: policy.NewUpstreams(cfg.Upstream.Refuse, own).Allowed, Dial: w.dial, Tap: p.tap,
		KeepCase: !cfg.Upstream.CaseRandomisation, Record: cfg.Limits.Mode == config.LimitsRecord, Timeout: cfg.Upstream.Timeout,
	}
}

func validatorOptions(w world, cfg *config.Config, log *slog.Logger) dnssec.Options {
	o := dnssec.Options{Anchors: w.anchors, Aggressive: cfg.DNSSEC.AggressiveNSEC, SHA1: cfg.DNSSEC.SHA1, MaxIterations: cfg.DNSSEC.NSEC3Iterations,
		NegativeAnchors: negativeAnchors(cfg.DNSSEC.NegativeTrustAnchors), Now: validationClock(cfg.DNSSEC.ValidationTime), Log: log}
	if cfg.DNSSEC.ValidationTime.IsZero() { // else it stands still on purpose
		o.Earliest = roothints.Made
	}
	return o
}

// resolverOptions are for the parts below as they are.
func (p *parts) resolverOptions(w world, cfg *config.Config) resolver.Options {
	validator := p.validator
	if !cfg.DNSSEC.Validate {
		validator = nil
	}
	return resolver.Options{
		Validator: validator,
		Cache:     p.cache, Upstream: p.upstream, Hints: w.hints, Log: p.log,
		MaxAliases: maxAliases(cfg.Resolver.MaxAliases), FullNames: !cfg.Resolver.QNAMEMinimisation,
		IPv4: cfg.Upstream.IPv4, IPv6: cfg.Upstream.IPv6,
		Local: policy.NewLocal(append(names(cfg.Zones), anchored(w.anchors)...)), Zones: zones(cfg.Zones),
		Rebinding: policy.NewRebinding(cfg.Access.PrivateAddresses, parseNames(cfg.Access.PrivateDomains)),
		Stale:     resolver.Stale{Enabled: cfg.Stale.Enabled, MaxAge: cfg.Stale.MaxAge, ClientTimeout: cfg.Stale.ClientTimeout},
		Prefetch:  cfg.Cache.Prefetch, Record: cfg.Limits.Mode == config.LimitsRecord, FullResponses: !cfg.Resolver.MinimalResponses,
		MinTTL: cfg.Cache.MinTTL, MaxTTL: orNone(cfg.Cache.MaxTTL),
		MinNegativeTTL: cfg.Cache.MinNegativeTTL, MaxNegativeTTL: orNone(cfg.Cache.MaxNegativeTTL), Walks: walksIn(config.MemoryLimit()),
	}
}

// serverOptions are for the parts below as they are.
func (p *parts) serverOptions(cfg *config.Config) server.Options {
	workers := cfg.Server.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return server.Options{
		Identity: policy.NewIdentity(cfg.Server.Version, cfg.Server.Identity), NSID: cfg.Server.NSID, Cookies: p.cookies(cfg),
		Cache: p.cache, Resolver: p.resolver, Allow: policy.NewACL(cfg.Access.Allow, accessRules(cfg.Access.Rules)...), Log: p.log, Workers: workers, EDE: cfg.EDE,
		Queries: p.queryLog(cfg.Log.Queries), Tap: p.tap,
		StaleTTL: uint32(cfg.Stale.AnswerTTL / time.Second),
	}
}

func accessRules(list []config.AccessRule) []policy.Rule {
	actions := map[config.AccessAction]policy.Action{config.AccessAllow: policy.Allow, config.AccessRefuse: policy.Refuse, config.AccessDeny: policy.Deny}
	out := make([]policy.Rule, 0, len(list))
	for _, r := range list {
		out = append(out, policy.Rule{Prefix: r.Prefix, Action: actions[r.Action]})
	}
	return out
}

// cookies are as configured. A random secret is drawn at the start alone, so that
// clients keep their cookies over a reload.
func (p *parts) cookies(cfg *config.Config) *server.Cookies {
	if !cfg.Server.Cookies {
		return nil
	}
	secret, err := hex.DecodeString(cfg.Server.CookieSecret)
	if err == nil && len(secret) == 0 {
		secret = p.secret[:]
	}
	cookies, err := server.NewCookies(secret)
	if err != nil { // the configuration was checked
		p.log.Error("no cookies", "reason", err)
	}
	return cookies
}

// orNone is the option for a bound that may be zero: nothing is kept then.
func orNone(d time.Duration) time.Duration { return max(d, time.Nanosecond) }

// maxAliases is the option for a number of aliases that may be none.
func maxAliases(n int) int {
	if n == 0 {
		return resolver.NoAliases
	}
	return n
}

// zones are the configured zones as the resolver wants them.
func zones(list []config.Zone) []resolver.Zone {
	var out []resolver.Zone
	for i, n := range names(list) {
		z := list[i]
		out = append(out, resolver.Zone{Name: n, Forward: z.Type == config.ZoneForward, Servers: z.Servers, FallBack: z.FallBack})
	}
	return out
}

// names are the names of the configured zones.
func names(list []config.Zone) []wire.Name {
	texts := make([]string, len(list))
	for i := range list {
		texts[i] = list[i].Name
	}
	return parseNames(texts)
}

// anchored are the zones with trust anchors of their own.
func anchored(list []dnssec.Anchor) []wire.Name {
	out := make([]wire.Name, len(list))
	for i := range list {
		out[i] = list[i].Zone
	}
	return out
}

// parseNames reads names that the configuration has checked already.
func parseNames(texts []string) []wire.Name {
	out := make([]wire.Name, len(texts))
	for i, t := range texts {
		out[i] = wire.MustName(t).Lower()
	}
	return out
}

// validationClock is the clock that signatures are judged by: the wall clock, or
// a fixed time.
func validationClock(fixed time.Time) func() time.Time {
	if fixed.IsZero() {
		return clock.Wall
	}
	return func() time.Time { return fixed }
}

// rootServers are the built-in root hints, or those of the configured file.
func rootServers(cfg *config.Config) ([]roothints.Server, error) {
	if cfg.Root.Hints == "" {
		return roothints.Builtin(), nil
	}
	text, err := os.ReadFile(cfg.Root.Hints)
	if err != nil {
		return nil, fmt.Errorf("root.hints: %w", err)
	}
	return roothints.Parse(cfg.Root.Hints, bytes.NewReader(text))
}
