package server

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"

	"rootwalk/cache"
	"rootwalk/dnssec"
	"rootwalk/policy"
	"rootwalk/resolver"
	"rootwalk/wire"
)

// Transport is how a query came.
type Transport uint8

// The transports.
const (
	UDP Transport = iota
	TCP
	numTransports
)

var transportNames = [numTransports]string{"udp", "tcp"}

// String is the name of the transport in metrics and logs.
func (t Transport) String() string { return transportNames[t] }

// Meta is what is known of a query beside its bytes.
type Meta struct {
	Client    netip.Addr
	Local     *netip.AddrPort // the socket that it came to; nil is not known
	Port      uint16          // of the client; 0 is not known
	Transport Transport
	Profile   uint8 // the set of policies that applies; 0 is the only one yet
}

// payloadSize is the largest UDP payload that we take and send (RFC 9715 section 3).
const payloadSize = 1232

// anyPayload is the same of replies to ANY, whatever the client takes: whoever wants all
// that a name has shows by TCP that it is not somebody else who pretends to ask
// (RFC 8482 section 4.4).
const anyPayload = 512

// Handle answers a query: it appends the reply to dst and returns it, or nil
// when there is to be none. It may take as long as a walk does. A panic costs
// only this query.
func (s *Server) Handle(ctx context.Context, dst, query []byte, meta Meta) []byte {
	w := s.borrow()
	defer s.giveBack(w)
	start := w.now
	query = query[:min(len(query), maxQuery)]
	var q wire.Query
	reply, done := w.quickSafe(dst, query, meta, &q)
	how := hit
	if !done {
		reply, how = w.resolveSafe(ctx, dst, query, meta, &q), miss
	}
	if reply != nil {
		w.stats.latency(how, s.o.Clock().Sub(start), 1)
	}
	return reply
}

// quick answers what needs no walk: cached answers, and all that is not to be
// resolved. done is false when the question has to be resolved; a nil reply with
// done says that there is none. It allocates nothing and never blocks.
func (w *worker) quick(dst, query []byte, meta Meta, q *wire.Query) (reply []byte, done bool) {
	verdict := wire.ParseQuery(query, q)
	if verdict == wire.Drop {
		w.stats.dropped.Add(1)
		return nil, true
	}
	w.stats.query(meta.Transport, q.Type)
	switch w.set.Load().Allow.Judge(meta.Client) {
	case policy.Refuse:
		return w.refuse(dst, query, meta, q, wire.Refused, wire.EDEProhibited), true
	case policy.Deny:
		w.stats.dropped.Add(1)
		return nil, true
	}
	switch verdict {
	case wire.Malformed:
		return w.refuse(dst, query, meta, q, wire.FormErr, wire.NoEDE), true
	case wire.NotImplemented:
		return w.refuse(dst, query, meta, q, wire.NotImp, wire.NoEDE), true
	case wire.WrongVersion:
		return w.refuse(dst, query, meta, q, wire.BadVers, wire.NoEDE), true
	case wire.CookieOnly:
		return w.error(dst, query, meta, q, wire.NoError, wire.NoEDE, ""), true
	}
	switch {
	case q.Type == wire.TypeNXNAME: // RFC 9824 section 3.5
		return w.refuse(dst, query, meta, q, wire.FormErr, wire.EDEInvalidQueryType), true
	case q.Type == wire.TypeAXFR || q.Type == wire.TypeIXFR:
		return w.refuse(dst, query, meta, q, wire.Refused, wire.EDENotSupported), true
	case q.Class == wire.ClassCH:
		return w.identity(dst, query, meta, q), true
	case q.Class != wire.ClassIN:
		return w.refuse(dst, query, meta, q, wire.Refused, wire.EDENotSupported), true
	case q.Type.Meta() && q.Type != wire.TypeANY:
		return w.refuse(dst, query, meta, q, wire.NotImp, wire.EDENotSupported), true
	}
	return w.cached(dst, query, meta, q)
}

// cached answers from the cache.
func (w *worker) cached(dst, query []byte, meta Meta, q *wire.Query) ([]byte, bool) {
	w.key.Set(cache.Answer, cache.Question{Name: query[wire.HeaderLen:q.NameEnd], Type: q.Type, Class: q.Class, CD: false, Profile: meta.Profile})
	now, r := w.now.Seconds(), w.set.Load().Resolver
	h, b, ok := w.o.Cache.GetAnswer(&w.key, w.room[:0], now)
	w.room = b[:0] // it may have grown
	if !ok || !r.Serves(h, q.CD()) {
		return nil, false
	}
	a := answer{packed: b, age: h.Age(now), status: h.Status, ede: resolver.Reason(h), compact: resolver.Compact(h)}
	if !h.Fresh(now) {
		if q.CD() || !q.RD() || !r.ServesStale(&w.key, h, now) { // with CD there may be something else
			return nil, false
		}
		return w.write(dst, query, meta, q, w.stale(a)), true
	}
	w.stats.kinds[0][kindOf(b)].Add(1)
	if r.DueForRefresh(h, now) {
		r.Refresh(wire.Question{Name: q.QuestionName(query), Type: q.Type, Class: q.Class})
	}
	if a.ede != wire.NoEDE {
		a.text = w.remark(query, q)
	}
	return w.write(dst, query, meta, q, a), true
}

// stale makes an answer that of data whose TTL has run out.
func (w *worker) stale(a answer) answer {
	w.stats.stale.Add(1)
	w.stats.kinds[1][kindOf(a.packed)].Add(1)
	a.maxTTL, a.ede, a.text = w.set.Load().StaleTTL, wire.EDEStale, ""
	a.status = cache.Unchecked // its signatures may have run out as well: no AD
	if a.packed.Rcode() == wire.NXDomain {
		a.ede = wire.EDEStaleNXDomain
	}
	return a
}

// resolve answers a question by a walk.
func (w *worker) resolve(ctx context.Context, dst, query []byte, meta Meta, q *wire.Query) []byte {
	w.stats.misses.Add(1)
	res, err := w.set.Load().Resolver.Lookup(ctx, request(query, q))
	return w.resolved(dst, query, meta, q, res, err)
}

// request is what the resolver is asked for a query.
func request(query []byte, q *wire.Query) resolver.Request {
	return resolver.Request{Question: wire.Question{Name: q.QuestionName(query), Type: q.Type, Class: q.Class}, CD: q.CD(), CacheOnly: !q.RD()}
}

// resolved answers a question with what the resolver says.
func (w *worker) resolved(dst, query []byte, meta Meta, q *wire.Query, res resolver.Result, err error) []byte {
	if err != nil {
		return w.failed(dst, query, meta, q, err)
	}
	a := answer{packed: res.Reply, age: res.Header.Age(w.o.Clock().Seconds()), status: res.Header.Status, ede: resolver.Reason(res.Header), compact: resolver.Compact(res.Header)}
	if a.ede != wire.NoEDE {
		a.text = w.remark(query, q)
	}
	if res.Stale {
		a = w.stale(a)
	}
	return w.write(dst, query, meta, q, a)
}

// failed answers a question that has no answer.
func (w *worker) failed(dst, query []byte, meta Meta, q *wire.Query, err error) []byte {
	var f *resolver.Failure
	if !errors.As(err, &f) {
		f = &resolver.Failure{EDE: wire.EDEOther, Text: err.Error()}
	}
	switch {
	case f.EDE == wire.EDENotAuthoritative:
		return w.refuse(dst, query, meta, q, wire.Refused, f.EDE)
	case f.Cached() && !f.Judged(): // why validation failed is worth more than that it did so before
		w.stats.rcode(wire.ServFail)
		return w.error(dst, query, meta, q, wire.ServFail, wire.EDECachedError, f.Text)
	}
	w.stats.rcode(wire.ServFail)
	return w.error(dst, query, meta, q, wire.ServFail, f.EDE, f.Text)
}

// answer is a packed reply and what is to be said with it.
type answer struct {
	packed  wire.Packed
	age     uint32 // seconds
	maxTTL  uint32 // seconds, of stale answers; 0 is none
	status  cache.Status
	ede     wire.EDE
	text    string // of the ede
	compact bool   // see resolver.Compact
}

// write shapes a packed reply for one client: its ID, flags and question, its
// letter case, TTLs counted down, addresses rotated, DNSSEC records if it wants
// them, and truncated if it is too long for its UDP payload.
func (w *worker) write(dst, query []byte, meta Meta, q *wire.Query, a answer) []byte {
	start := len(dst)
	flags := wire.FlagRA
	if a.status == cache.Secure && (q.DO || q.Flags&wire.FlagAD != 0) { // RFC 6840 section 5.7
		flags |= wire.FlagAD
	}
	rcode := a.packed.Rcode()
	if a.compact && q.DO && !q.CO && rcode == wire.NXDomain { // RFC 9824 section 5.1
		rcode = wire.NoError
	}
	if a.status == cache.Secure && !q.CD() {
		if text, ok := w.sentinel(query, q); ok {
			w.stats.rcode(wire.ServFail)
			return w.error(dst, query, meta, q, wire.ServFail, dnssec.EDEBogus, text) // as if validation had failed
		}
	}
	w.stats.rcode(rcode)
	dst = q.AppendHeader(dst, query, flags, rcode)
	limit := 65535
	if meta.Transport == UDP {
		limit = min(q.UDPSize, payloadSize)
		if q.Type == wire.TypeANY {
			limit = anyPayload
		}
	}
	if !q.EDNS {
		return w.body(dst, start, limit, q, a)
	}
	var opt wire.OPT
	w.opt(&opt, query, meta, q, rcode, a.ede)
	dst = w.body(dst, start, limit-opt.Len(), q, a)
	if opt.EDE != wire.NoEDE { // where there is room
		opt.Text = a.text[:max(0, min(len(a.text), limit-(len(dst)-start)-opt.Len()))]
	}
	return wire.AppendOPT(dst, start, &opt)
}

// body appends the records of the answer to header and question, which begin at
// start, or sets TC where the message would be longer than limit.
func (w *worker) body(dst []byte, start, limit int, q *wire.Query, a answer) []byte {
	if len(dst)-start+a.packed.Len(q.DO) > limit {
		w.stats.truncated.Add(1)
		return wire.Truncate(dst, start)
	}
	return a.packed.Append(dst, start, wire.Shape{Age: a.age, MaxTTL: a.maxTTL, DO: q.DO, Rotate: rand.Uint32()})
}

// remark is the reason of an answer in words.
func (w *worker) remark(query []byte, q *wire.Query) string {
	return w.set.Load().Resolver.Remark(wire.Question{Name: q.QuestionName(query), Type: q.Type, Class: q.Class})
}

// refuse answers with a bare response code.
func (w *worker) refuse(dst, query []byte, meta Meta, q *wire.Query, rcode wire.Rcode, ede wire.EDE) []byte {
	w.stats.refused.Add(1)
	w.stats.rcode(rcode)
	return w.error(dst, query, meta, q, rcode, ede, "")
}

// error writes a reply without records.
func (w *worker) error(dst, query []byte, meta Meta, q *wire.Query, rcode wire.Rcode, ede wire.EDE, text string) []byte {
	start := len(dst)
	flags := wire.FlagRA
	if rcode == wire.Refused && ede == wire.EDEProhibited {
		flags = 0 // recursion is not available to this client
	}
	dst = q.AppendHeader(dst, query, flags, rcode)
	if !q.EDNS {
		return dst
	}
	var opt wire.OPT
	w.opt(&opt, query, meta, q, rcode, ede)
	if opt.EDE != wire.NoEDE { // as much of the text as the shortest payload has room for
		opt.Text = text[:max(0, min(len(text), 512-(len(dst)-start)-opt.Len()))]
	}
	return wire.AppendOPT(dst, start, &opt)
}
