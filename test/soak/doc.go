// Package soak is a long run of everything at once: a resolver on loopback
// sockets, in front of a private Internet on loopback sockets, and clients of
// every kind, from well-behaved to broken, that check each reply. It finds what
// short tests do not: what leaks, what races, what goes wrong once in a million.
//
//	make soak SOAKTIME=60s
//
// runs it under the race detector; make long has it too. world_test.go sets up
// both sides, clients_test.go is the load, check_test.go says what a right reply
// is, and soak_test.go runs it all and looks at what is left.
package soak
