package resolver

import (
	"context"
	"time"

	"rootwalk/dnssec"
	"rootwalk/wire"
)

// FetchKeys asks the servers of a zone for its DNSKEY set, whatever is in the cache:
// who follows trust anchors wants to know what is published now (RFC 5011 section
// 2.3). Where good returns an error another server is asked, a few times; the
// last error is returned.
func (r *Resolver) FetchKeys(ctx context.Context, zone wire.Name, good func(dnssec.Fetched) error) error {
	r = r.current()
	ctx, cancel := context.WithTimeout(ctx, QuestionTime)
	defer cancel()
	w := &walk{r: r, ctx: ctx, began: time.Now(), raw: true,
		budget: &budget{stats: &r.stats, record: r.o.Record, crypto: dnssec.NewBudget(r.o.Record)}}
	var last error
	for range maxBogus {
		m, err := w.iterate(wire.Question{Name: zone, Type: wire.TypeDNSKEY, Class: wire.ClassIN})
		if err != nil {
			if last != nil {
				return last
			}
			return err
		}
		if last = good(dnssec.Fetched{Zone: m.zone, Answer: m.final}); last == nil || !m.from.IsValid() {
			return last
		}
		w.distrust(m.from)
	}
	return last
}
