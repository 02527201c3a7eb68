package main

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// This file is between the log and who reads it. A pipe that stays open and is never
// read holds up whoever writes to it, and everything logs: answering, reloads, the
// control socket. So they write to a queue, and one goroutine to the pipe. What is queued
// when the process is killed, or dies of a panic, is not written.

const (
	// maxLines is how many octets of lines may wait: a thousand lines and more.
	maxLines = 256 << 10
	// lastLines is how long the end may take.
	lastLines = time.Second
)

// lines is the queue. What does not fit is lost, and counted.
type lines struct {
	to io.Writer

	mu      sync.Mutex
	changed *sync.Cond // any of the following
	waiting []byte
	lost    uint64 // behind what is waiting
	ending  bool

	lostEver atomic.Uint64
	ended    chan struct{}
}

// newLines writes what is written to the queue to another writer. note, which writes to
// that one too, says how many lines were lost once it takes lines again.
func newLines(to io.Writer, note *slog.Logger) *lines {
	l := &lines{to: to, ended: make(chan struct{})}
	l.changed = sync.NewCond(&l.mu)
	go l.carry(note)
	return l
}

// Write implements io.Writer, for whole lines. It never waits, and never fails.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting)+len(line) > maxLines {
		l.lost++
		l.lostEver.Add(1)
		return len(line), nil
	}
	l.waiting = append(l.waiting, line...)
	l.changed.Broadcast()
	return len(line), nil
}

// room waits until half of the queue is free: for who has many lines, and can leave out
// some, so that there is room for those of others. Of nil it does nothing.
func (l *lines) room() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) > maxLines/2 && !l.ending {
		l.changed.Wait()
	}
}

// carry writes until the end, line by line: a pipe takes those in one piece, though
// others write to it too.
func (l *lines) carry(note *slog.Logger) {
	defer close(l.ended)
	var batch []byte
	for unsaid := uint64(0); ; {
		l.mu.Lock()
		for len(l.waiting) == 0 && !l.ending {
			l.changed.Wait()
		}
		if len(l.waiting) == 0 {
			l.mu.Unlock()
			return
		}
		batch, l.waiting = l.waiting, batch[:0]
		unsaid += l.lost
		l.lost = 0
		l.changed.Broadcast()
		l.mu.Unlock()
		var err error
		for line := range bytes.Lines(batch) {
			if _, err = l.to.Write(line); err != nil {
				unsaid++
				l.lostEver.Add(1)
			}
		}
		if unsaid > 0 && err == nil {
			note.Warn("lines of the log were lost, since nobody took them in time", "lines", unsaid)
			unsaid = 0
		}
	}
}

// end has the rest written, if it is taken in time.
func (l *lines) end() {
	l.mu.Lock()
	l.ending = true
	l.changed.Broadcast()
	l.mu.Unlock()
	select {
	case <-l.ended:
	case <-time.After(lastLines):
	}
}

// linesLost is how many lines of the log were lost.
func (p *parts) linesLost() uint64 {
	if p.lines == nil {
		return 0
	}
	return p.lines.lostEver.Load()
}
