// Package roothints holds what a resolver knows before it has asked anybody:
// the addresses of the root servers and the trust anchors of the root.
//
// [Builtin] and [BuiltinAnchors] give the data that is compiled in. [Parse] and
// [ParseAnchors] read the files that an operator names instead, for a private
// root or for anchors of zones below it. Both kinds of file are master files
// (RFC 1035 section 5) of single records, read strictly: a line that means
// nothing here is an error that names the file, the line and the way out,
// because a hint that is silently dropped is noticed only when the others fail.
//
// Root hints are where priming starts (RFC 9609), not what is believed: the
// root itself tells the resolver its present servers. Trust anchors are
// believed (RFC 4033 section 5), so they come from the program or from a file,
// never from the network.
//
// The embedded files have their own rhythm. To bring them up to date, download
// named.root and root-anchors.xml by a way that you trust, and run
//
//	go run ./rootHints/generate -named-root FILE -anchors FILE
//
// which checks them, writes them in one form, and opens no connection.
package roothints

//go:generate go run ./generate -named-root named.root -anchors root.ds -out .

// This file owns the root hints; anchors.go owns the trust anchors, and
// records.go the reading of either kind of file.

import (
	_ "embed" // the files of data
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// Server is one root server: its name, and where to ask it. A server without
// an address cannot be asked, so none is ever returned.
type Server struct {
	// Name is the presentation form, lower case, with the last dot.
	Name string
	// Addrs are in the order of the file, each once, without zone or port.
	Addrs []netip.Addr
}

//go:embed named.root
var namedRoot string

var builtin = sync.OnceValue(func() []Server {
	servers, err := Parse("named.root (embedded)", strings.NewReader(namedRoot))
	if err != nil {
		panic("roothints: " + err.Error()) // a test parses it, so no such program is built
	}
	return servers
})

// Builtin is the root servers that are compiled in, in the order a to m. The
// copy is fresh, so that a caller may shuffle or change it.
func Builtin() []Server {
	servers := slices.Clone(builtin())
	for i := range servers {
		servers[i].Addrs = slices.Clone(servers[i].Addrs)
	}
	return servers
}

// Parse reads root hints in the form of named.root: NS records of the root, and
// A and AAAA records of the servers that these name. Name stands for the file
// in errors. Anything else is refused: other owners, types and classes,
// addresses of a name that is no root server, addresses that are nobody's
// (unspecified, multicast, IPv4 in IPv6), $INCLUDE and $GENERATE, and a file
// that leaves no server with an address. Servers without an address are left
// out while others have one. TTLs are not kept, for hints do not expire.
func Parse(name string, r io.Reader) ([]Server, error) {
	records, err := readRecords(name, r)
	if err != nil {
		return nil, err
	}
	var (
		order     []string
		at        = map[string]int{} // server name to its place in order
		addresses = map[string][]netip.Addr{}
	)
	for _, rec := range records {
		ns, ok := rec.rr.(*dns.NS)
		if !ok {
			continue
		}
		if rec.owner != "." {
			return nil, rec.errorf("an NS record of %s; root hints name the servers of the root only: remove the line", rec.owner)
		}
		target, err := canonical(ns.Ns)
		if err != nil {
			return nil, rec.errorf("the server name %q cannot be used: %v; write a full name as in a.root-servers.net.", ns.Ns, err)
		}
		if _, dup := at[target]; !dup {
			at[target] = len(order)
			order = append(order, target)
		}
	}
	for _, rec := range records {
		var addr netip.Addr
		switch rr := rec.rr.(type) {
		case *dns.NS:
			continue
		case *dns.A:
			addr, _ = netip.AddrFromSlice(rr.A.To4())
		case *dns.AAAA:
			addr, _ = netip.AddrFromSlice(rr.AAAA.To16())
		default:
			return nil, rec.errorf("a %s record; root hints hold NS, A and AAAA records only: remove the line", rec.typeName())
		}
		if _, ok := at[rec.owner]; !ok {
			return nil, rec.errorf("an address of %s, which is no server of the root; add `. NS %s` or remove the line", rec.owner, rec.owner)
		}
		if !addr.IsValid() || addr.IsUnspecified() || addr.IsMulticast() || addr.Is4In6() {
			return nil, rec.errorf("%s is no address of a server; write its own IPv4 or IPv6 address", addr)
		}
		if !slices.Contains(addresses[rec.owner], addr) {
			addresses[rec.owner] = append(addresses[rec.owner], addr)
		}
	}
	var servers []Server
	for _, server := range order {
		if len(addresses[server]) > 0 {
			servers = append(servers, Server{Name: server, Addrs: addresses[server]})
		}
	}
	switch {
	case len(order) == 0:
		return nil, fmt.Errorf("%s: no NS record of the root in it; add `. NS NAME` and the addresses of NAME, as in https://www.internic.net/domain/named.root", name)
	case len(servers) == 0:
		return nil, fmt.Errorf("%s: none of its %d root servers has an address; add an A or AAAA record, for example of %s", name, len(order), order[0])
	}
	return servers, nil
}
