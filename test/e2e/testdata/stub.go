//go:build ignore

// Asks by net.Resolver, which has two ways to do that: its own, and that of the C library. For the checks beside it, which say by
// GODEBUG which one is meant. It prints one line per lookup.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var r net.Resolver
	for _, name := range []string{"www.example.com", "alias.example.com", "twice.example.com", "x.wild.example.org", "nope.example.com", "in.example.com"} {
		hosts, err := r.LookupHost(ctx, name)
		slices.Sort(hosts)
		say(name, hosts, err)
	}
	cname, err := r.LookupCNAME(ctx, "alias.example.com")
	say("CNAME", cname, err)
	mx, err := r.LookupMX(ctx, "example.com")
	if err == nil && len(mx) == 1 {
		say("MX", mx[0].Host, nil)
	} else {
		say("MX", mx, err)
	}
	txt, err := r.LookupTXT(ctx, "long.example.com")
	say("TXT", len(txt[0]), err)
	ns, err := r.LookupNS(ctx, "example.com")
	say("NS", len(ns), err)
}

func say(what string, value any, err error) {
	var d *net.DNSError
	switch {
	case errors.As(err, &d) && d.IsNotFound:
		value = "not found"
	case err != nil:
		value = err
	}
	fmt.Println(what, value)
}
