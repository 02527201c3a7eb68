package upstream

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"rootwalk/clock"
	"rootwalk/wire"
)

const ms = time.Millisecond

func TestWhichServerIsChosen(t *testing.T) {
	const best, other = uint64(1), uint64(0) // chance: exploit, explore
	rtt := func(d time.Duration) standing { return standing{rtt: d, age: time.Minute} }
	for _, c := range []struct {
		what   string
		cs     []Candidate
		st     []standing
		chance uint64
		want   int
	}{
		{"of none", nil, nil, best, -1},
		{"the only one", make([]Candidate, 1), []standing{rtt(time.Second)}, best, 0},
		{"the fastest", make([]Candidate, 3), []standing{rtt(30 * ms), rtt(10 * ms), rtt(20 * ms)}, best, 1},
		{"one that was never measured", make([]Candidate, 3), []standing{rtt(1 * ms), {}, rtt(2 * ms)}, best, 1},
		{"a measured one rather than one that never answered", make([]Candidate, 2), []standing{rtt(100 * ms), {timeouts: 1}}, best, 0},
		{"not the dead", make([]Candidate, 2), []standing{{rtt: ms, dead: true}, rtt(time.Second)}, best, 1},
		{"not the lame", make([]Candidate, 2), []standing{{rtt: ms, lame: true}, rtt(time.Second)}, best, 1},
		{"the lame before the dead", make([]Candidate, 2), []standing{{rtt: ms, dead: true}, {rtt: time.Second, lame: true}}, best, 1},
		{"a dead one when all are", make([]Candidate, 2), []standing{{rtt: 2 * ms, dead: true}, {rtt: ms, dead: true}}, best, 1},
		{"a lame one when all are", make([]Candidate, 1), []standing{{lame: true}}, best, 0},
		{"the one with fewer tries", []Candidate{{Tries: 1}, {}}, []standing{rtt(ms), rtt(900 * ms)}, best, 1},
		{"a second try of an alive one before a dead one", []Candidate{{Tries: 2}, {}}, []standing{rtt(ms), {dead: true}}, best, 0},
		{"none that has had its tries", []Candidate{{Tries: MaxTries}, {Tries: MaxTries - 1}}, []standing{rtt(ms), rtt(2 * ms)}, best, 1},
		{"none when all have had them", []Candidate{{Tries: MaxTries}}, []standing{rtt(ms)}, best, -1},
		{"none that is out", []Candidate{{Out: true}, {}}, []standing{rtt(ms), rtt(900 * ms)}, best, 1},
		{"none when all are out", []Candidate{{Out: true}, {Out: true}}, make([]standing, 2), best, -1},
		{"one without timeouts", make([]Candidate, 2), []standing{{rtt: 10 * ms, timeouts: 1}, rtt(100 * ms)}, best, 1},

		{"exploring, one not much slower", make([]Candidate, 2), []standing{rtt(10 * ms), rtt(39 * ms)}, other, 1},
		{"exploring, none much slower", make([]Candidate, 2), []standing{rtt(10 * ms), rtt(40 * ms)}, other, 0},
		{"exploring, one much slower long ago", make([]Candidate, 2), []standing{rtt(10 * ms), {rtt: 400 * ms, age: 6 * time.Minute}}, other, 1},
		{"exploring, one that lost a packet", make([]Candidate, 2), []standing{rtt(100 * ms), {rtt: 10 * ms, timeouts: 1}}, other, 1},
		{"exploring, one back from the dead", make([]Candidate, 2), []standing{rtt(100 * ms), {timeouts: deadAfter}}, other, 1},
		{"exploring, one that was silent rather than one that answers", make([]Candidate, 4), []standing{rtt(10 * ms), rtt(11 * ms), {rtt: 12 * ms, timeouts: 1}, rtt(13 * ms)}, other, 2},
		{"exploring, not the dead", make([]Candidate, 2), []standing{rtt(10 * ms), {rtt: 10 * ms, dead: true}}, other, 0},
		{"exploring, not the lame", make([]Candidate, 2), []standing{rtt(10 * ms), {rtt: 10 * ms, lame: true}}, other, 0},
		{"exploring, none that is out", []Candidate{{}, {Out: true}}, []standing{rtt(10 * ms), rtt(11 * ms)}, other, 0},
		{"exploring, none that was tried already", []Candidate{{}, {Tries: 1}}, []standing{rtt(10 * ms), rtt(11 * ms)}, other, 0},
		{"exploring, one that was never measured", make([]Candidate, 2), []standing{{}, rtt(1 * ms)}, other, 0},
	} {
		for start := range uint64(3) { // whichever it begins with
			chance := start << 32
			chance += (explore - chance%explore + c.chance) % explore
			if got := choose(c.cs, c.st, chance); got != c.want {
				t.Errorf("%s: chose %d, want %d (chance %#x)", c.what, got, c.want, chance)
			}
		}
	}
}

func TestTiesAreBrokenByChance(t *testing.T) {
	u := New(Options{Clock: func() clock.Time { return clock.Second }})
	cs := []Candidate{{Addr: port53("192.0.2.1")}, {Addr: port53("192.0.2.2")}, {Addr: port53("192.0.2.3")}}
	var seen [3]int
	for range 300 {
		seen[u.Pick("\x00", cs)]++
	}
	for i, n := range seen {
		if n < 50 {
			t.Errorf("candidate %d was picked %d times of 300", i, n)
		}
	}
}

func TestMeasurementsAreForgotten(t *testing.T) {
	now := clock.Time(time.Hour)
	u := New(Options{Clock: func() clock.Time { return now }})
	cs := []Candidate{{Addr: port53("192.0.2.1")}, {Addr: port53("192.0.2.2")}}
	u.know(cs[0].Addr.Addr()).answered(900*ms, now)
	now = now.Add(forgetAfter / 2)
	u.know(cs[1].Addr.Addr()).answered(10*ms, now)
	if s := u.know(cs[0].Addr.Addr()).standing(now); s.rtt != 900*ms || s.age != forgetAfter/2 {
		t.Fatalf("measured at 900 ms, remembered as %+v", s)
	}
	now = now.Add(forgetAfter/2 + time.Second)
	if got := u.Pick("\x00", cs); got != 0 {
		t.Errorf("picked %d, want the one whose measurement is forgotten", got)
	}
}

func TestAServerIsLameForOneZoneAndAWhile(t *testing.T) {
	now := clock.Time(time.Hour)
	u := New(Options{Clock: func() clock.Time { return now }})
	cs := []Candidate{{Addr: port53("192.0.2.1")}, {Addr: port53("192.0.2.2")}}
	for i, d := range []time.Duration{time.Millisecond, 900 * time.Millisecond} {
		u.know(cs[i].Addr.Addr()).answered(d, now)
	}
	example, other := wire.MustName("example."), wire.MustName("other.")
	u.MarkLame(cs[0].Addr.Addr(), example, 10*time.Minute)
	for range 200 {
		if u.Pick(example, cs) != 1 {
			t.Fatal("a lame server was picked before another one")
		}
	}
	if got := u.Pick(example, cs[:1]); got != 0 {
		t.Errorf("the only server, lame, was not picked: %d", got)
	}
	if got := u.Pick(other, cs); got != 0 {
		t.Errorf("a server that is lame for another zone was not picked: %d", got)
	}
	now = now.Add(10 * time.Minute)
	picked := 0
	for range 200 { // now and then the other one is explored
		if u.Pick(example, cs) == 0 {
			picked++
		}
	}
	if picked < 150 {
		t.Errorf("a server that was lame is picked %d times of 200", picked)
	}
}

func TestADeadServerIsLeftAloneAndAskedAgainLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone+"== zone example.net @ 192.0.2.2\n")
		cs := []Candidate{{Addr: port53(theServer)}, {Addr: port53("192.0.2.2")}}
		zone := wire.MustName("example.com.")
		r.faults("192.0.2.2", "delay 100ms")
		if _, err := r.exchange(Ask{Server: cs[1].Addr, Question: question("example.net.")}); err != nil {
			t.Fatal(err)
		}
		r.must("www.example.com.")
		if n := r.pickShare(zone, cs); n < 900 {
			t.Fatalf("the fastest server was picked %d times of 1000", n)
		}
		r.faults(theServer, "drop")
		for i := range deadAfter {
			if d := r.know(cs[0].Addr.Addr()).standing(bubbleClock()).dead; d {
				t.Fatalf("dead after %d timeouts", i)
			}
			if _, err := r.exchange(asking("www.example.com.")); err != ErrTimeout {
				t.Fatalf("a silent server: %v", err)
			}
		}
		if n := r.pickShare(zone, cs); n != 0 {
			t.Fatalf("a dead server was picked %d times of 1000 while another was alive", n)
		}
		if r.Pick(zone, cs[:1]) != 0 {
			t.Fatal("a zone whose only server is dead is not asked any more")
		}
		r.faults(theServer)
		time.Sleep(deadFor)
		n := r.pickShare(zone, cs)
		if n == 0 || n > 60 {
			t.Fatalf("after %v a dead server was picked %d times of 1000, want about 20", deadFor, n)
		}
		r.must("www.example.com.")
		if n := r.pickShare(zone, cs); n < 900 {
			t.Errorf("a server that answers again and is the fastest was picked %d times of 1000", n)
		}
	})
}

// pickShare counts how often the first candidate is picked in 1000 times.
func (r *rig) pickShare(zone wire.Name, cs []Candidate) (n int) {
	for range 1000 {
		if r.Pick(zone, cs) == 0 {
			n++
		}
	}
	return n
}

func TestAServerThatCannotBeReachedIsDeadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "unreachable")
		if _, err := r.Exchange(context.Background(), asking("www.example.com.")); err == nil {
			t.Fatal("reached what cannot be")
		}
		if !r.know(port53(theServer).Addr()).standing(bubbleClock()).dead {
			t.Error("an unreachable server is not taken for dead")
		}
	})
}
