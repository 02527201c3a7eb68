package resolver

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"rootwalk/cache"
	"rootwalk/wire"
)

// Trace is the story of one question as a tree of steps. The resolver writes it
// when it is asked to; the trace command, debug logs and failing tests print it.
// A nil Trace takes no notes.
type Trace struct {
	Steps []*Step `json:"steps"`

	brief bool   // leave out what costs much to tell: the links of chains of trust
	room  *steps // for the steps of a trace that is given back; nil: each is on its own
}

// StepKind says what happened in a step.
type StepKind string

// The kinds of steps.
const (
	StepQuestion StepKind = "question" // a name and type to resolve; its steps are below it
	StepCached   StepKind = "cached"   // found in the cache
	StepInferred StepKind = "inferred" // follows from what was proved for other questions
	StepCut      StepKind = "cut"      // the zone cut that the walk begins at
	StepAsk      StepKind = "ask"      // one exchange with one server
	StepAlias    StepKind = "alias"    // a CNAME or DNAME was followed
	StepAddress  StepKind = "address"  // addresses of a name server are looked for
	StepFailed   StepKind = "failed"   // the end without an answer
	StepAnswer   StepKind = "answer"   // the end with one
	StepNote     StepKind = "note"     // a decision and its reason
	StepValidate StepKind = "validate" // a link of the chain of trust
	StepVerdict  StepKind = "verdict"  // how far the answer can be trusted
)

// Step is one step of a walk.
type Step struct {
	Kind     StepKind      `json:"kind"`
	Question string        `json:"question,omitempty"` // what was asked, in this step
	Zone     string        `json:"zone,omitempty"`     // the zone cut in force
	Server   string        `json:"server,omitempty"`   // name and address of the server
	Network  string        `json:"network,omitempty"`  // udp or tcp
	RTT      time.Duration `json:"rtt_ns,omitempty"`
	Outcome  string        `json:"outcome,omitempty"` // what the reply was
	Text     string        `json:"text,omitempty"`    // details, for people
	Steps    []*Step       `json:"steps,omitempty"`

	raw
}

// raw is what a step is about before it is told in words. Every walk is written
// down, since it may fail, and most are forgotten unread.
type raw struct {
	question wire.Question
	zone     wire.Name
	server   wire.Name
	addr     netip.AddrPort
	name     wire.Name // that was found: a child zone, the target of an alias
	cut      []cache.NameServer
	count    int  // records
	told     bool // it is in words already
}

// tell puts what the step is about into words.
func (s *Step) tell() {
	if s.told {
		return
	}
	if s.question != (wire.Question{}) {
		s.Question = s.question.String()
	}
	if s.zone != "" {
		s.Zone = s.zone.String()
	}
	if s.addr.IsValid() {
		s.Server = serverText(s.server, s.addr)
	} else if s.server != "" {
		s.Server = s.server.String()
	}
	switch {
	case s.cut != nil:
		s.Outcome += " to " + s.name.String()
		names := make([]string, 0, len(s.cut))
		for _, ns := range s.cut {
			names = append(names, ns.Name.String())
		}
		s.Text = strings.TrimPrefix(s.Text+", servers "+strings.Join(names, " "), ", ")
	case s.Kind == StepAsk && s.name != "":
		s.Outcome += " to " + s.name.String()
	case s.Kind == StepAlias && s.name != "":
		s.Text, s.Question = s.question.Name.String()+" is "+s.name.String(), ""
	case s.Kind == StepAnswer && s.count > 0:
		records := "records"
		if s.count == 1 {
			records = "record"
		}
		s.Outcome, s.Question = fmt.Sprintf("answer: %s has %d %s %s", s.question.Name, s.count, s.question.Type, records), ""
	}
	s.raw = raw{told: true}
}

// tellAll puts a tree of steps into words, and lets go of what they were about.
func tellAll(steps []*Step) {
	for _, s := range steps {
		s.tell()
		tellAll(s.Steps)
	}
}

// MarshalJSON is the step in words.
func (s *Step) MarshalJSON() ([]byte, error) {
	s.tell()
	type plain Step
	return json.Marshal((*plain)(s))
}

// add appends a step and returns it; a nil receiver takes no notes.
func (t *Trace) add(s Step) *Step {
	if t == nil {
		return nil
	}
	step := t.room.take()
	*step = s
	t.Steps = append(t.Steps, step)
	return step
}

// steps are room for a walk's story that is hardly ever read, used again by the next
// walk: what is written for nothing should not be garbage too.
type steps struct {
	all  [16]Step // more than most walks have
	used int
}

var stepsRoom = sync.Pool{New: func() any { return new(steps) }}

// take is room for one step.
func (r *steps) take() *Step {
	if r == nil || r.used == len(r.all) {
		return new(Step)
	}
	r.used++
	return &r.all[r.used-1]
}

// lentTrace is a brief trace, to be given back when nobody has an eye on its steps any
// more.
func lentTrace() *Trace { return &Trace{brief: true, room: stepsRoom.Get().(*steps)} }

// giveBack ends the use of a lent trace; others it leaves alone.
func (t *Trace) giveBack() {
	if r := t.room; r != nil {
		clear(r.all[:r.used]) // lets go of the messages that steps are about
		r.used, t.room, t.Steps = 0, nil, nil
		stepsRoom.Put(r)
	}
}

// sub is the trace below a step.
type sub = Trace

// below returns a Trace whose steps become those of s once done is called.
func (t *Trace) below(s Step) (child *sub, done func()) {
	if t == nil {
		return nil, func() {}
	}
	step := t.add(s)
	child = &sub{brief: t.brief, room: t.room, Steps: make([]*Step, 0, 8)}
	return child, func() { step.Steps = child.Steps }
}

// String prints the tree, one line a step.
func (t *Trace) String() string {
	if t == nil {
		return ""
	}
	var b strings.Builder
	printSteps(&b, t.Steps, "")
	return b.String()
}

func printSteps(b *strings.Builder, steps []*Step, indent string) {
	for i, s := range steps {
		branch, rest := "├─ ", "│  "
		if i == len(steps)-1 {
			branch, rest = "└─ ", "   "
		}
		fmt.Fprintf(b, "%s%s%s\n", indent, branch, s.Line())
		printSteps(b, s.Steps, indent+rest)
	}
}

// Line is the step in one line.
func (s *Step) Line() string {
	s.tell()
	var b strings.Builder
	switch s.Kind {
	case StepQuestion:
		fmt.Fprintf(&b, "%s", s.Question)
	case StepCached:
		fmt.Fprintf(&b, "cache has %s: %s", s.Question, s.Outcome)
	case StepInferred:
		fmt.Fprintf(&b, "%s follows for %s", s.Outcome, s.Question)
	case StepCut:
		fmt.Fprintf(&b, "closest known zone cut is %s", s.Zone)
	case StepAsk:
		fmt.Fprintf(&b, "[%s] %s? ask %s", s.Zone, s.Question, s.Server)
		if s.Network != "" {
			fmt.Fprintf(&b, " over %s, %s", s.Network, s.RTT.Round(10*time.Microsecond))
		}
		fmt.Fprintf(&b, ": %s", s.Outcome)
	case StepAlias:
		fmt.Fprintf(&b, "alias %s", s.Text)
		return b.String()
	case StepAddress:
		fmt.Fprintf(&b, "where is the server %s?", s.Server)
	case StepFailed:
		fmt.Fprintf(&b, "failed: %s", s.Text)
		if s.Outcome != "" {
			fmt.Fprintf(&b, " (%s)", s.Outcome)
		}
		return b.String()
	case StepVerdict:
		fmt.Fprintf(&b, "verdict: %s", s.Outcome)
	case StepAnswer:
		fmt.Fprintf(&b, "%s", s.Outcome)
	default:
		b.WriteString(s.Text)
		if s.Question != "" {
			b.WriteString(": " + s.Question)
		}
		return b.String()
	}
	if s.Text != "" {
		fmt.Fprintf(&b, " (%s)", s.Text)
	}
	return b.String()
}

// serverText names a server by name and address.
func serverText(name wire.Name, a netip.AddrPort) string {
	addr := a.Addr().String()
	if a.Port() != 53 {
		addr = a.String()
	}
	if name == "" {
		return addr
	}
	return name.String() + " " + addr
}
