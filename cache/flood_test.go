package cache

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"rootwalk/wire"
)

// A flood of names that are asked for once must not push out those that are asked
// for all the time. A denial with its signatures is as long as those here.
func TestAFloodOfUniqueNamesLeavesThePopularOnes(t *testing.T) {
	const popular, perPopular = 1000, 20
	rate := func(unique int) float64 {
		c := New(Options{Size: floodSize, Shards: 16})
		random := rand.New(rand.NewPCG(1, 1))
		payload := make([]byte, 600)
		ask := func(name string) bool {
			var k Key
			k.Set(Answer, Question{Name: []byte(wire.MustName(name)), Type: wire.TypeA, Class: wire.ClassIN})
			if _, _, ok := c.Get(&k, nil); ok {
				return true
			}
			c.Put(&k, Header{Lifetime: 300}, payload)
			return false
		}
		for i := range popular {
			ask(fmt.Sprintf("p%d.example.", i))
		}
		hits, asked := 0, 0
		for i := range floodOf / perPopular {
			for k := range unique {
				ask(fmt.Sprintf("u%d.%d.attacked.example.", i, k))
			}
			// the first of a thousand names is asked for a hundred times as often as the last
			n := int(float64(popular) * random.Float64() * random.Float64() * random.Float64())
			asked++
			if ask(fmt.Sprintf("p%d.example.", n)) {
				hits++
			}
		}
		return 100 * float64(hits) / float64(asked)
	}
	quiet, flooded := rate(0), rate(perPopular)
	if quiet-flooded > 2 {
		t.Errorf("%.2f%% of questions for popular names are hits, and %.2f%% in a flood", quiet, flooded)
	}
	t.Attr("row", fmt.Sprintf("A23 | %d unique names, 20 for each question about 1,000 popular ones, in %d MiB | hit rate of the popular ones falls <= 2 points | %.2f%% to %.2f%% | ", floodOf, floodSize>>20, quiet, flooded))
}
