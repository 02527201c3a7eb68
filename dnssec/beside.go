package dnssec

import (
	"rootwalk/wire"
)

// This file owns what the proofs of an answer show of zone cuts, beside what was
// asked: a server that has an alias and the zone it leads to says there that the
// target is insecure. It saves a question, and a forwarder may have no other
// answer.

// foretold is the state of a name that the answer's own proofs show to be an
// insecure delegation, or where one may be (opt-out); nil where they do not. Other
// things are looked up.
func (c *check) foretold(name, anchor wire.Name) *state {
	for _, signer := range c.proofSigners(name, anchor) {
		p := c.cut(signer)
		if p.kind != secureZone {
			continue
		}
		d, r := c.proofs(p)
		if !r.OK {
			continue
		}
		if what, how := d.delegation(name); what == cutInsecure && (how == proven || how == optOut) {
			return c.insecureCut(name, p, d, how)
		}
	}
	return nil
}

// proofSigners lists the zones above a name that signed proofs of the answer.
func (c *check) proofSigners(name, anchor wire.Name) []wire.Name {
	if len(c.a.Proofs) == 0 || name == wire.Root {
		return nil
	}
	sets := make([]*wire.RRset, 0, len(c.a.Proofs))
	for i := range c.a.Proofs {
		sets = append(sets, &c.a.Proofs[i])
	}
	return signersOf(name.Parent(), anchor, sets...)
}

// foresee remembers what the proofs beside an alias show of the name that it leads
// to, for the piece that answers that one.
func (c *check) foresee(next wire.Name) {
	anchor, ok := c.anchorOf(next)
	if !ok {
		return
	}
	for _, signer := range c.proofSigners(next, anchor) {
		for k := signer.Labels() + 1; k <= next.Labels(); k++ {
			name := next.Last(k)
			if c.known(name) != nil {
				continue
			}
			if s := c.foretold(name, anchor); s != nil {
				c.settle(name, s)
				return
			}
		}
	}
}
