package wire

import "github.com/miekg/dns"

// Type is a record type. Unknown ones are carried like the rest (RFC 3597).
type Type uint16

// The record types that the resolver itself has to know.
const (
	TypeA          Type = 1
	TypeNS         Type = 2
	TypeCNAME      Type = 5
	TypeSOA        Type = 6
	TypePTR        Type = 12
	TypeMX         Type = 15
	TypeTXT        Type = 16
	TypeAAAA       Type = 28
	TypeDNAME      Type = 39
	TypeOPT        Type = 41
	TypeDS         Type = 43
	TypeRRSIG      Type = 46
	TypeNSEC       Type = 47
	TypeDNSKEY     Type = 48
	TypeNSEC3      Type = 50
	TypeNSEC3PARAM Type = 51
	TypeSVCB       Type = 64
	TypeHTTPS      Type = 65
	TypeNXNAME     Type = 128
	TypeTKEY       Type = 249
	TypeTSIG       Type = 250
	TypeIXFR       Type = 251
	TypeAXFR       Type = 252
	TypeMAILB      Type = 253
	TypeMAILA      Type = 254
	TypeANY        Type = 255
)

// String is the mnemonic, or TYPE1234 (RFC 3597 section 5).
func (t Type) String() string { return dns.Type(t).String() }

// Meta tells whether the type is a question or transport type that no RRset
// can have (RFC 6895 section 3.1).
func (t Type) Meta() bool { return t == 0 || t == TypeOPT || (t >= 128 && t <= 255) }

// Class is a record class.
type Class uint16

// The classes that are spoken of.
const (
	ClassIN  Class = 1
	ClassCH  Class = 3
	ClassANY Class = 255
)

// Rcode is a response code, with the extended bits of EDNS (RFC 6891 section 6.1.3).
type Rcode uint16

// The response codes that the resolver reads or gives.
const (
	NoError  Rcode = 0
	FormErr  Rcode = 1
	ServFail Rcode = 2
	NXDomain Rcode = 3
	NotImp   Rcode = 4
	Refused  Rcode = 5
	YXDomain Rcode = 6
	NotAuth  Rcode = 9
	BadVers  Rcode = 16
)

// String is the mnemonic of the code.
func (r Rcode) String() string {
	if r == BadVers {
		return "BADVERS" // the library has the TSIG meaning of 16
	}
	if s, ok := dns.RcodeToString[int(r)]; ok {
		return s
	}
	return "RCODE" + itoa(int(r))
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// EDE is an extended DNS error code (RFC 8914), the reason behind a response code.
type EDE uint16

// The extended errors that are given. NoEDE is -1 in the registry's sense:
// 0 is "other error", so the absence needs a value of its own.
const (
	EDEOther            EDE = 0
	EDEStale            EDE = 3
	EDEStaleNXDomain    EDE = 19
	EDECachedError      EDE = 13
	EDENotReady         EDE = 14
	EDEBlocked          EDE = 15
	EDEProhibited       EDE = 18
	EDENotAuthoritative EDE = 20
	EDENotSupported     EDE = 21
	EDENoReachable      EDE = 22
	EDENetworkError     EDE = 23
	EDEInvalidData      EDE = 24
	EDEInvalidQueryType EDE = 30
	NoEDE               EDE = 0xffff
)
