package dnssec

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"rootwalk/cache"
	"rootwalk/wire"
)

// beyond lists the limits that a budget went beyond.
func beyond(b *Budget) string {
	var out []string
	for i, name := range Limits {
		if b.Beyond()&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

func TestEachLimitIsNoticed(t *testing.T) {
	i := newIsland(t, "example.")
	many := func(n int, sig string) []string {
		var out []string
		for k := range n {
			out = append(out, sig[:len(sig)-2]+string([]byte{byte(k >> 8), byte(k)}))
		}
		return out
	}
	bad := func() []wire.RRset {
		sets := i.signed(t, "a.example. A 192.0.2.1")
		sets[0].Sigs = many(500, sets[0].Sigs[0])
		return sets
	}
	wrongLast := func(n int) []wire.RRset { // one wrong signature before each good one
		var text strings.Builder
		for k := range n {
			fmt.Fprintf(&text, "n%d.example. NSEC n%d.example. A\n", k, k+1)
		}
		return i.signed(t, text.String())
	}
	for want, c := range map[string]struct {
		spent func(b *Budget)
		a     *Answer
	}{
		"set_signatures":    {nil, &Answer{Question: question("a.example. A"), Final: bad()}},
		"failed_signatures": {func(b *Budget) { b.failed.Store(maxFailed) }, &Answer{Question: question("a.example. A"), Final: i.signed(t, "a.example. A 192.0.2.1")}},
		"signatures":        {func(b *Budget) { b.signatures.Store(maxSignatures) }, &Answer{Question: question("a.example. A"), Final: i.signed(t, "a.example. A 192.0.2.1")}},
		"denials":           {nil, &Answer{Question: question("x.example. A"), Rcode: wire.NXDomain, Proofs: wrongLast(maxDenials + 1)}},
		"":                  {nil, &Answer{Question: question("a.example. A"), Final: i.signed(t, "a.example. A 192.0.2.1")}},
	} {
		i.v, i.b = New(i.v.o), NewBudget(false)
		if c.spent != nil {
			c.spent(i.b)
		}
		v := i.check(c.a)
		if got := beyond(i.b); got != want {
			t.Errorf("beyond %q, want %q: %s (%s)", got, want, statusNames[v.Status], v.Reason)
		}
		if (v.Status == cache.Secure) != (want == "") {
			t.Errorf("%s: %s (%s)", want, statusNames[v.Status], v.Reason)
		}
	}
}

// Five keys with one tag: the one that signed is looked at if it is among the first
// four.
func TestFourKeysOfOneTagAreLookedAt(t *testing.T) {
	s := newP256(t, "example.")
	set := s.signed(t, "a.example. A 192.0.2.1")[0]
	for at := range 6 {
		var keys []*Key
		for i := range 6 {
			k := s.keys(t)[0]
			if i != at { // as good as any, and cannot be used: no check is spent
				k.once.Do(func() { k.read = publicKey{problem: malformed} })
			}
			keys = append(keys, k)
		}
		b := NewBudget(false)
		r := VerifyRRset(&set, name("example."), keys, when, b)
		if r.OK != (at < maxKeysOfTag) || (beyond(b) == "keys_of_tag") == r.OK {
			t.Errorf("key %d of 6: OK %v, beyond %q", at+1, r.OK, beyond(b))
		}
	}
}

// The surplus of DS records is ignored, the weakest first, and is no reason to call
// a zone insecure.
func TestEightDSRecordsAreUsedTheStrongestFirst(t *testing.T) {
	s := newP256(t, "example.")
	good := s.anchors(t)[0].Data
	var data []string
	for i := range 30 {
		data = append(data, string([]byte{good[0], good[1], good[2], digestSHA256})+strings.Repeat(string(rune('a'+i)), 32))
	}
	strong := string([]byte{good[0], good[1], good[2], digestSHA384}) + strings.Repeat("z", 48)
	use, _ := usableDS(append(data, good, strong), false)
	if len(use) != maxDS || use[0].digest != digestSHA384 {
		t.Errorf("%d records, the first with digest %d", len(use), use[0].digest)
	}
	set := group(t, s.key, s.sign(t, []dns.RR{s.key}))[0]
	use, _ = usableDS(append(data, good), false) // the good one is beyond
	if r := judgeKeys(name("example."), &set, trust{ds: use}, false, when, NewBudget(false)); r.insecure || r.keys != nil {
		t.Errorf("the right record among the surplus: insecure %v, %d keys", r.insecure, len(r.keys))
	}
}
