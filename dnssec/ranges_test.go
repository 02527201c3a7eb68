package dnssec

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rootwalk/cache"
	"rootwalk/wire"
)

// remembered makes ranges of a zone of sets from text, each stored at the time with
// its own TTL.
func remembered(t testing.TB, r *ranges, zone, text string, now int64) {
	t.Helper()
	for _, s := range sets(t, text) {
		r.add(name(zone), []verified{{&s, s.TTL}}, rangeOptions{now: now, generation: r.current(), maxIterations: 50})
	}
}

// bytesOf adds up anew what the ranges take.
func bytesOf(r *ranges) (sum int64) {
	for _, c := range r.lru.Values() {
		sum += chainOverhead + int64(len(c.soa))
		for _, s := range append(c.nsec, c.nsec3...) {
			sum += s.cost()
		}
	}
	return sum
}

func TestWhatIsRememberedStaysWithinItsBytes(t *testing.T) {
	const limit = 64 << 10
	var plain nsec3Text
	for _, x := range []struct {
		what string
		add  func(r *ranges, i int)
	}{
		{"one zone that makes up a range for every name", func(r *ranges, i int) {
			remembered(t, r, "example.", fmt.Sprintf("n%d.example. NSEC n%d\\000.example. A RRSIG NSEC", i, i), 0)
		}},
		{"one zone whose ranges run out", func(r *ranges, i int) {
			remembered(t, r, "example.", fmt.Sprintf("n%d.example. 1 NSEC n%d\\000.example. A RRSIG NSEC", i, i), int64(i))
		}},
		{"one record that is renewed", func(r *ranges, i int) {
			remembered(t, r, "example.", "a.example. NSEC b.example. A"+strings.Repeat(" MX", i%2), 0)
		}},
		{"many zones", func(r *ranges, i int) {
			zone := fmt.Sprintf("z%d.example.", i)
			remembered(t, r, zone, fmt.Sprintf("%s SOA a. b. 1 2 3 4 5\n%s NSEC a.%s A RRSIG NSEC", zone, zone, zone), 0)
		}},
		{"hashes, and other ones now and then", func(r *ranges, i int) {
			n := plain
			n.iterations = i / 100 % 3
			var h NSEC3Hash
			h[0], h[1] = byte(i>>8), byte(i)
			remembered(t, r, "example.", fmt.Sprintf("%s.example. NSEC3 1 0 %d AB %s A", base32(h), n.iterations, base32(h)), 0)
		}},
	} {
		r := newRanges(limit)
		for i := range 3000 {
			x.add(r, i)
			if n, bytes := r.size(); bytes > limit || n > limit/spanOverhead {
				t.Fatalf("%s: %d ranges of %d bytes after %d", x.what, n, bytes, i)
			}
		}
		n, bytes := r.size()
		if sum := bytesOf(r); bytes != sum || n == 0 {
			t.Errorf("%s: %d bytes are counted, %d there; %d ranges", x.what, bytes, sum, n)
		}
		r.flush(wire.Root)
		if n, bytes := r.size(); n != 0 || bytes != 0 {
			t.Errorf("%s: %d ranges of %d bytes after a flush", x.what, n, bytes)
		}
	}
}

// RFC 9077 section 3, RFC 8198 section 5.4.
func TestARangeHoldsNoLongerThanANegativeAnswer(t *testing.T) {
	const nsec = "a.example. 600 NSEC z.example. A\n"
	for _, x := range []struct {
		text string
		ttl  uint32
	}{
		{nsec, 600},
		{"example. 900 SOA a. b. 1 2 3 4 900\n" + nsec, 600},
		{"example. 900 SOA a. b. 1 2 3 4 300\n" + nsec, 300},
		{"example. 200 SOA a. b. 1 2 3 4 300\n" + nsec, 200},
		{nsec + "example. 200 SOA a. b. 1 2 3 4 300\n", 200},
		{"a.example. 90000 NSEC z.example. A\n", maxDenialTTL},
	} {
		r := newRanges(1 << 20)
		remembered(t, r, "example.", x.text, 1000)
		c := r.closest(name("m.example."), wire.Root)
		for _, after := range []uint32{0, x.ttl - 1, x.ttl} {
			f, ok := r.at(c, wire.TypeNSEC, name("m.example."), 1000+int64(after))
			if ok != (after < x.ttl) || ok && f.ttl != x.ttl-after {
				t.Errorf("%q after %d s: found %v with %d s left", x.text, after, ok, f.ttl)
			}
		}
		if f, ok := r.soa(c, 1000); ok && x.ttl < 600 && f.ttl != x.ttl {
			t.Errorf("%q: the SOA record has %d s left", x.text, f.ttl)
		}
	}
}

func TestWhatRunsOutIsNotInferred(t *testing.T) {
	for _, way := range []string{"signed", "signed=nsec3"} {
		i := newInferrer(t, fmt.Sprintf(labText, way))
		for _, owner := range []string{"gone.", "gone.example.com.", "gone.www.example.com.", "a.wild."} {
			i.learn(owner, "A")
		}
		for _, x := range []struct {
			at   time.Duration
			want string
		}{{0, "NXDOMAIN"}, {299 * time.Second, "NXDOMAIN"}, {300 * time.Second, "nothing"}} {
			i.now = x.at
			if got := i.infer("gone.example.com.", "MX"); got != x.want {
				t.Errorf("%s: %s after %v, want %s", way, got, x.at, x.want)
			}
		}
	}
}

// Attack C7: what was not verified denies nothing.
func TestNothingIsInferredFromWhatIsNotSecure(t *testing.T) {
	for _, fault := range []string{"bogus", "no-signatures", ""} {
		i := newInferrer(t, fmt.Sprintf(labText, "signed"))
		faults(t, i.world, "192.0.2.1", fault)
		i.learn("gone.example.com.", "A")
		i.learn("www.example.com.", "TXT")
		i.learn("gone.nods.net.", "A") // signed, but nobody vouches for it
		want := "NXDOMAIN"
		if fault != "" {
			want = "nothing"
		}
		for owner, want := range map[string]string{"gone.example.com.": want, "gone.nods.net.": "nothing", "zz.nods.net.": "nothing"} {
			if got := i.infer(owner, "MX"); got != want {
				t.Errorf("%q: %s of %s, want %s", fault, got, owner, want)
			}
		}
	}
}

func TestNothingIsInferredFromAbove(t *testing.T) {
	i := newInferrer(t, fmt.Sprintf(labText, "signed"))
	i.o.NegativeAnchors = NegativeAnchors(map[wire.Name]time.Time{name("exempt.example.com."): {}}, nil)
	i.fresh()
	i.learn("gone.example.com.", "A")
	q := wire.Question{Name: name("gone.example.com."), Type: wire.TypeMX, Class: wire.ClassIN}
	for top, want := range map[string]bool{".": true, "com.": true, "example.com.": true, "gone.example.com.": false} {
		if _, ok := i.v.Deny(q, name(top), NewBudget(false)); ok != want {
			t.Errorf("from %s down: %v", top, ok)
		}
	}
	if got := i.infer("www.exempt.example.com.", "A"); got != "nothing" {
		t.Errorf("below a negative trust anchor: %s", got)
	}
	// A zone with an anchor of its own need not be delegated to.
	own := newP256(t, "gone.example.com.").anchors(t)
	i.v.SetAnchors(append(own, i.o.Anchors...))
	if v := i.learn("lost.example.com.", "A"); v.Status != cache.Secure {
		t.Fatal(v.Reason)
	}
	for owner, want := range map[string]string{"gone.example.com.": "nothing", "lost.example.com.": "NXDOMAIN"} {
		if got := i.infer(owner, "MX"); got != want {
			t.Errorf("%s, one of two with an anchor: %s, want %s", owner, got, want)
		}
	}
}

func TestFlushForgetsWhatWasProved(t *testing.T) {
	i := newInferrer(t, fmt.Sprintf(labText, "signed"))
	for zone, want := range map[string]string{"net.": "NXDOMAIN", "com.": "nothing", ".": "nothing"} {
		i.learn("gone.example.com.", "A")
		i.v.Flush(name(zone))
		if got := i.infer("gone.example.com.", "MX"); got != want {
			t.Errorf("after a flush of %s: %s, want %s", zone, got, want)
		}
	}
	i.learn("gone.example.com.", "A")
	at := rangeOptions{now: 3600, generation: i.v.ranges.current()}
	i.v.SetAnchors(i.o.Anchors)
	s := sets(t, "example.com. NSEC z.example.com. NS SOA")
	i.v.ranges.add(name("example.com."), []verified{{&s[0], 300}}, at) // by who began before
	if n, _ := i.v.ranges.size(); n != 0 {
		t.Errorf("%d ranges are left when the anchors change", n)
	}
}

// A long name costs few hashes, whatever is remembered of its zone (attack A10).
func TestInferringFromHashesIsCheap(t *testing.T) {
	i := newInferrer(t, fmt.Sprintf(labText, "signed=nsec3 iterations=50"))
	i.learn("a.b.c.ent.example.com.", "TXT") // matches, so that nothing is proved to be absent
	for _, labels := range []int{1, 5, 100} {
		owner := strings.Repeat("x.", labels) + "example.com."
		b := NewBudget(false)
		before := i.v.Stats().Hashes
		i.v.Deny(wire.Question{Name: name(owner), Type: wire.TypeA, Class: wire.ClassIN}, wire.Root, b)
		if n := b.Hashes(); n == 0 || n > maxInferredHashes || uint64(n) != i.v.Stats().Hashes-before {
			t.Errorf("%d labels: %d hashes", labels, n)
		}
	}
}
