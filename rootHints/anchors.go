package roothints

// This file owns the trust anchors: which records may be one, and the two of
// the root that are compiled in.

import (
	_ "embed" // the file of data
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Anchor is one record that validation of a zone may start from (RFC 4033
// section 2). Several of one zone are alternatives, as in a key rollover: one
// that matches is enough.
type Anchor struct {
	// Zone is the owner of RR: presentation form, lower case, with the last dot.
	Zone string
	// RR is a *dns.DS or a *dns.DNSKEY, its owner in the form of Zone, its
	// digest in lower case as dns.DNSKEY.ToDS makes it, so that strings compare.
	RR dns.RR
}

// Made is when the youngest of the built-in keys, KSK-2024, was first valid. A clock
// that shows an earlier time is wrong: this program did not exist then. The day on
// which it was built would be closer, but clocks of builders are wrong too.
var Made = time.Date(2024, 7, 18, 0, 0, 0, 0, time.UTC)

//go:embed root.ds
var rootDS string

var builtinAnchors = sync.OnceValue(func() []Anchor {
	anchors, err := ParseAnchors("root.ds (embedded)", strings.NewReader(rootDS))
	if err != nil {
		panic("roothints: " + err.Error()) // a test parses it, so no such program is built
	}
	return anchors
})

// BuiltinAnchors is the trust anchors of the root that are compiled in: the DS
// of KSK-2017 and of KSK-2024. The copy is fresh, records included.
func BuiltinAnchors() []Anchor {
	anchors := make([]Anchor, 0, len(builtinAnchors()))
	for _, a := range builtinAnchors() {
		anchors = append(anchors, Anchor{Zone: a.Zone, RR: dns.Copy(a.RR)})
	}
	return anchors
}

// ParseAnchors reads trust anchors: DS or DNSKEY records of any zones, in the
// order of the file. Name stands for the file in errors. Refused are other
// types and classes, a digest whose length is not that of its type (RFC 4034
// section 5.1, RFC 4509, RFC 6605), a DNSKEY that is no zone key, is revoked
// (RFC 5011 section 2.1) or holds no key, $INCLUDE and $GENERATE, and a file
// without any anchor, which would switch validation off unsaid. Whether an
// algorithm is supported is for the validator to say. TTLs mean nothing here.
func ParseAnchors(name string, r io.Reader) ([]Anchor, error) {
	records, err := readRecords(name, r)
	if err != nil {
		return nil, err
	}
	var anchors []Anchor
	for _, rec := range records {
		switch rr := rec.rr.(type) {
		case *dns.DS:
			rr.Digest = strings.ToLower(rr.Digest)
			err = checkDS(rr)
		case *dns.DNSKEY:
			err = checkKey(rr)
		default:
			err = fmt.Errorf("a %s record; trust anchors are DS or DNSKEY records: remove the line", rec.typeName())
		}
		if err != nil {
			return nil, rec.errorf("%w", err)
		}
		rec.rr.Header().Name = rec.owner
		anchors = append(anchors, Anchor{Zone: rec.owner, RR: rec.rr})
	}
	if len(anchors) == 0 {
		return nil, fmt.Errorf("%s: no trust anchor in it; add DS or DNSKEY records, or use the built-in ones by naming no file", name)
	}
	return anchors, nil
}

// digestLength is the length in octets of the digests that are known; others
// are taken as they are.
var digestLength = map[uint8]int{dns.SHA1: 20, dns.SHA256: 32, dns.SHA384: 48}

func checkDS(ds *dns.DS) error {
	octets, err := hex.DecodeString(ds.Digest)
	if err != nil {
		return errors.New("the digest is no hexadecimal number; copy the record whole")
	}
	got := len(octets)
	if want, known := digestLength[ds.DigestType]; known && got != want {
		return fmt.Errorf("a digest of type %d has %d octets, this one has %d; copy the record whole", ds.DigestType, want, got)
	}
	if got == 0 {
		return errors.New("the digest is empty; copy the record whole")
	}
	return nil
}

func checkKey(key *dns.DNSKEY) error {
	switch {
	case key.Flags&dns.ZONE == 0:
		return fmt.Errorf("flags %d are not those of a zone key; give the key-signing key, whose flags are 257", key.Flags)
	case key.Flags&dns.REVOKE != 0:
		return fmt.Errorf("flags %d say that the key is revoked; give the key that replaced it", key.Flags)
	case key.Protocol != 3:
		return fmt.Errorf("protocol %d; it is always 3 (RFC 4034 section 2.1.2): copy the record whole", key.Protocol)
	}
	if octets, err := base64.StdEncoding.DecodeString(key.PublicKey); err != nil || len(octets) == 0 {
		return errors.New("the public key is no base64; copy the record whole")
	}
	return nil
}
