package scenario

import (
	"fmt"
	"strings"
)

// figures are what a scenario counted, for the board of attacks (command
// attacks), in order.
type figures struct {
	got, want []string
	seen      map[string]bool // counts of one step that many replies make alike
}

// note adds a count with what was wanted.
func (f *figures) note(line int, what, got string, want []string) {
	what = strings.TrimPrefix(strings.TrimPrefix(what, "upstream "), "queries ")
	bar := strings.Join(append([]string{what}, want...), " ")
	key := fmt.Sprint(line, bar)
	if f.seen[key] {
		return
	}
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	f.seen[key] = true
	f.got, f.want = append(f.got, got), append(f.want, bar)
}

// board gives a scenario its row, if its head has a line "row: NUMBER WHAT"; what
// other resolvers allow is in a line "peers: ...".
func (s *stage) board(text string) {
	head, _, _ := strings.Cut(text, "\n== ")
	var number, what, peers string
	for _, l := range strings.Split(head, "\n") {
		if rest, ok := strings.CutPrefix(l, "row: "); ok {
			number, what, _ = strings.Cut(rest, " ")
		}
		if rest, ok := strings.CutPrefix(l, "peers: "); ok {
			peers = rest
		}
	}
	if number == "" || s.t.Failed() {
		return
	}
	got, want := strings.Join(s.figures.got, ", "), strings.Join(s.figures.want, ", ")
	if got == "" {
		got, want = "as told", "the replies that it tells"
	}
	s.t.Attr("row", strings.Join([]string{number, what, want, got, peers}, " | "))
}
