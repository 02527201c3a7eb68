package system

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"strings"
	"time"
)

// This file is about the files of a host: what is at a path, and how something else
// gets there.

// Host is a host to be changed, and the ways to do it.
type Host struct {
	Dir    string            // where its / is
	Live   bool              // it runs, and is not an image: services can be started, and asked
	Server netip.AddrPort    // where the server answers, as far as this host is concerned
	Binary string            // the program to install, a path of the host that this process runs on
	Manual map[string]string // its manual pages: texts by their paths

	// Systemctl runs systemctl, and returns what it prints.
	Systemctl func(ctx context.Context, args ...string) (string, error)
	// Resolves has the server resolve something that it has to ask others for.
	Resolves func(ctx context.Context, server netip.AddrPort) error
}

// kind is what is at a path.
type kind string

const (
	absent kind = "absent"
	file   kind = "file"
	link   kind = "link"
	folder kind = "folder"
	other  kind = "other" // a device, a socket
)

// node is what is at a path: enough to tell whether it is still the same, and, with the
// text of a file, to put it back.
type node struct {
	Kind   kind        `json:"kind"`
	Target string      `json:"target,omitempty"` // of a link
	Sum    string      `json:"sum,omitempty"`    // of a file's text: SHA-256
	Mode   fs.FileMode `json:"mode,omitempty"`
	UID    int         `json:"uid"`
	GID    int         `json:"gid"`
	Time   time.Time   `json:"time,omitzero"`
}

// is tells whether two nodes mean the same to whoever reads them.
func (n node) is(m node) bool { return n.Kind == m.Kind && n.Target == m.Target && n.Sum == m.Sum }

// parent opens the folder that a path is in. Below another root than / no link leads out.
func (h *Host) parent(name string) (*os.Root, string, error) {
	dir, base := path.Split(path.Clean(name))
	if h.Dir == "/" {
		r, err := os.OpenRoot(dir)
		return r, base, err
	}
	root, err := os.OpenRoot(h.Dir)
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	r, err := root.OpenRoot(path.Join(".", dir))
	return r, base, err
}

// at is what is at a path; links are not followed.
func (h *Host) at(name string) (node, error) {
	r, base, err := h.parent(name)
	if errors.Is(err, fs.ErrNotExist) {
		return node{Kind: absent}, nil
	}
	if err != nil {
		return node{}, err
	}
	defer r.Close()
	info, err := r.Lstat(base)
	if errors.Is(err, fs.ErrNotExist) {
		return node{Kind: absent}, nil
	}
	if err != nil {
		return node{}, err
	}
	n := node{Kind: other, Mode: info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky), Time: info.ModTime()}
	n.UID, n.GID = owner(info)
	switch {
	case info.Mode().IsRegular():
		n.Kind = file
		f, err := r.Open(base)
		if err != nil {
			return n, err
		}
		defer f.Close()
		n.Sum, err = sum(f)
		return n, err
	case info.Mode()&fs.ModeSymlink != 0:
		n.Kind = link
		n.Target, err = r.Readlink(base)
		return n, err
	case info.IsDir():
		n.Kind = folder
	}
	return n, nil
}

func sum(r io.Reader) (string, error) {
	s := sha256.New()
	_, err := io.Copy(s, r)
	return hex.EncodeToString(s.Sum(nil)), err
}

func sumOf(text string) string {
	s, _ := sum(strings.NewReader(text)) // a string can be read
	return s
}

// read is the text of a file; the path's last part may be a link, and that to a link.
func (h *Host) read(name string) (string, error) {
	for range 8 {
		r, base, err := h.parent(name)
		if err != nil {
			return "", err
		}
		defer r.Close()
		target, err := r.Readlink(base)
		if err != nil { // no link
			text, err := r.ReadFile(base)
			return string(text), err
		}
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(name), target)
		}
		name = target
	}
	return "", fmt.Errorf("%s: too many links", name)
}

// exists tells whether something is at a path, whatever its link leads to.
func (h *Host) exists(name string) bool {
	n, err := h.at(name)
	return err == nil && n.Kind != absent
}

// replacement is the name under which a file is made before it takes its place; it is
// the same each time, so that one that was left is found again.
func replacement(base string) string { return "." + base + freshSuffix }

const freshSuffix = ".rootwalk-new"

// put makes a path what want says, whole or not at all, whatever is there now; open
// gives the text of a file.
func (h *Host) put(name string, want node, open func() (io.ReadCloser, error)) error {
	r, base, err := h.parent(name)
	if errors.Is(err, fs.ErrNotExist) && want.Kind == absent {
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	switch want.Kind {
	case absent:
		err = r.Remove(base)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return errors.Join(err, flush(r))
	case folder:
		if err := r.Mkdir(base, want.Mode); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return flush(r)
	}
	fresh := replacement(base)
	if err := r.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	defer r.Remove(fresh)
	if want.Kind == link {
		if err := r.Symlink(want.Target, fresh); err != nil {
			return err
		}
		if os.Geteuid() == 0 {
			if err := r.Lchown(fresh, want.UID, want.GID); err != nil {
				return err
			}
		}
	} else if err := write(r, fresh, want, open); err != nil {
		return err
	}
	if err := r.Rename(fresh, base); err != nil {
		return err
	}
	return flush(r)
}

// clear removes what a process left that died while it made a file for a path.
func (h *Host) clear(name string) error {
	r, base, err := h.parent(name)
	if err == nil {
		defer r.Close()
		err = r.Remove(replacement(base))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// write makes a new file in r.
func write(r *os.Root, name string, want node, open func() (io.ReadCloser, error)) error {
	text, err := open()
	if err != nil {
		return err
	}
	defer text.Close()
	f, err := r.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	got := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, got), text)
	if os.Geteuid() == 0 {
		err = errors.Join(err, f.Chown(want.UID, want.GID))
	}
	err = errors.Join(err, f.Chmod(want.Mode), f.Sync(), f.Close())
	if err == nil && hex.EncodeToString(got.Sum(nil)) != want.Sum {
		err = errors.New("its text is not the one that was meant; was it changed meanwhile?")
	}
	if err == nil && !want.Time.IsZero() {
		err = r.Chtimes(name, want.Time, want.Time)
	}
	return err
}

// flush has the names in a folder survive a loss of power.
func flush(r *os.Root) error {
	d, err := r.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
