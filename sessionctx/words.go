package sessionctx

import (
	"encoding/binary"
	"hash/maphash"
	"math/rand/v2"
	"sync/atomic"
)

// A word says whether what was read under some key may still be used: it is a generation (upper 48 bits) and
// the number of writers in flight (lower 16). Whatever may change a record moves its word, before and
// after; a word never comes back to a value that it had. Keys share words, by a seeded hash: a
// neighbour's write costs a reload and never an error.
const (
	wordChange  = 1 << 16       // one more generation
	wordWriters = 1<<16 - 1     // mask of the writers in flight
	maxWriters  = 1<<16 - 1<<12 // leaves room for those that are just being refused
	numWords    = 1 << 14
	noStripe    = numWords // of no key: nothing moves its word
)

// words is the process's state of all keys, in bounded space.
type words struct {
	seed  uint64
	names maphash.Seed
	w     [numWords + 1]atomic.Uint64
}

func newWords() *words { return &words{seed: rand.Uint64(), names: maphash.MakeSeed()} }

// stripe returns the index of the word of the key with hash h.
func (ws *words) stripe(h KeyHash) uint16 {
	x := (binary.LittleEndian.Uint64(h[:8]) ^ ws.seed) * 0x9e3779b97f4a7c15
	return uint16(x >> 50) // the upper 14 bits
}

// sites returns the index of the word of a tenant's sites, of which nobody outside ever speaks by a KeyHash.
func (ws *words) sites(tenant string) uint16 {
	return uint16(maphash.String(ws.names, tenant) % numWords)
}

func (ws *words) load(stripe uint16) uint64 { return ws.w[stripe].Load() }

// changesIn returns how often a word was moved, modulo 2^32: for what is forgotten long before it comes round.
func changesIn(word uint64) uint32 { return uint32(word / wordChange) }

// changed moves the word: nothing that was read before may be reused.
func (ws *words) changed(stripe uint16) { ws.w[stripe].Add(wordChange) }

// begin counts a writer in and returns the word as it left it; false if there are too many.
func (ws *words) begin(stripe uint16) (uint64, bool) {
	w := ws.w[stripe].Add(wordChange + 1)
	if w&wordWriters > maxWriters {
		ws.end(stripe)
		return 0, false
	}
	return w, true
}

// end counts a writer out.
func (ws *words) end(stripe uint16) { ws.w[stripe].Add(wordChange - 1) }

// endAlone counts a writer out if it was the only one since its begin returned w and nothing else moved the
// word. It returns the word that what this writer knows is good for.
func (ws *words) endAlone(stripe uint16, w uint64) (uint64, bool) {
	next := w + wordChange - 1
	if w&wordWriters == 1 && ws.w[stripe].CompareAndSwap(w, next) {
		return next, true
	}
	ws.end(stripe)
	return 0, false
}

// quiet reports whether no writer is in flight.
func quiet(word uint64) bool { return word&wordWriters == 0 }
