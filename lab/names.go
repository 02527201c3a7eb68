// Domain names: canonical form and order, ancestors, and letter case.

package lab

import (
	"strings"

	"github.com/miekg/dns"
)

// canon returns a name in lower case, absolute, escaped as a name out of a message is. Names are map keys in this form.
func canon(name string) string {
	name = dns.Fqdn(name)
	var wire [256]byte
	n, err := dns.PackDomainName(name, wire[:], 0, nil, false)
	if err == nil {
		if unpacked, _, err := dns.UnpackDomainName(wire[:n], 0); err == nil {
			name = unpacked
		}
	}
	return strings.ToLower(name)
}

// within tells whether a canonical name is at or below another.
func within(name, ancestor string) bool {
	return dns.IsSubDomain(ancestor, name)
}

// suffix returns the last labels of a name as an absolute name.
func suffix(name string, labels int) string {
	if labels == 0 {
		return "."
	}
	starts := dns.Split(name)
	return name[starts[len(starts)-labels]:]
}

// parentOf returns a name without its first label; the parent of the root is the root.
func parentOf(name string) string {
	i, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[i:]
}

// below returns the name of a label under a name.
func below(label, name string) string {
	if name == "." {
		return label + "."
	}
	return label + "." + name
}

// nextCloser returns the name one label longer than the closest encloser towards a name (RFC 5155 section 1.3).
func nextCloser(name, encloser string) string {
	return suffix(name, dns.CountLabel(encloser)+1)
}

// orderKey maps a canonical name to a string whose byte order is the canonical order of names (RFC 4034 section 6.1): labels
// from the last to the first, each ended by a zero octet; an octet 1 escapes octets 0 and 1 inside a label.
func orderKey(name string) string {
	var wire [256]byte
	n, err := dns.PackDomainName(name, wire[:], 0, nil, false)
	if err != nil {
		return name
	}
	var labels [][]byte
	for i := 0; i < n && wire[i] != 0; i += 1 + int(wire[i]) {
		labels = append(labels, wire[i+1:i+1+int(wire[i])])
	}
	var key strings.Builder
	for i := len(labels) - 1; i >= 0; i-- {
		for _, c := range labels[i] {
			if c <= 1 {
				key.WriteByte(1)
			}
			key.WriteByte(c)
		}
		key.WriteByte(0)
	}
	return key.String()
}

// recase spells the labels that a name shares with the question as the question does, because a server whose owner names
// are pointers into the question does so: only then do they compress.
func recase(name, question string) string {
	shared := dns.CompareDomainName(name, question)
	if shared == 0 {
		return name
	}
	starts := dns.Split(name)
	return name[:starts[len(starts)-shared]] + suffix(question, shared)
}
