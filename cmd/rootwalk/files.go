package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// This file replaces files.

// writeFile replaces a file by a new one, whole or not at all, whatever happens
// meanwhile.
func writeFile(file string, text []byte) error {
	return replaceFile(file, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// replaceFile is writeFile for what is written bit by bit.
func replaceFile(file string, write func(io.Writer) error) error {
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, temporary(file))
	if err != nil {
		return err
	}
	err = write(f)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	if d, err := os.Open(dir); err == nil { // so that the new name survives a loss of power
		_ = d.Sync()
		d.Close()
	}
	return nil
}

// temporary is the pattern of names under which a file is written before it takes
// its place.
func temporary(file string) string { return "." + filepath.Base(file) + "-*" }

// clearTemporary removes what a process left that was killed while it wrote.
func clearTemporary(file string) {
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), temporary(file)))
	for _, f := range left {
		_ = os.Remove(f)
	}
}
