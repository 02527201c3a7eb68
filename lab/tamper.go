// Faults that tamper with records and signatures: what a validating resolver has to find out.

package lab

import (
	"crypto"
	"encoding/base64"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// tampering is what such a fault is told beside numbers and records.
type tampering struct {
	types    []uint16          // nil for all
	server   netip.Addr        // of reply-of and authority-of
	question dns.Question      // of the same
	fields   map[string]string // of resign
}

// parseTypes reads type names.
func parseTypes(words []string) (out []uint16, err error) {
	for _, w := range words {
		t, ok := dns.StringToType[strings.ToUpper(w)]
		if !ok {
			return nil, fmt.Errorf("unknown type %q", w)
		}
		out = append(out, t)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("wants types")
	}
	return out, nil
}

// parseElsewhere reads ADDRESS NAME TYPE.
func parseElsewhere(text string) (t tampering, err error) {
	w := strings.Fields(text)
	if len(w) != 3 {
		return t, fmt.Errorf("wants ADDRESS NAME TYPE, has %q", text)
	}
	if t.server, err = netip.ParseAddr(w[0]); err != nil {
		return t, err
	}
	types, err := parseTypes(w[2:])
	if err != nil {
		return t, err
	}
	t.question = dns.Question{Name: dns.Fqdn(w[1]), Qtype: types[0], Qclass: dns.ClassINET}
	return t, nil
}

// parseResign reads TYPE|all FIELD=VALUE...
func parseResign(text string) (t tampering, err error) {
	what, rest := cutWord(text)
	if what != "all" {
		if t.types, err = parseTypes([]string{what}); err != nil {
			return t, err
		}
	}
	t.fields = map[string]string{}
	for _, w := range strings.Fields(rest) {
		key, value, ok := strings.Cut(w, "=")
		if !ok {
			return t, fmt.Errorf("wants FIELD=VALUE, has %q", w)
		}
		t.fields[key] = value
	}
	return t, t.apply(&dns.RRSIG{})
}

// parseHash reads FIELD=VALUE... of NSEC3 records.
func parseHash(text string) (t tampering, err error) {
	t.types, t.fields = []uint16{dns.TypeNSEC3}, map[string]string{}
	for _, w := range strings.Fields(text) {
		key, value, _ := strings.Cut(w, "=")
		if key != "hash" && key != "flags" {
			return t, fmt.Errorf("wants hash=N or flags=N, has %q", w)
		}
		if _, err := number(value, 255); err != nil {
			return t, err
		}
		t.fields[key] = value
	}
	return t, nil
}

// apply changes the fields of a signature that is about to be made.
func (t *tampering) apply(sig *dns.RRSIG) error {
	for key, value := range t.fields {
		var err error
		var n uint64
		switch key {
		case "labels", "algorithm":
			_, err = strconv.ParseUint(value, 10, 8)
		case "tag":
			n, err = strconv.ParseUint(value, 10, 16)
			sig.KeyTag = uint16(n)
		case "ttl":
			n, err = strconv.ParseUint(value, 10, 32)
			sig.OrigTtl = uint32(n)
		case "signer":
			sig.SignerName = canon(value)
		case "inception":
			sig.Inception, err = parseDay(value)
		case "expiration":
			sig.Expiration, err = parseDay(value)
		case "key":
		default:
			err = fmt.Errorf("unknown field")
		}
		if err != nil {
			return fmt.Errorf("%s=%s: %w", key, value, err)
		}
	}
	return nil
}

func parseDay(text string) (uint32, error) {
	at, err := time.Parse("20060102", text)
	return uint32(at.Unix()), err
}

// tamper commits one fault, if it is one of those here.
func (r *reply) tamper(f *fault, q *dns.Msg, w *world) {
	switch f.kind {
	case "rcode":
		r.msg.Rcode = f.number
	case "ttl":
		r.each(func(rr dns.RR) bool { rr.Header().Ttl = uint32(f.number); return true })
	case "without":
		r.each(func(rr dns.RR) bool { return !slices.Contains(f.types, rr.Header().Rrtype) })
	case "unsigned":
		r.each(func(rr dns.RR) bool {
			sig, ok := rr.(*dns.RRSIG)
			return !ok || !slices.Contains(f.types, sig.TypeCovered)
		})
	case "signed-answer":
		r.msg.Answer = append(r.msg.Answer, r.signed(f.record)...)
	case "signed-authority":
		r.msg.Ns = append(r.msg.Ns, r.signed(f.record)...)
	case "resign":
		r.resign(&f.tampering)
	case "nsec3":
		r.rehash(&f.tampering)
	case "wrong-signatures":
		r.multiply(f.number)
	case "signatures-first":
		for _, section := range [][]dns.RR{r.msg.Answer, r.msg.Ns} {
			slices.SortStableFunc(section, func(a, b dns.RR) int {
				return rank(a.Header().Rrtype != dns.TypeRRSIG) - rank(b.Header().Rrtype != dns.TypeRRSIG)
			})
		}
	case "reply-of", "authority-of":
		r.borrow(f, q, w)
	}
}

func rank(later bool) int {
	if later {
		return 1
	}
	return 0
}

// each keeps the records for which the function reports true; OPT always.
func (r *reply) each(keep func(dns.RR) bool) {
	for _, section := range []*[]dns.RR{&r.msg.Answer, &r.msg.Ns, &r.msg.Extra} {
		*section = slices.DeleteFunc(*section, func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeOPT && !keep(rr) })
	}
}

// signed is a record with a good signature of the zone that answers.
func (r *reply) signed(record dns.RR) []dns.RR {
	set := []dns.RR{dns.Copy(record)}
	if r.zone == nil || r.zone.keys == nil {
		return set
	}
	t := record.Header().Rrtype
	return append(set, r.zone.signWith(set, r.zone.newSignature(t), r.zone.signer(t)))
}

// borrow puts what another server says to another question in the place of the reply, or beside what its authority section
// has.
func (r *reply) borrow(f *fault, q *dns.Msg, w *world) {
	s := w.servers[f.tampering.server]
	if s == nil {
		return
	}
	other := q.Copy()
	other.Question = []dns.Question{f.question}
	o := s.respond(other)
	if f.kind == "authority-of" {
		r.msg.Ns = append(r.msg.Ns, o.msg.Ns...)
		return
	}
	o.msg.Question, o.size = r.msg.Question, r.size
	*r = *o
}

// resign makes signatures anew, by the zone's own keys but for what the fault says.
func (r *reply) resign(t *tampering) {
	if r.zone == nil || r.zone.keys == nil {
		return
	}
	for _, section := range [][]dns.RR{r.msg.Answer, r.msg.Ns} {
		for i, rr := range section {
			old, ok := rr.(*dns.RRSIG)
			if !ok || t.types != nil && !slices.Contains(t.types, old.TypeCovered) {
				continue
			}
			var set []dns.RR
			for _, c := range section {
				if h := c.Header(); h.Rrtype == old.TypeCovered && canon(h.Name) == canon(old.Hdr.Name) {
					set = append(set, dns.Copy(c))
				}
			}
			if len(set) > 0 {
				section[i] = r.zone.resigned(old, set, t)
			}
		}
	}
}

// rehash changes fields of NSEC3 records and signs them anew.
func (r *reply) rehash(t *tampering) {
	for _, rr := range r.msg.Ns {
		if rr, ok := rr.(*dns.NSEC3); ok {
			for key, value := range t.fields {
				n, _ := number(value, 255)
				if key == "hash" {
					rr.Hash = uint8(n)
				} else {
					rr.Flags = uint8(n)
				}
			}
		}
	}
	r.resign(&tampering{types: t.types})
}

// resigned is a signature of a set that replaces another. The set is changed.
func (z *zone) resigned(old *dns.RRSIG, set []dns.RR, t *tampering) dns.RR {
	sig, signer := z.newSignature(old.TypeCovered), z.signer(old.TypeCovered)
	switch word := t.fields["key"]; word {
	case "":
	case "zsk":
		sig.KeyTag, signer = z.keys.zsk.KeyTag(), z.keys.zskSigner
	case "ksk":
		sig.KeyTag, signer = z.keys.ksk.KeyTag(), z.keys.kskSigner
	default:
		spec := *z.zoneSpec
		spec.keyWord = word
		if keys, err := newKeyPair(&spec); err == nil {
			sig.KeyTag, signer = keys.zsk.KeyTag(), keys.zskSigner
		}
	}
	sig.OrigTtl = old.OrigTtl
	_ = t.apply(sig) // was read once already
	labels := int(old.Labels)
	if text, ok := t.fields["labels"]; ok {
		labels, _ = strconv.Atoi(text)
	}
	owner := canon(old.Hdr.Name)
	if labels < dns.CountLabel(strings.TrimPrefix(owner, "*.")) { // the signer gets to see the wildcard
		for _, rr := range set {
			rr.Header().Name = below("*", suffix(owner, labels))
		}
	}
	z.signWith(set, sig, signer)
	sig.Hdr.Name, sig.Hdr.Ttl, sig.Labels = old.Hdr.Name, old.Hdr.Ttl, uint8(labels)
	if text, ok := t.fields["algorithm"]; ok {
		n, _ := strconv.Atoi(text)
		sig.Algorithm = uint8(n)
	}
	return sig
}

// multiply puts wrong copies before every signature.
func (r *reply) multiply(n int) {
	for _, section := range []*[]dns.RR{&r.msg.Answer, &r.msg.Ns} {
		var out []dns.RR
		for _, rr := range *section {
			if sig, ok := rr.(*dns.RRSIG); ok {
				value, _ := base64.StdEncoding.DecodeString(sig.Signature)
				for i := range n {
					wrong := dns.Copy(sig).(*dns.RRSIG)
					b := slices.Clone(value)
					b[i%len(b)] ^= byte(1 + i/len(b))
					wrong.Signature = base64.StdEncoding.EncodeToString(b)
					out = append(out, wrong)
				}
			}
			out = append(out, rr)
		}
		*section = out
	}
}

// scribbler signs with that many octets that mean nothing.
type scribbler int

func (s scribbler) Public() crypto.PublicKey { return nil }

func (s scribbler) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return []byte(strings.Repeat("?", int(s))), nil
}
