// Package server is the local name server's door: it takes queries from UDP and
// TCP sockets and shapes the replies.
//
// Handle is the one entry: bytes in, bytes out, with what is known of the
// client beside them. A question that the cache can answer is answered in the
// byte world, inline: parse in place, look up, copy, patch; no record is decoded
// and nothing blocks. Any other question crosses into the resolver, which has
// goroutines for it, so that it never delays one that is cached. The listeners
// are front doors to Handle, and other transports can be too.
package server
