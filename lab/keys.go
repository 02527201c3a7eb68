// Keys that follow from a zone's name, so that every run of a test sees the same DNSKEY, DS and signatures.

package lab

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// keyPair is the key-signing and the zone-signing key of a zone.
type keyPair struct {
	ksk, zsk             *dns.DNSKEY
	kskSigner, zskSigner crypto.Signer
}

const zskFlags = dns.ZONE

// algorithms are the names of the algorithms that the lab signs with.
var algorithms = map[string]uint8{"ecdsa": dns.ECDSAP256SHA256, "ecdsa384": dns.ECDSAP384SHA384, "ed25519": dns.ED25519, "rsa": dns.RSASHA256,
	"rsasha1": dns.RSASHA1, "nsec3rsasha1": dns.RSASHA1NSEC3SHA1, "rsasha512": dns.RSASHA512}

// parseAlgorithm reads a name of an algorithm, or a number of one that the lab does not sign with.
func parseAlgorithm(text string) (uint8, error) {
	if a, ok := algorithms[text]; ok {
		return a, nil
	}
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil || slices.Contains(slices.Collect(maps.Values(algorithms)), uint8(n)) {
		return 0, fmt.Errorf("unknown algorithm %q: want one of %s or the number of another", text, strings.Join(slices.Sorted(maps.Keys(algorithms)), " "))
	}
	return uint8(n), nil
}

// newKeyPair derives the keys of a zone from its name, its algorithm and its key word.
func newKeyPair(s *zoneSpec) (*keyPair, error) {
	k := &keyPair{}
	var err error
	if k.ksk, k.kskSigner, err = deriveKey(s, dns.ZONE|dns.SEP); err != nil {
		return nil, err
	}
	k.ksk.Flags, k.ksk.Protocol = s.kskFlags, s.protocol
	k.zsk, k.zskSigner, err = deriveKey(s, zskFlags)
	return k, err
}

// newStream is where a key of the zone comes from.
func (s *zoneSpec) newStream(what any) *keyStream {
	return &keyStream{seed: sha256.Sum256(fmt.Appendf(nil, "rootwalk lab|%s|%d|%v|%s", s.name, s.algorithm, what, s.keyWord))}
}

func (s *zoneSpec) newKey(flags uint16, public []byte) *dns.DNSKEY {
	return &dns.DNSKEY{
		Hdr:       dns.RR_Header{Name: s.name, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: s.ttl},
		Flags:     flags,
		Protocol:  3,
		Algorithm: s.algorithm,
		PublicKey: base64.StdEncoding.EncodeToString(public),
	}
}

// deriveKey makes one key. The signer is nil where nobody can sign with it.
func deriveKey(s *zoneSpec, flags uint16) (*dns.DNSKEY, crypto.Signer, error) {
	stream := s.newStream(flags)
	var signer crypto.Signer
	var public []byte
	switch s.algorithm {
	case dns.ECDSAP256SHA256, dns.ECDSAP384SHA384:
		curve, scalar := elliptic.P256(), make([]byte, 32)
		if s.algorithm == dns.ECDSAP384SHA384 {
			curve, scalar = elliptic.P384(), make([]byte, 48)
		}
		for signer == nil {
			stream.fill(scalar)
			// A scalar above the order of the curve is an error; one in 2^32 is.
			if private, err := ecdsa.ParseRawPrivateKey(curve, scalar); err == nil {
				point, err := private.PublicKey.Bytes()
				if err != nil {
					return nil, nil, err
				}
				signer, public = repeatable{private}, point[1:] // without the octet that says "uncompressed"
			}
		}
	case dns.ED25519:
		var seed [ed25519.SeedSize]byte
		stream.fill(seed[:])
		private := ed25519.NewKeyFromSeed(seed[:])
		signer, public = private, private.Public().(ed25519.PublicKey)
	case dns.RSASHA256, dns.RSASHA512, dns.RSASHA1, dns.RSASHA1NSEC3SHA1:
		if s.bits != 1024 {
			public = rsaPublic(stream.modulus(s.bits))
			break
		}
		private := deriveRSA(stream)
		signer, public = private, rsaPublic(private.N.Bytes())
	default:
		public = make([]byte, 32)
		stream.fill(public)
	}
	return s.newKey(flags, public), signer, nil
}

// rsaExponent is that of all RSA keys.
const rsaExponent = 65537

// rsaPublic is the form of RFC 3110 section 2.
func rsaPublic(modulus []byte) []byte { return append([]byte{3, 1, 0, 1}, modulus...) }

// colliding makes keys that nobody can sign with, and that have the key tag of another (RFC 4034 appendix B). What is
// changed to get there is one pair of octets.
func (s *zoneSpec) collidingKeys(with *dns.DNSKEY) []dns.RR {
	var out []dns.RR
	stream := s.newStream("colliding")
	like, _ := base64.StdEncoding.DecodeString(with.PublicKey)
	for len(out) < s.colliding {
		public := bytes.Clone(like)
		stream.fill(public[4:])
		public[4] |= 0x80
		public[len(public)-1] |= 1
		key := s.newKey(with.Flags, public)
		for _, carry := range []uint16{0, 1, 0xffff} {
			k := s.newKey(with.Flags, bytes.Clone(public))
			b := bytes.Clone(public)
			binary.BigEndian.PutUint16(b[8:], binary.BigEndian.Uint16(b[8:])+with.KeyTag()-key.KeyTag()+carry)
			if k.PublicKey = base64.StdEncoding.EncodeToString(b); k.KeyTag() == with.KeyTag() {
				out = append(out, k)
				break
			}
		}
	}
	return out
}

// repeatable signs the same bytes with the same signature (RFC 6979): ECDSA does so when it is given no randomness.
type repeatable struct{ *ecdsa.PrivateKey }

func (r repeatable) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return r.PrivateKey.Sign(nil, digest, opts)
}

// rsaKeys remembers RSA keys by seed: finding primes takes tens of milliseconds, and tests build the same zones again and again.
var rsaKeys sync.Map

// deriveRSA makes a 1024-bit key, the smallest that crypto/rsa signs with.
func deriveRSA(stream *keyStream) *rsa.PrivateKey {
	if known, ok := rsaKeys.Load(stream.seed); ok {
		return known.(*rsa.PrivateKey)
	}
	one := big.NewInt(1)
	for {
		p, q := stream.prime(512), stream.prime(512)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(big.NewInt(rsaExponent), phi)
		if d == nil || p.Cmp(q) == 0 {
			continue
		}
		key := &rsa.PrivateKey{
			PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: rsaExponent},
			D:         d,
			Primes:    []*big.Int{p, q},
		}
		key.Precompute()
		if key.Validate() != nil {
			continue
		}
		rsaKeys.Store(stream.seed, key)
		return key
	}
}

// keyStream is an endless sequence of bytes that follows from a seed.
type keyStream struct {
	seed  [32]byte
	block uint64
	rest  []byte
}

// fill takes the next bytes.
func (k *keyStream) fill(b []byte) {
	for i := range b {
		if len(k.rest) == 0 {
			sum := sha256.Sum256(binary.BigEndian.AppendUint64(k.seed[:], k.block))
			k.block++
			k.rest = sum[:]
		}
		b[i] = k.rest[0]
		k.rest = k.rest[1:]
	}
}

// modulus returns an odd number of some length; what divides it nobody knows.
func (k *keyStream) modulus(bits int) []byte {
	raw := make([]byte, (bits+7)/8)
	k.fill(raw)
	raw[0] = raw[0]>>(len(raw)*8-bits) | 1<<((bits-1)%8)
	raw[len(raw)-1] |= 1
	return raw
}

// prime returns a prime whose two highest bits are set, so that a product of two has the full length.
func (k *keyStream) prime(bits int) *big.Int {
	raw := make([]byte, bits/8)
	for {
		k.fill(raw)
		raw[0] |= 0xc0
		raw[len(raw)-1] |= 1
		if p := new(big.Int).SetBytes(raw); p.ProbablyPrime(20) {
			return p
		}
	}
}
