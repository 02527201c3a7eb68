package server

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// Twenty thousand connections come within ten seconds, of which half send an octet a
// second and half never read a reply. Who asks otherwise does not feel them.
func TestAFloodOfConnectionsCostsOthersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const connects, seconds = 20_000, 10
		w := newWorld(t, settings{silent: true, clock: bubbleClock, text: slowAndFast})
		w.ask(t, handle, question("www.fast.example.", "A", 0))
		query := framed(t, "www.fast.example.", "A")
		var flood sync.WaitGroup
		var mu sync.Mutex
		refused := 0
		flood.Go(func() {
			for i := range connects {
				from := netip.AddrFrom4([4]byte{127, 1, byte(i % 1000 / 250), byte(i % 250)})
				conn := w.pipe(from.String())
				flood.Go(func() {
					defer conn.Close()
					octets := 1
					if i%2 == 1 {
						octets = len(query) // and no read
					}
					for k := 0; ; k++ {
						if _, err := conn.Write(query[k*octets : (k+1)*octets]); err != nil || k > 30 || octets > 1 {
							if k == 0 && err != nil {
								mu.Lock()
								refused++
								mu.Unlock()
							}
							break
						}
						time.Sleep(time.Second)
					}
					if octets > 1 {
						time.Sleep(time.Minute) // the server ends it
					}
				})
				time.Sleep(seconds * time.Second / connects)
			}
		})
		good, asked, slowest, most := 0, 0, time.Duration(0), 0
		var honest sync.WaitGroup
		ask := func(name string) {
			began := time.Now()
			raw := w.exchange(t, handle, pack(t, question(name, "A", 0)))
			took := time.Since(began)
			mu.Lock()
			defer mu.Unlock()
			asked++
			if slowest = max(slowest, took); raw != nil && unpack(t, raw).Rcode == dns.RcodeSuccess {
				good++
			}
		}
		for i := range 200 * seconds {
			honest.Go(func() { ask("www.fast.example.") })
			if i%10 == 0 {
				honest.Go(func() { ask(fmt.Sprintf("n%d.fast.example.", i)) })
			}
			most = max(most, w.Stats().TCPConns)
			time.Sleep(5 * time.Millisecond)
		}
		honest.Wait()
		if good != asked || slowest > 10*time.Millisecond || most > maxConns {
			t.Errorf("%d of %d answered, the slowest after %v; %d connections", good, asked, slowest, most)
		}
		time.Sleep(writeTime + idleTime)
		synctest.Wait()
		if n := w.Stats().TCPConns; n != 0 || len(w.perClient) != 0 {
			t.Errorf("%d connections of %d clients are left", n, len(w.perClient))
		}
		flood.Wait()
		t.Attr("row", fmt.Sprintf("E1 | %d connections in %d s, an octet a second or replies unread: what others feel | 99.9%% right; + 10 ms at most; none is left | %.2f%%; + %d ms; %d at once, %d refused | ",
			connects, seconds, 100*float64(good)/float64(asked), slowest.Milliseconds(), most, refused))
	})
}
