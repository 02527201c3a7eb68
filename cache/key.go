package cache

import "rootwalk/wire"

// Kind tells the kinds of entries apart; a name has one of each at the most.
type Kind uint8

// The kinds of entries.
const (
	Answer     Kind = iota // a packed reply
	Delegation             // a zone cut: the name is the zone's
	Failure                // a question that failed
	Remark                 // words that go with an answer
)

// Key identifies an entry. It is built on the stack, often straight from a
// packet, and passed by pointer; the cache keeps no reference to it.
type Key struct {
	n   int
	buf [keyFixed + wire.MaxName]byte
}

// The parts of a key before the name.
const (
	keyKind    = 0 // kind, and the CD bit in bit 7
	keyProfile = 1
	keyClass   = 2
	keyType    = 4
	keyFixed   = 6

	keyCD = 0x80
)

// Question is what a key is made of, beside its kind.
type Question struct {
	Name    []byte // wire form, any letter case
	Type    wire.Type
	Class   wire.Class
	CD      bool  // answers that were not validated are kept apart
	Profile uint8 // the set of policies that shaped the answer; 0 is the only one yet
}

// Set makes k the key of a question's entry.
func (k *Key) Set(kind Kind, q Question) {
	k.fix(kind, q.Type, q.Class, q.CD, q.Profile)
	k.n = keyFixed + copy(k.buf[keyFixed:], q.Name)
	wire.Lower(k.buf[keyFixed:k.n])
}

// SetName is Set for a name that is lower case already, in the default profile.
func (k *Key) SetName(kind Kind, name wire.Name, t wire.Type, c wire.Class) {
	k.fix(kind, t, c, false, 0)
	k.n = keyFixed + copy(k.buf[keyFixed:], name)
}

func (k *Key) fix(kind Kind, t wire.Type, c wire.Class, cd bool, profile uint8) {
	k.buf[keyKind] = byte(kind)
	if cd {
		k.buf[keyKind] |= keyCD
	}
	k.buf[keyProfile] = profile
	k.buf[keyClass], k.buf[keyClass+1] = byte(c>>8), byte(c)
	k.buf[keyType], k.buf[keyType+1] = byte(t>>8), byte(t)
}

// setType changes the key's type and returns the one before.
func (k *Key) setType(t wire.Type) wire.Type {
	was := wire.Type(k.buf[keyType])<<8 | wire.Type(k.buf[keyType+1])
	k.buf[keyType], k.buf[keyType+1] = byte(t>>8), byte(t)
	return was
}

// Kind is the kind of the entry.
func (k *Key) Kind() Kind { return Kind(k.buf[keyKind] &^ keyCD) }

// Question is what the key is made of. Its name is a part of the key.
func (k *Key) Question() Question {
	return Question{Name: k.buf[keyFixed:k.n], CD: k.buf[keyKind]&keyCD != 0, Profile: k.buf[keyProfile],
		Class: wire.Class(k.buf[keyClass])<<8 | wire.Class(k.buf[keyClass+1]),
		Type:  wire.Type(k.buf[keyType])<<8 | wire.Type(k.buf[keyType+1])}
}

// set makes k the key that an entry has.
func (k *Key) set(b []byte) { k.n = copy(k.buf[:], b) }

// bytes is the key as the cache stores and compares it.
func (k *Key) bytes() []byte { return k.buf[:k.n] }
