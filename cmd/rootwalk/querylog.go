package main

import "rootwalk/server"

// This file writes the query log to the log of the server.

// queryLog is a log of one query in so many, 0 of none, in the place of the one before.
func (p *parts) queryLog(oneIn int) *server.QueryLog {
	if oneIn == p.oneIn {
		return p.queries
	}
	if p.queries != nil {
		p.queries.Close()
		p.notLogged += p.queries.Dropped()
	}
	p.oneIn, p.queries = oneIn, nil
	if oneIn > 0 {
		p.queries = server.NewQueryLog(oneIn, p.logQuery)
	}
	return p.queries
}

// logQuery writes one line. It waits for who reads the log, so that it is queries that
// are left out and not other lines.
func (p *parts) logQuery(q server.Query) {
	p.lines.room()
	result := "walk"
	if q.Cached {
		result = "cached"
	}
	p.log.Info("query", "client", q.Client, "transport", q.Transport.String(), "name", q.Name.String(), "type", q.Type.String(),
		"rcode", q.Rcode.String(), "result", result, "took", q.Took.String())
}

// setQueryLog logs one query in so many until the next reload.
func (p *parts) setQueryLog(oneIn int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cfg.Log.Queries = oneIn
	p.server.Set(p.serverOptions(p.cfg))
}

// queriesLogged tells that one query in so many is logged; 0: none.
func (p *parts) queriesLogged() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.oneIn
}

// queriesNotLogged is how many queries were left out because writing was too slow.
func (p *parts) queriesNotLogged() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.notLogged
	if p.queries != nil {
		n += p.queries.Dropped()
	}
	return n
}
