package cache

// This file keeps the bytes of entries where the garbage collector does not look:
// in blocks of one size, each with the number of the next. There is nothing to
// move or to merge, whatever lengths come and go: an entry that goes leaves blocks
// that any other one can use. An entry is known by the number of its first block.

const (
	blockLen  = 64
	offNext   = 0 // in each block: the number of the next one; 0 is none
	offData   = 4 // in all but the first: what goes on
	blockData = blockLen - offData
	firstData = blockLen - entryFixed

	chunkShift  = 10 // blocks of a chunk, which is what a shard grows by
	chunkBlocks = 1 << chunkShift
)

// slab is the blocks of one shard. Its lock guards it.
type slab struct {
	chunks [][]byte
	free   uint32 // the first of the blocks that are free; 0 is none
	unused uint32 // the first block that was never used
}

func newSlab() slab { return slab{chunks: [][]byte{newChunk(chunkBlocks * blockLen)}, unused: 1} }

// blocksOf is the number of blocks that so many octets of key and payload take.
func blocksOf(octets int) int { return 1 + (max(octets-firstData, 0)+blockData-1)/blockData }

func (s *slab) block(i uint32) []byte {
	at := int(i%chunkBlocks) * blockLen
	return s.chunks[i>>chunkShift][at : at+blockLen : at+blockLen]
}

func next(block []byte) uint32          { return number(block, offNext) }
func setNext(block []byte, next uint32) { setNumber(block, offNext, next) }

// take takes a block that nobody uses.
func (s *slab) take() uint32 {
	if i := s.free; i != 0 {
		s.free = next(s.block(i))
		return i
	}
	if int(s.unused>>chunkShift) == len(s.chunks) {
		s.chunks = append(s.chunks, newChunk(chunkBlocks*blockLen))
	}
	s.unused++
	return s.unused - 1
}

// put stores an entry and returns its first block.
func (s *slab) put(key []byte, h Header, payload []byte) uint32 {
	first := s.take()
	b, at := s.block(first), entryFixed
	encode(b, h, len(key), len(payload))
	for _, part := range [2][]byte{key, payload} {
		for {
			n := copy(b[at:], part)
			at += n
			if part = part[n:]; len(part) == 0 {
				break
			}
			i := s.take()
			setNext(b, i)
			b, at = s.block(i), offData
		}
	}
	setNext(b, 0)
	return first
}

// release frees the blocks of an entry.
func (s *slab) release(first uint32) {
	b := s.block(first)
	for next(b) != 0 {
		b = s.block(next(b))
	}
	setNext(b, s.free)
	s.free = first
}

// entry is a stored entry, read from the front to the back: first the key, then
// the payload.
type entry struct {
	slab  *slab
	first []byte // its first block, in place
	rest  []byte // of the block that is being read
	block []byte
}

func (s *slab) open(first uint32) entry {
	b := s.block(first)
	return entry{slab: s, first: b, rest: b[entryFixed:], block: b}
}

// more is the next run of at most n octets.
func (e *entry) more(n int) []byte {
	if len(e.rest) == 0 {
		e.block = e.slab.block(next(e.block))
		e.rest = e.block[offData:]
	}
	run := e.rest[:min(n, len(e.rest))]
	e.rest = e.rest[len(run):]
	return run
}

// hasKey tells whether the key is this one, and reads it.
func (e *entry) hasKey(key []byte) bool {
	if keyLen(e.first) != len(key) {
		return false
	}
	for len(key) > 0 {
		run := e.more(len(key))
		if string(run) != string(key[:len(run)]) {
			return false
		}
		key = key[len(run):]
	}
	return true
}

// readKey reads the key into k.
func (e *entry) readKey(k *Key) { k.n = len(e.append(k.buf[:0], keyLen(e.first))) }

// appendPayload reads the payload, when the key has been read, and appends it to dst.
func (e *entry) appendPayload(dst []byte) []byte { return e.append(dst, payloadLen(e.first)) }

func (e *entry) append(dst []byte, n int) []byte {
	for n > 0 {
		run := e.more(n)
		dst = append(dst, run...)
		n -= len(run)
	}
	return dst
}
