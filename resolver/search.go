package resolver

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"rootwalk/wire"
)

// This file looks for addresses of servers whose names are all that is known of them.

const (
	// maxUnknownServers is how many server names without an address may fail before
	// the delegation is given up.
	//
	//limit:unknown_servers BIND 3 at once; Unbound, Knot 5
	maxUnknownServers = 5
	// maxSearches is how many of them are looked for at once. The next one is begun
	// when one has failed, or has had time enough, so that a name whose zone is dead
	// holds up nothing, and one that is well costs no packet for the others.
	//
	//bound:searches BIND 3; Unbound, Knot 5 in all
	maxSearches = 3
	// searchTime is what is time enough: a server that was never measured is tried
	// twice meanwhile.
	//
	//bound:search_time none
	searchTime = 752 * time.Millisecond
)

// searches are those under way for the servers of one zone.
type searches struct {
	w      *walk
	s      *servers
	room   int // how many may be under way
	flying []*flyingSearch
	landed chan *flyingSearch
}

// flyingSearch is one of them, on a goroutine of its own.
type flyingSearch struct {
	q      wire.Question
	step   *Step  // of the trace, that its own steps belong to
	trace  *Trace // its own
	cancel context.CancelFunc
	search
	err error // the budget is spent
}

// searchNames looks for the address of one more server name, and reports whether it
// has found any that is new.
func (w *walk) searchNames(s *servers) (bool, error) {
	if len(s.unknown) == 0 && len(s.doubt) == 0 {
		return false, nil
	}
	ss := &searches{w: w, s: s, room: 1, landed: make(chan *flyingSearch, maxSearches)} // room for all: nobody has to be there
	defer ss.abandon()
	for ss.begin() {
		timer := time.NewTimer(searchTime)
		select {
		case f := <-ss.landed:
			timer.Stop()
			if more, err := ss.land(f); more || err != nil {
				return more, err
			}
		case <-timer.C:
			ss.room = min(ss.room+1, maxSearches)
		}
	}
	return false, nil
}

// begin sees to it that as many searches are under way as there is room for, and
// reports whether there are any.
func (ss *searches) begin() bool {
	for len(ss.flying) < ss.room && ss.launch() {
	}
	return len(ss.flying) > 0
}

// launch begins the search for the next name that may be looked for.
func (ss *searches) launch() bool {
	w, s := ss.w, ss.s
	for {
		from, i := &s.unknown, ss.next(s.unknown)
		if i < 0 {
			from, i = &s.doubt, ss.next(s.doubt)
		}
		switch {
		case i < 0, len(ss.flying) > 0 && s.failed+len(ss.flying) >= maxUnknownServers && !w.budget.record: // those may be the last
			return false
		case s.failed >= maxUnknownServers && !w.budget.allow(limitUnknownServers):
			return false
		}
		q := (*from)[i]
		*from = slices.Delete(*from, i, i+1)
		switch {
		case w.tooDeep() || w.looksFor(q.Name):
			s.partial = true // from elsewhere the name may well have an address
		case !q.Name.In(s.cut.Zone):
			ss.fly(q)
			return true
		}
		ss.failed(q.Name)
	}
}

// next is the first question about a name that is not being looked for, -1 for none.
func (ss *searches) next(list []wire.Question) int {
	return slices.IndexFunc(list, func(q wire.Question) bool {
		return !slices.ContainsFunc(ss.flying, func(f *flyingSearch) bool { return f.q.Name == q.Name })
	})
}

// failed counts a name that has no address, once no other type of it is left.
func (ss *searches) failed(name wire.Name) {
	same := func(q wire.Question) bool { return q.Name == name }
	if !slices.ContainsFunc(ss.s.unknown, same) && !slices.ContainsFunc(ss.s.doubt, same) {
		ss.s.failed++
	}
}

// fly begins a search. It notes its steps apart, since it goes on beside others.
func (ss *searches) fly(q wire.Question) {
	w := ss.w
	f := &flyingSearch{q: q}
	if w.trace != nil {
		f.step, f.trace = w.trace.add(stepFor(q)), &Trace{brief: w.trace.brief}
	}
	ctx, cancel := w.part()
	f.cancel = cancel
	ss.flying = append(ss.flying, f)
	landed := ss.landed
	w.r.goBehind(func() {
		f.search = search{failed: true, partial: true} // stands if it panics
		defer func() { landed <- f }()
		f.search, f.err = w.find(ctx, q, f.trace)
	})
}

// land takes what a search has found, and reports whether it is new.
func (ss *searches) land(f *flyingSearch) (bool, error) {
	s := ss.s
	f.cancel()
	if f.step != nil {
		f.step.Steps = f.trace.Steps
	}
	ss.flying = slices.DeleteFunc(ss.flying, func(o *flyingSearch) bool { return o == f })
	if f.err != nil {
		return false, f.err
	}
	if s.add(ss.w, f.q.Name, f.found) {
		return true, nil
	}
	s.partial = s.partial || f.partial
	if f.search.failed { // its other type would fail alike
		same := func(q wire.Question) bool { return q.Name == f.q.Name }
		s.unknown, s.doubt = slices.DeleteFunc(s.unknown, same), slices.DeleteFunc(s.doubt, same)
	}
	ss.failed(f.q.Name)
	return false, nil
}

// abandon ends the searches that are not waited for any more. They may be begun again.
func (ss *searches) abandon() {
	for _, f := range ss.flying {
		f.cancel()
		ss.s.unknown = append(ss.s.unknown, f.q)
	}
}

// search is the outcome of a search for the address of a server.
type search struct {
	found   []netip.Addr
	failed  bool // there was no answer
	partial bool // because of where this walk stands, its budget or its hurry
}

// stepFor is the step of the trace that the search is below.
func stepFor(q wire.Question) Step {
	return Step{Kind: StepAddress, Text: q.Type.String(), raw: raw{server: q.Name}}
}

// findAddress resolves one server name and address type by a walk below this one, in
// a part of the time that is left. Only a spent budget is an error.
func (w *walk) findAddress(q wire.Question) (search, error) {
	trace, done := w.trace.below(stepFor(q))
	defer done()
	ctx, cancel := w.part()
	defer cancel()
	return w.find(ctx, q, trace)
}

// find is findAddress with a time of its own. A failure is remembered like a client's
// (RFC 9520 section 3.1), but not one that comes from where this walk stands or how
// long it may take.
func (w *walk) find(ctx context.Context, q wire.Question, trace *Trace) (search, error) {
	if f := w.r.failed(q, w.r.o.Clock().Seconds()); f != nil {
		trace.add(Step{Kind: StepFailed, Text: f.Text + "; remembered"})
		return search{failed: true}, nil
	}
	if !w.budget.lookup() {
		trace.add(Step{Kind: StepFailed, Text: "limit: searches for addresses of servers"})
		return search{failed: true, partial: true}, nil
	}
	below := &walk{r: w.r, ctx: ctx, began: time.Now(), budget: w.budget, trace: trace, depth: w.depth + 1, raw: true, above: append(w.above[:len(w.above):len(w.above)], q.Name)}
	rep, _, err := below.resolve(q)
	if err != nil {
		f := asFailure(err)
		trace.add(Step{Kind: StepFailed, Text: f.Text})
		if w.budget.spent() {
			return search{}, f
		}
		partial := f.limit || f.partial || errors.Is(ctx.Err(), context.Canceled) // another search has found enough
		if !partial {
			w.r.remember(q, f, false)
		}
		return search{failed: true, partial: partial}, nil
	}
	p := piece{final: rep.Answer}
	return search{found: p.addresses(nil)}, nil
}
