package wire

// Query is a client's query, read in place: it holds numbers and offsets into
// the packet, never bytes of it, so reading one allocates nothing.
type Query struct {
	ID      uint16
	Flags   uint16
	NameEnd int // offset behind the question's name, which begins at HeaderLen
	Type    Type
	Class   Class

	EDNS    bool
	Version uint8
	DO      bool
	CO      bool // compact denials may come with NXDOMAIN (RFC 9824 section 5.1)
	UDPSize int  // largest reply over UDP in octets, at least 512 (RFC 6891 section 6.2.3)
	NSID    bool

	Cookie    int  // length of the client's cookie option (RFC 7873), 0 when absent
	CookieAt  int  // where its data begins
	Keepalive bool // the client wants to know how long the connection may idle (RFC 7828)
}

// RD tells whether recursion is desired.
func (q *Query) RD() bool { return q.Flags&FlagRD != 0 }

// CD tells whether checking is disabled (RFC 4035 section 3.2.2).
func (q *Query) CD() bool { return q.Flags&FlagCD != 0 }

// QuestionEnd is the offset behind the question section.
func (q *Query) QuestionEnd() int { return q.NameEnd + 4 }

// Verdict is what to do with a client's packet.
type Verdict uint8

// The verdicts of ParseQuery.
const (
	Accept         Verdict = iota // a well-formed query with one question
	Drop                          // not a query, or too short to answer (never answer an answer)
	Malformed                     // FORMERR
	NotImplemented                // NOTIMP: an opcode other than QUERY
	WrongVersion                  // BADVERS: an EDNS version over 0 (RFC 6891 section 6.1.3)
	CookieOnly                    // no question, only a cookie: answered with one (RFC 7873 section 5.4)
)

// ParseQuery reads a client's packet. Every verdict but Drop leaves at least ID
// and Flags in q; QuestionEnd is valid where NameEnd is not zero.
func ParseQuery(b []byte, q *Query) Verdict {
	*q = Query{UDPSize: 512}
	if len(b) < HeaderLen {
		return Drop
	}
	q.ID, q.Flags = u16(b, offID), u16(b, offFlags)
	if q.Flags&FlagQR != 0 {
		return Drop
	}
	if Opcode(q.Flags) != 0 {
		return NotImplemented
	}
	off := HeaderLen
	switch u16(b, offQDCount) {
	case 0:
	case 1:
		end := questionNameEnd(b)
		if end < 0 || end+4 > len(b) {
			return Malformed
		}
		q.NameEnd = end
		q.Type, q.Class = Type(u16(b, end)), Class(u16(b, end+2))
		off = end + 4
	default:
		return Malformed
	}
	for n := int(u16(b, offANCount)) + int(u16(b, offNSCount)); n > 0; n-- {
		if off = skipRecord(b, off); off < 0 {
			return Malformed
		}
	}
	verdict := Accept
	for n := int(u16(b, offARCount)); n > 0; n-- {
		next := skipRecord(b, off)
		if next < 0 {
			return Malformed
		}
		nameEnd := skipName(b, off)
		if Type(u16(b, nameEnd)) == TypeOPT {
			if q.EDNS || b[off] != 0 {
				return Malformed
			}
			if !q.readOPT(b, nameEnd, next) {
				return Malformed
			}
			if q.Version != 0 {
				verdict = WrongVersion
			}
		}
		off = next
	}
	if q.NameEnd == 0 && verdict == Accept {
		if q.Cookie == 0 {
			return Malformed
		}
		return CookieOnly
	}
	return verdict
}

// questionNameEnd returns the offset behind the question's name or -1. A
// pointer cannot stand there: nothing is before it but the header.
func questionNameEnd(b []byte) int {
	off := HeaderLen
	for off < len(b) {
		c := int(b[off])
		if c == 0 {
			if off+1-HeaderLen > MaxName {
				return -1
			}
			return off + 1
		}
		if c > 63 {
			return -1
		}
		off += 1 + c
	}
	return -1
}

// The EDNS options that are read in a query.
const (
	OptionNSID      uint16 = 3  // RFC 5001
	OptionCookie    uint16 = 10 // RFC 7873
	OptionKeepalive uint16 = 11 // RFC 7828
	OptionEDE       uint16 = 15 // RFC 8914
)

// readOPT reads the OPT record whose fixed part is at off and whose options
// end at end.
func (q *Query) readOPT(b []byte, off, end int) bool {
	q.EDNS = true
	q.UDPSize = max(512, int(u16(b, off+2)))
	q.Version = b[off+5]
	q.DO, q.CO = b[off+6]&0x80 != 0, b[off+6]&0x40 != 0
	for o := off + 10; o < end; {
		if o+4 > end {
			return false
		}
		code, n := u16(b, o), int(u16(b, o+2))
		if o += 4 + n; o > end {
			return false
		}
		switch code {
		case OptionNSID:
			q.NSID = true
		case OptionCookie: // RFC 7873 section 5.2.2: 8 octets alone, or 8 and 8 to 32
			if n != 8 && (n < 16 || n > 40) {
				return false
			}
			q.Cookie, q.CookieAt = n, o-n
		case OptionKeepalive: // RFC 7828 section 3.2.1: a client sends it empty
			if n != 0 {
				return false
			}
			q.Keepalive = true
		}
	}
	return true
}

// QuestionName is the question's name as the client wrote it.
func (q *Query) QuestionName(b []byte) Name { return Name(b[HeaderLen:q.NameEnd]) }

// AppendHeader appends a reply's header and, where the query had a readable
// one, its question. Counts of records are zero.
func (q *Query) AppendHeader(dst, query []byte, flags uint16, rcode Rcode) []byte {
	var h [HeaderLen]byte
	putU16(h[:], offID, q.ID)
	echo := q.Flags & (opcodeMask<<opcodeShift | FlagRD | FlagCD)
	putU16(h[:], offFlags, echo|flags|FlagQR|uint16(rcode)&rcodeMask)
	if q.NameEnd == 0 {
		return append(dst, h[:]...)
	}
	putU16(h[:], offQDCount, 1)
	dst = append(dst, h[:]...)
	return append(dst, query[HeaderLen:q.QuestionEnd()]...)
}

// OPT is the EDNS record of a reply.
type OPT struct {
	UDPSize uint16 // the payload that we take
	Rcode   Rcode  // its upper bits travel here
	DO      bool   // echoed (RFC 3225)
	CO      bool   // echoed (RFC 9824 section 5.1)
	EDE     EDE    // NoEDE for none
	Text    string // EXTRA-TEXT of the EDE

	NSID      string          // RFC 5001; "" for none
	Keepalive uint16          // RFC 7828, in units of 100 ms; 0 for none
	Cookie    [CookieLen]byte // RFC 7873
	HasCookie bool
}

// CookieLen is the length of a client's and our cookie together in octets, RFC 9018 section 4.
const CookieLen = 24

// Len is the length of the record in octets.
func (o *OPT) Len() int {
	n := 11
	if o.EDE != NoEDE {
		n += 6 + len(o.Text)
	}
	if o.NSID != "" {
		n += 4 + len(o.NSID)
	}
	if o.Keepalive != 0 {
		n += 6
	}
	if o.HasCookie {
		n += 4 + CookieLen
	}
	return n
}

// AppendOPT appends the OPT record and counts it in the header that begins at
// start.
func AppendOPT(dst []byte, start int, o *OPT) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, byte(TypeOPT), byte(o.UDPSize>>8), byte(o.UDPSize), byte(o.Rcode>>4), 0, 0, 0, 0, 0)
	if o.DO {
		dst[at+7] |= 0x80
	}
	if o.CO {
		dst[at+7] |= 0x40
	}
	if o.EDE != NoEDE {
		n := 2 + len(o.Text)
		dst = append(dst, 0, byte(OptionEDE), byte(n>>8), byte(n), byte(o.EDE>>8), byte(o.EDE))
		dst = append(dst, o.Text...)
	}
	if o.NSID != "" {
		dst = append(dst, 0, byte(OptionNSID), byte(len(o.NSID)>>8), byte(len(o.NSID)))
		dst = append(dst, o.NSID...)
	}
	if o.Keepalive != 0 {
		dst = append(dst, 0, byte(OptionKeepalive), 0, 2, byte(o.Keepalive>>8), byte(o.Keepalive))
	}
	if o.HasCookie {
		dst = append(dst, 0, byte(OptionCookie), 0, CookieLen)
		dst = append(dst, o.Cookie[:]...)
	}
	putU16(dst, at+9, uint16(len(dst)-at-11))
	putU16(dst, start+offARCount, u16(dst, start+offARCount)+1)
	return dst
}

// Question is what is asked of an upstream server.
type Question struct {
	Name  Name // lower case
	Type  Type
	Class Class
}

// String is "name class type" in presentation form; the class is left out when it is IN.
func (q Question) String() string {
	if q.Class != ClassIN {
		return q.Name.String() + " CLASS" + itoa(int(q.Class)) + " " + q.Type.String()
	}
	return q.Name.String() + " " + q.Type.String()
}

// AppendQuestion appends a query message with the given flags and no EDNS.
func AppendQuestion(dst []byte, id, flags uint16, name Name, t Type, c Class) []byte {
	dst = append(dst, byte(id>>8), byte(id), byte(flags>>8), byte(flags), 0, 1, 0, 0, 0, 0, 0, 0)
	dst = append(dst, name...)
	return append(dst, byte(t>>8), byte(t), byte(c>>8), byte(c))
}
