package lab

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// walk resolves a question in the simplest way that works: down from the root, by TCP where TC is set, on to the next
// server where one is lame, and along aliases. It returns the replies that were not referrals.
func walk(t *testing.T, n *Internet, name, rrtype string, depth int) []*dns.Msg {
	t.Helper()
	if depth > 10 {
		t.Fatalf("%s %s: no end", name, rrtype)
	}
	servers := []string{"127.53.0.1"}
	for range 10 {
		var r *dns.Msg
		for _, server := range servers {
			r = ask(t, n, "udp", server, question(name, rrtype, "edns"))
			if r != nil && r.Truncated {
				r = ask(t, n, "tcp", server, question(name, rrtype, "edns"))
			}
			if r != nil && r.Rcode != dns.RcodeRefused {
				break
			}
		}
		if r.Authoritative {
			replies := []*dns.Msg{r}
			if k := len(r.Answer) - 1; k >= 0 {
				if alias, ok := r.Answer[k].(*dns.CNAME); ok {
					replies = append(replies, walk(t, n, alias.Target, rrtype, depth+1)...)
				}
			}
			return replies
		}
		servers = nil
		for _, rr := range r.Extra {
			if a, ok := rr.(*dns.A); ok {
				servers = append(servers, a.A.String())
			}
		}
		for _, rr := range r.Ns {
			if ns, ok := rr.(*dns.NS); ok && len(servers) == 0 {
				for _, reply := range walk(t, n, ns.Ns, "A", depth+1) {
					for _, rr := range reply.Answer {
						servers = append(servers, rr.(*dns.A).A.String())
					}
				}
			}
		}
	}
	t.Fatalf("%s %s: no answer", name, rrtype)
	return nil
}

func TestDemoShowsWhatItPromises(t *testing.T) {
	n := parse(t, Demo())
	for _, a := range n.Servers() {
		if !netip.MustParsePrefix("127.53.0.0/24").Contains(a) {
			t.Errorf("server %s is outside 127.53.0.0/24", a)
		}
	}
	want := map[string]string{
		"www.example.com. A":          "NOERROR AA | www.example.com. A 192.0.2.80",
		"blog.example.com. A":         "NOERROR AA | blog.example.com. CNAME pages.example.net. => NOERROR AA | pages.example.net. A 203.0.113.80",
		"pier.harbour.example. A":     "NOERROR AA | pier.harbour.example. A 192.0.2.141",
		"bob.guests.example.org. A":   "NOERROR AA | bob.guests.example.org. A 203.0.113.100",
		"alice.guests.example.org. A": "NOERROR AA | alice.guests.example.org. A 203.0.113.101",
		"quiet.example.org. A":        "NOERROR AA / example.org. SOA",
		"www.old.example.net. A":      "NOERROR AA | old.example.net. DNAME example.com. | www.old.example.net. CNAME www.example.com. => NOERROR AA | www.example.com. A 192.0.2.80",
		"www.example.com. AAAA":       "NOERROR AA / example.com. SOA",
		"nowhere.example.com. A":      "NXDOMAIN AA / example.com. SOA",
		"lamp.lighthouse.example. A":  "NOERROR AA | lamp.lighthouse.example. A 192.0.2.151",
	}
	for _, q := range DemoQuestions() {
		if q.What == "" {
			t.Errorf("%s %s says nothing of what it shows", q.Name, q.Type)
		}
		var have []string
		replies := walk(t, n, q.Name, q.Type, 0)
		for _, r := range replies {
			have = append(have, brief(r))
		}
		id := q.Name + " " + q.Type
		if w, ok := want[id]; ok {
			if h := strings.Join(have, " => "); h != w {
				t.Errorf("%s:\n have %s\n want %s", id, h, w)
			}
			delete(want, id)
			continue
		}
		counts := map[string]int{"example.com. MX": 2, "pool.example.com. A": 4, "poem.library.example.org. TXT": 1}
		if len(replies[0].Answer) != counts[id] {
			t.Errorf("%s: %d records, want %d", id, len(replies[0].Answer), counts[id])
		}
	}
	for id := range want {
		t.Errorf("%s is not asked", id)
	}
}

func TestDemoPoemNeedsTCP(t *testing.T) {
	n := parse(t, Demo())
	r := ask(t, n, "udp", "127.53.0.33", question("poem.library.example.org.", "TXT", "edns"))
	if !r.Truncated {
		t.Errorf("%d octets fit into UDP", r.Len())
	}
}

func TestDemoLighthouseHasALameServer(t *testing.T) {
	n := parse(t, Demo())
	wantBrief(t, ask(t, n, "udp", "127.53.0.52", question("lamp.lighthouse.example.", "A")), "REFUSED")
}

func TestDemoCanBeListenedTo(t *testing.T) {
	l := listen(t, parse(t, Demo()))
	r, err := overSockets(l, "udp", "127.53.0.21", question("www.example.com.", "A"))
	if err != nil {
		t.Fatal(err)
	}
	wantBrief(t, r, "NOERROR AA | www.example.com. A 192.0.2.80")
}
