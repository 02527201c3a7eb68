package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rootwalk/resolver"
	"rootwalk/wire"
)

// This file tells why a name resolves as it does.

// Explanation is the story of one question and its outcome.
type Explanation struct {
	Question string           `json:"question"`
	Rcode    string           `json:"rcode"`
	Status   string           `json:"status,omitempty"` // of validation
	Error    string           `json:"error,omitempty"`
	EDE      *wire.EDE        `json:"ede,omitempty"` // of a failure
	Answer   []string         `json:"answer"`
	Took     time.Duration    `json:"took_ns"`
	Steps    []*resolver.Step `json:"steps"`
}

// Explain asks a resolver, and writes down what it does. Whatever comes of the
// question is not an error, but an explanation.
func Explain(ctx context.Context, r *resolver.Resolver, req resolver.Request) (*Explanation, error) {
	t := new(resolver.Trace)
	req.Trace = t
	start := time.Now()
	res, err := r.Lookup(ctx, req)
	x := &Explanation{Question: req.Question.String(), Rcode: wire.ServFail.String(), Answer: []string{}, Took: time.Since(start), Steps: t.Steps}
	if x.Steps == nil {
		x.Steps = []*resolver.Step{}
	}
	var failure *resolver.Failure
	if errors.As(err, &failure) {
		x.Error, x.EDE = failure.Text, &failure.EDE
		return x, nil
	}
	var m wire.Message
	if err := res.Reply.Unpack(req.Question, &m); err != nil {
		return nil, err
	}
	x.Rcode, x.Status = m.Rcode.String(), res.Header.Status.String()
	for _, rec := range m.Answer {
		if rec.Type != wire.TypeRRSIG { // the steps say what became of signatures
			x.Answer = append(x.Answer, presentation(rec))
		}
	}
	return x, nil
}

// String is the story as a tree, then the answer.
func (x *Explanation) String() string {
	var b strings.Builder
	t := resolver.Trace{Steps: x.Steps}
	fmt.Fprintf(&b, "%s\n%s in %s\n", t.String(), x.Rcode, x.Took.Round(10*time.Microsecond))
	for _, a := range x.Answer {
		b.WriteString(a + "\n")
	}
	return b.String()
}

// Failed tells whether there is no answer.
func (x *Explanation) Failed() bool { return x.Error != "" }
