// Keys that follow from a zone's name, so that every run of a test sees the same DNSKEY, DS and signatures.

package lab

import (
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
	"math/big"
	"sync"

	"github.com/miekg/dns"
)

// keyPair is the key-signing and the zone-signing key of a zone.
type keyPair struct {
	ksk, zsk             *dns.DNSKEY
	kskSigner, zskSigner crypto.Signer
}

const (
	kskFlags = dns.ZONE | dns.SEP
	zskFlags = dns.ZONE
)

// newKeyPair derives the keys of a zone from its name, its algorithm and its key word.
func newKeyPair(s *zoneSpec) (*keyPair, error) {
	k := &keyPair{}
	var err error
	if k.ksk, k.kskSigner, err = deriveKey(s, kskFlags); err != nil {
		return nil, err
	}
	k.zsk, k.zskSigner, err = deriveKey(s, zskFlags)
	return k, err
}

func deriveKey(s *zoneSpec, flags uint16) (*dns.DNSKEY, crypto.Signer, error) {
	stream := &keyStream{seed: sha256.Sum256(fmt.Appendf(nil, "rootwalk lab|%s|%d|%d|%s", s.name, s.algorithm, flags, s.keyWord))}
	key := &dns.DNSKEY{
		Hdr:       dns.RR_Header{Name: s.name, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: s.ttl},
		Flags:     flags,
		Protocol:  3,
		Algorithm: s.algorithm,
	}
	var signer crypto.Signer
	var public []byte
	switch s.algorithm {
	case dns.ECDSAP256SHA256:
		var scalar [32]byte
		for signer == nil {
			stream.fill(scalar[:])
			// A scalar above the order of the curve is an error; one in 2^32 is.
			if private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:]); err == nil {
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
	case dns.RSASHA256:
		private := deriveRSA(stream)
		exponent := big.NewInt(int64(private.E)).Bytes()
		public = append([]byte{byte(len(exponent))}, exponent...) // RFC 3110 section 2
		public = append(public, private.N.Bytes()...)
		signer = private
	default:
		return nil, nil, fmt.Errorf("zone %s: no keys of algorithm %d", s.name, s.algorithm)
	}
	key.PublicKey = base64.StdEncoding.EncodeToString(public)
	return key, signer, nil
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
	const exponent = 65537
	one := big.NewInt(1)
	for {
		p, q := stream.prime(512), stream.prime(512)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(big.NewInt(exponent), phi)
		if d == nil || p.Cmp(q) == 0 {
			continue
		}
		key := &rsa.PrivateKey{
			PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: exponent},
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
