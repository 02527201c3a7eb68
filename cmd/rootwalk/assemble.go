package main

import (
	"bytes"
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

// parts are the rooms of one running resolver, wired together.
type parts struct {
	cache    *cache.Cache
	upstream *upstream.Upstream
	resolver *resolver.Resolver
	server   *server.Server
}

// assemble makes the rooms from the configuration.
func assemble(cfg *config.Config, log *slog.Logger) (*parts, error) {
	hints, err := rootServers(cfg)
	if err != nil {
		return nil, err
	}
	anchors, err := trustAnchors(cfg)
	if err != nil {
		return nil, err
	}
	return assembleWith(cfg, log, nil, hints, anchors), nil
}

// assembleWith makes the rooms for the Internet that dial and hints lead to;
// dial is nil for real sockets.
func assembleWith(cfg *config.Config, log *slog.Logger, dial upstream.Dialer, hints []roothints.Server, anchors []dnssec.Anchor) *parts {
	var own []netip.AddrPort
	for _, l := range cfg.Listen {
		if ap, err := netip.ParseAddrPort(l); err == nil {
			own = append(own, ap)
		}
	}
	p := &parts{cache: cache.New(cache.Options{Size: int64(cfg.Cache.Size)})}
	p.upstream = upstream.New(upstream.Options{
		Port: cfg.Upstream.Port, IPv4: cfg.Upstream.IPv4, IPv6: cfg.Upstream.IPv6,
		Allowed: policy.NewUpstreams(cfg.Upstream.Refuse, own).Allowed, Dial: dial,
		KeepCase: !cfg.Upstream.CaseRandomisation, Timeout: cfg.Upstream.Timeout,
	})
	var validator *dnssec.Validator
	if cfg.DNSSEC.Validate && len(anchors) > 0 {
		validator = dnssec.New(dnssec.Options{Anchors: anchors, SHA1: cfg.DNSSEC.SHA1, MaxIterations: cfg.DNSSEC.NSEC3Iterations,
			NegativeAnchors: negativeAnchors(cfg.DNSSEC.NegativeTrustAnchors), Now: validationClock(cfg.DNSSEC.ValidationTime)})
	}
	p.resolver = resolver.New(resolver.Options{
		Validator: validator,
		Cache:     p.cache, Upstream: p.upstream, Hints: hints, Log: log,
		MaxAliases: maxAliases(cfg.Resolver.MaxAliases), FullNames: !cfg.Resolver.QNAMEMinimisation,
		IPv4: cfg.Upstream.IPv4, IPv6: cfg.Upstream.IPv6,
		Local: policy.NewLocal(names(cfg.Zones)), Zones: zones(cfg.Zones),
		Rebinding: policy.NewRebinding(cfg.Access.PrivateAddresses, parseNames(cfg.Access.PrivateDomains)),
		Stale:     resolver.Stale{Enabled: cfg.Stale.Enabled, MaxAge: cfg.Stale.MaxAge, ClientTimeout: cfg.Stale.ClientTimeout},
		Prefetch:  cfg.Cache.Prefetch, Record: cfg.Limits.Mode == config.LimitsRecord, FullResponses: !cfg.Resolver.MinimalResponses,
		MinTTL: cfg.Cache.MinTTL, MaxTTL: orNone(cfg.Cache.MaxTTL),
		MinNegativeTTL: cfg.Cache.MinNegativeTTL, MaxNegativeTTL: orNone(cfg.Cache.MaxNegativeTTL),
	})
	workers := cfg.Server.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var cookies *server.Cookies
	if cfg.Server.Cookies {
		secret, err := hex.DecodeString(cfg.Server.CookieSecret)
		if err == nil {
			cookies, err = server.NewCookies(secret)
		}
		if err != nil { // the configuration was checked
			log.Error("no cookies", "reason", err)
		}
	}
	p.server = server.New(server.Options{
		Identity: policy.NewIdentity(cfg.Server.Version, cfg.Server.Identity), NSID: cfg.Server.NSID, Cookies: cookies,
		Cache: p.cache, Resolver: p.resolver, Allow: policy.NewACL(cfg.Access.Allow), Log: log, Workers: workers, EDE: cfg.EDE,
		StaleTTL: uint32(cfg.Stale.AnswerTTL / time.Second),
	})
	return p
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

// parseNames reads names that the configuration has checked already.
func parseNames(texts []string) []wire.Name {
	out := make([]wire.Name, len(texts))
	for i, t := range texts {
		out[i] = wire.MustName(t).Lower()
	}
	return out
}

// trustAnchors are the built-in ones of the root, or those of the configured file.
func trustAnchors(cfg *config.Config) ([]dnssec.Anchor, error) {
	list := roothints.BuiltinAnchors()
	if file := cfg.Root.TrustAnchors; file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("root.trust-anchors: %w", err)
		}
		if list, err = roothints.ParseAnchors(file, bytes.NewReader(text)); err != nil {
			return nil, err
		}
	}
	return anchorsOf(list)
}

// anchorsOf are trust anchors as the validator wants them.
func anchorsOf(list []roothints.Anchor) ([]dnssec.Anchor, error) {
	out := make([]dnssec.Anchor, len(list))
	for i, a := range list {
		var err error
		if out[i], err = dnssec.AnchorOf(a.RR); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// negativeAnchors tells which names are exempt from validation at the moment.
func negativeAnchors(list []config.NegativeTrustAnchor) func(wire.Name) bool {
	until := map[wire.Name]time.Time{}
	for _, a := range list {
		until[wire.MustName(a.Name).Lower()] = a.Until
	}
	return dnssec.NegativeAnchors(until, clock.Wall)
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
