package system

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// This file goes through the steps of a plan.

// patience is how long a server may take until it resolves: it starts, primes, and
// asks, over a network that may be slow.
const patience = 30 * time.Second

// Changes tells whether a plan changes anything.
func (p *Plan) Changes() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.path != "" || s.do != nil })
}

// Words are steps as a list for people.
func Words(steps []Step) (lines []string) {
	for _, s := range steps {
		if s.What != "" {
			lines = append(lines, s.What)
		}
	}
	return lines
}

// Install goes through a plan that was made of these facts, and calls say with each step. If one fails it
// undoes those before, and the error says which it was. A plan that changes nothing is
// not gone through.
func (h *Host) Install(ctx context.Context, f *Facts, p *Plan, say func(string)) error {
	if !p.Changes() {
		return h.finish(f)
	}
	done, err := h.begin(f)
	if err != nil {
		return err
	}
	defer done()
	j := new(journal)
	if j.Entries, err = h.inForce(f.journal); err != nil {
		return err
	}
	first := len(j.Entries)
	for i, s := range p.Steps {
		if err = ctx.Err(); err == nil {
			if s.What != "" {
				say(s.What)
			}
			err = h.step(ctx, j, s)
		}
		if err != nil {
			if s.What == "" {
				s.What = fmt.Sprintf("step %d", i+1)
			}
			err = fmt.Errorf("%s: %w", s.What, err)
			break
		}
	}
	if err == nil {
		j.Done = true
		return h.merge(j)
	}
	say("undo what was done")
	left, undone := h.undo(context.WithoutCancel(ctx), j, first, say)
	for _, l := range left {
		say(l)
	}
	if undone != nil {
		return errors.Join(err, fmt.Errorf("and it could not be undone: %w; `rootwalk system uninstall` tries again", undone))
	}
	if first == 0 {
		return errors.Join(err, h.forget(len(left) == 0))
	}
	j.Done = f.journal.Done // as before
	return errors.Join(err, h.save(j))
}

// inForce are the entries that there is something to undo of: not those of files that
// somebody changed since, nor those that were not reached.
func (h *Host) inForce(j *journal) (kept []entry, err error) {
	if j == nil {
		return nil, nil
	}
	left := map[string]node{} // what will be at a path once the entries behind are undone
	for _, e := range slices.Backward(j.Entries) {
		if e.Path != "" {
			now, ok := left[e.Path]
			if !ok {
				if now, err = h.at(e.Path); err != nil {
					return nil, err
				}
			}
			left[e.Path] = now
			if !now.is(e.After) {
				continue
			}
			left[e.Path] = e.Before
		}
		kept = append(kept, e)
	}
	slices.Reverse(kept)
	return kept, nil
}

// merge makes one entry of those of the same path, from what was there first to what is
// there now, and of those that are undone alike, and saves the journal. Until then each
// can be undone by itself.
func (h *Host) merge(j *journal) error {
	var merged []entry
	var gone []string
	for _, e := range j.Entries {
		if e.Till {
			continue
		}
		i := slices.IndexFunc(merged, func(o entry) bool { return o.Path == e.Path && slices.Equal(o.Undo, e.Undo) })
		if i < 0 {
			merged = append(merged, e)
			continue
		}
		merged[i].After = e.After
		if e.Saved != "" {
			gone = append(gone, e.Saved)
		}
	}
	j.Entries = merged
	err := h.save(j)
	for _, saved := range gone {
		if err == nil {
			err = h.drop(j, saved)
		}
	}
	return err
}

// drop removes what was saved of a file, unless the journal needs it.
func (h *Host) drop(j *journal, saved string) error {
	if slices.ContainsFunc(j.Entries, func(e entry) bool { return e.Saved == saved }) {
		return nil
	}
	return h.put(saved, node{Kind: absent}, nil)
}

// finish notes that an installation is whole which only lacked that note.
func (h *Host) finish(f *Facts) error {
	if f.journal == nil || f.journal.Done {
		return nil
	}
	done, err := h.begin(f)
	if err != nil {
		return err
	}
	defer done()
	j := &journal{Done: true}
	if j.Entries, err = h.inForce(f.journal); err != nil {
		return err
	}
	return h.merge(j)
}

// step writes down what a step will change, and does it.
func (h *Host) step(ctx context.Context, j *journal, s Step) error {
	switch s.wait {
	case forServer:
		return h.waitForServer(ctx)
	case forHost:
		return h.stays(ctx, j)
	}
	if s.path != "" {
		before, err := h.at(s.path)
		if err != nil {
			return err
		}
		e := entry{What: s.What, Path: s.path, Before: before, After: s.want}
		if before.Kind == file {
			if e.Saved, err = h.keep(s.path, before); err != nil {
				return err
			}
		} else if before.Kind != absent && before.Kind != link {
			return errors.New("something else than a file is there; look at it, and remove it")
		}
		j.Entries = append(j.Entries, e)
		if err := h.save(j); err != nil {
			return err
		}
		return clearer(h.put(s.path, s.want, s.text))
	}
	if s.undo != nil {
		j.Entries = append(j.Entries, entry{What: s.What, Undo: s.undo, Till: s.till})
		if err := h.save(j); err != nil {
			return err
		}
	}
	if s.do != nil {
		return h.systemctl(ctx, s.do)
	}
	return nil
}

// clearer says what is behind an error of the kernel, and the way out.
func clearer(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; are you root, and may root write it (lsattr, chattr -i)?", err)
	}
	return err
}

func (h *Host) systemctl(ctx context.Context, args []string) error {
	out, err := h.Systemctl(ctx, args...)
	if err != nil {
		return fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(out))
	}
	return nil
}

// waitForServer waits until the server resolves.
func (h *Host) waitForServer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := h.Resolves(ctx, h.Server)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(300 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("it does not (%w); `rootwalk doctor` and `journalctl -u rootwalk` tell more", err)
		}
	}
}

// stays tells whether somebody has rewritten resolv.conf.
func (h *Host) stays(ctx context.Context, j *journal) error {
	for _, e := range j.Entries {
		if e.Path != resolvConf {
			continue
		}
		now, err := h.at(resolvConf)
		if err != nil {
			return err
		}
		if !now.is(e.After) {
			text, _ := h.read(resolvConf)
			who := parseResolvConf(text).Author
			if who == "" {
				who = "somebody"
			}
			return fmt.Errorf("%s has written it again; keep that from it, and come again", who)
		}
	}
	return h.Resolves(ctx, h.Server)
}

// progress is how far the installation is that the journal tells of.
func (f *Facts) progress(h *Host) Progress {
	if f.journal == nil || len(f.journal.Entries) == 0 {
		return NotInstalled
	}
	if !f.journal.Done {
		return Half
	}
	for _, e := range f.journal.Entries {
		if e.Path == "" || e.Path == configFile { // which is there to be changed
			continue
		}
		if now, err := h.at(e.Path); err != nil || !now.is(e.After) {
			return Changed
		}
	}
	return Complete
}
