package wire

// Replies made at random, for what nobody thought of.

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// random makes replies of sets that share names in every way: suffixes of the
// question, of each other and of dropped records, the root, deep names, more
// names than Pack remembers and more octets than a pointer reaches.
type random struct {
	*rand.Rand
	names []Name
}

func newRandom(seed uint64) *random {
	r := &random{Rand: rand.New(rand.NewPCG(seed, 53))}
	r.names = []Name{Root, MustName("com")}
	pool := 3 + r.IntN(60)
	labels := 3 + r.IntN(20)
	for len(r.names) < pool {
		base := r.names[r.IntN(len(r.names))]
		label := fmt.Sprintf("l%d", r.IntN(labels))
		if r.IntN(10) == 0 {
			label = strings.Repeat("x", 1+r.IntN(63))
		}
		n := Name(string(rune(len(label)))+label) + base
		if r.IntN(20) == 0 {
			n = Name(strings.Repeat("\x01d", r.IntN(60))) + base
		}
		if len(n) <= MaxName {
			r.names = append(r.names, n)
		}
	}
	return r
}

func (r *random) name() Name { return r.names[r.IntN(len(r.names))] }

// cased is a name in RDATA, in any letter case.
func (r *random) cased() string {
	b := []byte(r.name())
	for i, c := range b {
		if c >= 'a' && c <= 'z' && r.IntN(4) == 0 {
			b[i] = c - 0x20
		}
	}
	return string(b)
}

func (r *random) octets(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func (r *random) data(t Type) string {
	switch t {
	case TypeA:
		return r.octets(4)
	case TypeAAAA:
		return r.octets(16)
	case TypeNS, TypeCNAME, TypePTR, TypeDNAME:
		return r.cased()
	case TypeMX, 36:
		return r.octets(2) + r.cased()
	case TypeSOA:
		return r.cased() + r.cased() + r.octets(20)
	case 17:
		return r.cased() + r.cased()
	case 33:
		return r.octets(6) + r.cased()
	case TypeTXT:
		n := r.IntN(200)
		return string([]byte{byte(n)}) + r.octets(n)
	case TypeDS:
		return r.octets(2) + "\x08\x02" + r.octets(32)
	case TypeNSEC:
		return r.cased() + "\x00\x01\x40"
	case TypeNSEC3:
		return "\x01\x00\x00\x05\x02ab\x14" + r.octets(20) + "\x00\x01\x40"
	}
	return r.octets(r.IntN(40))
}

func (r *random) signature(t Type) string {
	return string([]byte{byte(t >> 8), byte(t)}) + "\x0d\x02" + r.octets(14) + string(r.name()) + r.octets(64)
}

func (r *random) sets(max int) []RRset {
	types := []Type{TypeA, TypeAAAA, TypeNS, TypeCNAME, TypePTR, TypeDNAME, TypeMX, TypeSOA, 17, 33, 36, TypeTXT, TypeDS, TypeNSEC, TypeNSEC3, 65400}
	var out []RRset
	for range r.IntN(max + 1) {
		s := RRset{Name: r.name(), Type: types[r.IntN(len(types))], Class: ClassIN, TTL: r.Uint32N(1 << 31)}
		if slices.ContainsFunc(out, func(o RRset) bool { return o.Name == s.Name && o.Type == s.Type }) {
			continue
		}
		for range 1 + r.IntN(4) {
			s.Data = appendNew(s.Data, r.data(s.Type))
		}
		for range r.IntN(3) {
			s.Sigs = appendNew(s.Sigs, r.signature(s.Type))
		}
		out = append(out, s)
	}
	return out
}

func (r *random) reply() *Reply {
	most := 4
	if r.IntN(10) == 0 {
		most = 50
	}
	return &Reply{
		Question: Question{r.name(), TypeA, ClassIN}, Rcode: Rcode(r.IntN(6)),
		Answer: r.sets(most), Authority: r.sets(most), Additional: r.sets(most),
	}
}

func TestRandomRepliesReadTheSameForBothKindsOfClient(t *testing.T) {
	for seed := range uint64(200) {
		r := newRandom(seed)
		rep := r.reply()
		p := checkPacked(t, rep)
		rotations(t, rep, p, r.Uint32())
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
