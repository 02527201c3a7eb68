// Package cache is what the resolver knows: answers, delegations and failures,
// as bytes, under one budget of memory.
//
// An Answer is a reply in the packed form of package wire, under the question
// that it answers. It serves clients as it is and the walk as a source of
// RRsets, so nothing is kept in two forms. A Delegation is what a parent zone
// said of a child: its server names and the glue, which never leave their
// delegation and so cannot poison anything else. A Failure is a question that
// could not be answered, and until when it is not asked again (RFC 9520).
//
// Ranking (RFC 2181 section 5.4.1) is in the structure: answers come from the
// answer section of authoritative replies alone, glue and authority data have a
// kind of their own, and the one is never taken for the other.
//
// The cache is divided into shards, each with a lock and an equal share of the
// budget, which evicts what was not used for longest. Entries are in blocks outside
// of Go's heap (slab.go), and so is all that finds them and keeps them in the order of
// their use (index.go). What leaves the cache is a private copy; what enters it is
// copied too.
package cache
