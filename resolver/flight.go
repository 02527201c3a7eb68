package resolver

import (
	"context"
	"sync"

	"rootwalk/cache"
	"rootwalk/wire"
)

// flights joins clients that ask the same question at the same time into one
// walk. Sub-queries never join one: two zones whose servers live in each other
// would wait for ever.
type flights struct {
	mu sync.Mutex
	m  map[cache.Key]*flight
}

type flight struct {
	key  cache.Key
	done chan struct{}
	res  Result
	err  error
}

// join returns the flight for a key, and whether the caller has to fly it.
func (fs *flights) join(key *cache.Key) (*flight, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f, ok := fs.m[*key]; ok {
		return f, false
	}
	f := &flight{key: *key, done: make(chan struct{})}
	fs.m[*key] = f
	return f, true
}

// fly runs the walk of a flight. It lands whatever happens.
func (fs *flights) fly(f *flight, walk func() (Result, error)) {
	f.err = &Failure{EDE: wire.EDEOther, Text: "internal error"} // stands if walk panics
	defer func() {
		fs.mu.Lock()
		delete(fs.m, f.key)
		fs.mu.Unlock()
		close(f.done)
	}()
	f.res, f.err = walk()
}

// wait waits for a flight. A caller whose context ends leaves, and cancels nobody.
func (f *flight) wait(ctx context.Context) (Result, error) {
	select {
	case <-f.done:
		return f.res.copy(), f.err
	case <-ctx.Done():
		return Result{}, asFailure(ctx.Err())
	}
}

// copy gives each waiting client bytes of its own.
func (r Result) copy() Result {
	r.Reply = append(wire.Packed(nil), r.Reply...)
	return r
}
