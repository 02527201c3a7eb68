package main

import (
	"os"

	"rootwalk/config"
	"rootwalk/dnstap"
)

// This file tells a reader of dnstap what is asked and answered.

// setTap makes the tap as configured, in the place of the one before, which tells
// the rest of what it has behind.
func (p *parts) setTap(cfg config.Dnstap) {
	if cfg == p.tapOf {
		return
	}
	if p.tap != nil {
		go p.tap.Close()
	}
	p.tap, p.tapOf = nil, cfg
	if cfg.Socket == "" {
		return
	}
	identity := cfg.Identity
	if identity == "" {
		identity, _ = os.Hostname()
	}
	p.tap = dnstap.New(dnstap.Options{Socket: cfg.Socket, Identity: identity, Version: "rootwalk " + version,
		Client: cfg.Client, Resolver: cfg.Resolver, Counts: &p.tapCounts, Log: p.log})
}

// closeTap tells the last.
func (p *parts) closeTap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tap != nil {
		p.tap.Close()
	}
}
