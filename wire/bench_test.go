package wire

// Benchmarks of the hot path, and of reading and packing what a walk meets.
// Run them with -benchmem: the hot path allocates nothing.

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// typical are the replies that most walks consist of: a referral of a large
// zone with glue and DS, and a signed answer.
func typical(t testing.TB) map[string]*dns.Msg {
	var ns, glue strings.Builder
	for i := range 13 {
		fmt.Fprintf(&ns, "com. 172800 NS %c.gtld-servers.net.\n", 'a'+i)
		fmt.Fprintf(&glue, "%c.gtld-servers.net. 172800 A 192.0.2.%d\n", 'a'+i, i)
		fmt.Fprintf(&glue, "%c.gtld-servers.net. 172800 AAAA 2001:db8::%x\n", 'a'+i, i)
	}
	fmt.Fprintf(&ns, "com. 86400 DS 19718 13 2 %s\n", hex.EncodeToString(make([]byte, 32)))
	fmt.Fprintf(&ns, "com. 86400 RRSIG DS%s\n", signature)
	referral := reply(t, "www.example.com. A", "", ns.String(), glue.String())
	referral.SetEdns0(1232, true)
	answer := reply(t, "www.example.com. A", `
		www 300 A 192.0.2.1
		www 300 A 192.0.2.2
		www 300 RRSIG A`+signature, `
		@ 3600 NS ns1
		@ 3600 NS ns2
		@ 3600 RRSIG NS`+signature, `
		ns1 3600 A 192.0.2.53
		ns2 3600 A 192.0.2.54
		ns1 3600 RRSIG A`+signature+`
		ns2 3600 RRSIG A`+signature)
	answer.SetEdns0(1232, true)
	return map[string]*dns.Msg{"referral": referral, "answer": answer, "nxdomain": replies(t)["nxdomain"]}
}

func BenchmarkParseQuery(b *testing.B) {
	for name, msg := range map[string][]byte{
		"plain":  query(FlagRD, [4]byte{1}, wwwA),
		"cookie": query(FlagRD, [4]byte{1, 0, 0, 1}, wwwA, optWith(option(10, 24))),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var q Query
			for b.Loop() {
				if ParseQuery(msg, &q) != Accept {
					b.Fatal("refused")
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for name, m := range typical(b) {
		msg := packed(b, m)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(msg)))
			var m Message
			for b.Loop() {
				if err := Parse(msg, &m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	// The worst that the bounds let through or refuse late.
	for name, msg := range map[string][]byte{"chained pointers": pointerChain(8000, MaxRecords-1), "long names": bigNames(255, 1)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var m Message
			for b.Loop() {
				_ = Parse(msg, &m)
			}
		})
	}
}

func BenchmarkGroup(b *testing.B) {
	for name, m := range typical(b) {
		msg := parsed(b, packed(b, m))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				grouped(msg)
			}
		})
	}
}

func BenchmarkPack(b *testing.B) {
	sets := map[string]*Reply{"500 uncommon": uncommon(500, 40), "4000 uncommon": crowd()}
	for name, m := range typical(b) {
		sets[name] = grouped(parsed(b, packed(b, m)))
	}
	for name, r := range sets {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			dst := make([]byte, 0, 1<<17)
			for b.Loop() {
				if _, err := Pack(dst, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPackedAppend(b *testing.B) {
	r := grouped(parsed(b, packed(b, typical(b)["answer"])))
	p := pack(b, r)
	msg := AppendQuestion(nil, 1, FlagRD, r.Question.Name, r.Question.Type, ClassIN)
	for name, s := range map[string]Shape{"plain": {Age: 7, Rotate: 1}, "DO": {Age: 7, Rotate: 1, DO: true}, "stale": {Age: 7, MaxTTL: 30}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			dst := make([]byte, 0, 2048)
			var q Query
			for b.Loop() {
				if ParseQuery(msg, &q) != Accept {
					b.Fatal("refused")
				}
				dst = q.AppendHeader(dst[:0], msg, FlagRA, NoError)
				dst = p.Append(dst, 0, s)
				dst = AppendOPT(dst, 0, &OPT{UDPSize: 1232, EDE: NoEDE})
			}
		})
	}
}

func BenchmarkPackedCheck(b *testing.B) {
	r := grouped(parsed(b, packed(b, typical(b)["answer"])))
	p := pack(b, r)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Check(len(r.Question.Name) + 4); err != nil {
			b.Fatal(err)
		}
	}
}
