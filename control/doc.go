// Package control is the operator's way into a running server: what it is doing,
// what it knows of a name, why a name resolves as it does, and what it shall forget.
//
// Everything is HTTP with JSON. The whole of it is served on a unix socket, whose
// file permissions say who may ([Rooms.Handler], [Listen]); [Client] is the other
// end, which `rootwalk ctl` is made of. Nothing here is on the path of a query.
package control
