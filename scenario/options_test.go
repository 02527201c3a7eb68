package scenario

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"rootwalk/lab"
	"rootwalk/policy"
	"rootwalk/resolver"
	"rootwalk/wire"
)

// options reads the settings of a scenario.
func (s *stage) options(sec lab.Section) {
	s.line = sec.Line
	version, identity, local := "", "", false
	var private []netip.Prefix
	var exempt, configured []wire.Name
	for _, w := range lines(sec.Body) {
		args, arg := w[1:], ""
		if len(args) > 0 {
			arg = args[0]
		}
		switch w[0] {
		case "full-names":
			s.o.FullNames = true
		case "max-aliases":
			s.o.MaxAliases = s.number(arg)
		case "max-ttl":
			s.o.MaxTTL = s.duration(arg)
		case "min-ttl":
			s.o.MinTTL = s.duration(arg)
		case "max-negative-ttl":
			s.o.MaxNegativeTTL = s.duration(arg)
		case "min-negative-ttl":
			s.o.MinNegativeTTL = s.duration(arg)
		case "ipv4-only":
			s.o.IPv6, s.up.IPv6 = false, false
		case "ipv6-only":
			s.o.IPv4, s.up.IPv4 = false, false
		case "unprimed":
			s.prime = false
		case "keep-case":
			s.up.KeepCase = true
		case "stale":
			s.stale(args)
		case "prefetch":
			s.o.Prefetch = true
		case "record":
			s.o.Record, s.up.Record = true, true
		case "local":
			local = true
		case "private":
			for _, a := range args {
				private = append(private, s.prefix(a))
			}
		case "private-domain":
			for _, a := range args {
				exempt = append(exempt, s.name(a))
			}
		case "forward", "stub":
			z := s.zone(w[0] == "forward", args)
			s.o.Zones, configured = append(s.o.Zones, z), append(configured, z.Name)
		case "version":
			version = strings.Join(args, " ")
		case "identity":
			identity = strings.Join(args, " ")
		case "nsid":
			s.door.NSID = strings.Join(args, " ")
		case "no-cookies":
			s.door.Cookies = nil
		default:
			if !s.validationOption(w) {
				s.fatalf("unknown option %q", w[0])
			}
		}
	}
	if local {
		for _, a := range s.validation.anchors {
			configured = append(configured, s.name(a))
		}
		s.o.Local = policy.NewLocal(configured)
	}
	s.o.Rebinding = policy.NewRebinding(private, exempt)
	s.door.Identity = policy.NewIdentity(version, identity)
}

// stale reads [max-age D] [client-timeout D] [answer-ttl D], with the
// configuration's defaults.
func (s *stage) stale(args []string) {
	s.o.Stale = resolver.Stale{Enabled: true, MaxAge: 24 * time.Hour, ClientTimeout: 1800 * time.Millisecond}
	s.door.StaleTTL = 30
	for pair := range slices.Chunk(args, 2) {
		if len(pair) < 2 {
			s.fatalf("stale: %s lacks a duration", pair[0])
		}
		d := s.duration(pair[1])
		switch pair[0] {
		case "max-age":
			s.o.Stale.MaxAge = d
		case "client-timeout":
			s.o.Stale.ClientTimeout = d
		case "answer-ttl":
			s.door.StaleTTL = uint32(d / time.Second)
		default:
			s.fatalf("stale: unknown setting %q", pair[0])
		}
	}
}

// zone reads NAME SERVER[:PORT]... [fall-back].
func (s *stage) zone(forward bool, args []string) resolver.Zone {
	if len(args) < 2 {
		s.fatalf("a configured zone has a name and servers")
	}
	z := resolver.Zone{Name: s.name(args[0]), Forward: forward}
	for _, a := range args[1:] {
		if a == "fall-back" {
			z.FallBack = true
			continue
		}
		ap, err := netip.ParseAddrPort(a)
		if err != nil {
			addr, err := netip.ParseAddr(a)
			if err != nil {
				s.fatalf("%v", err)
			}
			ap = netip.AddrPortFrom(addr, 53)
		}
		z.Servers = append(z.Servers, ap)
	}
	return z
}

func (s *stage) name(text string) wire.Name {
	n, err := wire.ParseName(text)
	if err != nil {
		s.fatalf("%v", err)
	}
	return n.Lower()
}

func (s *stage) prefix(text string) netip.Prefix {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		s.fatalf("%v", err)
	}
	return p
}
