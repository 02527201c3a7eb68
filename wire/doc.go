// Package wire is the vocabulary of the byte world: names, headers, questions,
// records and whole replies as the bytes that travel (RFC 1035 section 4).
//
// Two kinds of work happen here. The hot path reads a client's query in place
// (ParseQuery) and patches a packed reply into an answer (Packed.Append)
// without decoding a record and without allocating. The walk reads an upstream
// reply once (Parse), within bounds on sizes, counts and compression pointers,
// into records that keep type, TTL and RDATA as they were received, so that
// signatures over them still match and a type nobody knows passes through
// (RFC 3597). Pack turns the walk's result into the packed form, once.
//
// Nothing here knows what a record means beyond where names stand in its
// RDATA, and nothing here does I/O or reads a clock.
package wire
