// Command attacks plays the attacks and faults that the resolver has to survive,
// and prints a board: what was tried, the bar, what was measured, and what other
// resolvers allow. With -write FILE it writes the board and the table of limits
// into a document, between marks; with -limits it writes only the latter, at once.
// With -without it takes away what the tests stand on, one after the other (the list is
// without.txt), and says which of them still hold: none may.
//
// The attacks are tests like any other. One that has a place on the board says so
// with an attribute (testing.T.Attr):
//
//	t.Attr("row", "A13 | a message of compression pointers | 512 KiB | 14 KiB | ")
//
// the fields being its number, what is tried, the bar, the figure, and the bound
// of other resolvers. With the build tag attacks, which this command sets, those that take
// long have their whole size. A scenario has the line "row: A1 ..." in its head, and its
// figures are those that it counts (package scenario).
//
// The limits are constants where they are used. One that belongs into the table
// ends its comment with a line for this command:
//
//	// maxDepth bounds the address of a server of a server of a server ...
//	//
//	//limit:depth BIND 7; PowerDNS 16
//	maxDepth = 7
//
// which has the limit's name, as in the metric rootwalk_limits_total, and the
// bounds of others. What cannot be gone beyond, and so is not counted, is a
// "bound:" instead.
package main
