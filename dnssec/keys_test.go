package dnssec

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"rootwalk/wire"
)

// RFC 4034 appendix B, with its own example of section 5.4.
func TestKeyTagIsThatOfRFC4034(t *testing.T) {
	set := sets(t, "dskey.example.com. DNSKEY 256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==")[0]
	k := ParseKeys(&set)[0]
	if k.Tag != 60485 || k.Flags != 256 || k.Protocol != 3 || k.Algorithm != RSASHA1 {
		t.Errorf("%+v", k)
	}
}

// A12.
func TestOddKeysAreUnusableAndNothingMore(t *testing.T) {
	bits := func(n int) string { // a modulus
		m := make([]byte, n/8)
		m[0], m[len(m)-1] = 0x80, 1
		return string(m)
	}
	long := string([]byte{0, 1, 0}) // a length of 256 in two octets
	for what, c := range map[string]struct {
		algorithm Algorithm
		key       string
		want      problem
	}{
		"RSA, nothing":                     {RSASHA256, "", malformed},
		"RSA, one octet":                   {RSASHA256, "\x01", malformed},
		"RSA, no modulus":                  {RSASHA256, "\x01\x03", malformed},
		"RSA, no exponent":                 {RSASHA256, "\x00\x00\x00" + bits(1024), malformed},
		"RSA, half a length":               {RSASHA256, "\x00\x01", malformed},
		"RSA, exponent longer than it all": {RSASHA256, "\xff\x01\x02", malformed},
		"RSA, modulus of zeros":            {RSASHA256, "\x01\x03" + strings.Repeat("\x00", 128), badSize},
		"RSA, 1016 bits":                   {RSASHA256, "\x01\x03" + bits(1016), badSize},
		"RSA, 1024 bits":                   {RSASHA256, "\x01\x03" + bits(1024), fine},
		"RSA, 4096 bits":                   {RSASHA512, "\x01\x03" + bits(4096), fine},
		"RSA, 4096 bits and zeros before":  {RSASHA512, "\x01\x03\x00\x00" + bits(4096), fine},
		"RSA, 4104 bits":                   {RSASHA256, "\x01\x03" + bits(4104), badSize},
		"RSA, 16384 bits":                  {RSASHA256, "\x01\x03" + bits(16384), badSize},
		"RSA, exponent 1":                  {RSASHA256, "\x01\x01" + bits(1024), malformed},
		"RSA, exponent 0":                  {RSASHA256, "\x01\x00" + bits(1024), malformed},
		"RSA, even exponent":               {RSASHA256, "\x01\x04" + bits(1024), malformed},
		"RSA, even modulus":                {RSASHA256, "\x01\x03" + bits(1024)[:127] + "\x02", malformed},
		"RSA, exponent of 64 bits":         {RSASHA256, "\x08\xff\xff\xff\xff\xff\xff\xff\xff" + bits(1024), fine},
		"RSA, exponent of 72 bits":         {RSASHA256, "\x09\x01\xff\xff\xff\xff\xff\xff\xff\xff" + bits(1024), badSize},
		"RSA, exponent of 2048 bits":       {RSASHA256, long + bits(2048) + bits(2048), badSize},
		"ECDSA, nothing":                   {ECDSAP256, "", malformed},
		"ECDSA, 63 octets":                 {ECDSAP256, strings.Repeat("\x01", 63), malformed},
		"ECDSA, not on the curve":          {ECDSAP256, strings.Repeat("\x01", 64), malformed},
		"ECDSA, the other curve's length":  {ECDSAP256, strings.Repeat("\x01", 96), malformed},
		"ECDSA, zeros":                     {ECDSAP384, strings.Repeat("\x00", 96), malformed},
		"Ed25519, nothing":                 {Ed25519, "", malformed},
		"Ed25519, 31 octets":               {Ed25519, strings.Repeat("\x01", 31), malformed},
		"Ed25519, 57 octets":               {Ed25519, strings.Repeat("\x01", 57), malformed},
		"Ed448, 32 octets":                 {Ed448, strings.Repeat("\x01", 32), malformed},
		"Ed448, 58 octets":                 {Ed448, strings.Repeat("\x01", 58), malformed},
		"unknown algorithm":                {200, "abc", badAlgorithm},
		"DSA":                              {3, "abc", badAlgorithm},
	} {
		t.Run(what, func(t *testing.T) {
			k := parseKey("\x01\x01\x03" + string([]byte{byte(c.algorithm)}) + c.key)
			if got := k.public().problem; got != c.want {
				t.Errorf("key %s, want %q", got, c.want)
			}
			if check := k.public().check; check != nil {
				for _, sig := range []string{"", "\x00", strings.Repeat("\x00", 64), strings.Repeat("\xff", 128), strings.Repeat("\xff", 600)} {
					if check([]byte("message"), sig) {
						t.Errorf("%d octets are a signature", len(sig))
					}
				}
			}
		})
	}
	for n := range 4 {
		if k := parseKey("\x01\x01\x03\x08"[:n]); k != nil {
			t.Errorf("%d octets are a key", n)
		}
	}
}

func TestKeysThatMayNotSign(t *testing.T) {
	for what, c := range map[string]struct {
		data string
		sha1 bool
		want problem
	}{
		"zone key":                    {"\x01\x00\x03\x0d", false, fine},
		"key-signing key":             {"\x01\x01\x03\x0d", false, fine},
		"no zone key":                 {"\x00\x01\x03\x0d", false, notZoneKey},
		"revoked (RFC 5011)":          {"\x01\x81\x03\x0d", false, revoked},
		"protocol 2":                  {"\x01\x00\x02\x0d", false, wrongProtocol},
		"RSASHA1":                     {"\x01\x00\x03\x05", false, badAlgorithm},
		"RSASHA1 where it counts":     {"\x01\x00\x03\x05", true, fine},
		"RSASHA1-NSEC3":               {"\x01\x00\x03\x07", false, badAlgorithm},
		"RSAMD5 even with SHA-1":      {"\x01\x00\x03\x01", true, badAlgorithm},
		"GOST":                        {"\x01\x00\x03\x0c", false, badAlgorithm},
		"RSASHA1-NSEC3 that may":      {"\x01\x00\x03\x07", true, fine},
		"private, even with SHA-1":    {"\x01\x00\x03\xfd", true, badAlgorithm},
		"Ed448, which is implemented": {"\x01\x00\x03\x10", false, fine},
	} {
		if got := parseKey(c.data + "key").problem(c.sha1); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}

// largeExponent makes an RSA key whose exponent crypto/rsa refuses, and signs.
func largeExponent(t testing.TB, message []byte) (key, sig string) {
	t.Helper()
	e := new(big.Int).SetUint64(1<<32 + 15) // prime
	one := big.NewInt(1)
	for {
		p, err := rand.Prime(rand.Reader, 512)
		if err != nil {
			t.Fatal(err)
		}
		q, err := rand.Prime(rand.Reader, 512)
		if err != nil {
			t.Fatal(err)
		}
		n := new(big.Int).Mul(p, q)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(e, phi)
		if d == nil || n.BitLen() != 1024 {
			continue
		}
		h := sha256.Sum256(message)
		em := "\x00\x01" + strings.Repeat("\xff", 128-3-19-32) + "\x00" + digestInfo[crypto.SHA256] + string(h[:])
		s := new(big.Int).Exp(new(big.Int).SetBytes([]byte(em)), d, n)
		return "\x05" + string(e.Bytes()) + string(n.Bytes()), string(s.FillBytes(make([]byte, 128)))
	}
}

func TestLargeExponentsOfRSAAreVerified(t *testing.T) {
	message := []byte("message")
	key, sig := largeExponent(t, message)
	p := readPublic(RSASHA256, key)
	if p.problem != fine || !p.check(message, sig) {
		t.Fatalf("%v: a good signature does not verify", p.problem)
	}
	if p.check([]byte("messagf"), sig) {
		t.Error("another message verifies")
	}
	for i := range sig {
		changed := []byte(sig)
		changed[i] ^= 1
		if p.check(message, string(changed)) {
			t.Errorf("a change of octet %d verifies", i)
		}
	}
	if p.check(message, "\x00"+sig) || p.check(message, sig[1:]) {
		t.Error("a signature of another length verifies")
	}
}

// RFC 4034 section 5.4, RFC 4509 section 2.3, RFC 6605 section 6.2.
func TestDigestsAreThoseOfTheRFCs(t *testing.T) {
	const rsa = "dskey.example.com. DNSKEY 256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw=="
	for _, c := range []struct{ key, ds string }{
		{rsa, "dskey.example.com. DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
		{rsa, "dskey.example.com. DS 60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"},
		{examples[1].key, "example.net. DS 10771 14 4 72D7B62976CE06438E9C0BF319013CF801F09ECC84B8D7E9495F27E305C6A9B0563A9B5F4D288405C3008A946DF983D6"},
	} {
		set := sets(t, c.key)[0]
		d, ok := parseDS(sets(t, c.ds)[0].Data[0])
		k := ParseKeys(&set)[0]
		if !ok || !d.matches(set.Name, k) {
			t.Errorf("%s does not match", c.ds)
		}
		if d.matches(name("other.example."), k) {
			t.Errorf("%s matches under another name", c.ds)
		}
		d.hash = "x" + d.hash[1:]
		if d.matches(set.Name, k) {
			t.Errorf("%s matches after a change", c.ds)
		}
	}
}

// RFC 4035 section 5.2, RFC 4509 section 3, RFC 6840 section 5.2.
func TestDSRecordsThatAreUsed(t *testing.T) {
	ds := func(algorithm, digest byte) string { return string([]byte{0, 1, algorithm, digest}) + "digest" }
	for what, c := range map[string]struct {
		data []string
		want string // the digests in order
		ede  wire.EDE
	}{
		"SHA-1 alone":                    {[]string{ds(13, 1)}, "\x01", 0},
		"SHA-256 shadows SHA-1":          {[]string{ds(13, 1), ds(13, 2)}, "\x02", 0},
		"SHA-384 shadows SHA-1 alone":    {[]string{ds(13, 2), ds(13, 1), ds(13, 4)}, "\x04\x02", 0},
		"unknown digest does not shadow": {[]string{ds(13, 1), ds(13, 3)}, "\x01", 0},
		"unknown algorithm shadows not":  {[]string{ds(13, 1), ds(200, 2)}, "\x01", 0},
		"unknown digests":                {[]string{ds(13, 3), ds(13, 5)}, "", EDEUnsupportedDigest},
		"unknown algorithm":              {[]string{ds(200, 2)}, "", EDEUnsupportedAlgorithm},
		"SHA-1 signatures":               {[]string{ds(5, 2), ds(7, 2)}, "", EDEUnsupportedAlgorithm},
		"too short":                      {[]string{"\x00\x01\x0d\x02"}, "", EDEUnsupportedDigest},
		"the strongest eight":            {append(strings.Split(strings.Repeat(ds(13, 2)+"|", 10), "|")[:10], ds(13, 4)), "\x04\x02\x02\x02\x02\x02\x02\x02", 0},
	} {
		use, ede := usableDS(c.data, false)
		got := ""
		for _, d := range use {
			got += string([]byte{d.digest})
		}
		if got != c.want || got == "" && ede != c.ede {
			t.Errorf("%s: digests %q, EDE %d; want %q, EDE %d", what, got, ede, c.want, c.ede)
		}
	}
	if use, _ := usableDS([]string{ds(5, 2)}, true); len(use) != 1 {
		t.Error("SHA-1 signatures do not count where they should")
	}
}

// RFC 4035 section 5.2: what a DNSKEY set is worth.
func TestKeySetsAreJudgedByWhatIsTrusted(t *testing.T) {
	s, other := newP256(t, "example."), newP256(t, "example.")
	trusting := func(keys ...*dns.DNSKEY) trust {
		var data []string
		for _, k := range keys {
			data = append(data, raw(t, k.ToDS(dns.SHA256))[0].Data)
		}
		use, _ := usableDS(data, false)
		return trust{ds: use}
	}
	altered := func(change func(*dns.DNSKEY)) *dns.DNSKEY {
		k := *s.key
		change(&k)
		return &k
	}
	small := newSigner(t, "example.", dns.RSASHA256, 1024)
	small.key.PublicKey = "AQOnZWVl" // a modulus of 5 octets
	tiny := *small.key
	short := altered(func(k *dns.DNSKEY) { k.PublicKey = "AQID" })
	noZone := altered(func(k *dns.DNSKEY) { k.Flags = 1 })
	revoked := altered(func(k *dns.DNSKEY) { k.Flags |= dns.REVOKE })
	for what, c := range map[string]struct {
		keys     []*dns.DNSKEY
		by       *signer
		trust    trust
		secure   bool
		insecure bool
		ede      wire.EDE
	}{
		"a DS":                            {[]*dns.DNSKEY{s.key}, s, trusting(s.key), true, false, wire.NoEDE},
		"one DS of two":                   {[]*dns.DNSKEY{s.key}, s, trusting(other.key, s.key), true, false, wire.NoEDE},
		"a whole key":                     {[]*dns.DNSKEY{s.key}, s, trust{keys: []string{raw(t, s.key)[0].Data}}, true, false, wire.NoEDE},
		"a DS of another key":             {[]*dns.DNSKEY{s.key}, s, trusting(other.key), false, false, EDEKeyMissing},
		"another whole key":               {[]*dns.DNSKEY{s.key}, s, trust{keys: []string{raw(t, other.key)[0].Data}}, false, false, EDEKeyMissing},
		"signed by the key not trusted":   {[]*dns.DNSKEY{s.key, other.key}, other, trusting(s.key), false, false, EDEKeyMissing},
		"not signed":                      {[]*dns.DNSKEY{s.key}, nil, trusting(s.key), false, false, EDESignaturesMissing},
		"the key is no zone key":          {[]*dns.DNSKEY{noZone}, nil, trusting(noZone), false, false, EDENoZoneKey},
		"the key is revoked":              {[]*dns.DNSKEY{revoked}, nil, trusting(revoked), false, false, EDEKeyMissing},
		"the key is malformed":            {[]*dns.DNSKEY{short}, nil, trusting(short), false, false, EDEKeyMissing},
		"an RSA size that is unsupported": {[]*dns.DNSKEY{&tiny}, nil, trusting(&tiny), false, true, EDEUnsupportedAlgorithm},
		"one of two sizes unsupported":    {[]*dns.DNSKEY{&tiny, s.key}, s, trusting(&tiny, s.key), true, false, wire.NoEDE},
	} {
		t.Run(what, func(t *testing.T) {
			var rrs []dns.RR
			for _, k := range c.keys {
				rrs = append(rrs, k)
			}
			if c.by != nil {
				rrs = append(rrs, c.by.sign(t, rrs))
			}
			set := group(t, rrs...)[0]
			r := judgeKeys(name("example."), &set, c.trust, false, when, NewBudget(false))
			if (r.keys != nil) != c.secure || r.insecure != c.insecure || r.ede != c.ede {
				t.Errorf("%d keys, insecure %v, EDE %d (%s)", len(r.keys), r.insecure, int16(r.ede), r.reason)
			}
		})
	}
}
