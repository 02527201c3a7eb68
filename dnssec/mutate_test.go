package dnssec

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file changes signed replies octet by octet: none may become another secure
// answer.

// meaningOf is what an answer says, in a form that is the same for what DNS takes
// as the same: letter case, the order of records, TTLs up to the original.
func meaningOf(a *Answer) string {
	var lines []string
	for _, section := range [][]wire.RRset{a.Links, a.Final, a.SOA, a.Proofs} {
		for i := range section {
			s := &section[i]
			for _, d := range canonicalData(s) {
				if s.Type == wire.TypeNSEC {
					d = string(wire.Name(d).Lower())
				}
				lines = append(lines, fmt.Sprintf("%s %q", describe(s), d))
			}
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("%d %s %s", a.Rcode, a.Next, strings.Join(slices.Compact(lines), "\n"))
}

// subset tells whether every record of the changed answer stood in the good one:
// a record that was cut off is no other answer.
func subset(changed, good string) bool {
	c, g := strings.Split(changed, "\n"), strings.Split(good, "\n")
	for _, line := range c[1:] {
		if !slices.Contains(g, line) {
			return false
		}
	}
	return c[0] == g[0] || len(c) <= len(g)
}

func changedAnswers(t *testing.T, w *world, owner, rrtype string, rounds int, random *rand.Rand) (tried, stillSecure int) {
	good := w.answer(owner, typeOf(rrtype))
	w.budget = NewBudget(false)
	v := w.check(good)
	if v.Status != cache.Secure {
		return 0, 0
	}
	before := meaningOf(good)
	for range rounds {
		a := clone(good)
		what := changeOne(a, random)
		w.budget = NewBudget(false)
		tried++
		got := w.v.Check(context.Background(), w, w.budget, a, nil)
		if got.Status != cache.Secure {
			continue
		}
		stillSecure++
		if after := meaningOf(a); after != before && !subset(after, before) {
			t.Errorf("%s %s: secure after %s:\n%s\nwas\n%s", owner, rrtype, what, after, before)
		}
		if got.TTL > v.TTL {
			t.Errorf("%s %s: TTL %d after %s, was %d", owner, rrtype, got.TTL, what, v.TTL)
		}
	}
	return tried, stillSecure
}

func clone(a *Answer) *Answer {
	c := *a
	for _, s := range []*[]wire.RRset{&c.Links, &c.Final, &c.SOA, &c.Proofs} {
		*s = slices.Clone(*s)
		for i := range *s {
			(*s)[i].Data, (*s)[i].Sigs = slices.Clone((*s)[i].Data), slices.Clone((*s)[i].Sigs)
		}
	}
	return &c
}

// changeOne changes one octet of one owner, RDATA or signature, or a type or TTL.
func changeOne(a *Answer, random *rand.Rand) string {
	var all []*wire.RRset
	for _, section := range [][]wire.RRset{a.Links, a.Final, a.SOA, a.Proofs} {
		for i := range section {
			all = append(all, &section[i])
		}
	}
	s := all[random.IntN(len(all))]
	flip := func(p *string) string {
		b := []byte(*p)
		i := random.IntN(len(b))
		b[i] ^= byte(1 + random.IntN(255))
		*p = string(b)
		return fmt.Sprintf("octet %d of %d", i, len(b))
	}
	switch random.IntN(8) {
	case 0:
		n := string(s.Name)
		at := flip(&n)
		if nm := wire.NameAt(n, 0); len(nm) == len(n) {
			s.Name = nm.Lower()
		}
		return "owner " + at
	case 1:
		s.TTL ^= 1 << random.IntN(31)
		return "TTL"
	case 2:
		s.Type ^= 1 << random.IntN(8)
		return "type"
	case 3, 4:
		return "signature " + flip(&s.Sigs[random.IntN(max(1, len(s.Sigs)))])
	default:
		return "data " + flip(&s.Data[random.IntN(len(s.Data))])
	}
}

// A changed octet never makes a secure answer that says something else.
func TestNoChangeOfAnOctetIsSecure(t *testing.T) {
	rounds, tried, secure := 60, 0, 0
	if testing.Short() {
		rounds = 10
	}
	random := rand.New(rand.NewPCG(4035, 5155))
	for _, way := range waysOfSigning {
		w := newWorld(t, fmt.Sprintf(labText, way))
		for _, c := range labCases {
			if c.status != cache.Secure || strings.Contains(c.owner, ".old.") {
				continue
			}
			n, s := changedAnswers(t, w, c.owner, c.rrtype, rounds, random)
			tried, secure = tried+n, secure+s
		}
	}
	if tried < rounds*150 || secure == 0 || secure > tried/2 {
		t.Errorf("%d of %d changed answers were secure; the test does not do what it should", secure, tried)
	}
	t.Logf("%d changed answers, %d of them secure with what they said before", tried, secure)
}

// The same for what the chain is made of: a change of a DS or DNSKEY reply never
// lets a wrong answer through, and never makes a secure zone insecure.
func TestNoChangeOfTheChainDowngrades(t *testing.T) {
	random := rand.New(rand.NewPCG(6840, 9276))
	rounds := 150
	if testing.Short() {
		rounds = 20
	}
	for _, way := range waysOfSigning {
		w := newWorld(t, fmt.Sprintf(labText, way))
		for _, owner := range []string{"www.secure.example.com.", "www.deep.down.cut.example.com."} {
			a := w.answer(owner, wire.TypeA)
			for range rounds {
				w.fresh()
				target := random.IntN(7)
				w.change = func(q wire.Question, m *wire.Message) {
					if (q.Type != wire.TypeDS && q.Type != wire.TypeDNSKEY) || !m.AA() {
						return
					}
					if target--; target != 0 {
						return
					}
					all := append(append([]wire.Record(nil), m.Answer...), m.Authority...)
					if len(all) == 0 {
						return
					}
					i := random.IntN(len(all))
					r := &all[i]
					switch random.IntN(4) {
					case 0:
						r.Type = wire.Type(random.IntN(60))
					case 1:
						all = slices.Delete(all, i, i+1)
					default:
						b := []byte(r.Data)
						b[random.IntN(len(b))] ^= byte(1 + random.IntN(255))
						r.Data = string(b)
					}
					m.Answer, m.Authority = all[:min(len(m.Answer), len(all))], all[min(len(m.Answer), len(all)):]
				}
				if v := w.check(a); v.Status == cache.Insecure {
					t.Errorf("%s, %s: insecure (%s)\n%s", way, owner, v.Reason, strings.Join(w.lines, "\n"))
				}
				w.change = nil
			}
		}
	}
}
