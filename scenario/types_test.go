package scenario

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"
)

// A name with hundreds of types is no more than hundreds of names: each type that is
// asked for has a place of its own in the cache, and nothing walks along them. What
// comes without being asked for has none.
func TestTypesOfANameCostNoMoreThanNames(t *testing.T) {
	const types, first = 500, 1000
	synctest.Test(t, func(t *testing.T) {
		var zone, all strings.Builder
		for i := range types {
			fmt.Fprintf(&zone, "many TYPE%d \\# 4 c0000250\nn%03d TYPE1000 \\# 4 c0000250\n", first+i, i)
			fmt.Fprintf(&all, "only-name all.example.com add-answer all.example.com. 60 IN TYPE%d \\# 4 c0000250\n", first+i)
		}
		s := raise(t, "== zone example.com @ 192.0.2.1\nwarm A 192.0.2.1\nall A 192.0.2.80\n"+zone.String()+"== fault 192.0.2.1\n"+all.String())
		s.question("warm.example.com")
		grows := func(n int, ask func(i int)) (bytes, entries int) {
			before := s.o.Cache.Stats()
			for i := range n {
				ask(i)
			}
			after := s.o.Cache.Stats()
			return int(after.Bytes - before.Bytes), after.Entries - before.Entries
		}
		ask := func(name string, typ uint16) {
			q := new(dns.Msg)
			q.SetQuestion(name, typ)
			if r := s.handle(q); r.Rcode != dns.RcodeSuccess || len(r.Answer) != 1 {
				t.Fatalf("%s %d: %v", name, typ, r)
			}
		}
		ofOne, _ := grows(types, func(i int) { ask("many.example.com.", uint16(first+i)) })
		ofMany, _ := grows(types, func(i int) { ask(fmt.Sprintf("n%03d.example.com.", i), first) })
		atOnce, entries := grows(1, func(int) { ask("all.example.com.", dns.TypeA) })
		if ofOne > ofMany*11/10 {
			t.Errorf("%d types of a name take %d octets, and as many names %d", types, ofOne, ofMany)
		}
		if atOnce > 64<<10 || entries > 1 {
			t.Errorf("%d types in a reply take %d octets in %d entries", types, atOnce, entries)
		}
		s.end()
		t.Attr("row", fmt.Sprintf("A15 | %d types at a name: all in one reply; each asked for | cache grows <= 64 KiB; no more than for %[1]d names | %d octets; %.2f of them | BIND 100 types", types, atOnce, float64(ofOne)/float64(ofMany)))
	})
}
