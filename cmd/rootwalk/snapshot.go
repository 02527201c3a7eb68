package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/config"
	"rootwalk/metrics"
)

// This file carries what the server knows over a restart: it is written to a file
// every few minutes and at the end, and read at the start while queries are answered
// already.

// snapshotEvery is how often the snapshot is written: what a crash may cost.
const snapshotEvery = 5 * time.Minute

// snapshotRest is how long writing pauses after each block, so that the only core of
// a small machine goes on answering.
const snapshotRest = time.Millisecond

// snapshots is the snapshot of one server.
type snapshots struct {
	p    *parts
	path string
	log  *slog.Logger

	entries  atomic.Int64
	last     atomic.Int64 // wall clock, seconds
	failures atomic.Uint64
}

// snapshotFile is where the snapshot is kept; "" is nowhere.
func snapshotFile(cfg *config.Config) string {
	if cfg.Cache.Snapshot != "" {
		return cfg.Cache.Snapshot
	}
	if dirs := filepath.SplitList(os.Getenv("STATE_DIRECTORY")); len(dirs) > 0 {
		return filepath.Join(dirs[0], "cache.snapshot")
	}
	return ""
}

// digests are of what decides where answers come from, and how far they are trusted.
func (p *parts) digests() (rules, trust [32]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rules = p.cfg.Digest("zones", "access.private-addresses", "access.private-domains")
	trust = p.cfg.Digest("dnssec.validate", "dnssec.negative-trust-anchors", "dnssec.sha1", "dnssec.nsec3-iterations", "dnssec.validation-time")
	return rules, sha256.Sum256(fmt.Append(trust[:], p.world.anchors))
}

// load reads the file. It is false where the file must not be written: it belongs to
// somebody else.
func (s *snapshots) load() bool {
	clearTemporary(s.path)
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		s.log.Warn("the snapshot of the cache cannot be read; starting cold", "reason", err)
		return true
	}
	defer f.Close()
	head, err := cache.CheckSnapshot(f)
	if errors.Is(err, cache.ErrNotSnapshot) {
		s.log.Warn("cache.snapshot names a file of something else, which is left alone; starting cold and keeping nothing", "file", s.path)
		return false
	}
	if err == nil {
		err = s.take(f, head)
	}
	if err != nil {
		s.log.Warn("the snapshot of the cache is of no use; starting cold", "file", s.path, "reason", err)
	}
	return true
}

// take puts what a good snapshot holds into the cache.
func (s *snapshots) take(f io.ReadSeeker, head cache.Head) error {
	began, wall := clock.Now(), clock.Wall()
	age := wall.Sub(head.Written)
	rules, trust := s.p.digests()
	switch {
	case age < -time.Minute:
		return fmt.Errorf("it was written in the future, at %s: one of the clocks is wrong", head.Written.UTC().Format(time.RFC3339))
	case head.Rules != rules:
		return errors.New("it was found by other rules: zones or private addresses have changed")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r, judged := s.p.inForce(), s.p.judgesAt()
	n, err := s.p.cache.LoadSnapshot(f, began, wall, func(e *cache.Entry) bool { return r.Admit(e, head.Trust == trust, judged()) })
	if err != nil {
		return err
	}
	s.p.mu.Lock()
	servers := s.p.upstream.Import(head.Servers, age)
	s.p.mu.Unlock()
	r.Warm()
	s.log.Info("loaded the snapshot of the cache", "entries", n, "servers", servers, "age", age.Round(time.Second), "took", clock.Now().Sub(began).Round(time.Millisecond))
	return nil
}

// judgesAt is the clock that signatures are judged by.
func (p *parts) judgesAt() func() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return validationClock(p.cfg.DNSSEC.ValidationTime)
}

// write replaces the file.
func (s *snapshots) write(rest func()) {
	s.p.mu.Lock()
	stale, up := s.p.cfg.Stale, s.p.upstream
	s.p.mu.Unlock()
	o := cache.SnapshotOptions{Rest: rest, Head: cache.Head{Servers: up.Export()}}
	switch {
	case stale.Enabled && stale.MaxAge == 0:
		o.Stale = 7 * 24 * 3600
	case stale.Enabled:
		o.Stale = int64(stale.MaxAge / time.Second)
	}
	o.Head.Rules, o.Head.Trust = s.p.digests()
	o.Head.Written = clock.Wall()
	n := 0
	err := replaceFile(s.path, func(w io.Writer) (err error) {
		n, err = s.p.cache.WriteSnapshot(w, o)
		return err
	})
	if err != nil {
		s.failures.Add(1)
		s.log.Warn("the snapshot of the cache was not written; the one before stays", "reason", err)
		return
	}
	s.entries.Store(int64(n))
	s.last.Store(o.Head.Written.Unix())
	s.log.Debug("wrote the snapshot of the cache", "entries", n)
}

// run loads the snapshot, calls loaded, and writes one every few minutes until ctx
// ends. What it returns writes the last one: when no more queries are answered.
func (s *snapshots) run(ctx context.Context, loaded func()) (last func()) {
	ready, ended := make(chan bool, 1), make(chan struct{})
	go func() {
		defer close(ended)
		ours := s.load()
		loaded()
		ready <- ours
		tick := time.NewTicker(snapshotEvery)
		defer tick.Stop()
		for ours {
			select {
			case <-tick.C:
				s.write(func() { time.Sleep(snapshotRest) })
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		select {
		case ours := <-ready:
			<-ended
			if ours {
				s.write(nil)
			}
		default: // what was not read to the end must not be replaced by less
		}
	}
}

// snapshotStats are for the metrics.
func (p *parts) snapshotStats() (m metrics.Snapshots) {
	s := p.snapshots
	if s == nil {
		return m
	}
	m = metrics.Snapshots{Entries: int(s.entries.Load()), Failures: s.failures.Load()}
	if t := s.last.Load(); t != 0 {
		m.Last = time.Unix(t, 0)
	}
	return m
}
