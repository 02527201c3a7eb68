// Package upstream asks one question of one server address, and keeps all that
// is known of servers: how fast they answer, whether they understand EDNS,
// whether they keep letter case, whether they are dead or lame.
//
// Exchange sends one question and returns a matching reply or an error. It
// hides what is between an address and an answer: UDP first, on a new connected
// socket with a random port (RFC 5452); a random ID and random letter case; TCP
// when the reply is truncated, when somebody seems to be guessing, or from the
// beginning where the caller wants it; a second attempt without EDNS where a
// server chokes on it (RFC 6891 section 7). It knows nothing of zones: whether a
// reply is of any use is the caller's matter, who tells it with MarkLame.
//
// Pick chooses the address to ask next among those of a zone. It is a function
// of what is known, the instant and a little chance, and does no I/O.
package upstream
