// Package dnstap tells a reader outside what is asked and answered, message by
// message, in the form of dnstap (https://dnstap.info): protobuf over Frame Streams,
// which fstrm_capture, dnstap and many collectors read.
//
// Nobody who answers waits for who reads. [Tap.Add] writes a message into a buffer
// of bounded size and returns; one goroutine carries what has gathered to the reader,
// many messages with one write, and connects again when the reader went away. What
// finds no room is left out, and counted.
package dnstap
