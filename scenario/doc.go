// Package scenario plays scenarios: files that show one rule each, as zones,
// faults, questions and what must come of them. It is made of tests alone.
//
// A scenario is a text in testdata, filed by RFC and section. Its head says in
// words what the rule is, and names the rule that it fails without:
//
//	RFC 2308 section 5
//	A name error is kept for the minimum of the SOA record, not for its TTL.
//	without: negative-ttl
//
// Every scenario is played in other ways too (ways_test.go): with whole names, over TCP,
// asked again from the cache, with prefetch and inference, with all zones signed, and at last from
// stale data. Replies have to be the same. Where the rule is about just that, the head
// names the ways in which it goes otherwise.
//
//	differs: full-names stale
//
// One that is an attack has a row on the board of attacks (command attacks): its
// number, a few words, and all that it counts; and what other resolvers allow.
//
//	row: A1 a referral to a victim
//	peers: BIND 20 fetches, Unbound 32
//
// Sections follow. "== zone" and "== fault" make the private Internet (package
// lab); the root, top-level domains and delegations that are missing are
// supplied. The other sections are the steps, in order:
//
//	== options                    settings, one a line, see below
//	== ask NAME TYPE [FLAG...]    ask, and expect what the lines below say
//	== pass DURATION              let time pass; expectations are about what servers received meanwhile
//	== then fault ADDRESS ...     replace the faults of a server
//	== then mend                  end all faults
//	== then zone NAME @ ADDRESS   replace a zone
//
// Settings:
//
//	full-names, ipv4-only, ipv6-only, unprimed, keep-case, max-aliases N
//	max-ttl D, min-ttl D, max-negative-ttl D, min-negative-ttl D
//	stale [max-age D] [client-timeout D] [answer-ttl D]    serve stale data; by default 24h, 1.8s, 30s
//	prefetch                      renew popular answers
//	local                         answer names of special use here
//	private PREFIX...             addresses that public names may not have
//	private-domain NAME...        names that may
//	forward NAME SERVER[:PORT]... [fall-back]    a zone with recursive servers of its own
//	stub NAME SERVER[:PORT]... [fall-back]       a zone with authoritative ones
//	record                        limits on packets are counted and not enforced
//	version TEXT, identity TEXT, nsid TEXT       what is told about the server
//	no-cookies                    clients get no cookies
//	validate                      answers are validated; the lab's root key is trusted, and it is 2026-01-01
//	aggressive                    and what is proved for one question serves others
//	follow                        and its changes are followed (RFC 5011)
//	anchor ZONE...                instead the keys of these zones of the lab are trusted
//	date DATE                     another day on which the scenario begins
//	validation-time DATE          signatures are judged as of then, however time passes
//	sha1                          algorithms with SHA-1 count
//	nsec3-iterations N            above, NSEC3 is insecure; by default 50
//	negative-anchor NAME [for D]  nothing is validated at and below the name
//
// Flags of an ask:
//
//	do, co, cd, ad, nord (recursion is not desired), plain (no EDNS), class=CH
//	udp                           shaped for 1232 octets; without it the query comes over TCP
//	times=N                       N clients at once
//	nsid, keepalive, cookie=HEX   EDNS options of the query
//	no-question                   only the header and the options
//
// Expectations, one a line. Of what servers received, whether anybody waited for it or not:
//
//	upstream N, upstream <= N     queries that all servers received, TCP included
//	out N, out <= N               the same and TCP connections: all that was sent
//	asked ADDRESS N               queries that one server received; also asked ADDRESS <= N, >= N
//	saw ADDRESS NAME TYPE         a server received this question; "never-saw" the opposite
//	over ADDRESS tcp              the last query that the server received came over TCP (or udp)
//	desired ADDRESS yes           recursion was desired in the last query that the server received (or no)
//	checking-disabled ADDRESS yes    the same of checking
//
// Of what validation cost, as a number, "<= N" or ">= N": signatures (checks of them), failed-signatures, hashes (of NSEC3).
//
// And of the reply to an ask:
//
//	rcode NXDOMAIN                response code; NOERROR when the line is missing
//	answer OWNER TTL TYPE RDATA   the answer section has this record; all lines together are the whole section
//	answer none                   the answer section is empty
//	authority, additional         the same of the other sections, OPT left out
//	flag tc, flag !ad             a header flag is set or clear (aa tc ra ad cd rd, co of EDNS)
//	ede 22                        the extended error; "ede none"
//	ede-text WORDS                its text has these words in it
//	nsid TEXT, keepalive 10s, cookie yes    EDNS options of the reply; "nsid none", "keepalive none", "cookie no"
//	within DURATION               virtual time that the answer took at the most; "after DURATION" at the least
//
// A TTL may be written as *, which fits any. A failing scenario prints the trace
// of its question and what the servers received.
//
// The rules stand in the files RULES beside them: each is a piece of the
// resolver's source and what stands there when the rule is removed. "make mutants" removes one
// after the other and expects the scenarios that name it to fail.
package scenario
