// A pleasant small Internet on loopback, to watch a resolver walk.

package lab

import (
	"fmt"
	"strings"
)

// DemoQuestion is one thing to ask the demo Internet, and what it shows.
type DemoQuestion struct{ Name, Type, What string }

// Demo returns the text of the demo Internet: every server has an address 127.53.0.x, so that [Internet.Listen] can serve it.
// The addresses that names resolve to are documentation prefixes (RFC 5737), which nobody is to be sent to.
func Demo() string {
	return demoZones + "== zone library.example.org @ 127.53.0.33 signed\n" + poem()
}

const demoZones = `A small Internet on loopback. Two root servers, four top-level domains, and below them one zone for each thing that a
resolver has to know how to do.

== zone . @ 127.53.0.1 127.53.0.2 signed
== zone com @ 127.53.0.11 signed
== zone net @ 127.53.0.12 signed
== zone org @ 127.53.0.13 signed
== zone example @ 127.53.0.14 signed=optout

== zone example.com @ 127.53.0.21 127.53.0.22 signed
$TTL 300
@       A     192.0.2.1
@       MX    10 mx1
@       MX    20 mx2
mx1     A     192.0.2.25
mx2     A     192.0.2.26
www     A     192.0.2.80
; One name, four machines.
pool    A     198.51.100.1
pool    A     198.51.100.2
pool    A     198.51.100.3
pool    A     198.51.100.4
; An alias that leads out of the zone, through another top-level domain.
blog    CNAME pages.example.net.

== zone example.net @ 127.53.0.31
$TTL 300
pages   A     203.0.113.80
; The name server of harbour.example lives here.
ns      A     127.53.0.41
; Everything below old moved.
old     DNAME example.com.

== zone example.org @ 127.53.0.32 signed=nsec3
$TTL 300
; Anybody who is not named here is a guest.
*.guests    A 203.0.113.100
alice.guests A 203.0.113.101
; Nothing is at "quiet", yet the name exists: something lies below it.
room.quiet  A 203.0.113.7

; Its only name server is in another top-level domain: no glue, so its address has to be found first.
== zone harbour.example @ 127.53.0.41 signed
@       NS    ns.example.net.
pier    A     192.0.2.141

; Two name servers, of which the second has never heard of the zone.
== zone lighthouse.example @ 127.53.0.51 127.53.0.52
lamp    A     192.0.2.151
== fault 127.53.0.52 lame

`

// poem is a TXT record that no ordinary UDP reply has room for.
func poem() string {
	steps := []string{
		"A name set out one morning with a question in its hand,",
		"and asked the root for directions to the corners of the land.",
		"I do not know the house you seek, the root replied with grace,",
		"but here are those who know the street, and they will know the place.",
		"It thanked the root and walked along to where the street began,",
		"and there a server read the name and drew for it a plan.",
		"Beyond this cut, the server said, my own authority ends:",
		"the zone you want is held below by other, closer friends.",
		"They gave it glue to find the door, and at the door it knocked,",
		"and asked again, with letters mixed, so that no forger mocked.",
		"The answer was a heavy one, too large for one small boat:",
		"the datagram came back cut short, with TC set, afloat.",
		"So then it built a steady bridge, three handshakes firm and wide,",
		"and carried line by line across the answer to its side.",
		"It kept the answer in the warm until its time ran out,",
		"and all who asked it in between were told without a doubt.",
		"So if you ask me where things are, I say: I do not know,",
		"but I know whom to ask, and they know further whom, and so",
		"from root to branch, from branch to leaf, the question finds its way,",
		"and what was learned is not forgotten (for perhaps a day).",
	}
	var b strings.Builder
	b.WriteString("$TTL 300\npoem TXT (")
	for _, line := range steps {
		fmt.Fprintf(&b, " %q", line)
	}
	b.WriteString(" )\n")
	return b.String()
}

// DemoQuestions lists what to ask, in the order that tells the story.
func DemoQuestions() []DemoQuestion {
	return []DemoQuestion{
		{"www.example.com.", "A", "an address: root, com, example.com"},
		{"example.com.", "MX", "mail, and the two servers that take it"},
		{"pool.example.com.", "A", "one name with four addresses"},
		{"blog.example.com.", "A", "an alias that leads into another zone"},
		{"pier.harbour.example.", "A", "a delegation without glue: the name server's address comes first"},
		{"bob.guests.example.org.", "A", "a wildcard answers for whoever is not named"},
		{"alice.guests.example.org.", "A", "and stands back for who is"},
		{"quiet.example.org.", "A", "an empty non-terminal: the name exists, and has nothing"},
		{"www.old.example.net.", "A", "a DNAME moves a whole subtree"},
		{"www.example.com.", "AAAA", "no data: the name exists, without this type"},
		{"nowhere.example.com.", "A", "NXDOMAIN: the name does not exist"},
		{"lamp.lighthouse.example.", "A", "one of two name servers is lame"},
		{"poem.library.example.org.", "TXT", "an answer too large for UDP comes over TCP"},
	}
}
