package wire

// RRset is a set of records with one owner, type and class (RFC 2181 section
// 5), together with the signatures that cover it. It is shared and never
// changed.
type RRset struct {
	Name  Name // lower case
	Type  Type
	Class Class
	TTL   uint32   // seconds; the least of its records
	Data  []string // RDATA of each record, as received
	Sigs  []string // RDATA of the RRSIG records that cover it
}

// Group gathers records into RRsets in the order of their first record. Equal
// records are kept once, RRSIG records go to the set that they cover, and those
// that cover no set of the section are dropped.
func Group(recs []Record) []RRset {
	sets := make([]RRset, 0, min(len(recs), 8))
	find := func(n Name, t Type, c Class) *RRset {
		for i := len(sets) - 1; i >= 0; i-- {
			if s := &sets[i]; s.Type == t && s.Class == c && s.Name == n {
				return s
			}
		}
		return nil
	}
	sigs := 0
	for _, r := range recs {
		if r.Type == TypeRRSIG {
			sigs++
			continue
		}
		s := find(r.Name, r.Type, r.Class)
		if s == nil {
			sets = append(sets, RRset{Name: r.Name, Type: r.Type, Class: r.Class, TTL: r.TTL, Data: make([]string, 0, 1)})
			s = &sets[len(sets)-1]
		}
		s.TTL = min(s.TTL, r.TTL)
		s.Data = appendNew(s.Data, r.Data)
	}
	if sigs == 0 {
		return sets
	}
	for _, r := range recs {
		if r.Type != TypeRRSIG {
			continue
		}
		if s := find(r.Name, Covered(r.Data), r.Class); s != nil {
			s.TTL = min(s.TTL, r.TTL)
			s.Sigs = appendNew(s.Sigs, r.Data)
		}
	}
	return sets
}

// appendNew appends d unless it is there. Sets of more than a few records come
// in the order that the server keeps them; the quadratic look is bounded by
// MaxRecords.
func appendNew(list []string, d string) []string {
	for _, x := range list {
		if x == d {
			return list
		}
	}
	return append(list, d)
}

// Records lists the set's records, signatures last.
func (s *RRset) Records() []Record {
	out := make([]Record, 0, len(s.Data)+len(s.Sigs))
	for _, d := range s.Data {
		out = append(out, Record{s.Name, s.Type, s.Class, s.TTL, d})
	}
	for _, d := range s.Sigs {
		out = append(out, Record{s.Name, TypeRRSIG, s.Class, s.TTL, d})
	}
	return out
}

// Proof tells whether the set only matters to a client that asks for DNSSEC
// records: a signature's or a denial's material in the authority section.
func (s *RRset) Proof() bool {
	return s.Type == TypeNSEC || s.Type == TypeNSEC3 || s.Type == TypeDS || s.Type == TypeRRSIG
}
