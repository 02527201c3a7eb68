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
// Sections follow. "== zone" and "== fault" make the private Internet (package
// lab); the root, top-level domains and delegations that are missing are
// supplied. The other sections are the steps, in order:
//
//	== options                    settings, one a line: full-names, max-aliases N, max-ttl D, max-negative-ttl D,
//	                              min-ttl D, min-negative-ttl D, ipv4-only, ipv6-only, unprimed, keep-case, validate
//	== ask NAME TYPE [FLAG...]    ask, and expect what the lines below say; flags: do, cd, nord, plain (no EDNS),
//	                              udp (shaped for 1232 octets), times=N (N clients at once)
//	== pass DURATION              let time pass
//	== then fault ADDRESS ...     replace the faults of a server
//	== then mend                  end all faults
//	== then zone NAME @ ADDRESS   replace a zone
//
// Expectations, one a line, of an ask:
//
//	rcode NXDOMAIN                response code; NOERROR when the line is missing
//	answer OWNER TTL TYPE RDATA   the answer section has this record; all lines together are the whole section
//	answer none                   the answer section is empty
//	authority OWNER TTL TYPE RDATA, authority none    the same of the authority section
//	flag tc, flag !ad             a header flag is set or clear (aa tc ra ad cd rd)
//	ede 22                        the extended error; "ede none"
//	upstream N, upstream <= N     queries that all servers received for it, TCP included
//	asked ADDRESS N               queries that one server received; also asked ADDRESS <= N, >= N
//	saw ADDRESS NAME TYPE         a server received this question; "never-saw" the opposite
//	over ADDRESS tcp              the last query that the server received came over TCP (or udp)
//	within DURATION               virtual time that the answer took at the most; "after DURATION" at the least
//
// A TTL may be written as *, which fits any. A failing scenario prints the trace
// of its question and what the servers received.
//
// The rules stand in the files RULES beside them: each is a piece of the
// resolver's source and what stands there when the rule is removed. "make mutants" removes one
// after the other and expects the scenarios that name it to fail.
package scenario
