// Package dnssec says how far an answer can be trusted: Secure, Insecure, Bogus
// or Indeterminate (RFC 4033 section 5).
//
// It has two halves. The lower one is pure functions on records as they were
// received: ParseKeys and VerifyRRset (signatures, RFC 4034), the DS records of a
// delegation, NSEC and NSEC3 (RFC 4035 section 5.4, RFC 5155 section 8, RFC 6840).
// They read no clock: the instant is a parameter. The upper one is the Validator,
// which knows the trust anchors and follows the chain of trust from them down
// to the zone that signed something. What it lacks, DS and DNSKEY sets with
// their signatures and proofs, it asks of a Fetcher, and believes nothing of
// what that brings before it is verified.
//
//	v := dnssec.New(dnssec.Options{Anchors: anchors})
//	verdict := v.Check(ctx, fetcher, dnssec.NewBudget(false), &answer, nil)
//
// Trust anchors change over time: a TrustPoint says which keys of a zone are
// trusted, a Follower shows it the zone's DNSKEY set now and then (RFC 5011), and
// the state between two runs is a text that somebody else keeps.
//
// What an attacker may make us compute is bounded: by a Budget that belongs to
// one client question and is shared by everything done for it, and by the limits
// on keys, signatures and proofs of one set or one reply, which stand beside the
// code that they bound. Reaching a limit never makes data Insecure, with two
// exceptions: NSEC3 with too many iterations (RFC 9276), and a zone all of whose
// trusted keys have a size that is not supported, which is as an algorithm that
// is not (RFC 4035 section 5.2).
package dnssec
