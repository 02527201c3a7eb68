package main

import (
	"context"
	"log/slog"
	"time"

	"rootwalk/clock"
	"rootwalk/config"
	"rootwalk/dnssec"
	"rootwalk/wire"
)

// This file owns the negative trust anchors (RFC 7646): names that are exempt from
// validation for a time, and that somebody has to be reminded of.

// negativeAnchors finds the configured one that a name is at or below, while it
// lasts.
func negativeAnchors(list []config.NegativeTrustAnchor) func(wire.Name) (dnssec.NegativeAnchor, bool) {
	until := map[wire.Name]time.Time{}
	for _, a := range list {
		until[wire.MustName(a.Name).Lower()] = a.Until
	}
	return dnssec.NegativeAnchors(until, clock.Wall)
}

// lookForEnds is how often it is looked whether one has ended. They end by
// themselves; this is about saying so.
const lookForEnds = 30 * time.Second

// tellOfNegativeAnchors says which negative trust anchors there are, and when one
// ends, until ctx does.
func (p *parts) tellOfNegativeAnchors(ctx context.Context) {
	told := map[config.NegativeTrustAnchor]bool{} // whether it had ended
	tick := time.NewTicker(lookForEnds)
	defer tick.Stop()
	for {
		p.mu.Lock()
		list := p.cfg.DNSSEC.NegativeTrustAnchors
		p.mu.Unlock()
		told = tellOf(list, told, clock.Wall(), p.log)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// tellOf tells what has not been told yet, and returns what has.
func tellOf(list []config.NegativeTrustAnchor, told map[config.NegativeTrustAnchor]bool, now time.Time, log *slog.Logger) map[config.NegativeTrustAnchor]bool {
	next := map[config.NegativeTrustAnchor]bool{}
	for _, a := range list {
		ended := !a.Until.IsZero() && !now.Before(a.Until)
		before, known := told[a]
		next[a] = ended
		switch {
		case known && before == ended:
		case ended && known:
			log.Warn("a negative trust anchor has ended: names at and below it are validated again", "name", a.Name, "until", a.Until)
		case ended:
			log.Warn("a negative trust anchor ended before the start: names at and below it are validated; remove it from the configuration", "name", a.Name, "until", a.Until)
		case a.Until.IsZero():
			log.Info("names at and below a negative trust anchor are not validated", "name", a.Name)
		default:
			log.Info("names at and below a negative trust anchor are not validated for a time", "name", a.Name, "until", a.Until)
		}
	}
	return next
}
