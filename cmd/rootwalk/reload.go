package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"rootwalk/clock"
	"rootwalk/config"
	"rootwalk/dnssec"
	"rootwalk/dnstap"
	"rootwalk/metrics"
	"rootwalk/resolver"
	"rootwalk/server"
	"rootwalk/wire"
)

// This file reads the configuration again while queries are answered. What can be
// swapped is swapped, at once for the next query; queries under way end by the
// settings that they began with; the cache stays. A configuration that has a
// mistake changes nothing.

// reloading is what a reload needs to know.
type reloading struct {
	hup  <-chan os.Signal                         // has SIGHUP
	load func() (*config.Config, []string, error) // nil where there is nothing to read again
	mu   sync.Mutex                               // one at a time; guards cfg and world, and the parts that it replaces

	queries   *server.QueryLog
	oneIn     int    // query is logged; 0: none
	notLogged uint64 // by logs that are closed
	tap       *dnstap.Tap
	tapOf     config.Dnstap // what tap was made of
	tapCounts dnstap.Counts

	cfg   *config.Config // in force
	world world

	good, bad atomic.Uint64
	last      atomic.Int64 // wall clock, seconds: the last good one; 0 is none
	failing   atomic.Bool  // the last one was bad
}

// reloaded is what came of a reload.
type reloaded struct {
	Changed  []string          `json:"changed"`            // keys with new values in force
	Restart  []string          `json:"restart"`            // keys with new values that need a new start
	Warnings []string          `json:"warnings"`           // about the configuration
	Error    string            `json:"error,omitempty"`    // nothing has changed
	Problems []*config.Problem `json:"problems,omitempty"` // with the configuration
}

// inForce is the resolver that answers now.
func (p *parts) inForce() *resolver.Resolver {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.resolver
}

// reload reads the configuration again and takes over what it can.
func (p *parts) reload() (reloaded, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, err := p.reloadLocked()
	p.failing.Store(err != nil)
	if err != nil {
		p.bad.Add(1)
		p.log.Error("the configuration was not reloaded; the one before stays in force", "reason", strings.ReplaceAll(err.Error(), "\n", " | "))
		return reloaded{Changed: []string{}, Restart: []string{}, Warnings: []string{}, Error: err.Error(), Problems: config.Problems(err)}, err
	}
	p.good.Add(1)
	p.last.Store(clock.Wall().Unix())
	for _, w := range r.Warnings {
		p.log.Warn(w)
	}
	for _, k := range r.Restart {
		p.log.Warn("a change of this key takes effect at the next start", "key", k)
	}
	p.log.Info("reloaded", "changed", r.Changed)
	return r, nil
}

func (p *parts) reloadLocked() (reloaded, error) {
	if p.load == nil {
		return reloaded{}, errors.New("there is no configuration to read again")
	}
	next, warnings, err := p.load()
	if err != nil {
		return reloaded{}, err
	}
	w, err := worldOf(next)
	if err != nil {
		return reloaded{}, err
	}
	r := reloaded{Changed: []string{}, Restart: []string{}, Warnings: append([]string{}, warnings...)}
	live, restart := p.cfg.Changes(next)
	r.Changed, r.Restart = append(r.Changed, live...), append(r.Restart, restart...)
	next.Keep(p.cfg, restart)
	p.apply(w, next, live)
	return r, nil
}

// apply puts a configuration into force. changed are the keys that differ.
func (p *parts) apply(w world, next *config.Config, changed []string) {
	old := p.cfg
	differ := func(prefix string) bool {
		return slices.ContainsFunc(changed, func(k string) bool { return strings.HasPrefix(k, prefix) })
	}
	if p.level != nil {
		p.level.Set(levelOf(next.Log.Level))
	}
	if differ("cache.size") {
		boundHeap(int64(next.Cache.Size))
		p.cache.Resize(int64(next.Cache.Size))
	}
	p.setTap(next.Dnstap)
	p.upstream = p.upstream.With(p.upstreamOptions(w, next))
	if anchors := !slices.Equal(w.anchors, p.world.anchors); differ("dnssec.") || anchors {
		o := validatorOptions(w, next, p.log)
		switch {
		case p.validator != nil:
			switch {
			case !anchors: // those in force may have been learned since (RFC 5011)
				o.Anchors = nil
			case p.follower != nil:
				o.Anchors = p.follower.Configure(w.anchors, next.DNSSEC.SHA1)
			}
			p.validator = p.validator.With(o)
		case next.DNSSEC.Validate && len(w.anchors) > 0:
			p.validator = dnssec.New(o)
		}
	}
	p.resolver = p.resolver.With(p.resolverOptions(w, next))
	p.server.Set(p.serverOptions(next))
	p.cfg, p.world = next, w
	// What was found by rules that have changed must not outlive them.
	for _, n := range outdated(old, next) {
		p.resolver.Flush(n, true)
	}
	if differ("access.private") {
		p.resolver.Recheck()
	}
}

// outdated are the names below which answers come from elsewhere now, or are judged
// otherwise.
func outdated(old, next *config.Config) []wire.Name {
	var out []wire.Name
	forms := func(c *config.Config) map[string]string {
		m := map[string]string{}
		for _, z := range c.Zones {
			m[z.Name] += fmt.Sprint("zone ", z)
		}
		for _, a := range c.DNSSEC.NegativeTrustAnchors {
			m[a.Name] += fmt.Sprint("negative trust anchor ", a)
		}
		return m
	}
	was, is := forms(old), forms(next)
	for name, form := range was {
		if is[name] != form {
			out = append(out, wire.MustName(name))
		}
	}
	for name := range is {
		if _, ok := was[name]; !ok {
			out = append(out, wire.MustName(name))
		}
	}
	return out
}

// hangups is where SIGHUP goes from now on. It ends the process no more, neither before it
// is ready nor before its last replies and the snapshot are written.
func hangups() <-chan os.Signal {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	return hup
}

// reloadOnSignal reloads at each SIGHUP until ctx ends, and tells systemd
// (Type=notify-reload).
func (p *parts) reloadOnSignal(ctx context.Context) {
	go func() {
		for {
			select {
			case <-p.hup:
				_, _ = daemon.SdNotify(false, reloadingState())
				_, _ = p.reload()
				_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
			case <-ctx.Done():
				return
			}
		}
	}()
}

// reloadStats are for the metrics.
func (p *parts) reloadStats() metrics.Reloads {
	r := metrics.Reloads{Good: p.good.Load(), Bad: p.bad.Load(), Failing: p.failing.Load()}
	if s := p.last.Load(); s != 0 {
		r.Last = time.Unix(s, 0)
	}
	return r
}
