package cache

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"testing"
)

func TestWhatIsPutIsGotUntilItIsDeleted(t *testing.T) {
	c := New(Options{Size: 8 << 20})
	k, h, payload := keyFor("www.example.com."), Header{Stored: -1 << 30, Lifetime: 300, Status: Secure, Flags: 5}, []byte("a packed reply")
	if _, _, ok := c.Get(k, nil); ok {
		t.Fatal("an empty cache has an entry")
	}
	if !c.Put(k, h, payload) {
		t.Fatal("put was refused")
	}
	got, b, ok := c.Get(k, []byte("before "))
	if !ok || got != h || string(b) != "before a packed reply" {
		t.Fatalf("got %v %+v %q, want %+v and the payload behind what was there", ok, got, b, h)
	}
	c.Delete(k)
	if got, b, ok := c.Get(k, []byte("before ")); ok || got != (Header{}) || string(b) != "before " {
		t.Fatalf("got %v %+v %q after the deletion", ok, got, b)
	}
	c.Delete(k)
	if st := c.Stats(); st.Entries != 0 || st.Bytes != 0 || st.Evictions != 0 {
		t.Errorf("an empty cache accounts for %+v", st)
	}
}

func TestFreshUntilTheLifetimeIsOver(t *testing.T) {
	h := Header{Stored: 1000, Lifetime: 300}
	if !h.Fresh(1000) || !h.Fresh(1299) || h.Fresh(1300) || h.Expires() != 1300 {
		t.Errorf("fresh at 1000 %v, 1299 %v, 1300 %v; expires at %d", h.Fresh(1000), h.Fresh(1299), h.Fresh(1300), h.Expires())
	}
	if h.Age(999) != 0 || h.Age(1000) != 0 || h.Age(1042) != 42 {
		t.Errorf("age at 999 %d, 1000 %d, 1042 %d", h.Age(999), h.Age(1000), h.Age(1042))
	}
	if (Header{Stored: 1000}).Fresh(1000) {
		t.Error("an entry without a lifetime is fresh")
	}
}

func TestKeysOfOneHashAreKeptApart(t *testing.T) {
	c := oneShard()
	mine, other := keyFor("mine.example."), keyFor("other.example.")
	s, h := c.locate(mine)
	payload := []byte("other's")
	s.add(s.put(other.bytes(), Header{}, payload), h)
	s.bytes += cost(other.n, len(payload))
	if _, got, ok := c.Get(mine, nil); ok {
		t.Fatalf("got %q, which is another key's", got)
	}
	c.Delete(mine)
	if s.entries != 1 {
		t.Fatal("deleting a key removed another one")
	}
	c.Put(mine, Header{}, []byte("mine, and longer"))
	if _, got, ok := c.Get(mine, nil); !ok || string(got) != "mine, and longer" {
		t.Errorf("got %v %q of two keys of one hash", ok, got)
	}
	if i, e := s.find(h, other.bytes()); i == 0 || string(e.appendPayload(nil)) != "other's" {
		t.Error("the other key of the hash is gone")
	}
	audit(t, c)
}

func TestWhatLeavesAndWhatEntersIsACopy(t *testing.T) {
	c := oneShard()
	k, payload := keyFor("www.example.com."), []byte("payload")
	c.Put(k, Header{Lifetime: 7}, payload)
	copy(payload, "spoiled")
	_, got, _ := c.Get(k, nil)
	if string(got) != "payload" {
		t.Fatalf("the cache keeps the caller's bytes: %q", got)
	}
	copy(got, "spoiled")
	clear(got[len(got):cap(got)])
	if _, again, _ := c.Get(k, nil); string(again) != "payload" {
		t.Fatalf("after changing what was got, the cache has %q", again)
	}
	wasAt := *k
	*k = *keyFor("ftp.example.com.")
	if _, again, ok := c.Get(&wasAt, nil); !ok || string(again) != "payload" {
		t.Errorf("after changing the key, got %v %q", ok, again)
	}
}

func TestReplacementIsAccountedExactly(t *testing.T) {
	c := oneShard()
	k := keyFor("www.example.com.")
	for _, n := range []int{100, 5000, 0, 10, MaxPayload, 10} {
		c.Put(k, Header{}, make([]byte, n))
		st := c.Stats()
		if want := cost(k.n, n); st.Entries != 1 || st.Bytes != want {
			t.Fatalf("after a replacement by %d octets: %d entries of %d bytes, want 1 of %d", n, st.Entries, st.Bytes, want)
		}
	}
	if st := c.Stats(); st.Evictions != 0 {
		t.Errorf("%d evictions, but replacing is none", st.Evictions)
	}
	audit(t, c)
}

func TestTooLongAPayloadIsRefused(t *testing.T) {
	c := oneShard()
	k := keyFor("www.example.com.")
	if !c.Put(k, Header{}, make([]byte, MaxPayload)) {
		t.Error("the longest payload was refused")
	}
	if c.Put(k, Header{}, make([]byte, MaxPayload+1)) {
		t.Error("a payload over the limit was taken")
	}
	if _, b, ok := c.Get(k, nil); !ok || len(b) != MaxPayload {
		t.Errorf("the refused payload changed what was there: %v, %d octets", ok, len(b))
	}
}

func TestTheBudgetIsNeverExceeded(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, o := range []Options{{Shards: 1}, {Size: 4 << 20, Shards: 4}, {Size: 3 << 20}} {
		c := New(o)
		limit := c.Stats().Limit
		if limit < o.Size {
			t.Fatalf("%+v: the limit is %d", o, limit)
		}
		for i := range 6000 {
			n := rnd.IntN(300)
			if rnd.IntN(20) == 0 {
				n = rnd.IntN(MaxPayload + 1)
			}
			k := numbered(rnd.IntN(4000))
			if rnd.IntN(10) == 0 {
				c.Delete(k)
			} else {
				c.Put(k, Header{}, make([]byte, n))
			}
			if st := c.Stats(); st.Bytes > limit || st.Bytes < 0 {
				t.Fatalf("%+v: %d bytes of %d after %d changes", o, st.Bytes, limit, i+1)
			}
		}
		audit(t, c)
		if c.Stats().Evictions == 0 {
			t.Errorf("%+v: nothing was evicted, so nothing was tested", o)
		}
	}
}

func TestTheLeastRecentlyUsedGoesFirst(t *testing.T) {
	c := oneShard()
	payload := make([]byte, 10_000)
	n := int(c.Stats().Limit / cost(numbered(0).n, len(payload)))
	put := func(i int) { c.Put(numbered(i), Header{}, payload) }
	has := func(i int) bool {
		s, h := c.locate(numbered(i))
		first, _ := s.find(h, numbered(i).bytes())
		return first != 0
	}
	for i := range n {
		put(i)
	}
	if st := c.Stats(); st.Entries != n || st.Evictions != 0 {
		t.Fatalf("want %d entries, have %+v", n, st)
	}
	c.Get(numbered(0), nil) // touched
	put(1)                  // replaced, which is a use too
	put(n)
	put(n + 1)
	for i, want := range []bool{true, true, false, false, true} {
		if has(i) != want {
			t.Errorf("entry %d is there: %v, want %v", i, !want, want)
		}
	}
	if st := c.Stats(); st.Entries != n || st.Evictions != 2 {
		t.Errorf("want %d entries and 2 evictions, have %+v", n, st)
	}
}

func TestManyGoroutinesSeeWholeEntries(t *testing.T) {
	c := New(Options{Size: 2 << 20})
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 3))
			buf := make([]byte, 0, 8<<10)
			for range 2000 {
				i := rnd.IntN(600)
				k := numbered(i)
				switch rnd.IntN(4) {
				case 0:
					c.Delete(k)
				case 1:
					stamp := binary.BigEndian.AppendUint32(nil, uint32(i))
					c.Put(k, Header{Lifetime: uint32(i)}, bytes.Repeat(stamp, 1+rnd.IntN(2000)))
				default:
					h, b, ok := c.Get(k, buf)
					if !ok {
						continue
					}
					if h.Lifetime != uint32(i) || len(b)%4 != 0 {
						t.Errorf("entry %d has the header of %d and %d octets", i, h.Lifetime, len(b))
						return
					}
					for j := 0; j < len(b); j += 4 {
						if binary.BigEndian.Uint32(b[j:]) != uint32(i) {
							t.Errorf("entry %d holds octets of entry %d", i, binary.BigEndian.Uint32(b[j:]))
							return
						}
					}
					clear(b) // as its owner may
				}
			}
		})
	}
	wg.Wait()
	audit(t, c)
	if c.Stats().Evictions == 0 {
		t.Error("nothing was evicted, so the eviction was not tested")
	}
}

func TestGetAllocatesNothing(t *testing.T) {
	c := New(Options{Size: 8 << 20})
	name := []byte(keyFor("www.example.com.").bytes()[keyFixed:])
	q := Question{Name: name, Type: 1, Class: 1}
	var k Key
	k.Set(Answer, q)
	c.Put(&k, Header{}, make([]byte, 1000))
	room := make([]byte, 0, 4096)
	found := false
	hit := testing.AllocsPerRun(200, func() {
		var k Key
		k.Set(Answer, q)
		_, _, found = c.Get(&k, room)
	})
	if hit != 0 || !found {
		t.Errorf("a hit allocates %v times (found %v)", hit, found)
	}
	q.CD = true
	miss := testing.AllocsPerRun(200, func() {
		var k Key
		k.Set(Answer, q)
		_, _, found = c.Get(&k, room)
	})
	if miss != 0 || found {
		t.Errorf("a miss allocates %v times (found %v)", miss, found)
	}
}
