// Signatures (RFC 4034 section 3), made when they are first asked for.

package lab

import (
	"fmt"

	"github.com/miekg/dns"
)

type sigKey struct {
	owner  string
	rrtype uint16
}

// sign returns the signature of one of the zone's RRsets; it is the zone's, and must be copied before it is changed.
// Records that cannot be signed are a mistake in this package or in the text, and panic.
func (z *zone) sign(set []dns.RR) *dns.RRSIG {
	h := set[0].Header()
	key := sigKey{canon(h.Name), h.Rrtype}
	z.sigMu.Lock()
	defer z.sigMu.Unlock()
	if sig := z.sigs[key]; sig != nil {
		return sig
	}
	dnskey, signer := z.keys.zsk, z.keys.zskSigner
	if h.Rrtype == dns.TypeDNSKEY {
		dnskey, signer = z.keys.ksk, z.keys.kskSigner
	}
	sig := &dns.RRSIG{
		Hdr:        dns.RR_Header{Ttl: h.Ttl},
		Algorithm:  dnskey.Algorithm,
		KeyTag:     dnskey.KeyTag(),
		SignerName: z.name,
		Inception:  uint32(z.inception.Unix()),
		Expiration: uint32(z.expiration.Unix()),
	}
	if err := sig.Sign(signer, set); err != nil {
		panic(fmt.Sprintf("lab: sign %s %s: %v", h.Name, dns.TypeToString[h.Rrtype], err))
	}
	z.sigs[key] = sig
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
	z.add(keys.ksk, keys.zsk)
	if z.denial != withNSEC {
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

// ds returns the DS record of the key-signing key.
func (z *zone) ds() *dns.DS { return z.keys.ksk.ToDS(dns.SHA256) }
