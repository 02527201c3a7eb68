package control

import (
	"fmt"
	"strings"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file shows entries of the cache to people.

// Entry is one entry of the cache in words.
type Entry struct {
	Name    string   `json:"name"`
	Type    string   `json:"type,omitempty"` // none of a name error, which is about all types
	Kind    string   `json:"kind"`           // answer, delegation, failure or remark
	CD      bool     `json:"cd,omitempty"`   // for clients that validate by themselves
	Rcode   string   `json:"rcode,omitempty"`
	Status  string   `json:"status,omitempty"` // of validation
	Age     int64    `json:"age"`              // seconds
	Left    int64    `json:"left"`             // seconds; below zero the entry is stale
	Bytes   int      `json:"bytes"`
	Text    string   `json:"text,omitempty"` // why it failed, or what is remarked on the answer
	Records []string `json:"records"`
}

// entryOf reads an entry. now is the boot clock in seconds.
func entryOf(e *cache.Entry, now int64) Entry {
	q := e.Key.Question()
	name := wire.Name(q.Name)
	out := Entry{Name: name.String(), Type: q.Type.String(), CD: q.CD, Age: int64(e.Header.Age(now)), Left: e.Header.Expires() - now,
		Bytes: len(e.Payload), Records: []string{}}
	switch e.Key.Kind() {
	case cache.Delegation:
		out.Kind = "delegation"
		if q.Type != wire.TypeNS {
			out.packed(e, q)
			break
		}
		cut, ok := cache.ReadCut(name, e.Payload)
		for i := 0; ok && i < len(cut.Servers); i++ {
			s := &cut.Servers[i]
			text := s.Name.String()
			for _, a := range s.Glue {
				text += " " + a.String()
			}
			out.Records = append(out.Records, text)
		}
	case cache.Failure:
		out.Kind = "failure"
		if f, ok := cache.ReadFailed(e.Payload); ok {
			out.Text = fmt.Sprintf("%s (extended error %d)", f.Text, f.EDE)
		}
	case cache.Answer:
		out.Kind, out.Status = "answer", e.Header.Status.String()
		out.packed(e, q)
	case cache.Remark:
		out.Kind, out.Text = "remark", string(e.Payload)
	default:
		out.Kind = fmt.Sprintf("kind %d", e.Key.Kind())
	}
	return out
}

// packed reads the records of a packed reply.
func (x *Entry) packed(e *cache.Entry, q cache.Question) {
	p := wire.Packed(e.Payload)
	x.Rcode = p.Rcode().String()
	if q.Type == cache.NameError && e.Key.Kind() == cache.Answer {
		x.Type = ""
	}
	var m wire.Message
	if p.Unpack(wire.Question{Name: wire.Name(q.Name), Type: q.Type, Class: q.Class}, &m) != nil {
		return
	}
	for _, section := range [...][]wire.Record{m.Answer, m.Authority} {
		for _, r := range section {
			x.Records = append(x.Records, presentation(r))
		}
	}
}

// String is the entry as a comment line and its records, one line each.
func (x Entry) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "; %s %s", x.Kind, x.Name)
	for _, word := range []string{x.Type, x.Rcode, x.Status} {
		if word != "" {
			b.WriteString(" " + word)
		}
	}
	if x.CD {
		b.WriteString(" CD")
	}
	if x.Left > 0 {
		fmt.Fprintf(&b, ", %d s left", x.Left)
	} else {
		fmt.Fprintf(&b, ", ran out %d s ago", -x.Left)
	}
	if x.Text != "" {
		b.WriteString(": " + x.Text)
	}
	b.WriteByte('\n')
	for _, r := range x.Records {
		b.WriteString(r + "\n")
	}
	return b.String()
}
