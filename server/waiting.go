package server

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// This file bounds the questions that wait for an answer. Those that the cache
// answers never wait, and never count.

const (
	// maxPending is the most questions that wait at the same time, identical ones
	// counted each. Each is a record of some 300 octets. What comes beyond is dropped
	// over UDP, and ends the connection over TCP.
	//
	//limit:waiting BIND 1,000 clients; Unbound 1,024 per thread
	maxPending = 10_000
	// maxClientPending is the part of them that one client address may have (IPv6: one
	// /64), so that nobody takes all places, and nobody gathers answers under a forged
	// address to have them sent all at once (DNSBomb, CVE-2024-33655).
	//
	//limit:client_waiting BIND, Unbound none by default
	maxClientPending = 1000
)

// waiting is the questions that wait, by client.
type waiting struct {
	mu      sync.Mutex
	total   atomic.Int64 // written under the lock
	clients map[netip.Addr]int
}

// enter counts one more question of a client, unless there are too many.
func (s *Server) enter(client netip.Addr) bool {
	client = network(client)
	w := &s.waiting
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.total.Load() >= maxPending:
		s.limits[limitWaiting].Add(1)
		return false
	case w.clients[client] >= maxClientPending:
		s.limits[limitClientWaiting].Add(1)
		return false
	}
	w.total.Add(1)
	w.clients[client]++
	return true
}

// leave counts one less.
func (s *Server) leave(client netip.Addr) {
	client = network(client)
	w := &s.waiting
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total.Add(-1)
	if w.clients[client]--; w.clients[client] == 0 {
		delete(w.clients, client)
	}
}

// network is what counts as one client: whoever has an IPv6 address has the other
// 2^64 of its network.
func network(client netip.Addr) netip.Addr {
	client = client.Unmap().WithZone("")
	if client.Is4() {
		return client
	}
	p, _ := client.Prefix(64)
	return p.Addr()
}

// limit is one of the bounds of the server, for counting what went beyond it.
type limit uint8

const (
	limitWaiting limit = iota
	limitClientWaiting
	limitConnections
	limitClientConnections
	limitUnread
	limitUnsent
	numLimits
)

// limitNames are the limits in metrics.
var limitNames = [numLimits]string{"waiting", "client_waiting", "connections", "client_connections", "unread", "unsent"}
