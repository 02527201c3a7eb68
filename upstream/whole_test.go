//go:build long || attacks

package upstream

// forgeries is how many forged replies TestForgeriesAtUnknownPortsGainNothing sends.
const forgeries = 1_000_000
