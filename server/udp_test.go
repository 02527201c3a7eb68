package server

// This file is about UDP with several readers, and packets that come together.

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

func TestReadersShareAnAddressAndTheirNumbersAddUp(t *testing.T) {
	w := newWorld(t, settings{workers: 4})
	w.ask(t, handle, question("www.example.com.", "A", 0))
	const clients = 64 // the kernel divides them by their ports
	for range clients {
		if r := w.ask(t, overUDP, question("www.example.com.", "A", 0)); len(r.Answer) != 1 {
			t.Fatal(r)
		}
	}
	readers := 0
	for _, c := range w.tallies[1:] {
		if c.kinds[0][positive].Load() > 0 {
			readers++
		}
	}
	if readers < 2 && runtime.GOOS == "linux" { // by chance once in 4^63 runs
		t.Errorf("%d readers answered", readers)
	}
	if st := w.Stats(); st.Hits != clients || st.Queries["udp"]["A"] != clients+1 {
		t.Errorf("%d hits, %d queries, want %d and one more", st.Hits, st.Queries["udp"]["A"], clients)
	}
}

func TestAnAddressThatIsTakenIsNoticed(t *testing.T) {
	first, second := newWorld(t, settings{workers: 4}), newWorld(t, settings{workers: 4, silent: true})
	if a, err := second.ListenUDP(first.udp); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a second server listens on %s: %v", a, err)
	}
}

// More than one batch of all sorts, before the client reads.
func TestPacketsThatComeTogetherAreAnsweredEach(t *testing.T) {
	w := newWorld(t, settings{text: internet + "* A 192.0.2.99\n"})
	w.ask(t, handle, question("www.example.com.", "A", 0))
	c := w.dial(t, overUDP)
	defer c.Close()
	asked := map[uint16]*dns.Msg{}
	for i := range 90 {
		q := question("www.example.com.", "A", 1232)
		switch i % 5 {
		case 1:
			q = question(fmt.Sprintf("n%d.example.com.", i), "A", 0)
		case 2:
			q = question("www.example.com.", "AXFR", 1232)
		case 3:
			c.send([]byte("hello")) // no query, no reply
		}
		q.Id = uint16(i)
		asked[q.Id] = q
		c.send(pack(t, q))
	}
	for range len(asked) {
		r := unpack(t, c.receive())
		q := asked[r.Id]
		if q == nil || r.Question[0] != q.Question[0] || (r.IsEdns0() == nil) != (q.IsEdns0() == nil) {
			t.Fatalf("%v\nis the reply to %v", r, q)
		}
		if refused := q.Question[0].Qtype == dns.TypeAXFR; refused != (r.Rcode == dns.RcodeRefused) || refused == (len(r.Answer) == 1) {
			t.Errorf("%v", r)
		}
		delete(asked, r.Id)
	}
}
