package server

import "rootwalk/wire"

// identity answers the questions of the CHAOS class about this server itself
// (RFC 4892); there is nothing else in that class.
func (w *worker) identity(dst, query []byte, meta Meta, q *wire.Query) []byte {
	if id := w.set.Load().Identity; id != nil && q.Type == wire.TypeTXT {
		if packed, ok := id.Answer(q.QuestionName(query).Lower()); ok {
			return w.write(dst, query, meta, q, answer{packed: packed, ede: wire.NoEDE})
		}
	}
	return w.refuse(dst, query, meta, q, wire.Refused, wire.EDENotSupported)
}
