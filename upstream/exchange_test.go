package upstream

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"rootwalk/wire"
)

func TestOneQuestionIsOneQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "delay 20ms")
		reply := r.must("www.example.com.")
		if got := answers(reply); !slices.Equal(got, []string{addressOfWWW}) {
			t.Errorf("the answer is %q", got)
		}
		if reply.Network != "udp" || reply.RTT != 20*ms || reply.Plain || reply.Joined || !reply.EDNS || reply.Octets == 0 {
			t.Errorf("the reply is %+v", reply)
		}
		q := r.net.Queries()[0]
		if !q.DO || q.UDPSize != PayloadSize || q.RD || q.CD {
			t.Errorf("the query was %+v", q)
		}
		r.wantSent("udp+edns")
		if r.spent != 1 {
			t.Errorf("%d packets were accounted for", r.spent)
		}
		if st := r.Stats(); st.UDP != 1 || st.Answers != 1 || st.RTTSeconds != 0.02 || st.Servers != 1 || st.Timeouts+st.Forged+st.TCP != 0 {
			t.Errorf("counted %+v", st)
		}
		a := asking("www.example.com.")
		a.RD = true
		if _, err := r.exchange(a); err != nil || !r.net.Queries()[0].RD {
			t.Errorf("a forwarder was asked without RD (%v)", err)
		}
	})
}

func TestIDsAndLetterCaseAreRandomAndDoNotReachTheReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		ids, names := map[uint16]bool{}, map[string]bool{}
		for range 200 {
			reply := r.must("www.example.com.")
			if reply.Question != question("www.example.com.") || reply.Answer[0].Name != reply.Question.Name {
				t.Fatalf("the reply's question is %v and its record's owner %v", reply.Question, reply.Answer[0].Name)
			}
		}
		for _, q := range r.net.Queries() {
			ids[q.ID], names[q.Name] = true, true
			if !strings.EqualFold(q.Name, "www.example.com.") {
				t.Fatalf("asked for %s", q.Name)
			}
		}
		if len(ids) < 190 || len(names) < 150 {
			t.Errorf("200 queries had %d IDs and %d forms of the name", len(ids), len(names))
		}
	})
}

func TestNamesCompressedToTheQuestionAreLowerCase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := scripted(func(_ string, query []byte) [][]byte {
			m := replyTo(query, wire.NoError, false)
			m[7] = 1
			return [][]byte{append(m, 0xc0, 12, 0, 5, 0, 1, 0, 0, 14, 16, 0, 7, 4, 'd', 'e', 'e', 'p', 0xc0, 12)}
		})
		reply, err := u.Exchange(context.Background(), asking(long))
		if err != nil || len(reply.Answer) != 1 {
			t.Fatalf("got %+v, %v", reply, err)
		}
		if got := reply.Answer[0].Data; got != string(wire.MustName("deep."+long)) {
			t.Errorf("the alias leads to %q", got)
		}
	})
}

func TestEveryLetterOfALongNameChanges(t *testing.T) {
	label := "\x3f" + strings.Repeat("k", 63)
	q := wire.Question{Name: wire.Name(label + label + label + "\x3d" + strings.Repeat("k", 61) + "\x00"), Type: wire.TypeA, Class: wire.ClassIN}
	tr := try{a: Ask{Question: q}, mixed: true}
	upper := make([]bool, len(q.Name))
	for range 64 {
		msg := tr.query(nil)
		for i := range q.Name {
			upper[i] = upper[i] || msg[wire.HeaderLen+i] == 'K'
		}
	}
	for i, c := range q.Name {
		if (c == 'k') != upper[i] {
			t.Fatalf("octet %d of the name, %q, was upper case: %v", i, c, upper[i])
		}
	}
}

func TestKeepCaseKeepsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.o.KeepCase = true
		r.must(long)
		if got := r.net.Queries()[0].Name; got != long {
			t.Errorf("asked for %s", got)
		}
	})
}

func TestATruncatedReplyIsAskedForOverTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "truncate", "delay 20ms")
		reply := r.must("www.example.com.")
		if reply.Network != "tcp" || len(reply.Answer) != 1 || reply.RTT != 20*ms {
			t.Errorf("the reply is %+v", reply)
		}
		if q := r.net.Queries()[1]; q.Name != "www.example.com." {
			t.Errorf("asked over TCP for %s", q.Name)
		}
		r.wantSent("udp+edns tcp+edns")
		if r.spent != 3 {
			t.Errorf("%d packets and connects were accounted for, want 3", r.spent)
		}
		r.faults(theServer+" tcp", "truncate")
		if _, err := r.exchange(asking("www.example.com.")); !errors.Is(err, ErrMalformed) {
			t.Errorf("truncated over TCP: %v", err)
		}
	})
}

func TestAWrongIDMovesToTCPAtOnce(t *testing.T) {
	for _, fault := range []string{"wrong-id", "wrong-id-first"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, oneZone)
			r.faults(theServer+" udp", fault)
			start := time.Now()
			reply := r.must("www.example.com.")
			if reply.Network != "tcp" || !slices.Equal(answers(reply), []string{addressOfWWW}) {
				t.Errorf("%s: %s reply with %q", fault, reply.Network, answers(reply))
			}
			if d := time.Since(start); d != 0 {
				t.Errorf("%s: waited %v", fault, d)
			}
			r.wantSent("udp+edns tcp+edns")
			if st := r.Stats(); st.Forged != 1 || st.Timeouts != 0 {
				t.Errorf("%s: counted %+v", fault, st)
			}
			r.faults(theServer+" tcp", "wrong-id")
			if _, err := r.exchange(asking("www.example.com.")); !errors.Is(err, ErrForged) {
				t.Errorf("%s, and a wrong ID over TCP: %v", fault, err)
			}
		})
	}
}

func TestWhatDoesNotMatchIsDroppedAndTheTryGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := scripted(func(_ string, query []byte) [][]byte {
			good := replyTo(query, wire.NXDomain, true)
			mirror := append([]byte(nil), query...)
			other := append([]byte(nil), good...)
			other[wire.HeaderLen+1] = '-'
			formErr := replyTo(query, wire.FormErr, false)
			formErr[2] &^= 0x80
			return [][]byte{{}, good[:6], mirror, other, formErr, good[:wire.HeaderLen], good}
		})
		reply, err := u.Exchange(context.Background(), asking("www.example.com."))
		if err != nil || reply.Network != "udp" || reply.Rcode != wire.NXDomain || reply.Plain {
			t.Fatalf("got %+v, %v", reply, err)
		}
		if st := u.Stats(); st.Forged != 6 || st.UDP != 1 {
			t.Errorf("counted %+v", st)
		}
	})
	t.Attr("row", "B5 | forged FORMERR, QR=0, cut-off headers before the good reply (TuDoor) | dropped, the try goes on | 6 dropped, answered in 1 query | ")
}

func TestFoldedLetterCaseIsAskedOverTCPAndRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "lower-case")
		if reply := r.must(long); reply.Network != "tcp" || reply.Rcode != wire.NXDomain {
			t.Errorf("the reply is %+v", reply)
		}
		r.wantSent("udp+edns tcp+edns")
		if reply := r.must(long); reply.Network != "udp" {
			t.Errorf("the second reply came over %s", reply.Network)
		}
		if q := r.net.Queries()[0]; q.Name != long {
			t.Errorf("asked a server that folds letter case for %s", q.Name)
		}
		r.wantSent("udp+edns")
		time.Sleep(foldsFor)
		r.must(long)
		r.wantSent("udp+edns tcp+edns")
	})
}

func TestAServerThatAnswersInUpperCaseIsUnderstoodOverTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := scripted(func(_ string, query []byte) [][]byte {
			m := replyTo(query, wire.NXDomain, true)
			name := m[wire.HeaderLen : questionEnd(query)-4]
			copy(name, bytes.ToUpper(name))
			return [][]byte{m}
		})
		reply, err := u.Exchange(context.Background(), asking("www.example.com."))
		if err != nil || reply.Network != "tcp" || reply.Question != question("www.example.com.") {
			t.Errorf("got %+v, %v", reply, err)
		}
	})
}

func TestASilentServerIsATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		r.faults(theServer, "drop")
		for _, want := range []time.Duration{DefaultTimeout, 2 * DefaultTimeout, 4 * DefaultTimeout} {
			start := time.Now()
			if _, err := r.exchange(asking("www.example.com.")); !errors.Is(err, ErrTimeout) {
				t.Fatalf("got %v", err)
			}
			if d := time.Since(start); d != min(want, maxTimeout) {
				t.Errorf("waited %v, want %v", d, want)
			}
		}
		r.wantSent("udp+edns udp+edns udp+edns")
		if st := r.Stats(); st.Timeouts != 3 || st.Unreachable != 0 {
			t.Errorf("counted %+v", st)
		}
		r.faults(theServer)
		r.faults(theServer+" udp", "truncate")
		r.faults(theServer+" tcp", "drop")
		if _, err := r.exchange(asking("www.example.com.")); !errors.Is(err, ErrTimeout) {
			t.Errorf("silent over TCP: %v", err)
		}
	})
}

func TestAServerIsNotBlamedForTheCallersShortTime(t *testing.T) {
	for _, fault := range []string{"", "truncate", "unreachable"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, oneZone)
			r.faults(theServer, "delay 100ms", fault)
			for range deadAfter {
				ctx, cancel := context.WithTimeout(context.Background(), 10*ms)
				if fault == "truncate" { // the UDP reply comes, the TCP connection does not
					cancel()
					ctx, cancel = context.WithTimeout(context.Background(), 150*ms)
				}
				if fault == "unreachable" {
					cancel()
				}
				start := time.Now()
				_, err := r.Exchange(ctx, asking("www.example.com."))
				if !errors.Is(err, ErrTimeout) {
					t.Errorf("%q: got %v", fault, err)
				}
				if d := time.Since(start); d > 150*ms {
					t.Errorf("%q: waited %v", fault, d)
				}
				cancel()
			}
			s := r.know(port53(theServer).Addr())
			if s.timeouts != 0 || s.standing(bubbleClock()).dead {
				t.Errorf("%q: a server that had not time to answer has %d timeouts, dead %v", fault, s.timeouts, s.standing(bubbleClock()).dead)
			}
			if st := r.Stats(); st.Timeouts != 0 {
				t.Errorf("%q: counted %+v", fault, st)
			}
		})
	}
}

func TestTheBudgetIsAskedBeforeEveryPacket(t *testing.T) {
	spent := errors.New("spent")
	for left, want := range []string{"", "udp+edns", "udp+edns", "udp+edns tcp+edns"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, oneZone)
			r.faults(theServer, "truncate", "edns-formerr")
			if left > 0 {
				r.faults(theServer, "truncate")
			}
			a := asking("www.example.com.")
			left0, left := left, left
			a.Spend = func() error {
				if left--; left < 0 {
					return spent
				}
				return nil
			}
			_, err := r.Exchange(context.Background(), a)
			if ok := want == "udp+edns tcp+edns"; ok != (err == nil) || !ok && err != spent {
				t.Errorf("sent %q: got %v", want, err)
			}
			r.wantSent(want)
			if r.net.TCPConnects() > max(0, left0-1) {
				t.Errorf("%d connects", r.net.TCPConnects())
			}
		})
	}
}

func TestWhatCannotBeReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		for _, c := range []struct {
			udp, tcp string
			want     error
		}{
			{"unreachable", "", ErrUnreachable},
			{"truncate", "tcp-refuse", ErrUnreachable},
			{"truncate", "tcp-close", ErrUnreachable},
			{"truncate", "unreachable", ErrUnreachable},
			{"truncate", "delay 1h", ErrTimeout},
			{"truncate", "short", ErrForged},
		} {
			r.faults(theServer+" udp", c.udp)
			r.faults(theServer+" tcp", c.tcp)
			if _, err := r.exchange(asking("www.example.com.")); !errors.Is(err, c.want) {
				t.Errorf("UDP %q, TCP %q: got %v, want %v", c.udp, c.tcp, err, c.want)
			}
		}
		a := asking("www.example.com.")
		a.Server = port53("192.0.2.99")
		if _, err := r.exchange(a); !errors.Is(err, ErrTimeout) {
			t.Errorf("an address without a server: %v", err)
		}
	})
}

func TestABrokenReplyThatMatchesIsMalformed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for what, spoil := range map[string]func([]byte) []byte{
			"a record that is not there":   func(m []byte) []byte { m[7] = 1; return m },
			"more records than are parsed": func(m []byte) []byte { m[6] = 255; return m },
			"a record that ends early":     func(m []byte) []byte { m[7] = 1; return append(m, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192) },
			"a name that points to itself": func(m []byte) []byte {
				m[7] = 1
				return append(m, 0xc0, byte(len(m)), 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1)
			},
		} {
			u := scripted(func(_ string, query []byte) [][]byte { return [][]byte{spoil(replyTo(query, 0, false))} })
			if r, err := u.Exchange(context.Background(), asking("www.example.com.")); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: got %v, %v", what, r, err)
			}
			if st := u.Stats(); st.Malformed != 1 || st.Answers != 0 {
				t.Errorf("%s: counted %+v", what, st)
			}
		}
	})
}

func TestTheReplyOutlivesItsBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, oneZone)
		first := r.must("www.example.com.")
		for _, name := range []string{"ftp.example.com.", "mail.example.com.", "nowhere.example.com."} {
			r.must(name)
		}
		if first.Question != question("www.example.com.") || !slices.Equal(answers(first), []string{addressOfWWW}) {
			t.Errorf("the first reply has become %v %q", first.Question, answers(first))
		}
	})
}

// A lack of descriptors is this host's own, and soon over.
func TestALackOfDescriptorsIsWaitedFor(t *testing.T) {
	for _, times := range []int{3, 5, 6} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, oneZone)
			dial, left := r.o.Dial, times
			r.o.Dial = func(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
				if left--; left >= 0 {
					return nil, os.NewSyscallError("socket", syscall.EMFILE)
				}
				return dial(ctx, network, server)
			}
			start := time.Now()
			_, err := r.exchange(asking("www.example.com."))
			if (err == nil) != (times <= 5) || err != nil && !errors.Is(err, ErrOwnTrouble) {
				t.Errorf("%d times: %v", times, err)
			}
			if d := time.Since(start); d > 310*ms || d == 0 {
				t.Errorf("%d times: waited %v", times, d)
			}
			if s := r.know(port53(theServer).Addr()); s.timeouts != 0 || s.standing(bubbleClock()).dead {
				t.Errorf("%d times: the server is blamed", times)
			}
			if n := r.Stats().OwnTrouble; n != uint64(min(times, 5)) {
				t.Errorf("%d times: counted %d", times, n)
			}
		})
	}
}
