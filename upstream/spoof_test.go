package upstream

// This file is about forgers: what they would have to guess, and what they gain by
// replies that only look like errors (RFC 5452).

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"

	"rootwalk/wire"
)

// deviation is how far counts are from being equal: the chi-square statistic in
// standard deviations of what chance gives.
func deviation(counts []int) float64 {
	n := 0
	for _, c := range counts {
		n += c
	}
	mean, sum := float64(n)/float64(len(counts)), 0.0
	for _, c := range counts {
		sum += (float64(c) - mean) * (float64(c) - mean) / mean
	}
	free := float64(len(counts) - 1)
	return (sum - free) / math.Sqrt(2*free)
}

// The port of every query is drawn by randomPort, as TestSourcePorts... sees on
// sockets.
func TestPortsAndIDsAreSpreadEvenly(t *testing.T) {
	const queries = 200_000
	ports, ids := make([]int, 65536-lowestPort), make([]int, 65536)
	distinct := 0
	try := try{a: asking("www.example.com.")}
	var room [512]byte
	for range queries {
		p := randomPort()
		if p < lowestPort {
			t.Fatalf("port %d", p)
		}
		if ports[p-lowestPort]++; ports[p-lowestPort] == 1 {
			distinct++
		}
		ids[wire.ID(try.query(room[:0]))]++
	}
	if distinct < 60_000 {
		t.Errorf("%d queries have %d ports, want 60000", queries, distinct)
	}
	p, i := deviation(ports), deviation(ids)
	if math.Abs(p) > 6 || math.Abs(i) > 6 {
		t.Errorf("ports are %.1f standard deviations from even, IDs %.1f", p, i)
	}
	t.Attr("row", fmt.Sprintf("B1 | %d queries: ports and IDs (Kaminsky) | 60,000 ports; chi-square of ports and IDs within 6 sigma | %d; %.1f and %.1f | ", queries, distinct, p, i))
}

// Somebody floods the port of a query with FORMERR replies without OPT: that
// neither answers the question nor takes EDNS, and so DNSSEC, from the server.
func TestForgedErrorsDoNotTakeEDNSAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plain := 0
		u := scripted(func(network string, query []byte) [][]byte {
			if !hasOPT(query) {
				plain++
			}
			good := replyTo(query, wire.NXDomain, true)
			if network == "tcp" {
				return [][]byte{good}
			}
			var out [][]byte
			for i := range 100 {
				forged := replyTo(query, wire.FormErr, false)
				wire.SetID(forged, wire.ID(query)+1+uint16(i))
				out = append(out, forged)
			}
			return append(out, good)
		})
		for range 20 {
			r, err := u.Exchange(context.Background(), asking("www.example.com."))
			if err != nil || r.Rcode != wire.NXDomain || r.Network != "tcp" || r.Plain {
				t.Fatalf("got %+v, %v", r, err)
			}
		}
		if plain > 0 {
			t.Errorf("%d queries had no EDNS", plain)
		}
	})
	t.Attr("row", "B10 | 100 forged FORMERR without OPT for each of 20 queries | EDNS is kept, answered over TCP | held | ")
}

// One header alone with the right ID may be a lucky guess: it costs one query
// without EDNS, and nothing is learned from it of a server that has shown EDNS.
func TestOneErrorIsNotLearnedOfAServerThatKnowsEDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forge, plain := false, 0
		u := scripted(func(_ string, query []byte) [][]byte {
			if !hasOPT(query) {
				plain++
			} else if forge {
				return [][]byte{header(query)}
			}
			return [][]byte{replyTo(query, wire.NXDomain, hasOPT(query))}
		})
		for i, want := range []int{0, 1, 1, 2, 2} {
			forge = i%2 == 1
			r, err := u.Exchange(context.Background(), asking("www.example.com."))
			if err != nil || r.Rcode != wire.NXDomain || plain != want {
				t.Errorf("question %d: %v, %v, %d queries without EDNS so far, want %d", i, r, err, plain, want)
			}
		}
	})
}

// header is a FORMERR of a header alone.
func header(query []byte) []byte {
	m := replyTo(query, wire.FormErr, false)[:wire.HeaderLen]
	m[5] = 0
	return m
}
