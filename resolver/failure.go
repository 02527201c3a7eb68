package resolver

import (
	"context"
	"errors"
	"fmt"

	"rootwalk/wire"
)

// Failure is why a question has no answer: the extended error that goes to the
// client with SERVFAIL (RFC 8914), and words for people.
type Failure struct {
	EDE  wire.EDE
	Text string

	limit   bool      // one of our own bounds was hit
	cached  bool      // remembered, not found out just now (RFC 9520)
	replied bool      // servers did reply, though with nothing of use
	judged  bool      // the data is there, and a client that judges by itself may have it
	bogus   bool      // the data is there, but must not be believed
	partial bool      // it comes from where the walk stood or from its hurry, and need not hold elsewhere
	moved   bool      // every server of the zone says that it does not serve it
	crowded bool      // too many others are asking: it says nothing about the question
	silent  wire.Name // the zone whose servers were all silent; "" where it was something else
	wide    bool      // the root or a configured zone could not be asked: it concerns many names
}

func (f *Failure) Error() string { return f.Text }

// ExtendedError is the code, for who asked the walk for something and says why it
// has nothing.
func (f *Failure) ExtendedError() wire.EDE { return f.EDE }

// code is the extended error for people.
func (f *Failure) code() string { return fmt.Sprintf("extended error %d", f.EDE) }

// Judged tells whether validation failed, not the walk.
func (f *Failure) Judged() bool { return f.judged }

// Cached tells whether the failure was remembered.
func (f *Failure) Cached() bool { return f.cached }

// asFailure turns any error of a walk into a Failure. It is the only place
// where errors become codes.
func asFailure(err error) *Failure {
	var f *Failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Failure{EDE: wire.EDENoReachable, Text: "no answer in time"}
	}
	return &Failure{EDE: wire.EDEOther, Text: err.Error()}
}
