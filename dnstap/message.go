package dnstap

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// This file writes messages as dnstap.proto has them. Of protobuf that takes three
// forms of a field: numbers, four octets, and octets with their length before them.

// Type is who says what to whom (dnstap.proto, Message.Type).
type Type uint8

// The types that a resolver has.
const (
	ResolverQuery     Type = 3
	ResolverResponse  Type = 4
	ClientQuery       Type = 5
	ClientResponse    Type = 6
	ForwarderQuery    Type = 7
	ForwarderResponse Type = 8
)

// Message is one DNS message that was received or sent.
type Message struct {
	Type     Type
	TCP      bool           // else UDP
	Asker    netip.AddrPort // who sent the query; what is not valid is left out
	Asked    netip.AddrPort // whom it was sent to
	Zone     string         // for which a server was asked, in wire form; "" is left out
	Asks     time.Time      // when the query was sent or received
	Answers  time.Time      // when the response was; zero with a query
	Query    []byte         // the messages themselves; nil is left out
	Response []byte
}

// The fields of dnstap.proto, each with the form of its value: number<<3 | form.
const (
	number = 0
	octets = 2
	fixed  = 5

	tapIdentity = 1<<3 | octets
	tapVersion  = 2<<3 | octets
	tapMessage  = 14<<3 | octets
	tapType     = 15<<3 | number

	msgType           = 1<<3 | number
	msgFamily         = 2<<3 | number
	msgProtocol       = 3<<3 | number
	msgQueryAddr      = 4<<3 | octets
	msgResponseAddr   = 5<<3 | octets
	msgQueryPort      = 6<<3 | number
	msgResponsePort   = 7<<3 | number
	msgQuerySeconds   = 8<<3 | number
	msgQueryNanos     = 9<<3 | fixed
	msgQuery          = 10<<3 | octets
	msgZone           = 11<<3 | octets
	msgAnswerSeconds  = 12<<3 | number
	msgAnswerNanos    = 13<<3 | fixed
	msgResponse       = 14<<3 | octets
	typeMessage       = 1 // Dnstap.Type
	familyIPv4        = 1
	familyIPv6        = 2
	protocolUDP       = 1
	protocolTCP       = 2
	lengthRoom        = 3   // octets for the length of a message: up to 2 MiB
	mostOfFixedFields = 128 // octets of a frame without names and messages
)

// size is the most octets that the message takes in a frame, without what says who tells.
func (m *Message) size() int {
	return mostOfFixedFields + len(m.Zone) + len(m.Query) + len(m.Response)
}

// appendFrame appends the message as a data frame. teller is what appendTeller makes.
func appendFrame(b []byte, m *Message, teller []byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0) // the length of the frame
	b = append(b, teller...)
	b = append(b, tapMessage)
	length := len(b)
	b = append(b, make([]byte, lengthRoom)...)
	b = appendMessage(b, m)
	// A varint may be longer than it need be, which spares counting beforehand.
	n := len(b) - length - lengthRoom
	b[length], b[length+1], b[length+2] = byte(n)|0x80, byte(n>>7)|0x80, byte(n>>14)&0x7f
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

// appendTeller appends what is the same in all frames: who tells, and that it is of messages.
func appendTeller(b []byte, identity, version string) []byte {
	b = appendOctets(b, tapIdentity, identity)
	b = appendOctets(b, tapVersion, version)
	return append(b, tapType, typeMessage)
}

func appendMessage(b []byte, m *Message) []byte {
	b = append(b, msgType, byte(m.Type))
	if a := m.Asker.Addr().Unmap(); a.IsValid() {
		family := byte(familyIPv6)
		if a.Is4() {
			family = familyIPv4
		}
		b = append(b, msgFamily, family)
	}
	protocol := byte(protocolUDP)
	if m.TCP {
		protocol = protocolTCP
	}
	b = append(b, msgProtocol, protocol)
	b = appendPeer(b, m.Asker, msgQueryAddr, msgQueryPort)
	b = appendPeer(b, m.Asked, msgResponseAddr, msgResponsePort)
	b = appendTime(b, m.Asks, msgQuerySeconds, msgQueryNanos)
	b = appendOctets(b, msgQuery, m.Query)
	b = appendOctets(b, msgZone, m.Zone)
	b = appendTime(b, m.Answers, msgAnswerSeconds, msgAnswerNanos)
	return appendOctets(b, msgResponse, m.Response)
}

// appendPeer appends address and port. A socket of all addresses has a port only.
func appendPeer(b []byte, p netip.AddrPort, addrField, portField byte) []byte {
	switch a := p.Addr().Unmap(); {
	case a.Is4() && !a.IsUnspecified():
		octets := a.As4()
		b = appendOctets(b, addrField, octets[:])
	case a.Is6() && !a.IsUnspecified():
		octets := a.As16()
		b = appendOctets(b, addrField, octets[:])
	}
	if p.Port() != 0 {
		b = appendNumber(b, portField, uint64(p.Port()))
	}
	return b
}

func appendTime(b []byte, t time.Time, secondsField, nanosField byte) []byte {
	if t.IsZero() {
		return b
	}
	b = appendNumber(b, secondsField, uint64(t.Unix()))
	return binary.LittleEndian.AppendUint32(append(b, nanosField), uint32(t.Nanosecond()))
}

func appendNumber(b []byte, field byte, n uint64) []byte {
	return binary.AppendUvarint(append(b, field), n)
}

func appendOctets[T string | []byte](b []byte, field byte, value T) []byte {
	if len(value) == 0 {
		return b
	}
	return append(binary.AppendUvarint(append(b, field), uint64(len(value))), value...)
}
