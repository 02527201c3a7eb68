package cache

import "encoding/binary"

// This file finds an entry by its key and knows which one was used last. All that
// it keeps of an entry stands in the entry's first block, so that being found costs
// an entry 24 octets and the collector nothing: the hash, the entry behind it in
// its bucket, its neighbours in the list of use and its place there. Block 0 is the
// head of that list, which is a ring.
//
// The table of buckets grows by one bucket with each entry (linear hashing: Litwin,
// "Linear hashing: a new tool for file and table addressing", 1980): nobody ever
// waits for it to be made anew, and none of it stands empty.

const (
	bucketLen = 4 // octets: the number of a first block; 0 is none

	tableShift = 10 // buckets of a part of the table, a page of memory
	tablePart  = 1 << tableShift
)

// index is the entries of one shard. Its lock guards it.
type index struct {
	slab
	table   [][]byte // of buckets, in parts
	buckets uint32   // in use; a bucket splits when there are more entries than buckets
	mask    uint32   // the smallest 2^n-1 that no number of a bucket exceeds
	entries uint32
	uses    uint32 // how often an entry became the most recently used one
}

func newIndex() *index {
	return &index{slab: newSlab(), table: [][]byte{newChunk(tablePart * bucketLen)}, buckets: 1}
}

// bucket is the place of a bucket in the table.
func (x *index) bucket(n uint32) []byte {
	at := n % tablePart * bucketLen
	return x.table[n>>tableShift][at : at+bucketLen : at+bucketLen]
}

// bucketOf is the bucket of a hash.
func (x *index) bucketOf(hash uint32) []byte {
	n := hash & x.mask
	if n >= x.buckets { // which has not split yet
		n &= x.mask >> 1
	}
	return x.bucket(n)
}

// find finds the entry of a key, and leaves it open behind the key; 0 is none.
func (x *index) find(hash uint32, key []byte) (first uint32, e entry) {
	for i := number(x.bucketOf(hash), 0); i != 0; {
		b := x.block(i)
		if number(b, offHash) == hash {
			if e := x.open(i); e.hasKey(key) {
				return i, e
			}
		}
		i = number(b, offChain)
	}
	return 0, entry{}
}

// add makes an entry, which has no like, the most recently used one.
func (x *index) add(first, hash uint32) {
	b := x.block(first)
	setNumber(b, offHash, hash)
	x.chain(x.bucketOf(hash), first)
	x.link(first)
	if x.entries++; x.entries > x.buckets {
		x.split()
	}
}

// chain puts an entry in front of a bucket.
func (x *index) chain(bucket []byte, first uint32) {
	setNumber(x.block(first), offChain, number(bucket, 0))
	setNumber(bucket, 0, first)
}

// split adds a bucket and moves to it what belongs there from the one that has had
// it until now.
func (x *index) split() {
	n := x.buckets
	if n>>tableShift == uint32(len(x.table)) {
		x.table = append(x.table, newChunk(tablePart*bucketLen))
	}
	x.buckets++
	if n > x.mask {
		x.mask = 2*x.mask + 1
	}
	from, to := x.bucket(n&(x.mask>>1)), x.bucket(n)
	i := number(from, 0)
	setNumber(from, 0, 0)
	for i != 0 {
		b := x.block(i)
		next := number(b, offChain)
		if number(b, offHash)&x.mask == n {
			x.chain(to, i)
		} else {
			x.chain(from, i)
		}
		i = next
	}
}

// link makes an entry the most recently used one.
func (x *index) link(i uint32) {
	head, b := x.block(0), x.block(i)
	last := number(head, offOlder)
	setNumber(b, offOlder, last)
	setNumber(b, offNewer, 0)
	setNumber(b, offUsed, x.uses)
	x.uses++
	setNumber(x.block(last), offNewer, i)
	setNumber(head, offOlder, i)
}

func (x *index) unlink(i uint32) {
	b := x.block(i)
	older, newer := number(b, offOlder), number(b, offNewer)
	setNumber(x.block(older), offNewer, newer)
	setNumber(x.block(newer), offOlder, older)
}

// use makes an entry that is there the most recently used one.
func (x *index) use(i uint32) {
	if number(x.block(i), offNewer) != 0 { // else it is already
		x.unlink(i)
		x.link(i)
	}
}

// oldest is the entry that was not used for longest; 0 is none.
func (x *index) oldest() uint32 { return number(x.block(0), offNewer) }

// remove removes an entry and frees its blocks.
func (x *index) remove(first uint32) {
	b := x.block(first)
	at, off := x.bucketOf(number(b, offHash)), 0
	for number(at, off) != first {
		at, off = x.block(number(at, off)), offChain
	}
	setNumber(at, off, number(b, offChain))
	x.unlink(first)
	x.entries--
	x.release(first)
}

// has tells whether there is an entry with that first block: what stands in a block
// that has become a part of another entry leads to no bucket that has it.
func (x *index) has(first uint32) bool {
	if first >= x.unused {
		return false
	}
	i := number(x.bucketOf(number(x.block(first), offHash)), 0)
	for i != 0 && i != first {
		i = number(x.block(i), offChain)
	}
	return i != 0
}

// place is where an entry stands in the list of use.
type place struct {
	first uint32
	since int32 // uses of others after its own, up to an instant; negative: it was used later
}

// places appends the places of the entries of up to n buckets from the given one on,
// as of the instant at which there had been so many uses.
func (x *index) places(from, n, uses uint32, to []place) []place {
	for ; n > 0 && from < x.buckets; n, from = n-1, from+1 {
		for i := number(x.bucket(from), 0); i != 0; {
			b := x.block(i)
			to = append(to, place{i, int32(uses - number(b, offUsed))})
			i = number(b, offChain)
		}
	}
	return to
}

func number(b []byte, off int) uint32       { return binary.LittleEndian.Uint32(b[off:]) }
func setNumber(b []byte, off int, n uint32) { binary.LittleEndian.PutUint32(b[off:], n) }
