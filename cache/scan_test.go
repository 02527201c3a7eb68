package cache

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"rootwalk/wire"
)

func TestEachSeesEveryEntryAsItWasPut(t *testing.T) {
	c := New(Options{Size: 64 << 20})
	const n = 5000 // several batches in each shard
	want := map[string]string{}
	for i := range n {
		k := numbered(i)
		payload := fmt.Sprintf("payload %d", i)
		c.Put(k, Header{Stored: int64(i), Lifetime: 300, Status: Secure, Flags: 3}, []byte(payload))
		want[string(k.bytes())] = payload
	}
	c.Each(func(e *Entry) bool {
		key := string(e.Key.bytes())
		if want[key] != string(e.Payload) || e.Header.Lifetime != 300 || e.Header.Status != Secure || e.Header.Flags != 3 ||
			string(e.Payload) != fmt.Sprintf("payload %d", e.Header.Stored) {
			t.Fatalf("saw %q %+v %q", key, e.Header, e.Payload)
		}
		delete(want, key)
		return true
	})
	if len(want) != 0 {
		t.Errorf("%d of %d entries were not seen", len(want), n)
	}
}

func TestEachEndsWhenItIsToldTo(t *testing.T) {
	c := New(Options{Size: 64 << 20})
	fill(c, 1000, 10)
	seen := 0
	c.Each(func(*Entry) bool { seen++; return seen < 7 })
	if seen != 7 {
		t.Errorf("saw %d entries, want 7", seen)
	}
}

func TestEntriesThatAreSeenInOrderComeBackInTheOrderOfTheirUse(t *testing.T) {
	c := oneShard()
	c.shards[0].uses = 1<<32 - 150 // the count begins anew on the way
	fill(c, 300, 10)
	c.Get(numbered(0), nil)
	var names []string
	c.Each(func(e *Entry) bool {
		names = append(names, wire.Name(e.Key.Question().Name).String())
		return true
	})
	for i, name := range names {
		if want := fmt.Sprintf("host%d.example.com.", (i+1)%300); name != want {
			t.Fatalf("number %d is %s, want %s", i, name, want)
		}
	}
}

func TestAKeyTellsWhatItIsMadeOf(t *testing.T) {
	name := wire.MustName("www.example.com.")
	for _, q := range []Question{
		{Name: []byte(name), Type: wire.TypeAAAA, Class: wire.ClassIN},
		{Name: []byte(name), Type: 0x1234, Class: 0x5678, CD: true, Profile: 9},
	} {
		for _, kind := range []Kind{Answer, Delegation, Failure} {
			var k Key
			k.Set(kind, q)
			got := k.Question()
			if k.Kind() != kind || string(got.Name) != string(q.Name) || got.Type != q.Type || got.Class != q.Class || got.CD != q.CD || got.Profile != q.Profile {
				t.Errorf("made of %d %+v, tells %d %+v", kind, q, k.Kind(), got)
			}
		}
	}
}

func TestAFlushTakesTheNameAndWithTheSubtreeAllBelowIt(t *testing.T) {
	names := []string{"example.com.", "www.example.com.", "a.b.example.com.", "badexample.com.", "com.", "example.org.", "."}
	for _, x := range []struct {
		name    string
		subtree bool
		gone    []string
	}{
		{"example.com.", false, []string{"example.com."}},
		{"Example.COM.", true, []string{"example.com.", "www.example.com.", "a.b.example.com."}},
		{".", false, []string{"."}},
		{".", true, names},
		{"www.example.net.", true, nil},
	} {
		c := New(Options{Size: 8 << 20})
		for _, n := range names {
			for _, kind := range []Kind{Answer, Delegation, Failure} {
				for _, q := range []Question{{Type: wire.TypeA}, {Type: NameError}, {Type: wire.TypeA, CD: true}} {
					q.Name, q.Class = []byte(wire.MustName(n)), wire.ClassIN
					var k Key
					k.Set(kind, q)
					c.Put(&k, Header{Lifetime: 300}, []byte("x"))
				}
			}
		}
		if got := c.Flush(wire.MustName(x.name), x.subtree); got != 9*len(x.gone) {
			t.Errorf("flush %s, subtree %v: %d entries, want %d", x.name, x.subtree, got, 9*len(x.gone))
		}
		for _, n := range names {
			_, _, ok := c.Get(keyFor(n), nil)
			if ok == slices.Contains(x.gone, n) {
				t.Errorf("flush %s, subtree %v: %s is there: %v", x.name, x.subtree, n, ok)
			}
		}
		audit(t, c)
	}
}

func TestEachOfSeesANameAndWithTheSubtreeAllBelowIt(t *testing.T) {
	c := New(Options{Size: 8 << 20})
	for _, n := range []string{"example.com.", "www.example.com.", "badexample.com.", "com."} {
		c.Put(keyFor(n), Header{Lifetime: 300}, []byte("x"))
	}
	for subtree, want := range map[bool]string{false: "[example.com.]", true: "[example.com. www.example.com.]"} {
		var names []string
		c.EachOf(wire.MustName("Example.com."), subtree, func(e *Entry) bool {
			names = append(names, wire.Name(e.Key.Question().Name).String())
			return true
		})
		slices.Sort(names)
		if fmt.Sprint(names) != want {
			t.Errorf("subtree %v: saw %q", subtree, names)
		}
	}
}

func TestASmallerCacheKeepsWhatWasUsedLast(t *testing.T) {
	c := New(Options{Size: 8 << 20, Shards: 1})
	fill(c, 2000, 400)
	c.Resize(1)
	audit(t, c)
	st := c.Stats()
	if st.Limit != 2*MaxPayload || st.Entries == 0 || st.Entries == 2000 || st.Evictions != uint64(2000-st.Entries) {
		t.Fatalf("after it was made small: %+v", st)
	}
	if _, _, ok := c.Get(numbered(1999), nil); !ok {
		t.Error("the last one that was put is gone")
	}
	c.Resize(8 << 20)
	fill(c, 2000, 400)
	if got := c.Stats().Entries; got != 2000 {
		t.Errorf("a cache that was made larger again holds %d entries of 2000", got)
	}
}

func TestScansAndUseGoTogether(t *testing.T) {
	c := New(Options{Size: 1 << 20})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for i := range 3000 {
				c.Put(numbered(i), Header{Lifetime: 300}, []byte("x"))
				c.Get(numbered(i/2), nil)
			}
		})
	}
	for i := range 20 {
		c.Each(func(*Entry) bool { return true })
		c.Flush(wire.MustName(fmt.Sprintf("host%d.example.com.", i)), true)
		c.Resize(int64(1+i%2) << 20)
	}
	wg.Wait()
	audit(t, c)
}

func TestAFlushLeavesNothingWhileTheTableGrowsAndIsMadeAnew(t *testing.T) {
	c := New(Options{Size: 64 << 20, Shards: 1})
	for round := range 20 {
		fill(c, 2000, 10)
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range 5000 {
				c.Put(keyFor(fmt.Sprintf("host%d.%d.example.org.", i, round)), Header{Lifetime: 300}, []byte("x"))
			}
		})
		wg.Go(func() {
			c.Resize(32 << 20)
			c.Resize(64 << 20)
		})
		c.Flush(wire.MustName("example.com."), true)
		wg.Wait()
		c.EachOf(wire.MustName("example.com."), true, func(e *Entry) bool {
			t.Fatalf("%s is still there", wire.Name(e.Key.Question().Name))
			return false
		})
		audit(t, c)
	}
}

// BenchmarkFlush is a flush of a subtree that holds nothing, over a full cache.
func BenchmarkFlush(b *testing.B) {
	c := New(Options{Size: 1 << 30})
	fill(c, 500_000, 150)
	for b.Loop() {
		c.Flush(wire.MustName("example.org."), true)
	}
}
