package wire

import (
	"errors"
	"sync"
)

// The bounds on an upstream message. They hold before anything is allocated
// for it.
const (
	// MaxRecords is the most records of a message; a full UDP reply holds about 75 addresses.
	//
	//limit:message_records
	MaxRecords = 512
	// MaxNameBytes is the most octets of decompressed names of a message, as many
	// as the longest message has itself.
	//
	//limit:message_names
	MaxNameBytes = 64 << 10
	// MaxPointers is the most compression pointers that are followed in a message.
	//
	//limit:message_names Unbound 256 for a name
	MaxPointers = 4096
)

// The reasons why a message is not read.
var (
	ErrShort   = errors.New("message ends too early")
	ErrName    = errors.New("bad name in message")
	ErrRecords = errors.New("limit: records of a message")
	ErrNames   = errors.New("limit: compressed names of a message")
	ErrOPT     = errors.New("more than one OPT record")
)

// maxTTL is the largest TTL in seconds.
const maxTTL = 1<<31 - 1

// Record is one resource record. Name is lower case; Data is the RDATA as it
// was received, but with the names of the types of RFC 1035 decompressed.
type Record struct {
	Name  Name
	Type  Type
	Class Class
	TTL   uint32 // seconds, 31 bits; a larger one is taken as the largest (RFC 8767 section 4)
	Data  string
}

// Message is an upstream reply in the form that the walk reads. The slices
// share one array and the strings one string: keeping one record keeps all.
type Message struct {
	ID       uint16
	Flags    uint16
	Rcode    Rcode // with the upper bits of the OPT record
	QDCount  int
	Question Question // lower case; zero when QDCount is 0

	Answer, Authority, Additional []Record // without OPT

	EDNS    bool
	Version uint8
	UDPSize uint16
	DO      bool
	Options string // the OPT record's options

	Odd        int // records left out because their RDATA is not what their type wants
	OddAnswers int // of them those of the answer section
}

// AA tells whether the answer is authoritative.
func (m *Message) AA() bool { return m.Flags&FlagAA != 0 }

// TC tells whether the message was truncated.
func (m *Message) TC() bool { return m.Flags&FlagTC != 0 }

// parser holds what Parse needs for one message; pooled, since a message's
// own garbage is otherwise a third of the cost of reading it.
type parser struct {
	msg      []byte
	out      []byte // decompressed names and RDATA, becomes one string
	recs     []rawRecord
	pointers int
	names    int // octets of names written
	seen     [8]seenName
	nSeen    int
}

type rawRecord struct {
	name, nameEnd, data, dataEnd int32
	typ                          Type
	class                        Class
	ttl                          uint32
}

// seenName remembers where the owner name at an offset was decompressed to:
// most owners are a pointer to the question or to the owner before.
type seenName struct{ off, start, end int32 }

var parsers = sync.Pool{New: func() any { return new(parser) }}

// Parse reads an upstream message within the bounds above. A record whose RDATA
// does not fit its type is left out and counted in Odd; a message whose
// structure is broken is an error.
func Parse(msg []byte, m *Message) error {
	p := parsers.Get().(*parser)
	defer parsers.Put(p)
	*p = parser{msg: msg, out: p.out[:0], recs: p.recs[:0]}
	defer func() { p.msg = nil }()
	return p.parse(m)
}

func (p *parser) parse(m *Message) error {
	msg := p.msg
	if len(msg) < HeaderLen {
		return ErrShort
	}
	*m = Message{ID: u16(msg, offID), Flags: u16(msg, offFlags), QDCount: int(u16(msg, offQDCount))}
	m.Rcode = Rcode(m.Flags & rcodeMask)
	counts := [3]int{int(u16(msg, offANCount)), int(u16(msg, offNSCount)), int(u16(msg, offARCount))}
	if counts[0]+counts[1]+counts[2] > MaxRecords {
		return ErrRecords
	}
	off := HeaderLen
	if m.QDCount > 1 {
		return ErrRecords
	}
	qEnd := 0
	if m.QDCount == 1 {
		next, err := p.name(off)
		if err != nil {
			return err
		}
		if next+4 > len(msg) {
			return ErrShort
		}
		Lower(p.out)
		qEnd = len(p.out)
		p.remember(off, 0, qEnd)
		m.Question.Type, m.Question.Class = Type(u16(msg, next)), Class(u16(msg, next+2))
		off = next + 4
	}
	var kept [3]int
	for s, n := range counts {
		for ; n > 0; n-- {
			next, err := p.record(off, m)
			if err != nil {
				return err
			}
			off = next
		}
		kept[s] = len(p.recs)
		if s == 0 {
			m.OddAnswers = m.Odd
		}
	}
	all := string(p.out)
	m.Question.Name = Name(all[:qEnd])
	recs := make([]Record, len(p.recs))
	for i, r := range p.recs {
		recs[i] = Record{Name: Name(all[r.name:r.nameEnd]), Type: r.typ, Class: r.class, TTL: r.ttl, Data: all[r.data:r.dataEnd]}
	}
	m.Answer = recs[:kept[0]:kept[0]]
	m.Authority = recs[kept[0]:kept[1]:kept[1]]
	m.Additional = recs[kept[1]:]
	return nil
}

// record reads the record at off and returns the offset behind it.
func (p *parser) record(off int, m *Message) (int, error) {
	msg := p.msg
	start, end, next, err := p.owner(off)
	if err != nil {
		return 0, err
	}
	if next+10 > len(msg) {
		return 0, ErrShort
	}
	r := rawRecord{name: start, nameEnd: end, typ: Type(u16(msg, next)), class: Class(u16(msg, next+2)), ttl: u32(msg, next+4)}
	data := next + 10
	stop := data + int(u16(msg, next+8))
	if stop > len(msg) {
		return 0, ErrShort
	}
	if r.typ == TypeOPT {
		if m.EDNS {
			return 0, ErrOPT
		}
		m.EDNS = true
		m.UDPSize, m.Version = uint16(r.class), byte(r.ttl>>16)
		m.Rcode |= Rcode(r.ttl>>24) << 4
		m.DO = r.ttl&0x8000 != 0
		m.Options = string(msg[data:stop])
		return stop, nil
	}
	if r.ttl > maxTTL {
		r.ttl = maxTTL
	}
	r.data = int32(len(p.out))
	ok, err := p.rdata(r.typ, data, stop)
	if err != nil {
		return 0, err
	}
	if !ok {
		m.Odd++
		p.out = p.out[:r.data]
		return stop, nil
	}
	r.dataEnd = int32(len(p.out))
	p.recs = append(p.recs, r)
	return stop, nil
}

// owner decompresses the owner name at off into out, lowered, or finds it
// there already.
func (p *parser) owner(off int) (start, end int32, next int, err error) {
	at := off
	if off+1 < len(p.msg) && p.msg[off] >= 0xc0 {
		at = int(u16(p.msg, off) & 0x3fff)
		for _, s := range p.seen[:p.nSeen] {
			if int(s.off) == at {
				p.pointers++
				return s.start, s.end, off + 2, nil
			}
		}
	}
	begin := len(p.out)
	if next, err = p.name(off); err != nil {
		return 0, 0, 0, err
	}
	Lower(p.out[begin:])
	p.remember(at, begin, len(p.out))
	return int32(begin), int32(len(p.out)), next, nil
}

func (p *parser) remember(off, start, end int) {
	if p.nSeen < len(p.seen) {
		p.seen[p.nSeen] = seenName{int32(off), int32(start), int32(end)}
		p.nSeen++
	}
}

// name decompresses the name at off to the end of out and returns the offset
// behind it. Pointers must point backwards, so that every name ends.
func (p *parser) name(off int) (int, error) {
	msg, begin, next, limit := p.msg, len(p.out), -1, off
	for {
		if off >= len(msg) {
			return 0, ErrShort
		}
		c := int(msg[off])
		switch {
		case c == 0:
			p.out = append(p.out, 0)
			n := len(p.out) - begin
			if n > MaxName {
				return 0, ErrName
			}
			if p.names += n; p.names > MaxNameBytes {
				return 0, ErrNames
			}
			if next < 0 {
				next = off + 1
			}
			return next, nil
		case c < 64:
			if off+1+c > len(msg) {
				return 0, ErrShort
			}
			p.out = append(p.out, msg[off:off+1+c]...)
			if len(p.out)-begin > MaxName {
				return 0, ErrName
			}
			off += 1 + c
		case c >= 0xc0:
			if off+2 > len(msg) {
				return 0, ErrShort
			}
			if p.pointers++; p.pointers > MaxPointers {
				return 0, ErrNames
			}
			if next < 0 {
				next = off + 2
			}
			to := int(u16(msg, off) & 0x3fff)
			if to >= limit || to < HeaderLen {
				return 0, ErrName
			}
			off, limit = to, to
		default:
			return 0, ErrName
		}
	}
}
