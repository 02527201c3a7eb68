package system

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// This file goes back through the steps of a plan that the journal knows.

// Undoing is what Uninstall may do beside what is safe.
type Undoing struct {
	Force bool // also put back what somebody changed since; their text is saved beside the journal
}

// Uninstall undoes an installation, whole or half, and returns what it left, in words.
func (h *Host) Uninstall(ctx context.Context, f *Facts, u Undoing, say func(string)) (left []string, err error) {
	if f.journal == nil {
		return nil, h.sweep(f)
	}
	if why := f.stranded(h); why != nil && !u.Force {
		return nil, why
	}
	done, err := h.begin(f)
	if err != nil {
		return nil, err
	}
	defer done()
	if u.Force {
		if err := h.force(f.journal, &left); err != nil {
			return left, err
		}
	}
	kept, err := h.undo(ctx, f.journal, 0, say)
	left = append(left, kept...)
	if err != nil {
		return left, err
	}
	return left, h.forget(len(left) == 0)
}

// sweep removes what is left of a process that died before it wrote the journal's first
// line. Files that were saved are somebody's, and stay.
func (h *Host) sweep(f *Facts) error {
	if !h.exists(JournalDir) {
		return nil
	}
	done, err := h.begin(f)
	if err != nil {
		return err
	}
	defer done()
	for _, name := range h.names(JournalDir) {
		if strings.HasSuffix(name, freshSuffix) {
			if err := h.put(JournalDir+"/"+name, node{Kind: absent}, nil); err != nil {
				return err
			}
		}
	}
	if len(h.names(JournalDir)) == 0 {
		return h.put(JournalDir, node{Kind: absent}, nil)
	}
	return nil
}

// stranded says why the host would ask nobody when the server is gone: somebody changed
// resolv.conf since, and it asks the server still.
func (f *Facts) stranded(h *Host) error {
	for _, e := range f.journal.Entries {
		now := f.nodes[resolvConf]
		asked := f.Resolv.asked()
		who, _ := f.holder(netip.AddrPortFrom(asked, 53))
		if e.Path != resolvConf || now.is(e.After) || now.is(e.Before) || asked != h.Server.Addr() && who.Process != "rootwalk" {
			continue
		}
		return fmt.Errorf("%s was changed since the installation, and asks %s still, which is to go: name another server in it, or let --force put the old file back", resolvConf, asked)
	}
	return nil
}

// force has undo take what somebody changed for what was installed, after saving it.
func (h *Host) force(j *journal, left *[]string) error {
	for i, e := range j.Entries {
		if e.Path == "" {
			continue
		}
		now, err := h.at(e.Path)
		if err != nil {
			return err
		}
		if now.is(e.After) || now.is(e.Before) || now.Kind == folder || now.Kind == other {
			continue
		}
		if now.Kind == file {
			saved, err := h.keep(e.Path, now)
			if err != nil {
				return err
			}
			*left = append(*left, fmt.Sprintf("%s was changed since; what it was is in %s", e.Path, saved))
		}
		j.Entries[i].After = now
	}
	return nil
}

// undo goes back through the entries from the last to number first, and takes them out
// of the journal. It returns what it left, in words; its error means that it stopped.
func (h *Host) undo(ctx context.Context, j *journal, first int, say func(string)) (left []string, err error) {
	j.Done = false
	for i := len(j.Entries) - 1; i >= first; i-- {
		e := j.Entries[i]
		useless := ""
		switch {
		case e.Path != "":
			note, err := h.revert(e, say)
			if err != nil {
				return left, fmt.Errorf("put %s back: %w", e.Path, clearer(err))
			}
			if note != "" {
				left = append(left, note)
			} else {
				useless = e.Saved
			}
		case h.Live:
			say("systemctl " + strings.Join(e.Undo, " "))
			if err := h.systemctl(ctx, e.Undo); err != nil {
				// A unit that is gone cannot be stopped; what it was for is undone all the same.
				left = append(left, err.Error())
			}
		}
		j.Entries = j.Entries[:i]
		if err := h.save(j); err != nil {
			return left, err
		}
		if useless != "" {
			if err := h.drop(j, useless); err != nil {
				return left, err
			}
		}
	}
	return left, nil
}

// revert puts back what was at the path of an entry, if it is as the entry left it.
func (h *Host) revert(e entry, say func(string)) (left string, err error) {
	now, err := h.at(e.Path)
	if err == nil {
		err = h.clear(e.Path)
	}
	switch {
	case err != nil:
		return "", err
	case now.is(e.Before):
		return "", nil
	case !now.is(e.After):
		left = fmt.Sprintf("%s was changed since, and is left as it is", e.Path)
		if e.Saved != "" {
			left += "; what was there before rootwalk is in " + e.Saved
		} else if e.Before.Kind == link {
			left += "; before rootwalk it was a link to " + e.Before.Target
		}
		return left, nil
	case now.Kind == folder:
		if len(h.names(e.Path)) > 0 {
			return "", nil // what is in it is somebody's
		}
	}
	if e.Before.Kind == absent {
		say("remove " + e.Path)
	} else {
		say("put back " + e.Path)
	}
	return "", h.put(e.Path, e.Before, h.fileOf(e.Saved))
}

// Undo are the changes that Uninstall would make.
func (f *Facts) Undo() (steps []Step) {
	if f.journal == nil {
		return nil
	}
	for _, e := range slices.Backward(f.journal.Entries) {
		s := Step{path: e.Path, had: e.After, want: e.Before, from: e.Saved, do: e.Undo}
		switch {
		case e.Path == "":
			s.What = "systemctl " + strings.Join(e.Undo, " ")
		case e.Before.Kind == absent && e.After.Kind == folder:
			s.What = "remove " + e.Path + ", if it is empty"
		case e.Before.Kind == absent:
			s.What = "remove " + e.Path
		default:
			s.What = "put back " + e.Path
		}
		steps = append(steps, s)
	}
	return steps
}
