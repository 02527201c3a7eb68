package upstream

import "rootwalk/wire"

// likeness is how a packet relates to the query that was sent.
type likeness uint8

const (
	matches likeness = iota
	notOurs          // dropped, and the try goes on: somebody may be forging
	guessed          // from the right address to the right port, but with a wrong ID
	folded           // all matches but the letter case of the question
)

// match compares a packet with the query (RFC 5452 section 9.1, RFC 1035
// section 7.3). An error reply without its question is taken when the rest
// matches: servers that do not understand a query send such.
func match(query, msg []byte) likeness {
	if len(msg) < wire.HeaderLen {
		return notOurs
	}
	flags := wire.Flags(msg)
	if flags&wire.FlagQR == 0 || wire.Opcode(flags) != 0 {
		return notOurs
	}
	if wire.ID(msg) != wire.ID(query) {
		return guessed
	}
	qd := int(msg[4])<<8 | int(msg[5])
	if qd == 0 {
		switch wire.Rcode(flags & 0xf) {
		case wire.FormErr, wire.NotImp, wire.ServFail, wire.Refused:
			if len(msg) == wire.HeaderLen {
				return matches
			}
		}
		return notOurs
	}
	end := wire.HeaderLen
	for query[end] != 0 {
		end += 1 + int(query[end])
	}
	end += 5
	if qd != 1 || len(msg) < end {
		return notOurs
	}
	same := true
	for i := wire.HeaderLen; i < end; i++ {
		if query[i] == msg[i] {
			continue
		}
		if i >= end-4 || lower(query[i]) != lower(msg[i]) {
			return notOurs
		}
		same = false
	}
	if !same {
		return folded
	}
	return matches
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}
