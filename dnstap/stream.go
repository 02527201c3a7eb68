package dnstap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// This file is Frame Streams (https://farsightsec.github.io/fstrm/): data frames, each
// with its length before it, between control frames, which begin with a length of 0.

// contentType is what the frames hold.
const contentType = "protobuf:dnstap.Dnstap"

// The control frames, and the one field that they have.
const (
	accept = 1
	start  = 2
	stop   = 3
	ready  = 4
	finish = 5

	contentTypeField = 1
)

// maxControl is the longest control frame in octets.
const maxControl = 512

// errOtherType says that the reader wants something else.
var errOtherType = errors.New("the reader does not take " + contentType)

// appendControl appends a control frame, with the content type where it has one.
func appendControl(b []byte, kind uint32) []byte {
	be := binary.BigEndian
	b = be.AppendUint32(b, 0)
	if kind == stop || kind == finish {
		return be.AppendUint32(be.AppendUint32(b, 4), kind)
	}
	b = be.AppendUint32(b, uint32(12+len(contentType)))
	b = be.AppendUint32(b, kind)
	b = be.AppendUint32(b, contentTypeField)
	b = be.AppendUint32(b, uint32(len(contentType)))
	return append(b, contentType...)
}

// readControl reads a control frame of this kind. One with content types has ours
// among them, or none at all, which is any.
func readControl(r io.Reader, kind uint32) error {
	be := binary.BigEndian
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := be.Uint32(head[4:])
	if be.Uint32(head[:]) != 0 || n < 4 || n > maxControl {
		return errors.New("no control frame")
	}
	fields := make([]byte, n-4)
	if _, err := io.ReadFull(r, fields); err != nil {
		return err
	}
	if got := be.Uint32(head[8:]); got != kind {
		return fmt.Errorf("a control frame of kind %d, not %d", got, kind)
	}
	for any := true; ; any = false {
		if len(fields) == 0 && any {
			return nil
		}
		if len(fields) < 8 {
			return errOtherType
		}
		size := be.Uint32(fields[4:])
		if uint64(len(fields)) < 8+uint64(size) {
			return errors.New("a control frame that is cut off")
		}
		if be.Uint32(fields) == contentTypeField && string(fields[8:8+size]) == contentType {
			return nil
		}
		fields = fields[8+size:]
	}
}

// open begins a stream: the reader is asked whether it takes what we have.
func open(conn io.ReadWriter) error {
	if _, err := conn.Write(appendControl(nil, ready)); err != nil {
		return err
	}
	if err := readControl(conn, accept); err != nil {
		return err
	}
	_, err := conn.Write(appendControl(nil, start))
	return err
}
