package policy

import (
	"net/netip"
	"testing"
)

func prefixes(s ...string) (out []netip.Prefix) {
	for _, p := range s {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func TestACLHoldsAddressesInAnySpelling(t *testing.T) {
	a := NewACL(prefixes("127.0.0.0/8", "::1/128", "10.1.2.3/8", "fd00::/8"))
	for ip, want := range map[string]bool{
		"127.0.0.1": true, "127.255.255.255": true, "128.0.0.1": false, "::1": true, "::2": false,
		"::ffff:127.0.0.1": true, "10.200.0.1": true, "fd12::1%eth0": true, "fe80::1": false, "::ffff:9.9.9.9": false,
	} {
		if got := a.Has(netip.MustParseAddr(ip)); got != want {
			t.Errorf("Has(%s) is %v, want %v", ip, got, want)
		}
	}
	if (&ACL{}).Has(netip.MustParseAddr("127.0.0.1")) {
		t.Error("the empty set has an address")
	}
}

func TestTheLongestPrefixDecidesWhoMayAsk(t *testing.T) {
	rule := func(p string, a Action) Rule { return Rule{netip.MustParsePrefix(p), a} }
	a := NewACL(prefixes("10.0.0.0/8", "10.1.2.0/24", "::/0"), rule("10.1.0.0/16", Refuse), rule("10.1.2.3/32", Deny), rule("10.1.2.3/32", Allow),
		rule("10.0.0.0/8", Deny), rule("fd00::/8", Deny))
	for ip, want := range map[string]Action{
		"10.9.9.9": Deny, "10.1.9.9": Refuse, "10.1.2.9": Allow, "10.1.2.3": Deny, "::ffff:10.1.2.3": Deny,
		"192.0.2.1": Refuse, "2001:db8::1": Allow, "fd12::1%eth0": Deny,
	} {
		if got := a.Judge(netip.MustParseAddr(ip)); got != want {
			t.Errorf("Judge(%s) is %d, want %d", ip, got, want)
		}
	}
}

func TestServersThatAreNeverAsked(t *testing.T) {
	u := NewUpstreams(prefixes("127.0.0.0/8", "::1/128"), []netip.AddrPort{netip.MustParseAddrPort("192.0.2.7:53")})
	for s, want := range map[string]bool{
		"192.0.2.1:53": true, "[2001:db8::1]:53": true, "192.0.2.7:53": false, "192.0.2.7:5353": true,
		"127.0.0.1:53": false, "[::1]:53": false, "[::ffff:127.0.0.1]:53": false, "0.0.0.0:53": false, "[::]:53": false,
		"224.0.0.1:53": false, "255.255.255.255:53": false, "169.254.1.1:53": false, "[fe80::1]:53": false, "[ff02::1]:53": false, "192.0.2.1:0": false,
	} {
		if got := u.Allowed(netip.MustParseAddrPort(s)); got != want {
			t.Errorf("Allowed(%s) is %v, want %v", s, got, want)
		}
	}
}
