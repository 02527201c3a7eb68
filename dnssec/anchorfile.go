package dnssec

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rootwalk/wire"
)

// This file is the text in which trust points outlive a restart. A text that is
// not whole, or not ours, is an error and never half of the truth: it ends with
// a digest of all before.

// stateHeader is the first line, with the version of what follows.
const stateHeader = "rootwalk trust anchor state 1"

const stateComment = `; The keys that trust begins with, as they were followed (RFC 5011). rootwalk writes this file;
; changes by hand are noticed and make it void. Remove it to begin anew with the configured anchors.
`

// errState says that a text is damaged.
var errState = errors.New("it is not whole, or was changed")

// ErrNotOurs says that a text was written by something else, or by a version that
// this program does not know, so that it is not to be written over.
var ErrNotOurs = errors.New("it is no trust anchor state of this program and version")

// AppendTrustPoints appends the text.
func AppendTrustPoints(dst []byte, points []*TrustPoint) []byte {
	start := len(dst)
	dst = append(dst, stateHeader+"\n"+stateComment...)
	for _, p := range points {
		dst = fmt.Appendf(dst, "zone %s checked %s next %s\n", p.Zone, timeText(p.Checked), timeText(p.Next))
		for _, a := range p.Anchors {
			dst = fmt.Appendf(dst, "anchor %s %s\n", a.Type, rdataText(a.Type, a.Data))
		}
		for i := range p.Keys {
			k := &p.Keys[i]
			dst = fmt.Appendf(dst, "key %s held %s of %s DNSKEY %s ; tag %d\n", k.State, k.Held, k.Need, rdataText(wire.TypeDNSKEY, k.Data), k.Tag())
		}
	}
	return append(dst, seal(dst[start:])...)
}

// seal is the last line of a text.
func seal(text []byte) string { return fmt.Sprintf("end sha256 %x\n", sha256.Sum256(text)) }

// ReadTrustPoints reads the text.
func ReadTrustPoints(text []byte) ([]TrustPoint, error) {
	s := string(text)
	if first, _, _ := strings.Cut(s, "\n"); first != stateHeader {
		return nil, ErrNotOurs
	}
	i := strings.LastIndex(strings.TrimSuffix(s, "\n"), "\n") + 1
	if s[i:] != seal(text[:i]) {
		return nil, errState
	}
	var points []TrustPoint
	for _, line := range strings.Split(s[:i], "\n")[1:] {
		line, _, _ = strings.Cut(line, ";")
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		if w[0] == "zone" {
			p, ok := readZone(w)
			if !ok {
				return nil, errState
			}
			points = append(points, p)
			continue
		}
		if len(points) == 0 || !points[len(points)-1].read(w) {
			return nil, errState
		}
	}
	return points, nil
}

// readZone reads "zone NAME checked TIME next TIME".
func readZone(w []string) (p TrustPoint, ok bool) {
	if len(w) != 6 || w[2] != "checked" || w[4] != "next" {
		return p, false
	}
	zone, err := wire.ParseName(w[1])
	p.Zone = zone.Lower()
	var e1, e2 error
	p.Checked, e1 = readTime(w[3])
	p.Next, e2 = readTime(w[5])
	return p, err == nil && e1 == nil && e2 == nil
}

// read reads "anchor TYPE RDATA" or "key STATE held D of D DNSKEY RDATA".
func (p *TrustPoint) read(w []string) bool {
	switch {
	case w[0] == "anchor" && len(w) == 6 && w[1] == "DS":
		data, ok := readRDATA(w[2:5], hex.DecodeString, w[5])
		p.Anchors = append(p.Anchors, Anchor{Zone: p.Zone, Type: wire.TypeDS, Data: data})
		return ok
	case w[0] == "anchor" && len(w) == 6 && w[1] == "DNSKEY":
		data, ok := readRDATA(w[2:5], base64.StdEncoding.DecodeString, w[5])
		p.Anchors = append(p.Anchors, Anchor{Zone: p.Zone, Type: wire.TypeDNSKEY, Data: data})
		return ok
	case w[0] == "key" && len(w) == 11 && w[2] == "held" && w[4] == "of" && w[6] == "DNSKEY":
		k := TrackedKey{State: numKeyStates}
		for i, s := range keyStates {
			if s == w[1] {
				k.State = KeyState(i)
			}
		}
		var e1, e2 error
		k.Held, e1 = time.ParseDuration(w[3])
		k.Need, e2 = time.ParseDuration(w[5])
		data, ok := readRDATA(w[7:10], base64.StdEncoding.DecodeString, w[10])
		k.Data = data
		p.Keys = append(p.Keys, k)
		return ok && k.State < numKeyStates && e1 == nil && e2 == nil && len(data) > 4
	}
	return false
}

// rdataText is the RDATA of a DS or DNSKEY record in presentation form.
func rdataText(t wire.Type, d string) string {
	if t == wire.TypeDS {
		return fmt.Sprintf("%d %d %d %x", be16(d), d[2], d[3], d[4:])
	}
	return fmt.Sprintf("%d %d %d %s", be16(d), d[2], d[3], base64.StdEncoding.EncodeToString([]byte(d[4:])))
}

// readRDATA reads numbers of two, one and one octets and what is encoded behind them.
func readRDATA(numbers []string, decode func(string) ([]byte, error), rest string) (string, bool) {
	first, e1 := strconv.ParseUint(numbers[0], 10, 16)
	second, e2 := strconv.ParseUint(numbers[1], 10, 8)
	third, e3 := strconv.ParseUint(numbers[2], 10, 8)
	tail, e4 := decode(rest)
	data := append([]byte{byte(first >> 8), byte(first), byte(second), byte(third)}, tail...)
	return string(data), errors.Join(e1, e2, e3, e4) == nil
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

func readTime(s string) (time.Time, error) {
	if s == "never" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, s)
}
