// Package deploy holds the files that put rootwalk to work on a host. Those that the
// program itself installs are in it; the others are for packagers and operators.
package deploy

import _ "embed" // for the files

// Service is the systemd unit of the server.
//
//go:embed systemd/rootwalk.service
var Service string

// Socket is the systemd unit that opens the server's sockets in its place.
//
//go:embed systemd/rootwalk.socket
var Socket string
