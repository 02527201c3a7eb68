package resolver

import (
	"testing"
	"testing/synctest"

	"rootwalk/wire"
)

func TestAFlushForgetsWhatWasDeniedOfTheName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, net, _ := newValidating(t, "== zone example.com @ 192.0.2.1 signed\nwww A 192.0.2.80\nmail A 192.0.2.25\n")
		defer r.Close()
		r.Prime(t.Context())
		ask := func(name string) int {
			before := len(net.Queries())
			if _, err := r.Lookup(t.Context(), Request{Question: wire.Question{Name: wire.MustName(name), Type: wire.TypeA, Class: wire.ClassIN}}); err != nil {
				t.Fatal(err)
			}
			return len(net.Queries()) - before
		}
		ask("nothing.example.com.")
		if n := ask("nobody.example.com."); n != 0 {
			t.Fatalf("%d packets for a name that the zone has denied", n)
		}
		r.Flush(wire.MustName("nobody.example.com."), false)
		if n := ask("nobody.example.com."); n == 0 {
			t.Error("after the flush nobody was asked")
		}
		r.Flush(wire.MustName("com."), true)
		if n := ask("www.example.com."); n < 3 {
			t.Errorf("after a flush of all below com. %d packets were sent", n)
		}
	})
}
