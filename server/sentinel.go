package server

import (
	"fmt"

	"rootwalk/wire"
)

// This file owns the root key sentinel (RFC 8509): by asking for two names anybody
// can find out whether the users of a resolver will survive a change of the
// root's key.

const (
	sentinelIs  = "root-key-sentinel-is-ta-"
	sentinelNot = "root-key-sentinel-not-ta-"
	tagDigits   = 5
)

// sentinel tells whether a question whose answer is secure is to fail, and why: it
// asks whether a key is a trust anchor of the root, and that is not so (RFC 8509
// section 3).
func (s *Server) sentinel(query []byte, q *wire.Query) (string, bool) {
	if q.Type != wire.TypeA && q.Type != wire.TypeAAAA {
		return "", false
	}
	tag, is, ok := sentinelLabel(query[wire.HeaderLen:q.NameEnd])
	if !ok || s.set.Load().Resolver.TrustsRootKey(tag) == is {
		return "", false
	}
	if is {
		return fmt.Sprintf("root key sentinel: key %d is no trust anchor here", tag), true
	}
	return fmt.Sprintf("root key sentinel: key %d is a trust anchor here", tag), true
}

// sentinelLabel reads the first label of a name in wire form: which key it asks
// about, and whether that is or is not to be trusted.
func sentinelLabel(name []byte) (tag uint16, is, ok bool) {
	n := int(name[0])
	if n != len(sentinelIs)+tagDigits && n != len(sentinelNot)+tagDigits {
		return 0, false, false
	}
	word, digits := name[1:1+n-tagDigits], name[1+n-tagDigits:1+n]
	is = len(word) == len(sentinelIs)
	want := sentinelNot
	if is {
		want = sentinelIs
	}
	for i, c := range word {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return 0, false, false
		}
	}
	number := 0
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false, false
		}
		number = 10*number + int(d-'0')
	}
	return uint16(number), is, number <= 0xffff
}
