package server

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"rootwalk/wire"
)

// FuzzHandle sends any packet to a server that has nothing to ask: what comes back
// is a reply to it that parses, or nothing.
func FuzzHandle(f *testing.F) {
	for _, in := range inputs() {
		f.Add(in.packet, false)
		f.Add(in.packet, true)
	}
	w := newWorld(f, settings{silent: true})
	f.Fuzz(func(t *testing.T, packet []byte, tcp bool) {
		meta := Meta{Transport: UDP, Client: netip.MustParseAddr("127.0.0.1")}
		if tcp {
			meta.Transport = TCP
		}
		var q wire.Query
		reader := w.borrow()
		defer w.giveBack(reader)
		reply, done := reader.quickSafe(nil, packet, meta, &q)
		if w.Stats().Panics > 0 {
			t.Fatal("a panic")
		}
		if !done || reply == nil {
			return
		}
		var m dns.Msg
		if err := m.Unpack(reply); err != nil {
			t.Fatalf("the reply does not parse: %v\n%x", err, reply)
		}
		if !m.Response || m.Id != wire.ID(packet) || m.Truncated {
			t.Errorf("QR %v, ID %x to %x, TC %v", m.Response, m.Id, wire.ID(packet), m.Truncated)
		}
		if !tcp && (len(reply) > payloadSize || m.IsEdns0() == nil && len(reply) > 512) {
			t.Errorf("%d octets over UDP", len(reply))
		}
	})
}
