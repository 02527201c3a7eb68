package scenario

// This file is about honest names that cost much: they must not feel the limits.

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"
)

// deepNames is a world of names that are far away: chains of ten aliases over
// signed zones of all kinds, some of them signed twice and in the middle of a rollover
// of keys or of the algorithm, and zones whose servers have names in zones whose
// servers have names elsewhere. Each is asked for cold.
func deepNames(n int) (text string, names []string) {
	kinds := []string{"signed", "signed=nsec3", "signed=nsec3 iterations=10 salt=ab", "signed alg=ed25519", "signed alg=rsa", "signed also=ecdsa", "signed=nsec3 alg=rsa also=ecdsa",
		"signed ds=sha256,sha256!", "signed also=ed25519 ds=sha256,sha384"}
	var b strings.Builder
	b.WriteString("== fault all\ndelay 5ms\n")
	for i := range n {
		for link := range 10 {
			target := fmt.Sprintf("CNAME www.c%d-%d.com.", i, link+1)
			if link == 9 {
				target = fmt.Sprintf("CNAME www.end%d.com.", i)
			}
			fmt.Fprintf(&b, "== zone c%d-%d.com @ 192.0.2.%d %s\nwww %s\n", i, link, 1+link, kinds[(i+link)%len(kinds)], target)
		}
		fmt.Fprintf(&b, "== zone end%d.com @ 192.0.2.20 %s\nwww A 192.0.2.80\n", i, kinds[i%len(kinds)])
		fmt.Fprintf(&b, "== zone g%d.net @ 192.0.2.21 noglue signed\n@ NS ns.h%d.org.\nwww A 192.0.2.81\n", i, i)
		fmt.Fprintf(&b, "== zone h%d.org @ 192.0.2.22 noglue\n@ NS ns.k%d.com.\nns A 192.0.2.21\n", i, i)
		fmt.Fprintf(&b, "== zone k%d.com @ 192.0.2.23 signed\n@ NS ns.k%d.com.\nns A 192.0.2.22\nns A 192.0.2.23\n", i, i)
		names = append(names, fmt.Sprintf("www.c%d-0.com", i), fmt.Sprintf("www.g%d.net", i), fmt.Sprintf("gone.very.deep.c%d-1.com", i))
	}
	return b.String(), names
}

func TestHonestNamesDoNotFeelTheLimits(t *testing.T) {
	text, names := deepNames(deepWorlds)
	answers := map[string][]int{}
	for _, mode := range []string{"", "record\n"} {
		synctest.Test(t, func(t *testing.T) {
			s := raise(t, text+"== options\nvalidate\n"+mode)
			var out, signatures, hashes []int
			for i, name := range names {
				s.begin(0)
				code := s.question(name)
				answers[name] = append(answers[name], code)
				if want := []int{dns.RcodeSuccess, dns.RcodeSuccess, dns.RcodeNameError}[i%3]; code != want {
					t.Errorf("%s: %s, want %s", name, dns.RcodeToString[code], dns.RcodeToString[want])
				}
				cost := s.cost()
				out = append(out, len(s.sent())+s.net.TCPConnects()-s.connects)
				signatures, hashes = append(signatures, cost.signatures-s.spent.signatures), append(hashes, cost.hashes-s.spent.hashes)
			}
			limits := 0
			for _, n := range s.resolver.Stats().Limits {
				limits += int(n)
			}
			if limits > 0 {
				t.Errorf("limits were gone beyond: %v", s.resolver.Stats().Limits)
			}
			s.end()
			most := func(list []int) int { // 99.9%
				slices.Sort(list)
				return list[min(len(list)*999/1000, len(list)-1)]
			}
			if mode == "" {
				t.Attr("row", fmt.Sprintf("H | %d honest names that cost the most: ten aliases over signed zones, some in a rollover, three levels without glue | answered, no limit met; p99.9 of OUT, SIG, HASH below 100, 64, 128 | %d, %d, %d | ",
					len(names), most(out), most(signatures), most(hashes)))
			}
		})
	}
	for name, codes := range answers {
		if codes[0] != codes[1] {
			t.Errorf("%s: %s with limits, %s without", name, dns.RcodeToString[codes[0]], dns.RcodeToString[codes[1]])
		}
	}
}
