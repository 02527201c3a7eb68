package upstream

import (
	"net/netip"
	"sync"

	"rootwalk/wire"
)

// flights joins identical exchanges. Only single exchanges are joined here,
// which end by their own timeouts: walks that wait for walks could wait for
// each other.
type flights struct {
	mu sync.Mutex
	m  map[flightKey]*flight
}

type flightKey struct {
	server   netip.AddrPort
	question wire.Question
	rd, tcp  bool
}

type flight struct {
	key   flightKey
	done  chan struct{}
	reply *Reply
	err   error
}

// join returns the flight for the key, and whether the caller has to fly it.
func (fs *flights) join(k flightKey) (*flight, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f, ok := fs.m[k]; ok {
		return f, false
	}
	f := &flight{key: k, done: make(chan struct{})}
	fs.m[k] = f
	return f, true
}

// land ends a flight with its result.
func (fs *flights) land(f *flight, r *Reply, err error) {
	fs.mu.Lock()
	if fs.m[f.key] == f {
		delete(fs.m, f.key)
	}
	fs.mu.Unlock()
	f.reply, f.err = r, err
	close(f.done)
}

// forget has nobody else join the flights that are in the air.
func (fs *flights) forget() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	clear(fs.m)
}
