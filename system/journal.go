package system

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"reflect"
	"strings"
)

// This file owns the journal: what was changed on the host, with what was there before.

// JournalDir is where the journal is, and what was replaced. Only root may write it: who
// could, would write any file of the host.
const JournalDir = "/var/lib/rootwalk-system"

const journalFile = JournalDir + "/journal.json"

// entry is one step as it was done, or was about to be.
type entry struct {
	What   string   `json:"what"`
	Path   string   `json:"path,omitempty"`
	Before node     `json:"before,omitzero"`
	After  node     `json:"after,omitzero"`
	Saved  string   `json:"saved,omitempty"` // the file that has the text from before
	Undo   []string `json:"undo,omitempty"`  // arguments of systemctl
	Till   bool     `json:"till,omitempty"`  // of use only until the installation has come to its end
}

// journal is all entries, in the order in which they were done.
type journal struct {
	Version int     `json:"version"`
	Done    bool    `json:"done"` // the installation came to its end
	Entries []entry `json:"entries"`
}

const journalVersion = 1

// Progress is how far an installation has come.
type Progress string

// Kinds of progress.
const (
	NotInstalled Progress = "no"
	Half         Progress = "half" // it did not come to its end
	Complete     Progress = "yes"
	Changed      Progress = "changed" // somebody changed files since
)

// readJournal is nil where there is none.
func (h *Host) readJournal() (*journal, error) {
	dir, err := h.at(JournalDir)
	if err != nil || dir.Kind == absent {
		return nil, err
	}
	if err := h.trusts(dir); err != nil {
		return nil, err
	}
	text, err := h.read(journalFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	j := new(journal)
	if err := json.Unmarshal([]byte(text), j); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w); what was replaced is beside it, to be put back by hand; then remove the folder", journalFile, err)
	}
	if j.Version != journalVersion {
		return nil, fmt.Errorf("%s is of version %d, and this program knows version %d; use the one that wrote it", journalFile, j.Version, journalVersion)
	}
	return j, nil
}

// trusts says why what is in the journal's folder might not be root's word.
func (h *Host) trusts(dir node) error {
	switch {
	case dir.Kind != folder:
		return fmt.Errorf("%s is no folder; remove it", JournalDir)
	case dir.UID != 0 && dir.UID != os.Geteuid() || dir.Mode&0o022 != 0:
		return fmt.Errorf("%s can be written by others than root; look into it, and remove it", JournalDir)
	}
	return nil
}

// begin has the journal to itself until done, if it is still the one of the facts.
func (h *Host) begin(f *Facts) (done func(), err error) {
	if done, err = h.open(); err != nil {
		return nil, err
	}
	j, err := h.readJournal()
	if err == nil && !reflect.DeepEqual(j, f.journal) {
		err = errors.New("another `rootwalk system` has been at work on this host meanwhile; look again")
	}
	if err != nil {
		done()
		return nil, err
	}
	return done, nil
}

// open makes the journal's folder if need be, and has it to itself until done.
func (h *Host) open() (done func(), err error) {
	if h.Dir == "/" {
		err = os.MkdirAll(parentOf(JournalDir), 0o755)
	} else {
		var r *os.Root
		if r, err = os.OpenRoot(h.Dir); err == nil {
			err = r.MkdirAll(path.Join(".", parentOf(JournalDir)), 0o755)
			r.Close()
		}
	}
	if err == nil {
		err = h.put(JournalDir, node{Kind: folder, Mode: 0o755}, nil)
	}
	if err != nil {
		return nil, err
	}
	dir, err := h.at(JournalDir)
	if err == nil {
		err = h.trusts(dir)
	}
	if err != nil {
		return nil, err
	}
	r, base, err := h.parent(JournalDir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	f, err := r.Open(base)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// save writes the journal.
func (h *Host) save(j *journal) error {
	j.Version = journalVersion
	text, err := json.MarshalIndent(j, "", "  ")
	if err != nil {
		return err
	}
	return h.put(journalFile, textNode(string(text)+"\n", 0o644), textOf(string(text)+"\n"))
}

// keep saves what is at a path, and returns the file that has it.
func (h *Host) keep(name string, n node) (saved string, err error) {
	saved = path.Join(JournalDir, strings.ReplaceAll(strings.TrimPrefix(name, "/"), "/", "_")+"."+n.Sum[:12])
	return saved, h.put(saved, node{Kind: file, Sum: n.Sum, Mode: 0o600, UID: os.Geteuid(), GID: os.Getegid()}, h.fileOf(name))
}

// forget removes the journal; with what was saved where all is undone.
func (h *Host) forget(all bool) error {
	r, _, err := h.parent(journalFile)
	if err != nil {
		return err
	}
	defer r.Close()
	if !all {
		return errors.Join(r.Remove(path.Base(journalFile)), flush(r))
	}
	up, base, err := h.parent(JournalDir)
	if err != nil {
		return err
	}
	defer up.Close()
	return errors.Join(up.RemoveAll(base), flush(up))
}

// textNode is a file of root's with a text.
func textNode(text string, mode fs.FileMode) node {
	return node{Kind: file, Sum: sumOf(text), Mode: mode, UID: os.Geteuid(), GID: os.Getegid()}
}

func textOf(text string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

// fileOf opens a file of the host.
func (h *Host) fileOf(name string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		r, base, err := h.parent(name)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return r.Open(base)
	}
}
