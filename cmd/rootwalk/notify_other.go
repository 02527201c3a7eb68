//go:build !linux

package main

// reloadingState is for systemd, which there is on Linux alone.
func reloadingState() string { return "" }
