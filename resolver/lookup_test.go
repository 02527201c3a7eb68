package resolver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rootwalk/cache"
	"rootwalk/clock"
	"rootwalk/wire"
)

// These tests are about Lookup and Refresh as a program that embeds the resolver
// sees them. What the answers are is shown by the scenarios.

const wwwZone = "== zone example.com @ 192.0.2.1\nwww 100 A 192.0.2.80\n"

// virtual is a clock of the bubble.
func virtual() clock.Clock {
	start := time.Now()
	return func() clock.Time { return clock.Time(time.Since(start) + time.Hour) }
}

func www() Request {
	return Request{Question: wire.Question{Name: wire.MustName("www.example.com."), Type: wire.TypeA, Class: wire.ClassIN}}
}

func wantFailure(t *testing.T, err error, ede wire.EDE) {
	t.Helper()
	var f *Failure
	if !errors.As(err, &f) || f.EDE != ede {
		t.Errorf("error %v, want a Failure with code %d", err, ede)
	}
}

func TestCacheOnlyWalksForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, net := newOver(t, wwwZone, Options{Clock: virtual()})
		defer r.Close()
		only := www()
		only.CacheOnly = true
		_, err := r.Lookup(t.Context(), only)
		wantFailure(t, err, wire.EDENotAuthoritative)
		if n := len(net.Queries()); n != 0 {
			t.Errorf("%d packets, want none", n)
		}
		if res, err := r.Lookup(t.Context(), www()); err != nil || res.Cached {
			t.Errorf("walked: cached %v, error %v", res.Cached, err)
		}
		if res, err := r.Lookup(t.Context(), only); err != nil || !res.Cached || res.Stale || res.Reply.Answers() != 1 {
			t.Errorf("afterwards: %+v, error %v", res, err)
		}
		time.Sleep(100 * time.Second)
		_, err = r.Lookup(t.Context(), only)
		wantFailure(t, err, wire.EDENotAuthoritative)
	})
}

func TestATraceTellsTheWholeStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newOver(t, wwwZone, Options{})
		defer r.Close()
		r.Prime(t.Context())
		for _, want := range [][]string{
			{"closest known zone cut is .", "[.] com. A? ", "referral to com.", "[com.] example.com. A? ", "[example.com.] www.example.com. A? ", "192.0.2.1 over udp", "answer: www.example.com. has 1 A record"},
			{"cache has www.example.com. A: answer"},
		} {
			var trace Trace
			req := www()
			req.Trace = &trace
			if _, err := r.Lookup(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			story := trace.String()
			for _, w := range want {
				_, after, ok := strings.Cut(story, w)
				if !ok {
					t.Errorf("%q is missing, or comes too early, in\n%s", w, trace.String())
				}
				story = after
			}
		}
	})
}

func TestATraceOfAFailureEndsWithItsReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newOver(t, wwwZone+"== fault 192.0.2.1\nservfail", Options{Clock: virtual()})
		defer r.Close()
		for _, remembered := range []bool{false, true} {
			var trace Trace
			req := www()
			req.Trace = &trace
			_, err := r.Lookup(t.Context(), req)
			wantFailure(t, err, wire.EDENetworkError)
			var f *Failure
			if !errors.As(err, &f) || f.Cached() != remembered || strings.Contains(trace.String(), "remembered") != remembered {
				t.Errorf("remembered should be %v: %v\n%s", remembered, err, trace.String())
			}
			if !strings.Contains(trace.String(), "failed: no server of example.com. gave a usable answer: 192.0.2.1 SERVFAIL") {
				t.Errorf("no reason in\n%s", trace.String())
			}
		}
	})
}

func TestCallersOfOneQuestionShareAWalkAndLeaveAlone(t *testing.T) {
	const delay, patience = 300 * time.Millisecond, 100 * time.Millisecond
	for _, first := range []string{"the impatient one", "the patient one"} {
		t.Run(first+" comes first", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, net := newOver(t, wwwZone+"== fault 192.0.2.1 delay 300ms", Options{Clock: virtual()})
				defer r.Close()
				r.Prime(t.Context())
				before := len(net.Queries())
				var wg sync.WaitGroup
				impatient := func() {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					began := time.Now()
					_, err := r.Lookup(ctx, www())
					wantFailure(t, err, wire.EDENoReachable)
					if d := time.Since(began); d != patience {
						t.Errorf("left after %v, want %v", d, patience)
					}
				}
				patient := func() {
					res, err := r.Lookup(t.Context(), www())
					if err != nil || res.Reply.Answers() != 1 {
						t.Errorf("%+v, %v", res, err)
					}
				}
				callers := []func(){impatient, patient}
				if first == "the patient one" {
					slices.Reverse(callers)
				}
				for _, c := range callers {
					wg.Go(c)
					synctest.Wait()
				}
				wg.Wait()
				if n, walks := len(net.Queries())-before, r.Stats().Walks; n != 3 || walks != 1 {
					t.Errorf("%d packets of %d walks, want 3 of one", n, walks)
				}
				if res, err := r.Lookup(t.Context(), www()); err != nil || !res.Cached {
					t.Errorf("afterwards: cached %v, error %v", res.Cached, err)
				}
			})
		})
	}
}

// What an operator has changed and flushed must not come back with a walk that was
// under way.
func TestAWalkByOlderSettingsLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, net := newOver(t, wwwZone+"== fault 192.0.2.1 delay 300ms", Options{Clock: virtual()})
		defer r.Close()
		r.Prime(t.Context())
		var older sync.WaitGroup
		older.Go(func() {
			if res, err := r.Lookup(t.Context(), www()); err != nil || res.Reply.Answers() != 1 {
				t.Errorf("the walk itself: %+v, %v", res, err)
			}
		})
		synctest.Wait()
		next := r.With(*r.o)
		older.Wait()
		asked := len(net.Queries())
		if res, err := next.Lookup(t.Context(), www()); err != nil || res.Cached || len(net.Queries()) == asked {
			t.Errorf("cached %v, error %v", res.Cached, err)
		}
		if res, err := next.Lookup(t.Context(), www()); err != nil || !res.Cached {
			t.Errorf("and then: cached %v, error %v", res.Cached, err)
		}
	})
}

func TestEachCallerOwnsItsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newOver(t, wwwZone+"== fault 192.0.2.1 delay 300ms", Options{Clock: virtual()})
		defer r.Close()
		var wg sync.WaitGroup
		results := make([]Result, 3)
		for i := range results {
			wg.Go(func() { results[i], _ = r.Lookup(t.Context(), www()) })
		}
		wg.Wait()
		again, err := r.Lookup(t.Context(), www())
		if err != nil {
			t.Fatal(err)
		}
		good := slices.Clone(again.Reply)
		for i := range results {
			clear(results[i].Reply)
			for j := i + 1; j < len(results); j++ {
				if !slices.Equal(results[j].Reply, good) {
					t.Errorf("caller %d overwrote what caller %d has", i, j)
				}
			}
		}
		clear(again.Reply)
		if last, err := r.Lookup(t.Context(), www()); err != nil || !slices.Equal(last.Reply, good) {
			t.Errorf("a caller overwrote the cache: %v", err)
		}
	})
}

func TestRefreshRenewsBehindOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, net := newOver(t, wwwZone, Options{Clock: virtual(), Prefetch: true})
		defer r.Close()
		get := func() cache.Header {
			t.Helper()
			res, err := r.Lookup(t.Context(), www())
			if err != nil || res.Stale {
				t.Fatalf("%+v, %v", res, err)
			}
			return res.Header
		}
		due := func() bool { return r.DueForRefresh(get(), r.o.Clock().Seconds()) }
		get()
		time.Sleep(89 * time.Second)
		if due() {
			t.Error("due before the last tenth")
		}
		time.Sleep(time.Second)
		if !due() {
			t.Error("not due in the last tenth")
		}
		before := len(net.Queries())
		for range 5 {
			r.Refresh(www().Question)
		}
		r.Close()
		if n, st := len(net.Queries())-before, r.Stats(); n != 1 || st.Refreshes != 1 {
			t.Errorf("%d packets in %d walks, want one", n, st.Refreshes)
		}
		if age := get().Age(r.o.Clock().Seconds()); age != 0 || due() {
			t.Errorf("the entry is %d s old", age)
		}
	})
}

func TestRefreshLeavesAFailureAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, net := newOver(t, wwwZone+"== fault 192.0.2.1 servfail", Options{Clock: virtual()})
		defer r.Close()
		r.Prime(t.Context())
		_, err := r.Lookup(t.Context(), www())
		wantFailure(t, err, wire.EDENetworkError)
		before := len(net.Queries())
		r.Refresh(www().Question)
		r.Close()
		if n := len(net.Queries()) - before; n != 0 {
			t.Errorf("%d packets for a question that failed a moment ago", n)
		}
	})
}

func TestSlowNamesDoNotKeepOthersStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := wwwZone
		for i := range 8 { // so many zones that none is crowded
			text += fmt.Sprintf("== zone z%d.com @ 192.0.2.1%d\n* 10 A 192.0.2.80\n", i, i)
		}
		r, net := newOver(t, text, Options{Clock: virtual(), Stale: Stale{Enabled: true}})
		defer r.Close()
		ask := func(q wire.Question) Result {
			t.Helper()
			res, err := r.Lookup(t.Context(), Request{Question: q})
			if err != nil {
				t.Fatal(err)
			}
			return res
		}
		slow := func(i int) wire.Question {
			return wire.Question{Name: wire.MustName(fmt.Sprintf("n%d.z%d.com.", i, i%8)), Type: wire.TypeA, Class: wire.ClassIN}
		}
		ask(www().Question)
		for i := range maxLearning {
			ask(slow(i))
		}
		silence := func(server string) {
			if err := net.SetFaults(server, "drop"); err != nil {
				t.Fatal(err)
			}
		}
		silence("192.0.2.1")
		for i := range 8 {
			silence(fmt.Sprintf("192.0.2.1%d", i))
		}
		time.Sleep(101 * time.Second)
		var wg sync.WaitGroup // all fail once, so that nobody waits for them any more
		for i := range maxLearning {
			wg.Go(func() { ask(slow(i)) })
		}
		wg.Go(func() { ask(www().Question) })
		wg.Wait()
		time.Sleep(time.Minute)
		if err := net.SetFaults("192.0.2.1", ""); err != nil {
			t.Fatal(err)
		}
		for i := range maxLearning {
			ask(slow(i))
		}
		ask(www().Question)
		time.Sleep(100 * time.Millisecond)
		if res := ask(www().Question); res.Stale {
			t.Error("still stale, though its server is back")
		}
	})
}

func TestCloseWaitsForWorkBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay = 300 * time.Millisecond
		r, _ := newOver(t, wwwZone+"== fault 192.0.2.1 delay 300ms", Options{Clock: virtual()})
		began := time.Now()
		r.Refresh(www().Question)
		if d := time.Since(began); d != 0 {
			t.Errorf("Refresh took %v", d)
		}
		r.Close()
		if d := time.Since(began); d != delay {
			t.Errorf("Close came back after %v, want %v", d, delay)
		}
		only := www()
		only.CacheOnly = true
		if _, err := r.Lookup(t.Context(), only); err != nil {
			t.Errorf("what was begun is not there: %v", err)
		}
	})
}
