package lab

import "testing"

// FuzzParseText parses any text: a private Internet, or an error that says where.
func FuzzParseText(f *testing.F) {
	for _, text := range []string{
		"", "== zone . @ 198.41.0.4", "== zone example.com @ 192.0.2.1\nwww 60 A 192.0.2.80\n@ MX 10 mail\n",
		"== zone example.com @ 192.0.2.1 2001:db8::1 nodelegate noglue\n$TTL 60\n$GENERATE 1-3 n$ A 192.0.2.$\n",
		"== zone a.b.c @ 192.0.2.1 glue\n@ NS ns.d.\n== zone d @ 192.0.2.1\nns A 192.0.2.1\n",
		"== fault all\nloss 10\n== fault 192.0.2.1 udp delay 1s\nonly-type A only-name x.example. add-answer x. 1 IN A 192.0.2.1\n",
		"== ask x A\nrcode NXDOMAIN\n", "== zone x @ y\n", "== zone \\000.\\255 @ 192.0.2.1\n* TXT \"\\\"\"\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4<<10 {
			return // what takes long is not what is looked for
		}
		n, _, err := Parse(text)
		if err == nil {
			_ = n.Hints()
			_ = n.Servers()
		}
	})
}
