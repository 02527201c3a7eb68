package resolver

import (
	"fmt"
	"slices"
	"time"

	"rootwalk/cache"
	"rootwalk/wire"
)

// This file puts what a walk learned into the cache, and bounds how long it
// stays there.

// maxNegative is the most octets of a negative answer that is kept.
//
//limit:negative_octets PowerDNS 8 KiB
const maxNegative = 8 << 10

// bound caps the TTLs of a piece that comes from a server and computes its own
// (RFC 2181 section 8, RFC 2308 section 5).
func (r *Resolver) bound(p *piece, k kind) {
	minimum, maximum := seconds(r.o.MinTTL), seconds(r.o.MaxTTL)
	p.ttl = maximum
	for _, sets := range [...][]wire.RRset{p.links, p.final} {
		for i := range sets {
			sets[i].TTL = max(min(sets[i].TTL, maximum), minimum)
			p.ttl = min(p.ttl, sets[i].TTL)
		}
	}
	if !k.negative() {
		return
	}
	if k == isYXDomain { // as long as the DNAME
		return
	}
	if len(p.soa) == 0 { // RFC 2308 section 5: not to be kept, unless the operator has it so for everything
		p.ttl = minimum
		return
	}
	soa := &p.soa[0]
	soa.TTL = min(soa.TTL, wire.SOAMinimum(soa.Data[0]))
	soa.TTL = max(min(soa.TTL, seconds(r.o.MaxNegativeTTL)), seconds(r.o.MinNegativeTTL))
	for i := range p.proofs { // RFC 9077: never longer than the negative answer
		p.proofs[i].TTL = min(p.proofs[i].TTL, soa.TTL)
	}
	p.ttl = min(p.ttl, soa.TTL)
}

func seconds(d time.Duration) uint32 { return uint32(d / time.Second) }

// keep stores each part of a piece under the question that it answers, so that
// another way to the same name finds it: aliases, and the leaf behind them.
// The answer to the client's own question is stored by Lookup.
func (w *walk) keep(q wire.Question, p *piece) {
	name := q.Name
	for i := range p.links {
		l := &p.links[i]
		// What the parent has in the place of DS records holds for no other type.
		if !parentSide(q.Type) && !(p.next == "" && fromWildcard(l)) && (l.Type == wire.TypeDNAME || q.Type != l.Type && !(i > 0 && p.links[i-1].Type == wire.TypeDNAME)) {
			w.r.keepReply(&wire.Reply{Question: wire.Question{Name: l.Name, Type: l.Type, Class: l.Class}, Answer: []wire.RRset{*l}, Authority: linkProofs(p)}, min(l.TTL, shortest(linkProofs(p))), standing{status: p.status})
		}
		if l.Type == wire.TypeCNAME {
			name = wire.NameAt(l.Data[0], 0).Lower()
		}
	}
	if p.next != "" {
		return
	}
	leaf := wire.Question{Name: name, Type: q.Type, Class: q.Class}
	if leaf == w.client {
		return
	}
	ttl := p.ttl
	if len(p.final) > 0 {
		ttl = shortest(p.final, p.proofs)
	} else if len(p.soa) > 0 {
		ttl = p.soa[0].TTL
	}
	if p.rcode == wire.YXDomain {
		return
	}
	w.r.keepReply(&wire.Reply{Question: leaf, Rcode: p.rcode, Answer: p.final, Authority: append(p.soa[:len(p.soa):len(p.soa)], p.proofs...)}, ttl, standing{p.status, p.flags, p.remark})
}

// fromWildcard tells whether a set was made from a wildcard, as far as its signatures
// say so (RFC 4034 section 3.1.3): without the proof that nothing is nearer no validator takes it.
func fromWildcard(s *wire.RRset) bool {
	return slices.ContainsFunc(s.Sigs, func(sig string) bool { return len(sig) > 3 && int(sig[3]) < s.Name.Labels() && !s.Name.Wildcard() })
}

// linkProofs are the proofs that an alias needs beside it: those of a piece that
// ends with it, so that they are of the wildcard that gave it.
func linkProofs(p *piece) []wire.RRset {
	if p.next == "" {
		return nil
	}
	return p.proofs
}

// keepReply is put for who needs no packed reply: one that is too long for a
// message is not kept.
func (r *Resolver) keepReply(rep *wire.Reply, ttl uint32, s standing) {
	_, _, _ = r.put(rep, ttl, s)
}

// standing is what is known of a reply beside its records.
type standing struct {
	status cache.Status
	flags  uint8  // see Reason
	remark string // the reason in words
}

// note is the standing of the whole answer.
func (w *walk) note() standing { return standing{w.status, w.flags, w.remark} }

// Reason is the extended error that goes with an answer from the cache. It is
// kept in the low bits of the entry's flags, one up, so that 0 is none.
func Reason(h cache.Header) wire.EDE {
	if h.Flags&reasonFlags == 0 {
		return wire.NoEDE
	}
	return wire.EDE(h.Flags&reasonFlags - 1)
}

// Remark is the reason in words. An answer without a reason has none, and is not to
// be asked for it.
func (r *Resolver) Remark(q wire.Question) string {
	var key cache.Key
	key.SetName(cache.Remark, q.Name.Lower(), q.Type, q.Class)
	h, b, ok := r.o.Cache.Get(&key, nil)
	if !ok || !h.Fresh(r.o.Clock().Seconds()) {
		return ""
	}
	return string(b)
}

// Compact tells whether an NXDOMAIN from the cache is proved by the record of a
// compact denial, which says so of a name that looks as if it existed: validators
// that do not know of that expect NOERROR with it (RFC 9824 section 5).
func Compact(h cache.Header) bool { return h.Flags&compactFlag != 0 }

const (
	reasonFlags = 0x7f
	compactFlag = 0x80
)

func flagsOf(e wire.EDE) uint8 {
	if e >= reasonFlags {
		return 0
	}
	return uint8(e) + 1
}

// both are the flags of an answer made of two pieces: the last reason that there is.
func both(a, b uint8) uint8 {
	if b&reasonFlags == 0 {
		b |= a & reasonFlags
	}
	return b | a&compactFlag
}

// put packs a reply and stores it for ttl seconds.
func (r *Resolver) put(rep *wire.Reply, ttl uint32, s standing) (cache.Header, wire.Packed, error) {
	var room [1500]byte
	packed, err := wire.Pack(room[:0], rep)
	if err != nil {
		return cache.Header{}, nil, err
	}
	if s.status == cache.Bogus || s.status == cache.Indeterminate { // for clients with CD; it may be mended soon
		ttl = min(ttl, lastBackoff)
	}
	h := cache.Header{Stored: r.o.Clock().Seconds(), Lifetime: ttl, Flags: s.flags, Status: s.status}
	if ttl > 0 && r.worthKeeping(rep, len(packed)) {
		var key cache.Key
		t := rep.Question.Type
		if rep.Rcode == wire.NXDomain && len(rep.Answer) == 0 && t != wire.TypeDS { // that is the parent's word alone
			t = cache.NameError
		}
		key.Set(cache.Answer, cache.Question{Name: []byte(rep.Question.Name), Type: t, Class: rep.Question.Class,
			CD: s.status == cache.Bogus || s.status == cache.Indeterminate})
		r.keepEntry(&key, h, packed)
	}
	if s.remark != "" {
		var key cache.Key
		key.Set(cache.Remark, cache.Question{Name: []byte(rep.Question.Name), Type: rep.Question.Type, Class: rep.Question.Class})
		r.keepEntry(&key, cache.Header{Stored: h.Stored, Lifetime: max(ttl, 1)}, []byte(s.remark))
	}
	return h, packed, nil
}

// maxRecords is the most records of a set that is kept; no honest one has more. The
// types of a name have no bound of their own: only those that were asked for are kept,
// each in an entry that is found by its hash and not along the others, so that they
// cost what as many names do, and the size of the cache bounds both.
//
//limit:set_records BIND 100, and 100 types of a name
const maxRecords = 100

// keepEntry stores what was found by the settings in force and after the last flush:
// what was before was forgotten then, and must not come back behind that.
func (r *Resolver) keepEntry(key *cache.Key, h cache.Header, payload []byte) {
	if !r.inForce() {
		return
	}
	r.o.Cache.Put(key, h, payload)
	if !r.inForce() { // just now
		r.o.Cache.Delete(key)
	}
}

// inForce tells whether there are no newer settings, and was no flush.
func (r *Resolver) inForce() bool { return r.newest.Load() == r }

// worthKeeping tells whether a reply may stay in the cache at all: one that is
// unreasonably large is passed on and forgotten.
func (r *Resolver) worthKeeping(rep *wire.Reply, octets int) bool {
	for i := range rep.Answer {
		if len(rep.Answer[i].Data) > maxRecords {
			r.stats.limits[limitSetRecords].Add(1)
			return false
		}
	}
	if len(rep.Answer) == 0 && octets > maxNegative {
		r.stats.limits[limitNegativeOctets].Add(1)
		return false
	}
	return true
}

// store packs the whole reply to a client's question and keeps it.
func (r *Resolver) store(q wire.Question, rep *wire.Reply, ttl uint32, s standing) (Result, error) {
	h, packed, err := r.put(rep, ttl, s)
	if err != nil {
		return Result{}, &Failure{EDE: wire.EDEOther, Text: fmt.Sprintf("answer to %s: %v", q, err)}
	}
	return Result{Reply: append(wire.Packed(nil), packed...), Header: h}, nil
}

// keepCut stores a delegation. It lives as long as the parent says, however
// often the child repeats it (ghost domains, CVE-2022-30698).
func (r *Resolver) keepCut(c *cache.Cut, ttl uint32) {
	ttl = min(ttl, seconds(r.o.MaxTTL))
	if ttl == 0 {
		return
	}
	var key cache.Key
	key.SetName(cache.Delegation, c.Zone, wire.TypeNS, wire.ClassIN)
	var room [1024]byte
	r.keepEntry(&key, cache.Header{Stored: r.o.Clock().Seconds(), Lifetime: ttl}, cache.AppendCut(room[:0], c))
}

// dropCut forgets a delegation whose servers do not serve the zone any more.
func (r *Resolver) dropCut(zone wire.Name) {
	var key cache.Key
	key.SetName(cache.Delegation, zone, wire.TypeNS, wire.ClassIN)
	r.o.Cache.Delete(&key)
}

// cut reads a delegation that is still in force, and until when it is.
func (r *Resolver) cut(zone wire.Name) (*cache.Cut, int64) {
	var key cache.Key
	key.SetName(cache.Delegation, zone, wire.TypeNS, wire.ClassIN)
	var room [1024]byte
	h, b, ok := r.o.Cache.Get(&key, room[:0])
	if !ok || !h.Fresh(r.o.Clock().Seconds()) {
		return nil, 0
	}
	c, ok := cache.ReadCut(zone, b)
	if !ok {
		return nil, 0
	}
	return c, h.Expires()
}

// The failure cache (RFC 9520 section 3.2): it goes on failing for longer and
// longer. Failures of the root and of forward zones concern many names, and are
// kept for the first time alone.
const (
	// firstBackoff is how long a failure is kept, in seconds.
	//
	//bound:failure BIND 1 s; PowerDNS 60 s
	firstBackoff = 5
	// lastBackoff is the most that the time doubles to, in seconds.
	//
	//bound:failure_again none
	lastBackoff = 30
)

// The codes that mark remembered failures which clients with CD do not share;
// they are never sent.
const (
	bogusRcode  = wire.Rcode(0xfff)
	judgedRcode = wire.Rcode(0xffe) // no verdict could be found
)

// remember stores that a question failed. Where there is stale data to answer
// with, it is not looked at again for longer.
func (r *Resolver) remember(q wire.Question, f *Failure, stale bool) {
	if !r.inForce() { // the zone is in no trouble for it either
		return
	}
	var key cache.Key
	key.SetName(cache.Failure, q.Name, q.Type, q.Class)
	now := r.o.Clock().Seconds()
	backoff := uint8(firstBackoff)
	if h, b, ok := r.o.Cache.Get(&key, nil); ok && now < h.Expires()+lastBackoff {
		if old, ok := cache.ReadFailed(b); ok && (old.Zone == "" || r.troubled.has(old.Zone)) {
			backoff = min(2*old.Backoff, lastBackoff)
		}
	}
	if f.wide { // it concerns many names, so its end is to be noticed at once
		backoff = firstBackoff
	}
	if stale {
		backoff = staleRecheck
	}
	rcode := wire.ServFail
	switch {
	case f.bogus:
		rcode = bogusRcode
	case f.judged:
		rcode = judgedRcode
	}
	r.keepEntry(&key, cache.Header{Stored: now, Lifetime: uint32(backoff)},
		cache.AppendFailed(nil, cache.Failed{Rcode: rcode, EDE: f.EDE, Backoff: backoff, Zone: f.silent, Text: f.Text}))
	if f.silent != "" {
		r.troubled.begin(f.silent)
	}
}

// forgive ends the memory of failures: the question has an answer.
func (r *Resolver) forgive(q wire.Question) {
	var key cache.Key
	key.SetName(cache.Failure, q.Name, q.Type, q.Class)
	r.o.Cache.Delete(&key)
}

// failedBefore tells whether the question failed when it was asked last, however
// long ago.
func (r *Resolver) failedBefore(q wire.Question) bool {
	var key cache.Key
	key.SetName(cache.Failure, q.Name, q.Type, q.Class)
	_, _, ok := r.o.Cache.Get(&key, nil)
	return ok
}

// failed finds a remembered failure.
func (r *Resolver) failed(q wire.Question, now int64) *Failure {
	var key cache.Key
	key.SetName(cache.Failure, q.Name, q.Type, q.Class)
	h, b, ok := r.o.Cache.Get(&key, nil)
	if !ok || !h.Fresh(now) {
		return nil
	}
	f, ok := cache.ReadFailed(b)
	if !ok || f.Zone != "" && !r.troubled.has(f.Zone) {
		return nil
	}
	return &Failure{EDE: f.EDE, Text: f.Text, cached: true, bogus: f.Rcode == bogusRcode, judged: f.Rcode == bogusRcode || f.Rcode == judgedRcode}
}

// describe says in a word what a packed reply is.
func describe(p wire.Packed) string {
	switch {
	case p.Rcode() != wire.NoError:
		return p.Rcode().String()
	case p.Answers() == 0:
		return "no data"
	}
	return "answer"
}

func remaining(h cache.Header, now int64) string {
	return fmt.Sprintf("%d s left", h.Expires()-now)
}
