package dnssec

import (
	"fmt"
	"testing"
	"time"

	"rootwalk/cache"
	"rootwalk/wire"
)

// Denials come with the same records again and again.
func TestNothingIsVerifiedTwiceWhileItsTTLLasts(t *testing.T) {
	for _, way := range waysOfSigning {
		i := newInferrer(t, fmt.Sprintf(labText, way))
		for _, x := range []struct {
			owner, rrtype string
			at            time.Duration
			signatures    int
		}{
			{"www.example.com.", "TXT", 0, 8}, // two keys and two DS above, its own key, SOA record and denial
			{"www.example.com.", "TXT", 0, 0},
			{"www.example.com.", "MX", 0, 0},
			{"alias.example.com.", "TXT", 0, 1},
			{"example.com.", "TXT", 0, 1}, // another record of the chain
			{"www.example.com.", "TXT", 299 * time.Second, 0},
			{"www.example.com.", "TXT", 599 * time.Second, 4}, // renewed at 299 s; keys have run out, too
			{"www.example.com.", "TXT", 600 * time.Second, 0},
		} {
			i.now = x.at
			v := i.learn(x.owner, x.rrtype)
			if n := i.budget.Signatures(); v.Status != cache.Secure || n > x.signatures || n < x.signatures && x.signatures < 8 {
				t.Errorf("%s: %s %s after %v: %d signatures checked, want %d (%s %s)", way, x.owner, x.rrtype, x.at, n, x.signatures, statusNames[v.Status], v.Reason)
			}
		}
	}
}

// What is not the same to the last octet, or has no key any more, is checked.
func TestWhatWasVerifiedVouchesForNothingElse(t *testing.T) {
	i := newInferrer(t, fmt.Sprintf(labText, "signed"))
	if v := i.learn("www.example.com.", "TXT"); v.Status != cache.Secure {
		t.Fatal(v.Reason)
	}
	good := i.answer("www.example.com.", wire.TypeTXT)
	same := func(list ...*[]wire.RRset) {
		for _, l := range list {
			*l = append([]wire.RRset(nil), *l...)
			for k := range *l {
				(*l)[k].Data = append([]string(nil), (*l)[k].Data...)
				(*l)[k].Sigs = append([]string(nil), (*l)[k].Sigs...)
			}
		}
	}
	flip := func(s string, at int) string {
		b := []byte(s)
		b[at] ^= 1
		return string(b)
	}
	for _, set := range []string{"SOA", "NSEC"} {
		for _, field := range []string{"data", "signature"} {
			for k := range 400 {
				a := *good
				same(&a.SOA, &a.Proofs)
				s := &a.SOA[0]
				if set == "NSEC" {
					s = &a.Proofs[0]
				}
				what := s.Data
				if field == "signature" {
					what = s.Sigs
				}
				if k >= len(what[0]) {
					break
				}
				what[0] = flip(what[0], k)
				i.budget = NewBudget(false)
				if v := i.check(&a); v.Status == cache.Secure {
					t.Errorf("octet %d of the %s of %s changed: secure", k, field, set)
				}
			}
		}
	}
	other := newP256(t, "example.com.").keys(t)
	c := &check{v: i.v, now: when}
	for what, p := range map[string]*state{"another key": {zone: name("example.com."), keys: other}, "another zone": {zone: name("com."), keys: other}} {
		if _, ok := c.again(&good.SOA[0], p); ok {
			t.Errorf("%s: taken as verified", what)
		}
	}
	late := &check{v: i.v, now: when.AddDate(20, 0, 0)}
	p := i.v.zones.get(name("example.com."), i.o.Clock())
	if _, ok := late.again(&good.SOA[0], p); ok {
		t.Error("taken as verified when the signature has expired")
	}
	if r, ok := c.again(&good.SOA[0], p); !ok || r.TTL != 300 {
		t.Errorf("the very same: %v, TTL %d", ok, r.TTL)
	}
}
