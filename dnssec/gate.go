package dnssec

import "runtime"

// This file bounds how many signatures are checked at the same time.

// gate has a place for each core. A check takes a fraction of a millisecond and
// never blocks, so that hundreds of walks which validate at once would fill the
// scheduler's queue, and who answers from the cache would stand behind them all.
// (One core, 200 goroutines that check P-384: replies over UDP took more than a
// second; with the gate three checks or so.)
var gate = make(chan struct{}, runtime.GOMAXPROCS(0))

// verify checks one signature when there is a place for it, and lets others run
// before the next one.
func (p publicKey) verify(message []byte, signature string) bool {
	gate <- struct{}{}
	good := p.check(message, signature)
	<-gate
	runtime.Gosched()
	return good
}
