//go:build !long && !attacks

package upstream

// forgeries is how many forged replies TestForgeriesAtUnknownPortsGainNothing sends.
const forgeries = 200_000
