package dnstap

import (
	"bufio"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// reader is the other end: it takes one stream after the other, and the frames of each.
type reader struct {
	t *testing.T
	l net.Listener
}

func newReader(t *testing.T, network, address string) *reader {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &reader{t, l}
}

// stream is one stream after its beginning.
type stream struct {
	*bufio.Reader
	net.Conn
	t *testing.T
}

func (r *reader) accept() *stream {
	r.t.Helper()
	conn, err := r.l.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	s := &stream{bufio.NewReader(conn), conn, r.t}
	if err := readControl(s.Reader, ready); err != nil {
		r.t.Fatal(err)
	}
	if _, err := conn.Write(appendControl(nil, accept)); err != nil {
		r.t.Fatal(err)
	}
	if err := readControl(s.Reader, start); err != nil {
		r.t.Fatal(err)
	}
	return s
}

// next is the next data frame; nil is the end, which is acknowledged.
func (s *stream) next() frame {
	s.t.Helper()
	head, err := s.Peek(4)
	if err != nil {
		s.t.Fatal(err)
	}
	n := binary.BigEndian.Uint32(head)
	if n == 0 {
		if err := readControl(s.Reader, stop); err != nil {
			s.t.Fatal(err)
		}
		_, _ = s.Write(appendControl(nil, finish))
		return nil
	}
	body := make([]byte, 4+n)
	if _, err := io.ReadFull(s.Reader, body); err != nil {
		s.t.Fatal(err)
	}
	return fields(s.t, body[4:])
}

// frame is the fields of a protobuf message by number: octets, or numbers in decimal.
type frame map[uint64]any

// fields reads a protobuf message.
func fields(t *testing.T, b []byte) frame {
	t.Helper()
	f := frame{}
	number := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			t.Fatalf("a broken varint in %x", b)
		}
		b = b[n:]
		return v
	}
	for len(b) > 0 {
		switch key := number(); key & 7 {
		case 0:
			f[key>>3] = number()
		case 2:
			n := number()
			f[key>>3], b = string(b[:n]), b[n:]
		case 5:
			f[key>>3], b = binary.LittleEndian.Uint32(b), b[4:]
		default:
			t.Fatalf("a field of form %d", key&7)
		}
	}
	return f
}

// message is the Message of a frame.
func (f frame) message(t *testing.T) frame {
	t.Helper()
	m, ok := f[14].(string)
	if !ok {
		t.Fatalf("no message in %v", f)
	}
	return fields(t, []byte(m))
}

func newTap(t *testing.T, o Options) *Tap {
	t.Helper()
	o.Client, o.Resolver = true, true
	tap := New(o)
	t.Cleanup(tap.Close)
	return tap
}

func socket(t *testing.T) string { return filepath.Join(t.TempDir(), "s") }

var example = Message{
	Type: ResolverResponse, Zone: "\x03com\x00",
	Asker: netip.MustParseAddrPort("192.0.2.1:1234"), Asked: netip.MustParseAddrPort("192.0.2.2:53"),
	Asks: time.Unix(1700000000, 5), Answers: time.Unix(1700000001, 999999999),
	Query: []byte("question"), Response: []byte("answer"),
}

func slogTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// lines is a log that is read while it is written.
type lines struct {
	mu   sync.Mutex
	text []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	return len(b), nil
}

// with counts the lines that have these words.
func (l *lines) with(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(string(l.text), words)
}
