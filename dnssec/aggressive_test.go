package dnssec

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/wire"
)

// These tests are about what is inferred from remembered records (RFC 8198): it
// has to be what the server would say, and a validator that knows nothing else
// has to believe it.

// inferrer is a world whose validator remembers, and a second that does not.
type inferrer struct {
	*world
	downstream *Validator
	wildcards  map[wire.Question]wire.RRset
	now        time.Duration
}

func newInferrer(t testing.TB, text string) *inferrer {
	t.Helper()
	i := &inferrer{world: newWorld(t, text), wildcards: map[wire.Question]wire.RRset{}}
	i.o.Clock = func() clock.Time { return clock.Time(time.Hour + i.now) }
	i.downstream = New(i.o)
	i.o.Aggressive = true
	i.fresh()
	return i
}

// learn asks and judges as for a client.
func (i *inferrer) learn(owner, rrtype string) Verdict {
	i.t.Helper()
	i.budget = NewBudget(false)
	v := i.judge(owner, rrtype)
	for _, s := range v.Wildcards {
		i.wildcards[wire.Question{Name: s.Name, Type: s.Type, Class: s.Class}] = s
	}
	return v
}

// infer says in words what is inferred: "NXDOMAIN", "no data", "TYPE of WILDCARD" or
// "nothing". What it is must hold downstream.
func (i *inferrer) infer(owner, rrtype string) string {
	i.t.Helper()
	q := wire.Question{Name: name(owner), Type: typeOf(rrtype), Class: wire.ClassIN}
	b := NewBudget(false)
	d, ok := i.v.Deny(q, wire.Root, b)
	if b.Signatures() > 0 || b.Hashes() > maxInferredHashes {
		i.t.Errorf("%s: %d signatures and %d hashes", q, b.Signatures(), b.Hashes())
	}
	if !ok {
		return "nothing"
	}
	a := &Answer{Question: q, Rcode: d.Rcode, SOA: d.SOA, Proofs: d.Proofs}
	what := "no data"
	switch {
	case d.Rcode == wire.NXDomain:
		what = "NXDOMAIN"
	case d.Wildcard != "":
		what = ""
		for _, t := range []wire.Type{q.Type, wire.TypeCNAME} {
			s, ok := i.wildcards[wire.Question{Name: d.Wildcard, Type: t, Class: q.Class}]
			if !ok || !d.Fits(&s) {
				continue
			}
			what = t.String() + " of " + s.Name.String()
			s.Name = q.Name
			if t == q.Type {
				a.Final = []wire.RRset{s}
			} else {
				a.Links, a.Next = []wire.RRset{s}, wire.NameAt(s.Data[0], 0).Lower()
			}
			break
		}
		if what == "" {
			return "nothing"
		}
	}
	v := i.downstream.Check(i.t.Context(), i.world, NewBudget(false), a, func(s string) { i.lines = append(i.lines, s) })
	if v.Status != cache.Secure {
		i.t.Errorf("%s: %s, but downstream it is %s: %s\n%s\n%s", q, what, statusNames[v.Status], v.Reason, d.Describe(), strings.Join(i.lines, "\n"))
	}
	for _, s := range append(slices.Clone(d.SOA), d.Proofs...) {
		if s.TTL != d.TTL || d.TTL == 0 {
			i.t.Errorf("%s: TTL %d of %s, want %d", q, s.TTL, describe(&s), d.TTL)
		}
	}
	return what
}

// says is what the servers say to the question, in the words of infer.
func (i *inferrer) says(owner, rrtype string) string {
	a := i.answer(owner, typeOf(rrtype))
	switch {
	case len(a.Links) > 0:
		return "CNAME of " + wildcardOf(&a.Links[0])
	case len(a.Final) > 0:
		return rrtype + " of " + wildcardOf(&a.Final[0])
	case a.Rcode == wire.NXDomain:
		return "NXDOMAIN"
	}
	return "no data"
}

func wildcardOf(s *wire.RRset) string {
	if len(s.Sigs) == 0 {
		return "nobody"
	}
	sig, _ := parseSignature(s.Sigs[0])
	return "*." + s.Name.Last(sig.labels).String()
}

// Every question of the lab's tree, and many beside them, in zones that are signed
// in every way: what was learned from some of them must infer only what is true.
func TestWhatIsInferredIsTrueAndHoldsDownstream(t *testing.T) {
	var owners []string
	for _, c := range labCases {
		if c.owner != "." {
			owners = append(owners, c.owner, "a."+c.owner, "x.y."+c.owner, "z"+c.owner)
		}
	}
	for _, way := range waysOfSigning[:4] {
		t.Run(way, func(t *testing.T) {
			i := newInferrer(t, fmt.Sprintf(labText, way))
			count := map[string]int{}
			for round, learned := range []bool{true, false} {
				for _, owner := range owners {
					if learned {
						i.learn(owner, "A")
					}
					for _, rrtype := range []string{"A", "MX", "DS"} {
						got := i.infer(owner, rrtype)
						what, _, _ := strings.Cut(got, " of ")
						count[what]++
						if got == "nothing" {
							continue
						}
						if want := i.says(owner, rrtype); got != want {
							t.Errorf("round %d: %s %s: %s is inferred, %s is true", round, owner, rrtype, got, want)
						}
					}
					if t.Failed() {
						t.FailNow()
					}
				}
			}
			least := map[string]int{"NXDOMAIN": 400, "no data": 100, "A": 10, "nothing": 100}
			if strings.HasPrefix(way, "signed=optout") { // of the root alone
				least["NXDOMAIN"], least["no data"], least["A"] = 10, 50, 0
			}
			for what, n := range least {
				if count[what] < n {
					t.Errorf("%d of %v are %q, want %d", count[what], count, what, n)
				}
			}
		})
	}
}
