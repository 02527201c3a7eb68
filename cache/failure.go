package cache

import "rootwalk/wire"

// Failed is why a question could not be answered, and for how long it is not
// asked again (RFC 9520 section 3.2).
type Failed struct {
	Rcode   wire.Rcode
	EDE     wire.EDE
	Backoff uint8     // seconds that this failure is kept; the next is kept twice as long
	Zone    wire.Name // whose servers were all silent; "" where it was something else
	Text    string    // EXTRA-TEXT of the EDE
}

// AppendFailed appends the flat form of a failure.
func AppendFailed(dst []byte, f Failed) []byte {
	dst = append(dst, byte(f.Rcode>>8), byte(f.Rcode), byte(f.EDE>>8), byte(f.EDE), f.Backoff, byte(len(f.Zone)))
	dst = append(dst, f.Zone...)
	return append(dst, f.Text...)
}

// ReadFailed reads the flat form of a failure.
func ReadFailed(b []byte) (Failed, bool) {
	rcode, zone, ok := PeekFailed(b)
	if !ok {
		return Failed{}, false
	}
	return Failed{
		Rcode:   rcode,
		EDE:     wire.EDE(b[2])<<8 | wire.EDE(b[3]),
		Backoff: b[4],
		Zone:    wire.Name(zone),
		Text:    string(b[failedFixed+len(zone):]),
	}, true
}

// failedFixed is the number of octets before the zone.
const failedFixed = 6

// PeekFailed reads code and zone alone, in place.
func PeekFailed(b []byte) (rcode wire.Rcode, zone []byte, ok bool) {
	if len(b) < failedFixed || len(b) < failedFixed+int(b[5]) {
		return 0, nil, false
	}
	return wire.Rcode(b[0])<<8 | wire.Rcode(b[1]), b[failedFixed : failedFixed+int(b[5])], true
}
