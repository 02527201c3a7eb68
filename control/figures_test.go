package control

import "testing"

func TestNumbersHaveNamesInLowerCase(t *testing.T) {
	for name, want := range map[string]string{"Walks": "walks", "RTTSeconds": "rtt_seconds", "EDEs": "edes", "TCPConns": "tcp_conns", "UDP": "udp", "InFlight": "in_flight", "HitKinds": "hit_kinds"} {
		if got := underscored(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}
