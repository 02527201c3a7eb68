package dnssec

import (
	"context"
	"crypto"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/lab"
	"rootwalk/wire"
)

// This file owns what the tests share: records from text, keys to sign with, and
// a small walk through the lab that fetches what a validator wants.

// when is the instant that the tests happen at.
var when = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func name(s string) wire.Name { return wire.MustName(s).Lower() }

// records reads master-file text; owners are absolute.
func records(t testing.TB, text string) []dns.RR {
	t.Helper()
	z := dns.NewZoneParser(strings.NewReader("$TTL 3600\n"+text), ".", "")
	var out []dns.RR
	for rr, ok := z.Next(); ok; rr, ok = z.Next() {
		out = append(out, rr)
	}
	if err := z.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// raw turns records into the form in which the walk carries them.
func raw(t testing.TB, rrs ...dns.RR) []wire.Record {
	t.Helper()
	var out []wire.Record
	for _, rr := range rrs {
		h := rr.Header()
		owner := name(h.Name)
		buf := make([]byte, dns.Len(rr)+300)
		end, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			t.Fatalf("%s: %v", rr, err)
		}
		out = append(out, wire.Record{Name: owner, Type: wire.Type(h.Rrtype), Class: wire.Class(h.Class), TTL: h.Ttl, Data: string(buf[len(owner)+10 : end])})
	}
	return out
}

func group(t testing.TB, rrs ...dns.RR) []wire.RRset { return wire.Group(raw(t, rrs...)) }

// sets reads RRsets from text.
func sets(t testing.TB, text string) []wire.RRset { return group(t, records(t, text)...) }

// signer is a zone's key.
type signer struct {
	zone string
	key  *dns.DNSKEY
	priv crypto.Signer
}

// newSigner makes a key; every run has other ones.
func newSigner(t testing.TB, zone string, algorithm uint8, bits int) *signer {
	t.Helper()
	key := &dns.DNSKEY{Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600}, Flags: 257, Protocol: 3, Algorithm: algorithm}
	priv, err := key.Generate(bits)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{zone, key, priv.(crypto.Signer)}
}

func newP256(t testing.TB, zone string) *signer { return newSigner(t, zone, dns.ECDSAP256SHA256, 256) }

func (s *signer) keys(t testing.TB) []*Key {
	g := group(t, s.key)
	return ParseKeys(&g[0])
}

// sign signs one set after the change.
func (s *signer) sign(t testing.TB, rrs []dns.RR, change ...func(*dns.RRSIG)) *dns.RRSIG {
	t.Helper()
	sig := &dns.RRSIG{Hdr: dns.RR_Header{Ttl: rrs[0].Header().Ttl}, Algorithm: s.key.Algorithm, KeyTag: s.key.KeyTag(), SignerName: s.zone,
		Inception: uint32(when.Add(-time.Hour).Unix()), Expiration: uint32(when.Add(24 * time.Hour).Unix())}
	for _, c := range change {
		c(sig)
	}
	if err := sig.Sign(s.priv, rrs); err != nil {
		t.Fatal(err)
	}
	return sig
}

// signed reads sets from text and signs each.
func (s *signer) signed(t testing.TB, text string, change ...func(*dns.RRSIG)) []wire.RRset {
	t.Helper()
	type id struct {
		owner  string
		rrtype uint16
	}
	var order []id
	bySet := map[id][]dns.RR{}
	for _, rr := range records(t, text) {
		k := id{rr.Header().Name, rr.Header().Rrtype}
		if bySet[k] == nil {
			order = append(order, k)
		}
		bySet[k] = append(bySet[k], rr)
	}
	var out []wire.RRset
	for _, k := range order {
		rrs := bySet[k]
		out = append(out, group(t, append(rrs, s.sign(t, rrs, change...))...)...)
	}
	return out
}

// anchors makes an anchor of the zone's key.
func (s *signer) anchors(t testing.TB) []Anchor {
	t.Helper()
	a, err := AnchorOf(s.key.ToDS(dns.SHA256))
	if err != nil {
		t.Fatal(err)
	}
	return []Anchor{a}
}

// book is a Fetcher that has its replies written down; what it lacks is an error.
type book map[string]Fetched

var errNotInBook = errors.New("not in the book")

func (b book) Fetch(_ context.Context, q wire.Question) (Fetched, error) {
	if f, ok := b[q.String()]; ok {
		return f, nil
	}
	return Fetched{}, errNotInBook
}

// keySet is the DNSKEY set of a zone with one key, signed.
func (s *signer) keySet(t testing.TB) Fetched {
	t.Helper()
	return Fetched{Answer: group(t, s.key, s.sign(t, []dns.RR{s.key}))}
}

// options are those of a validator that lives at when, its boot clock at zero.
func options(anchors []Anchor) Options {
	return Options{Anchors: anchors, MaxIterations: 50, Now: func() time.Time { return when }, Clock: func() clock.Time { return 0 }}
}

// world is a lab with a validator that trusts its root.
type world struct {
	t       testing.TB
	net     *lab.Internet
	v       *Validator
	o       Options
	budget  *Budget
	fetched []string
	lines   []string
	// change may alter a reply on its way.
	change func(q wire.Question, m *wire.Message)
}

func newWorld(t testing.TB, text string) *world {
	t.Helper()
	n, _, err := lab.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, net: n}
	var anchors []Anchor
	for _, rr := range records(t, n.TrustAnchors()) {
		a, err := AnchorOf(rr)
		if err != nil {
			t.Fatal(err)
		}
		anchors = append(anchors, a)
	}
	w.o = options(anchors)
	w.fresh()
	return w
}

// fresh forgets what the validator knows.
func (w *world) fresh() {
	w.v = New(w.o)
	w.budget = NewBudget(false)
	w.fetched, w.lines = nil, nil
}

// reply is what example.com.'s server sends.
func (w *world) reply(q wire.Question) []byte {
	return w.exchange(netip.MustParseAddr("192.0.2.1"), q)
}

// exchange sends one question over TCP.
func (w *world) exchange(server netip.Addr, q wire.Question) []byte {
	w.t.Helper()
	c, err := w.net.Dial(context.Background(), "tcp", netip.AddrPortFrom(server, 53))
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	msg := wire.AppendQuestion([]byte{0, 0}, 1, 0, q.Name, q.Type, q.Class)
	msg = wire.AppendOPT(msg, 2, &wire.OPT{UDPSize: 1232, DO: true, EDE: wire.NoEDE})
	binary.BigEndian.PutUint16(msg, uint16(len(msg)-2))
	if _, err := c.Write(msg); err != nil {
		w.t.Fatal(err)
	}
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		w.t.Fatal(err)
	}
	reply := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, reply); err != nil {
		w.t.Fatal(err)
	}
	return reply
}

// ask sends one question and reads the reply as the walk does.
func (w *world) ask(server netip.Addr, q wire.Question) wire.Message {
	w.t.Helper()
	var m wire.Message
	if err := wire.Parse(w.exchange(server, q), &m); err != nil {
		w.t.Fatal(err)
	}
	if w.change != nil {
		w.change(q, &m)
	}
	return m
}

// walk goes from the root to the zone that answers, by glue alone.
func (w *world) walk(q wire.Question) (wire.Message, wire.Name) {
	w.t.Helper()
	zone, server := wire.Root, netip.MustParseAddr("198.41.0.4")
	for range 10 {
		m := w.ask(server, q)
		if m.AA() || m.Rcode != wire.NoError || len(m.Answer) > 0 {
			return m, zone
		}
		next, ok := referral(&m, zone)
		if !ok {
			return m, zone
		}
		zone = next
		for _, r := range m.Additional {
			if r.Type == wire.TypeA {
				server = netip.AddrFrom4([4]byte([]byte(r.Data)))
			}
		}
	}
	w.t.Fatalf("%s: the walk does not end", q)
	return wire.Message{}, ""
}

func referral(m *wire.Message, zone wire.Name) (wire.Name, bool) {
	for _, r := range m.Authority {
		if r.Type == wire.TypeNS && r.Name.Below(zone) {
			return r.Name, true
		}
	}
	return "", false
}

func (w *world) Fetch(_ context.Context, q wire.Question) (Fetched, error) {
	w.fetched = append(w.fetched, q.String())
	m, zone := w.walk(q)
	return Fetched{Rcode: m.Rcode, Answer: wire.Group(m.Answer), Authority: wire.Group(m.Authority), Zone: zone}, nil
}

// answer makes a piece of a reply, as the walk does.
func (w *world) answer(owner string, t wire.Type) *Answer {
	w.t.Helper()
	q := wire.Question{Name: name(owner), Type: t, Class: wire.ClassIN}
	m, zone := w.walk(q)
	return pieceOf(q, zone, &m)
}

func pieceOf(q wire.Question, zone wire.Name, m *wire.Message) *Answer {
	a := &Answer{Question: q, Zone: zone, Rcode: m.Rcode}
	answer, authority := wire.Group(m.Answer), wire.Group(m.Authority)
	at := q.Name
	for i := 0; i < len(answer); i++ {
		s := &answer[i]
		switch {
		case s.Type == q.Type && s.Name == at:
			a.Final = append(a.Final, *s)
		case s.Type == wire.TypeDNAME:
			a.Links = append(a.Links, *s)
		case s.Type == wire.TypeCNAME:
			a.Links = append(a.Links, *s)
			at = wire.NameAt(s.Data[0], 0).Lower()
		}
	}
	for i := range authority {
		switch s := &authority[i]; s.Type {
		case wire.TypeSOA:
			a.SOA = append(a.SOA, *s)
		case wire.TypeNSEC, wire.TypeNSEC3:
			a.Proofs = append(a.Proofs, *s)
		}
	}
	if len(a.Links) > 0 && len(a.Final) == 0 && len(a.SOA) == 0 && a.Rcode == wire.NoError {
		a.Next = at
	}
	return a
}

// judge asks and judges.
func (w *world) judge(owner, rrtype string) Verdict {
	w.t.Helper()
	return w.check(w.answer(owner, wire.Type(dns.StringToType[rrtype])))
}

func (w *world) check(a *Answer) Verdict {
	return w.v.Check(context.Background(), w, w.budget, a, func(s string) { w.lines = append(w.lines, s) })
}

var statusNames = map[cache.Status]string{cache.Unchecked: "unchecked", cache.Secure: "secure", cache.Insecure: "insecure", cache.Bogus: "bogus", cache.Indeterminate: "indeterminate"}

// want compares a verdict's status and extended error.
func want(t testing.TB, what string, v Verdict, status cache.Status, ede wire.EDE) {
	t.Helper()
	if v.Status != status || v.EDE != ede {
		t.Errorf("%s: %s with EDE %d (%s), want %s with EDE %d", what, statusNames[v.Status], int16(v.EDE), v.Reason, statusNames[status], int16(ede))
	}
}

// faults orders a fault of the lab.
func faults(t testing.TB, w *world, server, body string) {
	t.Helper()
	if err := w.net.SetFaults(server, body); err != nil {
		t.Fatal(err)
	}
}
