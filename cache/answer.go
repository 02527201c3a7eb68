package cache

import "rootwalk/wire"

// NameError is the type under which a name error is kept: it holds for every
// type of the name (RFC 2308 section 5).
const NameError wire.Type = 0

// GetAnswer finds the answer under the key, or else the error of its name. Where
// the answer is not fresh, what was stored last counts: a name that was removed
// must not come back to life, nor one that was made be denied by an older error.
func (c *Cache) GetAnswer(k *Key, dst []byte, now int64) (Header, []byte, bool) {
	h, b, ok := c.Get(k, dst)
	if ok && h.Fresh(now) {
		return h, b, true
	}
	was := k.setType(NameError)
	he, be, oke := c.Get(k, dst)
	k.setType(was)
	if !oke || ok && he.Stored < h.Stored {
		return c.Get(k, dst) // into dst, where the name's entry has been meanwhile
	}
	return he, be, true
}
