package cache

import (
	"strings"
	"testing"

	"rootwalk/wire"
)

func TestKeysDifferByEveryPartOfTheQuestion(t *testing.T) {
	base := Question{Name: []byte(wire.MustName("www.example.com.")), Type: wire.TypeA, Class: wire.ClassIN}
	with := func(change func(*Question)) Question {
		q := base
		change(&q)
		return q
	}
	cases := []struct {
		what string
		kind Kind
		q    Question
	}{
		{"the question", Answer, base},
		{"kind delegation", Delegation, base},
		{"kind failure", Failure, base},
		{"type", Answer, with(func(q *Question) { q.Type = wire.TypeAAAA })},
		{"type, upper octet", Answer, with(func(q *Question) { q.Type = 256 + wire.TypeA })},
		{"class", Answer, with(func(q *Question) { q.Class = wire.ClassCH })},
		{"class, upper octet", Answer, with(func(q *Question) { q.Class = 256 + wire.ClassIN })},
		{"CD", Answer, with(func(q *Question) { q.CD = true })},
		{"CD of a failure", Failure, with(func(q *Question) { q.CD = true })},
		{"profile", Answer, with(func(q *Question) { q.Profile = 1 })},
		{"name", Answer, with(func(q *Question) { q.Name = []byte(wire.MustName("www.example.net.")) })},
		{"parent", Answer, with(func(q *Question) { q.Name = []byte(wire.MustName("example.com.")) })},
		{"root", Answer, with(func(q *Question) { q.Name = []byte{0} })},
	}
	c := New(Options{Size: 8 << 20})
	for _, x := range cases {
		var k Key
		k.Set(x.kind, x.q)
		if _, b, ok := c.Get(&k, nil); ok {
			t.Errorf("%s: has the entry of %s", x.what, b)
		}
		c.Put(&k, Header{}, []byte(x.what))
	}
	for _, x := range cases {
		var k Key
		k.Set(x.kind, x.q)
		if _, b, ok := c.Get(&k, nil); !ok || string(b) != x.what {
			t.Errorf("%s: got %v %q", x.what, ok, b)
		}
	}
}

func TestLetterCaseIsFoldedInKeys(t *testing.T) {
	name := []byte("\x03wWw\x07EXAMple\x03cOm\x00")
	was := string(name)
	var upper, lower, byName Key
	upper.Set(Failure, Question{Name: name, Type: wire.TypeMX, Class: wire.ClassIN})
	lower.Set(Failure, Question{Name: []byte(wire.MustName("www.example.com.")), Type: wire.TypeMX, Class: wire.ClassIN})
	byName.SetName(Failure, wire.MustName("www.example.com."), wire.TypeMX, wire.ClassIN)
	if string(upper.bytes()) != string(lower.bytes()) {
		t.Errorf("keys differ by letter case: %q and %q", upper.bytes(), lower.bytes())
	}
	if string(byName.bytes()) != string(lower.bytes()) {
		t.Errorf("SetName makes another key than Set: %q and %q", byName.bytes(), lower.bytes())
	}
	if string(name) != was {
		t.Errorf("the caller's name was changed to %q", name)
	}
}

func TestAKeyCanBeUsedAgain(t *testing.T) {
	var k, fresh Key
	k.Set(Answer, Question{Name: []byte(wire.MustName(strings.Repeat("long.", 40))), Type: 65535, Class: 65535, CD: true, Profile: 255})
	short := Question{Name: []byte(wire.MustName("a.")), Type: wire.TypeA, Class: wire.ClassIN}
	k.Set(Answer, short)
	fresh.Set(Answer, short)
	if string(k.bytes()) != string(fresh.bytes()) {
		t.Errorf("the earlier key shows through: %q, want %q", k.bytes(), fresh.bytes())
	}
}

func TestTheLongestNameFitsAKey(t *testing.T) {
	c := oneShard()
	var keys [2]Key
	for i := range keys {
		label := "\x3f" + strings.Repeat("x", 63)
		name := label + label + label + "\x3d" + strings.Repeat("x", 60) + string(rune('a'+i)) + "\x00"
		if len(name) != wire.MaxName {
			t.Fatalf("the name has %d octets", len(name))
		}
		keys[i].Set(Answer, Question{Name: []byte(name), Type: wire.TypeA, Class: wire.ClassIN})
		c.Put(&keys[i], Header{}, []byte{byte(i)})
	}
	for i := range keys {
		if _, b, ok := c.Get(&keys[i], nil); !ok || b[0] != byte(i) {
			t.Errorf("name %d: got %v %v", i, ok, b)
		}
	}
}
