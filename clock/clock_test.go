package clock

import (
	"testing"
	"time"
)

func TestTheBootClockGoesForward(t *testing.T) {
	a := Now()
	b := Now()
	if b < a {
		t.Fatalf("went back from %d to %d", a, b)
	}
	if a <= 0 {
		t.Fatalf("the clock reads %d, want a positive instant", a)
	}
}

func TestSecondsAndDifferences(t *testing.T) {
	a := Time(1500 * time.Millisecond)
	if a.Seconds() != 1 {
		t.Errorf("1.5 s is %d whole seconds, want 1", a.Seconds())
	}
	if d := a.Add(time.Second).Sub(a); d != time.Second {
		t.Errorf("difference is %v, want 1s", d)
	}
}

func BenchmarkNow(b *testing.B) {
	for b.Loop() {
		Now()
	}
}
