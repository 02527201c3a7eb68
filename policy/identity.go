package policy

import "rootwalk/wire"

// Identity is what this server tells about itself in the CHAOS class.
type Identity struct {
	answers map[wire.Name]wire.Packed
}

// NewIdentity tells the version and the server's identity; an empty one is not
// told (RFC 4892 section 3).
func NewIdentity(version, id string) *Identity {
	i := &Identity{answers: map[wire.Name]wire.Packed{}}
	for _, a := range []struct{ name, text string }{
		{"version.bind.", version}, {"version.server.", version}, {"hostname.bind.", id}, {"id.server.", id},
	} {
		if a.text == "" {
			continue
		}
		n := wire.MustName(a.name)
		text := a.text[:min(len(a.text), 255)]
		p, err := wire.Pack(nil, &wire.Reply{Question: wire.Question{Name: n, Type: wire.TypeTXT, Class: wire.ClassCH},
			Answer: []wire.RRset{{Name: n, Type: wire.TypeTXT, Class: wire.ClassCH, Data: []string{string([]byte{byte(len(text))}) + text}}}})
		if err == nil {
			i.answers[n] = p
		}
	}
	return i
}

// Answer is the packed reply to a TXT question for the name, in lower case.
func (i *Identity) Answer(name wire.Name) (wire.Packed, bool) {
	p, ok := i.answers[name]
	return p, ok
}
