package wire

import (
	"fmt"
	"testing"
	"time"
)

// A14: as many records as there can be, whose names have no end in common, so that
// none is compressed to another. The work does not grow with the square.
func TestNamesThatCannotBeCompressedArePackedInLinearTime(t *testing.T) {
	reply := func(n int) *Reply {
		q := Question{Name: MustName("www.example."), Type: TypeNS, Class: ClassIN}
		set := RRset{Name: q.Name, Type: TypeNS, Class: ClassIN, TTL: 300}
		for i := range n {
			set.Data = append(set.Data, string(MustName(fmt.Sprintf("n%d.t%d.", i, i))))
		}
		return &Reply{Question: q, Answer: []RRset{set}}
	}
	for _, n := range []int{1, 75, MaxRecords, 2500} {
		b, err := Pack(nil, reply(n))
		if err != nil {
			t.Fatalf("%d records: %v", n, err)
		}
		if got := Packed(b).Answers(); got != n {
			t.Errorf("%d records: %d are in the reply", n, got)
		}
	}
	room := make([]byte, 0, 64<<10)
	full := reply(2500)
	allocations := testing.AllocsPerRun(10, func() { _, _ = Pack(room, full) })
	if allocations > 40 {
		t.Errorf("packing allocates %.0f times", allocations)
	}
	took := time.Hour
	for range 10 {
		began := time.Now()
		_, _ = Pack(room, full)
		took = min(took, time.Since(began))
	}
	t.Attr("row", fmt.Sprintf("A14 | 2,500 names that cannot be compressed (no more fit) | 40 allocations; 2 ms | %.0f; %d µs | ", allocations, took.Microseconds()))
}
