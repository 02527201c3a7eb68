// Signatures (RFC 4034 section 3), made when they are first asked for, and DS records.

package lab

import (
	"crypto"
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

type sigKey struct {
	owner  string
	rrtype uint16
}

// sign returns the signature of one of the zone's RRsets; it is the zone's, and must be copied before it is changed.
func (z *zone) sign(set []dns.RR) *dns.RRSIG {
	h := set[0].Header()
	key := sigKey{canon(h.Name), h.Rrtype}
	if z.denial == withCompact && z.nodes[key.owner] == nil { // one for each name that is asked for
		return z.signWith(set, z.newSignature(h.Rrtype), z.signer(h.Rrtype))
	}
	z.sigMu.Lock()
	defer z.sigMu.Unlock()
	if sig := z.sigs[key]; sig != nil {
		return sig
	}
	sig := z.signWith(set, z.newSignature(h.Rrtype), z.signer(h.Rrtype))
	z.sigs[key] = sig
	return sig
}

// newSignature is what the zone says in the signatures of a type.
func (z *zone) newSignature(rrtype uint16) *dns.RRSIG {
	key := z.keys.zsk
	if rrtype == dns.TypeDNSKEY {
		key = z.keys.ksk
	}
	return &dns.RRSIG{
		Algorithm:  key.Algorithm,
		KeyTag:     key.KeyTag(),
		SignerName: z.name,
		Inception:  uint32(z.inception.Unix()),
		Expiration: uint32(z.expiration.Unix()),
	}
}

func (z *zone) signer(rrtype uint16) crypto.Signer {
	if rrtype == dns.TypeDNSKEY {
		return z.keys.kskSigner
	}
	return z.keys.zskSigner
}

// signWith signs a set. Without a signer the signature is of the right length at best, and wrong. Records that cannot be
// signed are a mistake in this package or in the text, and panic.
func (z *zone) signWith(set []dns.RR, sig *dns.RRSIG, signer crypto.Signer) *dns.RRSIG {
	h := set[0].Header()
	sig.Hdr.Ttl = h.Ttl
	algorithm := sig.Algorithm
	if signer == nil {
		sig.Algorithm, signer = dns.ED25519, scribbler(max(z.bits/8, 1))
	}
	if err := sig.Sign(signer, set); err != nil {
		panic(fmt.Sprintf("lab: sign %s %s: %v", h.Name, dns.TypeToString[h.Rrtype], err))
	}
	sig.Algorithm = algorithm
	return sig
}

// prepareSigning puts the keys into the apex. It comes before delegations, because the parent's DS needs the keys.
func (z *zone) prepareSigning() error {
	if z.denial == unsignedZone {
		return nil
	}
	keys, err := newKeyPair(z.zoneSpec)
	if err != nil {
		return err
	}
	z.keys, z.sigs = keys, map[sigKey]*dns.RRSIG{}
	z.add(z.collidingKeys(keys.zsk)...)
	z.add(keys.ksk, keys.zsk)
	if z.also != 0 {
		spec := *z.zoneSpec
		spec.algorithm, spec.also, spec.keyWord = z.also, 0, z.keyWord+"also"
		if keys, err = newKeyPair(&spec); err != nil {
			return err
		}
		z.second = &zone{zoneSpec: &spec, nodes: z.nodes, keys: keys, sigs: map[sigKey]*dns.RRSIG{}}
		z.add(keys.ksk, keys.zsk)
	}
	if z.denial == withNSEC3 || z.denial == withOptOut {
		z.add(&dns.NSEC3PARAM{
			Hdr:        dns.RR_Header{Name: z.name, Rrtype: dns.TypeNSEC3PARAM, Class: dns.ClassINET},
			Hash:       dns.SHA1,
			Iterations: z.iterations,
			SaltLength: uint8(len(z.salt) / 2),
			Salt:       z.salt,
		})
	}
	return nil
}

// digest is one word of the option ds.
type digest struct {
	kind, algorithm uint8 // algorithm 0 is that of the key
	wrong           bool
}

func parseDigests(words []string) (out []digest, err error) {
	for _, word := range words {
		text, wrong := strings.CutSuffix(word, "!")
		d := digest{kind: map[string]uint8{"sha1": dns.SHA1, "sha256": dns.SHA256, "sha384": dns.SHA384}[text], wrong: wrong}
		if d.kind == 0 {
			number, ofAlgorithm := strings.CutPrefix(text, "alg")
			n, err := strconv.ParseUint(number, 10, 8)
			if err != nil || n == 0 {
				return nil, fmt.Errorf("unknown digest %q: want sha1, sha256, sha384, a number or algN", word)
			}
			d.kind = uint8(n)
			if ofAlgorithm {
				d.kind, d.algorithm = dns.SHA256, uint8(n)
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// digests are the DS records of the key-signing key.
func (z *zone) digests() (out []dns.RR) {
	words := z.ds
	if words == nil {
		words = []string{"sha256"}
	}
	list, _ := parseDigests(words)
	for _, d := range list {
		ds := z.keys.ksk.ToDS(d.kind)
		if ds == nil { // a digest that nobody knows
			ds = z.keys.ksk.ToDS(dns.SHA256)
			ds.DigestType = d.kind
		}
		if d.algorithm != 0 {
			ds.Algorithm = d.algorithm
		}
		if d.wrong {
			first := map[bool]string{true: "0", false: "f"}[ds.Digest[0] != '0']
			ds.Digest = first + ds.Digest[1:]
		}
		out = append(out, ds)
	}
	if z.second != nil {
		out = append(out, z.second.digests()...)
	}
	return out
}
