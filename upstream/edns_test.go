package upstream

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"rootwalk/wire"
)

func TestAnErrorToEDNSIsAskedAgainWithoutItAndRemembered(t *testing.T) {
	for _, fault := range []string{"edns-formerr", "edns-formerr-header", "edns-notimp", "edns-badvers"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, oneZone)
			r.faults(theServer, fault)
			if reply := r.must("www.example.com."); reply.Rcode != wire.NoError || len(reply.Answer) != 1 || !reply.Plain {
				t.Errorf("%s: the reply is %+v", fault, reply)
			}
			r.wantSent("udp+edns udp")
			if reply := r.must("ftp.example.com."); !reply.Plain {
				t.Errorf("%s: the second reply has a query with EDNS", fault)
			}
			r.must("mail.example.com.")
			r.wantSent("udp udp")
			r.faults(theServer, "servfail", "edns-ignore")
			r.must("www.example.com.")
			r.wantSent("udp") // an error to a query without EDNS has other reasons
			r.faults(theServer, fault)
			time.Sleep(plainFor)
			r.must("www.example.com.")
			r.wantSent("udp+edns udp")
			r.faults(theServer)
			time.Sleep(plainFor)
			if reply := r.must("www.example.com."); reply.Plain || !reply.EDNS {
				t.Errorf("%s: a server that has learned EDNS is asked without", fault)
			}
		})
	}
}

func TestAnErrorWithAndWithoutEDNSIsNotEDNSsFault(t *testing.T) {
	for _, fault := range []string{"formerr", "notimp"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, oneZone)
			r.faults(theServer, fault)
			if reply := r.must("www.example.com."); reply.Rcode == wire.NoError {
				t.Errorf("%s: the reply is %+v", fault, reply)
			}
			r.wantSent("udp+edns udp")
			r.faults(theServer)
			if reply := r.must("www.example.com."); reply.Plain {
				t.Errorf("%s: EDNS is left out, though it made no difference", fault)
			}
			r.wantSent("udp+edns")
		})
	}
}

func TestTheFirstErrorStandsWhenNothingComesWithoutEDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := scripted(func(_ string, query []byte) [][]byte {
			if hasOPT(query) {
				return [][]byte{replyTo(query, wire.NotImp, false)}
			}
			return nil
		})
		r, err := u.Exchange(context.Background(), asking("www.example.com."))
		if err != nil || r.Rcode != wire.NotImp || r.Plain {
			t.Fatalf("got %+v, %v; want the NOTIMP to the query with EDNS", r, err)
		}
		if plain, _, _ := u.know(port53(theServer).Addr()).abilities(bubbleClock()); plain {
			t.Error("EDNS is left out, though nothing came without it")
		}
	})
}

func TestSERVFAILIsEDNSsFaultOnlyWithoutOPT(t *testing.T) {
	for _, c := range []struct {
		opt  bool
		want int // queries
	}{{true, 1}, {false, 2}} {
		synctest.Test(t, func(t *testing.T) {
			sent := 0
			u := scripted(func(_ string, query []byte) [][]byte {
				sent++
				return [][]byte{replyTo(query, wire.ServFail, c.opt && hasOPT(query))}
			})
			r, err := u.Exchange(context.Background(), asking("www.example.com."))
			if err != nil || r.Rcode != wire.ServFail || sent != c.want {
				t.Errorf("OPT %v: %d queries, want %d (%+v, %v)", c.opt, sent, c.want, r, err)
			}
		})
	}
}

func TestOnePassingSERVFAILDoesNotTakeEDNSAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail, always, sent := false, false, 0
		u := scripted(func(_ string, query []byte) [][]byte {
			sent++
			if fail && hasOPT(query) {
				fail = always
				return [][]byte{replyTo(query, wire.ServFail, false)}
			}
			return [][]byte{replyTo(query, wire.NoError, hasOPT(query))}
		})
		ask := func(plain bool, queries int) {
			t.Helper()
			sent = 0
			r, err := u.Exchange(context.Background(), asking("www.example.com."))
			if err != nil || r.Rcode != wire.NoError || r.Plain != plain || sent != queries {
				t.Errorf("%d queries, %+v, %v; want %d and Plain %v", sent, r, err, queries, plain)
			}
		}
		fail = true // before EDNS was seen to work
		ask(true, 2)
		ask(false, 1)
		for range 3 { // and after
			fail = true
			ask(true, 2)
		}
		ask(false, 1)
		u.know(port53(theServer).Addr()).edns = false
		fail, always = true, true // a server that really chokes on it
		ask(true, 2)
		ask(true, 2)
		ask(true, 1)
	})
}

func TestDroppedEDNSIsLearnedWithTwoExtraQueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "edns-drop")
		sent := 0
		for _, name := range []string{"www.example.com.", "nowhere.example.com.", "mail.example.com.", "www.example.com."} {
			a := asking(name)
			reply, err := r.exchange(a)
			if err != nil {
				a.Retry = true
				reply, err = r.exchange(a)
			}
			if err != nil || !reply.Plain {
				t.Fatalf("%s: %+v, %v", name, reply, err)
			}
			sent += len(r.net.Queries())
			r.net.ResetQueries()
		}
		if sent != 4+2 {
			t.Errorf("4 questions took %d queries, want 6", sent)
		}
	})
}

func TestOneLostPacketDoesNotTakeEDNSAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "drop 1")
		a := asking("www.example.com.")
		if _, err := r.exchange(a); err != ErrTimeout {
			t.Fatal(err)
		}
		a.Retry = true
		if reply, err := r.exchange(a); err != nil || !reply.Plain {
			t.Fatalf("%+v, %v", reply, err)
		}
		if reply := r.must("ftp.example.com."); reply.Plain {
			t.Error("asked without EDNS after one silence")
		}
		r.wantSent("udp+edns udp udp+edns")

		// It has answered with EDNS by now, so silence is not EDNS's fault any more.
		for range 3 {
			r.faults(theServer, "drop 1")
			a.Retry = false
			if _, err := r.exchange(a); err != ErrTimeout {
				t.Fatal(err)
			}
			a.Retry = true
			if reply, err := r.exchange(a); err != nil || reply.Plain {
				t.Fatalf("%+v, %v", reply, err)
			}
		}
	})
}

func TestAServerThatIgnoresEDNSIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "edns-ignore")
		if reply := r.must("www.example.com."); reply.EDNS || reply.Plain || len(reply.Answer) != 1 {
			t.Errorf("the reply is %+v", reply)
		}
		r.wantSent("udp+edns")
	})
}
