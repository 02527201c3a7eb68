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
	if len(b) < 6 || len(b) < 6+int(b[5]) {
		return Failed{}, false
	}
	return Failed{
		Rcode:   wire.Rcode(b[0])<<8 | wire.Rcode(b[1]),
		EDE:     wire.EDE(b[2])<<8 | wire.EDE(b[3]),
		Backoff: b[4],
		Zone:    wire.Name(b[6 : 6+int(b[5])]),
		Text:    string(b[6+int(b[5]):]),
	}, true
}
