package upstream

import (
	"testing"

	"rootwalk/wire"
)

func TestWhatMatchesAQuery(t *testing.T) {
	query := wire.AppendQuestion(nil, 0x1234, 0, "\x03wWw\x07exaMPle\x00", wire.TypeA, wire.ClassIN)
	query = wire.AppendOPT(query, 0, &wire.OPT{UDPSize: PayloadSize, DO: true, EDE: wire.NoEDE})
	end := questionEnd(query)
	header := func(rcode byte) func([]byte) []byte {
		return func(m []byte) []byte {
			m = m[:wire.HeaderLen]
			m[3], m[5] = rcode, 0
			return m
		}
	}
	at := func(i int, b byte) func([]byte) []byte {
		return func(m []byte) []byte { m[i] = b; return m }
	}
	for _, c := range []struct {
		what   string
		change func(reply []byte) []byte
		want   likeness
	}{
		{"the reply", func(m []byte) []byte { return m }, matches},
		{"an rcode and flags", at(3, 0x83), matches},
		{"records behind the question", func(m []byte) []byte { return append(m, "records"...) }, matches},
		{"QR clear", func(m []byte) []byte { m[2] &^= 0x80; return m }, notOurs},
		{"QR clear and a wrong ID", func(m []byte) []byte { m[2] &^= 0x80; m[0] = 0; return m }, notOurs},
		{"another opcode", func(m []byte) []byte { m[2] |= 4 << 3; return m }, notOurs},
		{"a wrong ID", at(1, 0x35), guessed},
		{"a wrong ID, upper octet", at(0, 0x13), guessed},
		{"another name", at(wire.HeaderLen+1, 'x'), notOurs},
		{"another type", at(end-3, 28), notOurs},
		{"another class", at(end-1, 3), notOurs},
		{"another length of a label", at(wire.HeaderLen, 2), notOurs},
		{"letter case lost", func(m []byte) []byte { wire.Lower(m[wire.HeaderLen:]); return m }, folded},
		{"letter case of one letter", at(wire.HeaderLen+1, 'W'), folded},
		{"two questions", at(5, 2), notOurs},
		{"257 questions", at(4, 1), notOurs},
		{"FORMERR without its question", header(1), matches},
		{"SERVFAIL without its question", header(2), matches},
		{"NOTIMP without its question", header(4), matches},
		{"REFUSED without its question", header(5), matches},
		{"NOERROR without its question", header(0), notOurs},
		{"NXDOMAIN without its question", header(3), notOurs},
		{"FORMERR without its question, but with more", func(m []byte) []byte { return append(header(1)(m), "more"...) }, notOurs},
		{"FORMERR without its question and a wrong ID", func(m []byte) []byte { m[0] = 0; return header(1)(m) }, guessed},
	} {
		if got := match(query, c.change(replyTo(query, 0, false))); got != c.want {
			t.Errorf("%s: match says %d, want %d", c.what, got, c.want)
		}
	}
}

func TestAReplyThatEndsEarlyIsNotOurs(t *testing.T) {
	query := wire.AppendQuestion(nil, 0x1234, 0, "\x03www\x07example\x00", wire.TypeA, wire.ClassIN)
	reply := replyTo(query, 0, false)
	for n := range reply {
		if got := match(query, reply[:n:n]); got != notOurs {
			t.Errorf("the first %d of %d octets: match says %d", n, len(reply), got)
		}
	}
}

// HTTPS is type 65, the letter A; type 97 is the letter a.
func TestTypeAndClassHaveNoLetterCase(t *testing.T) {
	query := wire.AppendQuestion(nil, 0x1234, 0, "\x03www\x00", 65, 65)
	for _, back := range []int{1, 3} {
		reply := replyTo(query, 0, false)
		reply[len(reply)-back] |= 0x20
		if got := match(query, reply); got != notOurs {
			t.Errorf("octet %d from the end changed: match says %d", back, got)
		}
	}
}

func FuzzMatchStaysWithinTheMessage(f *testing.F) {
	query := wire.AppendQuestion(nil, 0x1234, 0, "\x03wWw\x07exaMPle\x00", wire.TypeA, wire.ClassIN)
	f.Add(replyTo(query, 0, true))
	f.Add(replyTo(query, wire.FormErr, false)[:wire.HeaderLen])
	f.Fuzz(func(t *testing.T, msg []byte) {
		if m := match(query, msg); m == matches && (wire.ID(msg) != 0x1234 || wire.Flags(msg)&wire.FlagQR == 0) {
			t.Errorf("%x matches", msg)
		}
	})
}
