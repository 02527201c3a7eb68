package cache

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"time"

	"rootwalk/clock"
	"rootwalk/wire"
)

// This file carries entries over a restart, as a stream of bytes. Who writes the file
// and when is not its business.
//
// A snapshot is the magic line, then blocks: the length of the content (32 bits), its
// CRC-32C (32 bits), the content. The first block is the [Head], the others hold
// entries one behind the other, and an empty block ends the file, with the number of
// entries in the place of the checksum. All numbers are little-endian; instants are
// seconds of the wall clock, since the boot clock means nothing to another process.

// snapshotMagic names the format and its version. It changes with the form of an
// entry, of its key, and of its payload ([wire.Packed], [Cut]).
const (
	snapshotMagic = snapshotName + "1\n"
	snapshotName  = "rootwalk snapshot "
)

const (
	snapshotBlock = 256 << 10 // octets of a block, about
	maxBlock      = 4 << 20   // octets that a reader takes
)

// ErrSnapshot says that bytes are no snapshot that can be used. Errors that wrap it
// say why.
var ErrSnapshot = errors.New("no usable snapshot")

// ErrNotSnapshot says that a file is something else than a snapshot, of whatever
// version: somebody else's.
var ErrNotSnapshot = fmt.Errorf("%w: it is something else", ErrSnapshot)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Head is what stands at the beginning of a snapshot.
type Head struct {
	Written time.Time // to the second
	Rules   [32]byte  // a digest of what decides where answers come from; entries found by other rules are of no use
	Trust   [32]byte  // a digest of what decides how far they are trusted
	Servers []byte    // what is known of servers, in a form that is theirs
}

const headFixed = 8 + 32 + 32

// SnapshotOptions say what is written, and how.
type SnapshotOptions struct {
	Head  Head
	Clock clock.Clock // nil is the boot clock
	Stale int64       // seconds after its end that an entry may still be of use
	Rest  func()      // called between blocks, so that others get their turn; nil does not wait
}

// WriteSnapshot writes the entries, least recently used ones first within each shard,
// and returns how many there are. Failures are left out: they are to be looked at anew.
func (c *Cache) WriteSnapshot(w io.Writer, o SnapshotOptions) (int, error) {
	if o.Clock == nil {
		o.Clock = clock.Now
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if _, err := out.WriteString(snapshotMagic); err != nil {
		return 0, err
	}
	head := binary.LittleEndian.AppendUint64(nil, uint64(o.Head.Written.Unix()))
	head = append(append(append(head, o.Head.Rules[:]...), o.Head.Trust[:]...), o.Head.Servers...)
	if err := writeBlock(out, head); err != nil {
		return 0, err
	}
	now := o.Clock().Seconds()
	wall := o.Head.Written.Unix() - now // to be added to the boot clock
	block, n := make([]byte, 0, snapshotBlock+maxEntry), 0
	var err error
	c.Each(func(e *Entry) bool {
		if e.Key.Kind() == Failure || e.Header.Expires()+o.Stale <= now {
			return true
		}
		n++
		if block = appendEntry(block, e, wall); len(block) < snapshotBlock {
			return true
		}
		if err = writeBlock(out, block); err != nil {
			return false
		}
		block = block[:0]
		if o.Rest != nil {
			o.Rest()
		}
		return true
	})
	if err == nil && len(block) > 0 {
		err = writeBlock(out, block)
	}
	if err == nil {
		_, err = out.Write(binary.LittleEndian.AppendUint32(make([]byte, 4, 8), uint32(n)))
	}
	if err == nil {
		err = out.Flush()
	}
	return n, err
}

func writeBlock(w io.Writer, content []byte) error {
	var head [8]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(content)))
	binary.LittleEndian.PutUint32(head[4:], crc32.Checksum(content, castagnoli))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

// An entry in a snapshot: length of the key (16 bits), status, flags, lifetime (32),
// instant of storing (64), length of the payload (32), key, payload.
const (
	snapshotFixed = 20
	maxEntry      = snapshotFixed + keyFixed + wire.MaxName + MaxPayload
)

func appendEntry(b []byte, e *Entry, wall int64) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(e.Key.n))
	b = append(b, byte(e.Header.Status), e.Header.Flags)
	b = binary.LittleEndian.AppendUint32(b, e.Header.Lifetime)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Header.Stored+wall))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(e.Payload)))
	b = append(b, e.Key.bytes()...)
	return append(b, e.Payload...)
}

// CheckSnapshot reads a whole snapshot and tells whether it is whole and can be used: an
// error that wraps [ErrSnapshot] says why not. Nothing of one that is damaged anywhere
// is used.
func CheckSnapshot(r io.Reader) (Head, error) {
	head, _, err := readSnapshot(r, 0, func(*Entry) {})
	return head, err
}

// LoadSnapshot puts the entries of a snapshot that CheckSnapshot has found good into
// the cache, those that are not there yet, and returns how many. Their instants are
// those of the boot clock given, at which the wall clock shows wall. admit may change
// an entry's header, or leave the entry out.
func (c *Cache) LoadSnapshot(r io.Reader, now clock.Time, wall time.Time, admit func(e *Entry) bool) (int, error) {
	n := 0
	_, _, err := readSnapshot(r, now.Seconds()-wall.Unix(), func(e *Entry) {
		if !admit(e) {
			return
		}
		if _, _, there := c.Get(&e.Key, nil); !there && c.Put(&e.Key, e.Header, e.Payload) {
			n++
		}
	})
	return n, err
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSnapshot, fmt.Sprintf(format, args...))
}

// readSnapshot reads a snapshot, and shows each entry with its instants moved to the
// boot clock. The entry is valid until each returns.
func readSnapshot(r io.Reader, boot int64, each func(*Entry)) (head Head, n int, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	var magic [len(snapshotMagic)]byte
	got, err := io.ReadFull(in, magic[:])
	switch {
	case got > 0 && !strings.HasPrefix(string(magic[:]), snapshotName[:min(got, len(snapshotName))]):
		return head, 0, ErrNotSnapshot
	case err != nil:
		return head, 0, damaged("it is cut off")
	case string(magic[:]) != snapshotMagic:
		return head, 0, damaged("it was written by another version")
	}
	content, _, err := readBlock(in, nil)
	if err != nil {
		return head, 0, err
	}
	if len(content) < headFixed {
		return head, 0, damaged("its head is too short")
	}
	head.Written = time.Unix(int64(binary.LittleEndian.Uint64(content)), 0)
	copy(head.Rules[:], content[8:])
	copy(head.Trust[:], content[40:])
	head.Servers = append([]byte(nil), content[headFixed:]...)
	var e Entry
	for {
		var end uint32
		if content, end, err = readBlock(in, content); err != nil {
			return head, n, err
		}
		if len(content) == 0 {
			if int64(end) != int64(n) {
				return head, n, damaged("%d entries of %d", n, end)
			}
			if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
				return head, n, damaged("something stands behind its end")
			}
			return head, n, nil
		}
		for len(content) > 0 {
			if content, err = readEntry(content, &e, boot); err != nil {
				return head, n, err
			}
			n++
			each(&e)
		}
	}
}

// readBlock reads a block into room. Of the last one, which is empty, it returns what
// stands in the place of the checksum.
func readBlock(r io.Reader, room []byte) (content []byte, end uint32, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, 0, damaged("it is cut off")
	}
	length, sum := binary.LittleEndian.Uint32(head[:]), binary.LittleEndian.Uint32(head[4:])
	if length > maxBlock {
		return nil, 0, damaged("a block of %d octets", length)
	}
	if length == 0 {
		return nil, sum, nil
	}
	if int(length) > cap(room) {
		room = make([]byte, length)
	}
	content = room[:length]
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, 0, damaged("it is cut off")
	}
	if crc32.Checksum(content, castagnoli) != sum {
		return nil, 0, damaged("a checksum is wrong")
	}
	return content, 0, nil
}

// readEntry reads the first entry of b and returns the rest.
func readEntry(b []byte, e *Entry, boot int64) ([]byte, error) {
	if len(b) < snapshotFixed {
		return nil, damaged("an entry is cut off")
	}
	key, payload := int(binary.LittleEndian.Uint16(b)), binary.LittleEndian.Uint32(b[16:])
	if payload > MaxPayload || len(b) < snapshotFixed+key+int(payload) {
		return nil, damaged("an entry is cut off")
	}
	e.Header = Header{Status: Status(b[2]), Flags: b[3], Lifetime: binary.LittleEndian.Uint32(b[4:]), Stored: int64(binary.LittleEndian.Uint64(b[8:])) + boot}
	if e.Header.Status > Indeterminate || e.Header.Lifetime > 1<<31-1 {
		return nil, damaged("an entry has status %d and a lifetime of %d", e.Header.Status, e.Header.Lifetime)
	}
	b = b[snapshotFixed:]
	if !isKey(b[:key]) {
		return nil, damaged("an entry has no name")
	}
	e.Key.set(b[:key])
	e.Payload = b[key : key+int(payload)]
	if !e.sound() {
		return nil, damaged("the entry of %s is none", wire.Name(e.Key.Question().Name))
	}
	return b[key+int(payload):], nil
}

// isKey tells whether bytes are a key: one of our kinds, and a name in lower case.
func isKey(b []byte) bool {
	if len(b) <= keyFixed || len(b) > keyFixed+wire.MaxName {
		return false
	}
	name := b[keyFixed:]
	for i := 0; i < len(name); i += 1 + int(name[i]) {
		switch {
		case name[i] > 63:
			return false
		case name[i] == 0:
			return i == len(name)-1 && string(wire.Name(name).Lower()) == string(name)
		}
	}
	return false
}

// sound tells whether the payload is what the key says.
func (e *Entry) sound() bool {
	q := e.Key.Question()
	switch {
	case e.Key.Kind() == Answer, e.Key.Kind() == Delegation && q.Type != wire.TypeNS:
		return wire.Packed(e.Payload).Check(len(q.Name)+4) == nil
	case e.Key.Kind() == Delegation:
		_, ok := ReadCut(wire.Name(q.Name), e.Payload)
		return ok
	case e.Key.Kind() == Remark:
		return true // words
	}
	return false
}
