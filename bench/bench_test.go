//go:build linux

package main

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"rootwalk/lab"
)

func TestTheZoneSaysWhatIsExpected(t *testing.T) {
	w := &world{o: &options{names: 30}, expect: map[dns.Question]string{}}
	text, queries := w.names()
	n, _, err := lab.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	l, err := n.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if len(w.expect) != 30 || strings.Count(queries, "\n") != 30 {
		t.Fatalf("%d names, %d questions", len(w.expect), strings.Count(queries, "\n"))
	}
	kinds := map[string]bool{}
	for question, want := range w.expect {
		if !strings.Contains(queries, question.Name+" A\n") {
			t.Errorf("nobody asks %s", question.Name)
		}
		q := new(dns.Msg)
		q.SetQuestion(question.Name, question.Qtype)
		r, err := dns.Exchange(q, net.JoinHostPort("127.53.0.3", fmt.Sprint(l.Port())))
		if err != nil {
			t.Fatal(err)
		}
		if got := brief(r); got != want {
			t.Errorf("%s: %s, want %s", question.Name, got, want)
		}
		kinds[fmt.Sprint(r.Rcode, len(r.Answer))] = true
	}
	if len(kinds) != 5 { // one address, four, an alias, no data, no name
		t.Errorf("%d kinds of answers: %v", len(kinds), kinds)
	}
}

func TestTablesHoldMediansAndSayWhatWasWrong(t *testing.T) {
	var rs []result
	for _, cpu := range []float64{4, 2, 3} {
		rs = append(rs, result{name: "rootwalk", loads: map[string]load{"udp": {cpu: cpu, rate: 1000 * cpu}}})
	}
	rs[1].note(2, "an example")
	o := &options{peers: []string{"rootwalk", "unbound"}, tests: []string{"udp"}, rounds: 3, workers: 1}
	var out strings.Builder
	err := o.report(&out, map[string][]result{"rootwalk": rs})
	for _, want := range []string{"| rootwalk | 3.00 | 0.00 | 67 | 3000 |", "rootwalk gave 2 answers that are not what the zone says: an example"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing %q in\n%s", want, out.String())
		}
	}
	if err == nil {
		t.Error("wrong answers are no error")
	}
	if strings.Contains(out.String(), "| unbound") {
		t.Error("a row for what was not measured")
	}
}

func TestNumbersOfDnsperfAreRead(t *testing.T) {
	out := []byte("  Queries sent:         1000\n  Queries completed:    990 (99.00%)\n  Queries lost:         10 (1.00%)\n  Queries per second:   12345.600000\n")
	if c, r := number(out, `Queries completed:\s+(\d+)`), number(out, `Queries per second:\s+([\d.]+)`); c != 990 || r != 12345.6 {
		t.Errorf("%v completed, %v per second", c, r)
	}
	if number(out, `Nothing:\s+(\d+)`) != 0 {
		t.Error("a number out of nothing")
	}
}
