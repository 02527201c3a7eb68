package resolver

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"rootwalk/wire"
)

// troubled is the zones whose servers were all silent when they were asked last.
// The failures of their names are remembered one by one; the first good reply
// from the zone ends them all, since it was the servers that failed.
type troubled struct {
	some  atomic.Bool // there are any: nearly always there are none
	mu    sync.Mutex
	zones *simplelru.LRU[wire.Name, struct{}]
}

// maxTroubled is the most zones that are remembered; a zone that is forgotten is
// asked again.
const maxTroubled = 10_000

func newTroubled() *troubled {
	t := &troubled{}
	t.zones, _ = simplelru.NewLRU[wire.Name, struct{}](maxTroubled, nil)
	return t
}

// begin takes note of a zone whose servers are silent.
func (t *troubled) begin(zone wire.Name) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.zones.Add(wire.Name(strings.Clone(string(zone))), struct{}{}) // the name is a part of a whole message
	t.some.Store(true)
}

// end takes note of a good reply.
func (t *troubled) end(zone wire.Name) {
	if !t.some.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.zones.Remove(zone)
	t.some.Store(t.zones.Len() > 0)
}

// has tells whether the zone is still one of them.
func (t *troubled) has(zone wire.Name) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.zones.Contains(zone)
}
