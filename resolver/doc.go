// Package resolver is the walk: it answers a question by asking the root, then
// the top-level domain, then the servers of each zone below, until one knows
// (RFC 1034 section 5.3.3).
//
// Lookup is the door, for the server and for programs that embed the resolver, and
// Ask the same for who does not wait: cache, remembered failures, one walk for identical questions, the walk itself,
// storing. Behind it, resolve follows aliases from zone to zone; iterate walks
// from the closest known zone cut to the answer; askZone finds a server of one
// zone that gives a usable reply; classify says what a reply means and scrubs
// from it what the server has no say in.
//
// A program that embeds it makes the parts below it, a cache and an upstream side, and
// with a dnssec.Validator gets answers that are judged; see the examples.
//
// Every client question has one budget of packets and octets, which all its
// sub-questions spend and nothing resets. The code is straight-line: a walk is
// a goroutine, and waiting is a blocking call.
package resolver
