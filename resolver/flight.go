package resolver

import (
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

// flight is a walk under way and who is told of its outcome: a function each, so that
// one who waits costs no goroutine.
type flight struct {
	key  cache.Key
	then []func(Result, error)
}

// join takes part in the flight for a key, and reports whether the caller is the
// first and has to fly it.
func (fs *flights) join(key *cache.Key, then func(Result, error)) (f *flight, first bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f, ok := fs.m[*key]
	if !ok {
		f = &flight{key: *key}
		fs.m[*key] = f
	}
	f.then = append(f.then, then)
	return f, !ok
}

// fly runs the walk of a flight, and tells all who have joined it. It lands whatever
// happens.
func (fs *flights) fly(f *flight, walk func() (Result, error)) {
	var res Result
	var err error = &Failure{EDE: wire.EDEOther, Text: "internal error"} // stands if walk panics
	defer func() {
		fs.mu.Lock()
		delete(fs.m, f.key) // nobody joins any more
		fs.mu.Unlock()
		for _, then := range f.then {
			then(res, err)
		}
	}()
	res, err = walk()
}
