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
	done chan struct{}
	res  Result
	err  error
}

// fly runs walk, unless one for the same key is in the air, and returns its
// result. A caller whose context ends leaves, and cancels nobody.
func (fs *flights) fly(ctx context.Context, key *cache.Key, walk func() (Result, error)) (Result, error) {
	fs.mu.Lock()
	f, found := fs.m[*key]
	if !found {
		f = &flight{done: make(chan struct{})}
		fs.m[*key] = f
		fs.mu.Unlock()
		f.err = &Failure{EDE: wire.EDEOther, Text: "internal error"} // stands if walk panics
		defer func() {
			fs.mu.Lock()
			delete(fs.m, *key)
			fs.mu.Unlock()
			close(f.done)
		}()
		f.res, f.err = walk()
		return f.res.copy(), f.err
	}
	fs.mu.Unlock()
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
