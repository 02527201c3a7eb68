package dnssec

import "rootwalk/wire"

// The extended errors of validation (RFC 8914 section 4, RFC 9276 section 3.2).
const (
	EDEOther                 wire.EDE = 0
	EDEUnsupportedAlgorithm  wire.EDE = 1
	EDEUnsupportedDigest     wire.EDE = 2
	EDEIndeterminate         wire.EDE = 5
	EDEBogus                 wire.EDE = 6
	EDEExpired               wire.EDE = 7
	EDENotYetValid           wire.EDE = 8
	EDEKeyMissing            wire.EDE = 9
	EDESignaturesMissing     wire.EDE = 10
	EDENoZoneKey             wire.EDE = 11
	EDEDenialMissing         wire.EDE = 12
	EDEExpiredBeforeValid    wire.EDE = 25
	EDEUnsupportedIterations wire.EDE = 27
)
