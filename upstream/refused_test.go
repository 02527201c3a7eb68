package upstream

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// refusing is an upstream side in front of a server that answers after 20 ms. Before
// that, somebody says in ICMP that nobody listens there, as often as refusals says.
func refusing(refusals *int, gone *bool) (ask func() (*Reply, error), s *server) {
	u := scripted(func(_ string, query []byte) [][]byte {
		time.Sleep(20 * ms)
		out := make([][]byte, *refusals)
		if !*gone {
			out = append(out, replyTo(query, 0, true))
		}
		return out
	})
	return func() (*Reply, error) { return u.Exchange(context.Background(), asking("www.example.com.")) }, u.know(port53(theServer).Addr())
}

func TestForgedICMPDoesNotSilenceAServerThatAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusals, gone := 0, false
		ask, s := refusing(&refusals, &gone)
		if _, err := ask(); err != nil {
			t.Fatal(err)
		}
		refusals = 3
		for range 5 {
			if _, err := ask(); err != nil {
				t.Fatalf("the good reply is not waited for: %v", err)
			}
		}
		if k := s.standing(bubbleClock()); k.dead || k.timeouts != 0 {
			t.Errorf("the server is blamed: %+v", k)
		}
		refusals = maxRefusals + 1
		if _, err := ask(); !errors.Is(err, ErrTimeout) {
			t.Errorf("after any number of them: %v", err)
		}
		if s.standing(bubbleClock()).dead {
			t.Error("one try is enough to take the server for dead")
		}
	})
}

func TestOneForgedICMPCostsAnUnknownServerOneTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusals, gone := 1, false
		ask, s := refusing(&refusals, &gone)
		if _, err := ask(); !errors.Is(err, ErrTimeout) {
			t.Fatalf("got %v", err)
		}
		if k := s.standing(bubbleClock()); k.dead || k.timeouts != 1 {
			t.Errorf("it does not count as one timeout: %+v", k)
		}
		refusals = 0
		if _, err := ask(); err != nil {
			t.Fatal(err)
		}
		if k := s.standing(bubbleClock()); k.timeouts != 0 {
			t.Errorf("the reply does not make it good: %+v", k)
		}
	})
}

func TestAServerThatHasGoneIsDeadAfterOneWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusals, gone := 0, false
		ask, s := refusing(&refusals, &gone)
		if _, err := ask(); err != nil {
			t.Fatal(err)
		}
		refusals, gone = 1, true
		began := time.Now()
		for range deadAfter {
			if _, err := ask(); !errors.Is(err, ErrTimeout) {
				t.Fatalf("got %v", err)
			}
		}
		if !s.standing(bubbleClock()).dead {
			t.Error("it is not taken for dead")
		}
		if took, most := time.Since(began), minTimeout+deadAfter*20*ms; took > most+20*ms {
			t.Errorf("it took %v, more than one timeout and %d round trips", took, deadAfter)
		}
	})
}
