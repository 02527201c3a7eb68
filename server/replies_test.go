package server

// This file asks for much of the same and compares each reply with the first one,
// while entries of all lengths push each other out of the cache.

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/cache"
	"rootwalk/wire"
)

// crowded is a zone with names of every kind.
func crowded(n int) string {
	var b strings.Builder
	b.WriteString("== zone example.com @ 192.0.2.1 signed\n$TTL 86400\n")
	for i := range n {
		fmt.Fprintf(&b, "a%d A 192.0.2.%d\n", i, 1+i%250)
		for k := range 1 + i%5 {
			fmt.Fprintf(&b, "pool%d AAAA 2001:db8::%x:%d\n", i, i, k)
		}
		fmt.Fprintf(&b, "alias%d CNAME a%d\ntext%d TXT \"%s\"\n", i, i, i, strings.Repeat("t", 1+i*7%255))
	}
	return b.String()
}

// sample is a question, and what was replied to it at first.
type sample struct {
	query []byte
	reply *dns.Msg
}

func samples(t testing.TB, w *world, names int) []sample {
	var all []sample
	for i := range names {
		for _, q := range []struct{ name, rrtype string }{
			{"a%d", "A"}, {"a%d", "MX"}, {"pool%d", "AAAA"}, {"alias%d", "A"}, {"text%d", "TXT"}, {"nobody%d", "A"}} {
			name := fmt.Sprintf(q.name, i) + ".example.com."
			for _, m := range []*dns.Msg{question(name, q.rrtype, 0), question(name, q.rrtype, 1232), withDO(question(name, q.rrtype, 1232))} {
				all = append(all, sample{pack(t, m), w.ask(t, handle, m)})
			}
		}
	}
	return all
}

// differs tells how a reply is not what it was; "" is nothing.
func (s *sample) differs(query, reply []byte, m *dns.Msg) string {
	end := len(s.query)
	if o := s.reply.IsEdns0(); o != nil {
		end -= 11
	}
	switch {
	case len(reply) < end || string(reply[:2]) != string(query[:2]):
		return "its ID"
	case string(reply[wire.HeaderLen:end]) != string(query[wire.HeaderLen:end]):
		return "its question"
	case m.Unpack(reply) != nil:
		return "its form"
	case m.Rcode != s.reply.Rcode || m.Truncated != s.reply.Truncated || m.RecursionAvailable != s.reply.RecursionAvailable:
		return "its header"
	case !sameRecords(m.Answer, s.reply.Answer):
		return "its answer"
	case !sameRecords(m.Ns, s.reply.Ns):
		return "its authority section"
	case !sameRecords(m.Extra, s.reply.Extra):
		return "its additional section"
	}
	return ""
}

// sameRecords compares sets; a TTL may have become shorter.
func sameRecords(got, want []dns.RR) bool {
	if len(got) != len(want) {
		return false
	}
	for _, r := range got {
		found := false
		for _, x := range want {
			if r.Header().Rrtype == dns.TypeOPT || dns.IsDuplicate(r, x) && r.Header().Ttl <= x.Header().Ttl {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// churn fills the cache with entries of all lengths until it is told to stop.
func churn(c *cache.Cache, seed uint64, stop *atomic.Bool) {
	random := rand.New(rand.NewPCG(seed, 1))
	payload := make([]byte, 3000)
	for i := 0; !stop.Load(); i++ {
		if i > 20_000 && i%100 == 0 { // it is full
			time.Sleep(time.Millisecond)
		}
		var k cache.Key
		name := wire.MustName(fmt.Sprintf("x%d.example.org.", random.IntN(1<<16)))
		k.Set(cache.Answer, cache.Question{Name: []byte(name), Type: wire.TypeA, Class: wire.ClassIN})
		if random.IntN(4) == 0 {
			c.Delete(&k)
		} else {
			c.Put(&k, cache.Header{Lifetime: 300}, payload[:random.IntN(len(payload))])
		}
	}
}

func TestEveryReplyIsWhatItWasTheFirstTime(t *testing.T) {
	const names, clients, window = 40, 4, 32
	w := newWorld(t, settings{text: crowded(names), workers: 2})
	all := samples(t, w, names)
	var stop atomic.Bool
	var others, asking sync.WaitGroup
	others.Go(func() { churn(w.cache, 7, &stop) })
	var compared, wrong atomic.Int64
	for i := range clients {
		asking.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 2))
			c, m, room := w.dial(t, overUDP), new(dns.Msg), make([]byte, 65535)
			defer c.Close()
			var open [window]struct {
				*sample
				query []byte
			}
			ask := func(slot, round int) bool {
				s := &all[random.IntN(len(all))]
				query := append(open[slot].query[:0], s.query...)
				id := slot + window*(round%1024)
				query[0], query[1] = byte(id>>8), byte(id)
				for at := wire.HeaderLen + 1; at < wire.HeaderLen+6; at++ { // in letters of any case
					if b := query[at]; b|0x20 >= 'a' && b|0x20 <= 'z' {
						query[at] = b ^ byte(random.IntN(2))<<5
					}
				}
				open[slot].sample, open[slot].query = s, query
				_, err := c.Write(query)
				return err == nil
			}
			for slot := range window {
				ask(slot, 0)
			}
			for round := 1; round <= repliesCompared/clients && wrong.Load() < 10; round++ {
				if round%64 == 1 {
					_ = c.SetDeadline(time.Now().Add(3 * patience))
				}
				n, err := c.Read(room)
				if err != nil {
					t.Error(err)
					return
				}
				slot := int(wire.ID(room)) % window
				if how := open[slot].differs(open[slot].query, room[:n], m); how != "" {
					wrong.Add(1)
					t.Errorf("%s has changed:\n%v\nwas\n%v", how, m, open[slot].reply)
				}
				compared.Add(1)
				if !ask(slot, round) {
					t.Error("a question could not be sent")
					return
				}
			}
		})
	}
	asking.Wait()
	stop.Store(true)
	others.Wait()
	st := w.cache.Stats()
	t.Logf("%d replies compared, %d wrong; %d evictions meanwhile", compared.Load(), wrong.Load(), st.Evictions)
	if st.Evictions == 0 {
		t.Error("nothing was pushed out, so that was not tested")
	}
}
