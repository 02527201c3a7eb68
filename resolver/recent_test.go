package resolver

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rootwalk/cache"
	"rootwalk/wire"
)

func TestAWalkThatFailedIsRememberedWithItsStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, net := newOver(t, wwwZone, Options{Clock: virtual()})
		defer r.Close()
		if err := net.SetFaults("192.0.2.1", "servfail"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Lookup(t.Context(), www()); err == nil {
			t.Fatal("no failure")
		}
		_, _ = r.Lookup(t.Context(), www()) // remembered: no walk
		past := r.Recent()
		if len(past) != 1 {
			t.Fatalf("%d walks are remembered, want 1", len(past))
		}
		p := past[0]
		if p.Question != "www.example.com. A" || p.EDE != wire.EDENetworkError || p.Times != 1 || p.Packets == 0 || !strings.Contains(p.Text, "192.0.2.1 SERVFAIL") {
			t.Errorf("remembered as %+v", p)
		}
		story := (&Trace{Steps: p.Steps}).String()
		for _, want := range []string{"└─ www.example.com. A\n", "closest known zone cut is .", "ask ns1.example.com. 192.0.2.1", "SERVFAIL", "failed: no server of example.com. gave a usable answer"} {
			if !strings.Contains(story, want) {
				t.Errorf("the story lacks %q:\n%s", want, story)
			}
		}
		time.Sleep(6 * time.Second)
		if _, err := r.Lookup(t.Context(), www()); err == nil {
			t.Fatal("no failure")
		}
		if past = r.Recent(); len(past) != 1 || past[0].Times != 2 {
			t.Errorf("failed again: %d walks, the last %d times", len(past), past[0].Times)
		}
	})
}

func TestWalksThatFailedAreABoundedRing(t *testing.T) {
	var r Resolver
	r.living = new(living)
	long := []*Step{{Kind: StepQuestion, Steps: make([]*Step, 5*maxPastSteps)}}
	for i := range long[0].Steps {
		long[0].Steps[i] = &Step{Kind: StepNote, Text: "x"}
	}
	for i := range maxRecent + 10 {
		r.recent.add(Past{Question: fmt.Sprint(i), Steps: long})
	}
	past := r.Recent()
	if len(past) != maxRecent || past[0].Question != fmt.Sprint(maxRecent+9) || past[maxRecent-1].Question != "10" {
		t.Errorf("%d walks from %s to %s", len(past), past[0].Question, past[len(past)-1].Question)
	}
	if n := len(past[0].Steps[0].Steps); n != maxPastSteps-1 {
		t.Errorf("%d steps are kept, want %d", n, maxPastSteps-1)
	}
}

func TestAQuestionAskedAnewLeavesTheCacheAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, net := newOver(t, wwwZone, Options{Clock: virtual()})
		defer r.Close()
		if _, err := r.Lookup(t.Context(), www()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the walk has begun priming, which goes on behind it
		net.ResetQueries()
		req := www()
		req.Anew, req.Trace = true, new(Trace)
		res, err := r.Lookup(t.Context(), req)
		if err != nil || res.Cached || len(net.Queries()) != 1 {
			t.Errorf("cached %v, %d packets, error %v", res.Cached, len(net.Queries()), err)
		}
		if story := req.Trace.String(); !strings.Contains(story, "ask ns1.example.com.") || !strings.Contains(story, "closest known zone cut is example.com.") || strings.Contains(story, "cache has") {
			t.Errorf("the story is\n%s", story)
		}
	})
}

func TestStepsAreTheSameInWordsAndAsJSON(t *testing.T) {
	ask := &Step{Kind: StepAsk, Network: "udp", Outcome: "referral", raw: raw{question: wire.Question{Name: wire.MustName("com."), Type: wire.TypeA, Class: wire.ClassIN},
		zone: wire.Root, server: wire.MustName("a.root-servers.net."), addr: netip.MustParseAddrPort("198.41.0.4:53"), name: wire.MustName("com."),
		cut: []cache.NameServer{{Name: wire.MustName("a.nic.com.")}}}}
	text, err := json.Marshal(ask)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"kind":"ask","question":"com. A","zone":".","server":"a.root-servers.net. 198.41.0.4","network":"udp","outcome":"referral to com.","text":"servers a.nic.com."}`; string(text) != want {
		t.Errorf("%s, want\n%s", text, want)
	}
	if want := "[.] com. A? ask a.root-servers.net. 198.41.0.4 over udp, 0s: referral to com. (servers a.nic.com.)"; ask.Line() != want {
		t.Errorf("%s, want\n%s", ask.Line(), want)
	}
}

// BenchmarkStory is what it costs to write down a short cold walk whose story
// nobody reads.
func BenchmarkStory(b *testing.B) {
	q := www().Question
	cut := []cache.NameServer{{Name: wire.MustName("a.nic.com.")}}
	addr := netip.MustParseAddrPort("198.41.0.4:53")
	b.ReportAllocs()
	for b.Loop() {
		t := lentTrace()
		child, done := t.below(Step{Kind: StepQuestion, raw: raw{question: q}})
		child.add(Step{Kind: StepCut, raw: raw{zone: wire.Root}})
		child.add(Step{Kind: StepAsk, Network: "udp", Outcome: "referral", raw: raw{question: q, zone: wire.Root, server: q.Name, addr: addr, name: q.Name, cut: cut}})
		child.add(Step{Kind: StepAsk, Network: "udp", Outcome: "answer", raw: raw{question: q, zone: q.Name, server: q.Name, addr: addr}})
		child.add(Step{Kind: StepVerdict, Outcome: "secure", raw: raw{zone: q.Name}})
		child.add(Step{Kind: StepAnswer, raw: raw{question: q, count: 1}})
		done()
		t.giveBack()
	}
}
