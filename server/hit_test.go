package server

// This file is about the cost of a cached answer, and about what is counted.

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/dnstap"
	"rootwalk/resolver"
	"rootwalk/upstream"
	"rootwalk/wire"
)

var home = Meta{Transport: UDP, Client: netip.MustParseAddr("127.0.0.1")}

// hits are questions that the cache answers once they were asked.
func hits() map[string]*dns.Msg {
	return map[string]*dns.Msg{
		"plain":        question("www.example.com.", "A", 0),
		"EDNS":         question("www.example.com.", "A", 1232),
		"DO":           withDO(question("www.example.com.", "A", 1232)),
		"upper case":   question("WWW.EXAMPLE.COM.", "A", 1232),
		"four records": question("pool.example.com.", "A", 1232),
		"alias":        question("alias.example.com.", "A", 1232),
		"NXDOMAIN":     question("nowhere.example.com.", "A", 1232),
		"no data":      question("www.example.com.", "MX", 1232),
		"cookie":       withOptions(question("www.example.com.", "A", 1232), &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"}),
		"too long":     question("long.example.com.", "TXT", 1232), // TC over UDP
		"ANY":          question("www.example.com.", "ANY", 0),
		"local":        question("localhost.", "AAAA", 1232),
	}
}

// hitZone has the names of hits.
var hitZone = "== zone example.com @ 192.0.2.1 signed\n" + zoneBody + "long TXT" + strings.Repeat(` "`+strings.Repeat("y", 255)+`"`, 20) + "\n"

// withOptions adds EDNS options.
func withOptions(q *dns.Msg, options ...dns.EDNS0) *dns.Msg {
	q.IsEdns0().Option = append(q.IsEdns0().Option, options...)
	return q
}

func TestACachedAnswerAllocatesNothing(t *testing.T) {
	for _, tapped := range []bool{false, true} {
		w := newWorld(t, settings{text: hitZone, silent: true, cookies: &Cookies{1, 2}})
		if tapped { // and nobody reads
			o := *w.set.Load()
			o.Tap = dnstap.New(dnstap.Options{Socket: filepath.Join(t.TempDir(), "none"), Client: true})
			t.Cleanup(o.Tap.Close)
			w.Set(o)
		}
		allocatesNothing(t, w)
	}
}

func allocatesNothing(t *testing.T, w *world) {
	t.Helper()
	for what, q := range hits() {
		w.ask(t, handle, q)
		packet := pack(t, q)
		dst := make([]byte, 0, 8192)
		worker := w.borrow()
		for tr := range numTransports {
			meta := Meta{Transport: tr, Client: home.Client}
			var parsed wire.Query
			allocs := testing.AllocsPerRun(200, func() {
				if reply, done := worker.quickSafe(dst, packet, meta, &parsed); !done || len(reply) < 40 {
					t.Fatalf("%s over %s: not a hit", what, tr)
				}
			})
			if allocs != 0 {
				t.Errorf("%s over %s: %v allocations", what, tr, allocs)
			}
		}
	}
}

// While servers are silent, old answers are given as fast as fresh ones, and no walk
// is begun for them.
func TestAStaleAnswerAllocatesNothing(t *testing.T) {
	now := newFakeClock()
	var silent atomic.Bool
	w := newWorld(t, settings{text: hitZone, silent: true, clock: now.read, stale: resolver.Stale{Enabled: true},
		dial: func(dial upstream.Dialer) upstream.Dialer {
			return func(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
				if silent.Load() {
					return nil, errors.New("unplugged")
				}
				return dial(ctx, network, server)
			}
		}})
	w.o.StaleTTL = 30
	w.Set(w.o)
	asked := []*dns.Msg{question("www.example.com.", "A", 1232), withDO(question("alias.example.com.", "A", 1232)), question("nowhere.example.com.", "A", 1232)}
	for _, q := range asked {
		w.ask(t, handle, q)
	}
	silent.Store(true)
	now.advance(48 * time.Hour)
	for _, q := range asked {
		w.ask(t, handle, q) // the servers are asked in vain
		worker, packet, dst := w.borrow(), pack(t, q), make([]byte, 0, 4096)
		var parsed wire.Query
		var reply []byte
		var done bool
		eventually(t, "the failure is known", func() bool {
			reply, done = worker.quickSafe(dst, packet, home, &parsed)
			return done
		})
		m := unpack(t, reply)
		if code := uint16(ede(m)); code != dns.ExtendedErrorCodeStaleAnswer && code != dns.ExtendedErrorCodeStaleNXDOMAINAnswer || m.AuthenticatedData {
			t.Errorf("%s: not said to be stale: %v", q.Question[0].Name, m)
		}
		for _, rr := range m.Answer {
			if rr.Header().Ttl != 30 {
				t.Errorf("%s: a TTL of %d, want 30", q.Question[0].Name, rr.Header().Ttl)
			}
		}
		allocs := testing.AllocsPerRun(100, func() {
			if _, done := worker.quickSafe(dst, packet, home, &parsed); !done {
				t.Fatalf("%s: not a hit", q.Question[0].Name)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", q.Question[0].Name, allocs)
		}
		q.CheckingDisabled = true // there may be something else for who judges himself
		if _, done := worker.quickSafe(dst, pack(t, q), home, &parsed); done {
			t.Errorf("%s with CD: a hit", q.Question[0].Name)
		}
	}
	before := w.resolver.Stats().Walks
	w.ask(t, handle, asked[0])
	if after := w.resolver.Stats().Walks; after != before {
		t.Error("a walk was begun for a question that has just failed")
	}
	now.advance(time.Minute)
	worker := w.borrow()
	var parsed wire.Query
	if _, done := worker.quickSafe(nil, pack(t, asked[0]), home, &parsed); done {
		t.Error("the servers are not asked again")
	}
}

// What the kernel and the poller are asked for counts as well.
func TestACachedAnswerFromSocketToSocketAllocatesNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector has pools forget buffers at random")
	}
	w := newWorld(t, settings{text: hitZone, cookies: &Cookies{1, 2}})
	for what, q := range hits() {
		w.ask(t, handle, q)
		for _, d := range []door{overUDP, overTCP} {
			c := w.dial(t, d)
			packet, in := pack(t, q), make([]byte, 65535)
			if d == overTCP {
				packet = append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
			}
			allocs := testing.AllocsPerRun(100, func() {
				if _, err := c.Write(packet); err != nil {
					t.Fatal(err)
				}
				if n, err := c.Read(in); err != nil || n < 40 {
					t.Fatalf("%s over %s: %d octets, %v", what, d, n, err)
				}
			})
			if allocs != 0 {
				t.Errorf("%s over %s: %v allocations", what, d, allocs)
			}
			c.Close()
		}
	}
}

func TestARefusalAllocatesNothing(t *testing.T) {
	w := newWorld(t, settings{silent: true})
	dst, worker := make([]byte, 0, 4096), w.borrow()
	for _, in := range inputs() {
		if in.rcode == dns.RcodeSuccess || in.rcode == dns.RcodeNameError {
			continue
		}
		var parsed wire.Query
		if allocs := testing.AllocsPerRun(100, func() { worker.quickSafe(dst, in.packet, home, &parsed) }); allocs != 0 {
			t.Errorf("%s: %v allocations", in.what, allocs)
		}
	}
}

func TestWhatIsCounted(t *testing.T) {
	w := newWorld(t, settings{})
	for _, d := range []door{overUDP, overTCP, overTCP} { // a miss, then hits
		w.ask(t, d, question("www.example.com.", "A", 0))
	}
	w.ask(t, overUDP, question("nowhere.example.com.", "AAAA", 0))
	w.ask(t, overUDP, question("www.example.com.", "HTTPS", 0))
	w.ask(t, overUDP, question("www.example.com.", "LOC", 0))
	w.ask(t, overUDP, question("www.example.com.", "AXFR", 0))
	w.ask(t, overUDP, question("www.example.com.", "ANY", 0))
	w.ignores(t, overUDP, []byte("hello"))
	w.close(t) // so that nothing is being counted any more
	st := w.Stats()
	if n := st.HitKinds["answer"] + st.HitKinds["nodata"] + st.HitKinds["nxdomain"]; n != st.Hits || st.HitKinds["answer"] == 0 {
		t.Errorf("%d hits, of them by kind %v", st.Hits, st.HitKinds)
	}
	for what, c := range map[string][2]uint64{
		"queries A over UDP":     {st.Queries["udp"]["A"], 1},
		"queries A over TCP":     {st.Queries["tcp"]["A"], 2},
		"queries AAAA over UDP":  {st.Queries["udp"]["AAAA"], 1},
		"queries HTTPS over UDP": {st.Queries["udp"]["HTTPS"], 1},
		"queries ANY over UDP":   {st.Queries["udp"]["ANY"], 1},
		"other queries over UDP": {st.Queries["udp"]["other"], 3}, // LOC, AXFR, and the AXFR behind "hello"
		"hits":                   {st.Hits, 2},
		"misses":                 {st.Misses, 5},
		"refusals":               {st.Refused, 2},
		"dropped":                {st.Dropped, 1},
		"NOERROR":                {st.Rcodes["NOERROR"], 6},
		"NXDOMAIN":               {st.Rcodes["NXDOMAIN"], 1},
		"REFUSED":                {st.Rcodes["REFUSED"], 2},
		"panics":                 {st.Panics, 0},
		"shed":                   {st.Shed, 0},
		"in flight":              {uint64(st.Pending), 0},
		"latencies of misses":    {sum(st.Latency["miss"]), 5},
		"latencies of the rest":  {sum(st.Latency["hit"]), 4},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %d, want %d", what, c[0], c[1])
		}
	}
}

func sum(h Histogram) (n uint64) {
	for _, b := range h.Buckets {
		n += b
	}
	return n
}

// BenchmarkHit is a cached answer from packet to packet, without sockets.
func BenchmarkHit(b *testing.B) {
	w := newWorld(b, settings{silent: true})
	for _, what := range []string{"plain", "EDNS", "four records", "NXDOMAIN"} {
		q := hits()[what]
		w.ask(b, handle, q)
		packet, dst := pack(b, q), make([]byte, 0, 4096)
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.Handle(context.Background(), dst, packet, home)
			}
		})
	}
}
