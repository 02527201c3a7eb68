package scenario

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// Three names of servers without glue, of which two are in zones whose servers are
// silent: the third is looked for beside them and not behind them. Where all is well
// one is enough.
func TestADeadServerNameHoldsUpNoOther(t *testing.T) {
	const worlds = 30
	slowest, most, well := time.Duration(0), 0, 0
	for i := range worlds {
		for _, dead := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				text := "== zone example.com @ 192.0.2.1 noglue\n@ NS ns.one.net.\n@ NS ns.two.net.\n@ NS ns.three.net.\nwww A 192.0.2.80\n== fault all\ndelay 20ms\n"
				for k, name := range []string{"one", "two", "three"} {
					text += fmt.Sprintf("== zone %s.net @ 192.0.2.1%d\nns A 192.0.2.1\n", name, k)
					if dead && k < 2 {
						text += fmt.Sprintf("== fault 192.0.2.1%d\ndrop\n", k)
					}
				}
				s := raise(t, text)
				s.begin(0)
				began := time.Now()
				if code := s.question("www.example.com"); code != dns.RcodeSuccess {
					t.Errorf("world %d: %s", i, dns.RcodeToString[code])
				}
				took, out := time.Since(began), len(s.sent())
				if dead {
					slowest, most = max(slowest, took), max(most, out)
				} else {
					well = max(well, out)
				}
				s.end()
				for _, q := range s.sent()[out:] {
					t.Errorf("world %d: asked for nothing afterwards: %s %s", i, q.Server, q.Name)
				}
			})
		}
	}
	if slowest > 1700*time.Millisecond || most > 14 || well > 6 {
		t.Errorf("the slowest answer took %v, the most queries were %d, where all was well %d", slowest, most, well)
	}
	t.Attr("row", fmt.Sprintf("F | three server names without glue, two in dead zones | 3 at once: answered within 1.7 s; one is enough where all is well | %.1f s, %d queries; %d | BIND 3 at once", slowest.Seconds(), most, well))
}
