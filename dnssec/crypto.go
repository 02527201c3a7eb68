package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha1" // linked in for algorithms 5 and 7
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"math/big"
	"strconv"

	"github.com/cloudflare/circl/sign/ed448"
)

// This file owns the signature algorithms: which are supported, what their public
// keys look like, and how a signature is checked.

// Algorithm is a signature algorithm (RFC 4034 appendix A.1, RFC 8624).
type Algorithm uint8

// The algorithms that are supported; the SHA-1 ones only where that is asked for.
const (
	RSASHA1      Algorithm = 5  // RFC 3110
	RSASHA1NSEC3 Algorithm = 7  // RFC 5155
	RSASHA256    Algorithm = 8  // RFC 5702
	RSASHA512    Algorithm = 10 // RFC 5702
	ECDSAP256    Algorithm = 13 // RFC 6605
	ECDSAP384    Algorithm = 14 // RFC 6605
	Ed25519      Algorithm = 15 // RFC 8080
	Ed448        Algorithm = 16 // RFC 8080
)

// The RSA keys that are supported. Smaller ones can be factored, longer ones are
// work for nothing: no signer offers them.
const (
	// minModulus is the least length of an RSA modulus, in bits.
	//
	//bound:rsa_shortest
	minModulus = 1024
	// maxModulus is the longest, in bits.
	//
	//bound:rsa_longest
	maxModulus = 4096
	// maxExponent is the longest RSA exponent, in bits.
	//
	//bound:rsa_exponent BIND 35
	maxExponent = 64
)

// Supported tells whether signatures of the algorithm can be checked. Those with
// SHA-1 count as unsupported, and so zones signed with them as insecure, unless
// sha1 is set (RFC 9905 section 2).
func (a Algorithm) Supported(sha1 bool) bool {
	switch a {
	case RSASHA1, RSASHA1NSEC3:
		return sha1
	case RSASHA256, RSASHA512, ECDSAP256, ECDSAP384, Ed25519, Ed448:
		return true
	}
	return false
}

var algorithmNames = map[Algorithm]string{RSASHA1: "RSASHA1", RSASHA1NSEC3: "RSASHA1-NSEC3-SHA1", RSASHA256: "RSASHA256",
	RSASHA512: "RSASHA512", ECDSAP256: "ECDSAP256SHA256", ECDSAP384: "ECDSAP384SHA384", Ed25519: "ED25519", Ed448: "ED448"}

// String is the mnemonic, or the number of an algorithm that is not supported.
func (a Algorithm) String() string {
	if s, ok := algorithmNames[a]; ok {
		return s
	}
	return strconv.Itoa(int(a))
}

// readPublic makes a check out of a public key. It never panics: keys come from
// anybody.
func readPublic(a Algorithm, key string) publicKey {
	switch a {
	case RSASHA1, RSASHA1NSEC3:
		return readRSA(key, crypto.SHA1)
	case RSASHA256:
		return readRSA(key, crypto.SHA256)
	case RSASHA512:
		return readRSA(key, crypto.SHA512)
	case ECDSAP256:
		return readECDSA(key, elliptic.P256(), 32, func(m []byte) []byte { h := sha256.Sum256(m); return h[:] })
	case ECDSAP384:
		return readECDSA(key, elliptic.P384(), 48, func(m []byte) []byte { h := sha512.Sum384(m); return h[:] })
	case Ed25519:
		if len(key) != ed25519.PublicKeySize {
			return publicKey{problem: malformed}
		}
		pub := ed25519.PublicKey(key)
		return publicKey{check: func(m []byte, sig string) bool {
			return len(sig) == ed25519.SignatureSize && ed25519.Verify(pub, m, []byte(sig))
		}}
	case Ed448:
		if len(key) != ed448.PublicKeySize {
			return publicKey{problem: malformed}
		}
		pub := ed448.PublicKey(key)
		return publicKey{check: func(m []byte, sig string) bool {
			return len(sig) == ed448.SignatureSize && ed448.Verify(pub, m, []byte(sig), "")
		}}
	}
	return publicKey{problem: badAlgorithm}
}

// readECDSA reads a point without the octet that says "uncompressed" (RFC 6605
// section 4); a signature is r and s, each of the length of the field.
func readECDSA(key string, curve elliptic.Curve, size int, digest func([]byte) []byte) publicKey {
	if len(key) != 2*size {
		return publicKey{problem: malformed}
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(curve, append([]byte{4}, key...))
	if err != nil {
		return publicKey{problem: malformed}
	}
	return publicKey{check: func(m []byte, sig string) bool {
		if len(sig) != 2*size {
			return false
		}
		r := new(big.Int).SetBytes([]byte(sig[:size]))
		s := new(big.Int).SetBytes([]byte(sig[size:]))
		return ecdsa.Verify(pub, digest(m), r, s)
	}}
}

// readRSA reads exponent and modulus (RFC 3110 section 2).
func readRSA(key string, hash crypto.Hash) publicKey {
	if len(key) < 1 {
		return publicKey{problem: malformed}
	}
	n, key := int(key[0]), key[1:]
	if n == 0 {
		if len(key) < 2 {
			return publicKey{problem: malformed}
		}
		n, key = int(be16(key)), key[2:]
	}
	if n == 0 || n >= len(key) {
		return publicKey{problem: malformed}
	}
	exponent, modulus := stripZeros(key[:n]), stripZeros(key[n:])
	if len(exponent)*8 > maxExponent || len(modulus)*8 > maxModulus {
		return publicKey{problem: badSize}
	}
	e, m := new(big.Int).SetBytes([]byte(exponent)), new(big.Int).SetBytes([]byte(modulus))
	if m.BitLen() < minModulus {
		return publicKey{problem: badSize}
	}
	if e.Bit(0) == 0 || e.BitLen() < 2 || m.Bit(0) == 0 { // an exponent of 1 signs nothing
		return publicKey{problem: malformed}
	}
	digest := func(b []byte) []byte { h := hash.New(); h.Write(b); return h.Sum(nil) }
	if e.BitLen() > 31 { // crypto/rsa refuses those
		return publicKey{check: func(b []byte, sig string) bool { return verifyLargeExponent(m, e, hash, digest(b), sig) }}
	}
	pub := &rsa.PublicKey{N: m, E: int(e.Int64())}
	return publicKey{check: func(b []byte, sig string) bool {
		return rsa.VerifyPKCS1v15(pub, hash, digest(b), []byte(sig)) == nil
	}}
}

// digestInfo is what stands before the digest in a signature (RFC 8017 section 9.2).
var digestInfo = map[crypto.Hash]string{
	crypto.SHA1:   "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
	crypto.SHA256: "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
	crypto.SHA512: "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
}

// verifyLargeExponent checks a signature of RSASSA-PKCS1-v1_5 by encoding the
// digest and comparing (RFC 8017 section 8.2.2).
func verifyLargeExponent(m, e *big.Int, hash crypto.Hash, digest []byte, sig string) bool {
	size := (m.BitLen() + 7) / 8
	s := new(big.Int).SetBytes([]byte(sig))
	if len(sig) != size || s.Cmp(m) >= 0 {
		return false
	}
	tail := digestInfo[hash] + string(digest)
	want := make([]byte, size)
	want[1] = 1
	for i := 2; i < size-len(tail)-1; i++ {
		want[i] = 0xff
	}
	copy(want[size-len(tail):], tail)
	got := s.Exp(s, e, m).FillBytes(make([]byte, size))
	return subtle.ConstantTimeCompare(got, want) == 1
}

func stripZeros(s string) string {
	for len(s) > 0 && s[0] == 0 {
		s = s[1:]
	}
	return s
}
