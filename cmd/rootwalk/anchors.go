package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	roothints "rootwalk/rootHints"

	"rootwalk/config"
	"rootwalk/dnssec"
	"rootwalk/wire"
)

// This file owns the trust anchors: what is configured, and what was learned since
// and is kept in a file (RFC 5011).

// configuredAnchors are the built-in ones of the root, or those of the configured file.
func configuredAnchors(cfg *config.Config) ([]dnssec.Anchor, error) {
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

// anchorState is where the state of trust anchors is kept; "" is nowhere.
func anchorState(cfg *config.Config) string {
	if cfg.DNSSEC.TrustAnchorState != "" {
		return cfg.DNSSEC.TrustAnchorState
	}
	if dirs := filepath.SplitList(os.Getenv("STATE_DIRECTORY")); len(dirs) > 0 {
		return filepath.Join(dirs[0], "trust-anchors")
	}
	return ""
}

// follow has the trust anchors follow the changes of keys, beginning with what the
// state file remembers. Where signatures are judged as of another time it does
// nothing.
func (p *parts) follow(cfg *config.Config) {
	if p.validator == nil || !cfg.DNSSEC.ValidationTime.IsZero() {
		return
	}
	points, save := rememberedAnchors(anchorState(cfg), p.world.anchors, p.log)
	p.validator.SetAnchors(dnssec.Trusted(points))
	p.follower = dnssec.NewFollower(dnssec.FollowOptions{Validator: p.validator, Points: points, Save: save, SHA1: cfg.DNSSEC.SHA1, Log: p.log,
		Fetch: func(ctx context.Context, zone wire.Name, good func(dnssec.Fetched) error) error {
			p.mu.Lock()
			r := p.resolver // a reload replaces it
			p.mu.Unlock()
			return r.FetchKeys(ctx, zone, good)
		}})
}

// validationStats are for the metrics; zeros where nothing is validated.
func (p *parts) validationStats() (v dnssec.Stats, f dnssec.FollowStats) {
	p.mu.Lock()
	validator := p.validator
	p.mu.Unlock()
	if validator != nil {
		v = validator.Stats()
	}
	if p.follower != nil {
		f = p.follower.Stats()
	}
	return v, f
}

// rememberedAnchors lays the state in the file over the configured anchors. A file
// that cannot be used costs no more than what was learned: it is told, and trust
// begins with the configured anchors again. save is nil where nothing can be kept.
func rememberedAnchors(file string, configured []dnssec.Anchor, log *slog.Logger) (points []*dnssec.TrustPoint, save func([]byte) error) {
	var remembered []dnssec.TrustPoint
	if file != "" {
		save = func(text []byte) error { return writeFile(file, text) }
		text, err := os.ReadFile(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			log.Warn("the state of the trust anchors cannot be read; going on with the configured ones", "reason", err)
		default:
			remembered, err = dnssec.ReadTrustPoints(text)
			if errors.Is(err, dnssec.ErrNotOurs) {
				log.Warn("dnssec.trust-anchor-state names a file of something else, which is left alone; going on with the configured trust anchors and keeping nothing", "file", file, "reason", err)
				save = nil
			} else if err != nil {
				log.Warn("the state of the trust anchors is void; going on with the configured ones", "file", file, "reason", err)
			}
		}
	}
	points, notes := dnssec.TrustPoints(configured, remembered)
	for _, n := range notes {
		log.Warn("trust anchor", "note", n)
	}
	return points, save
}

// anchorTexts are the trust anchors in words.
func (p *parts) anchorTexts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.validator == nil || !p.cfg.DNSSEC.Validate {
		return []string{"none: nothing is validated"}
	}
	return p.validator.Describe()
}
