package sessionctx

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestALandedFlightIsJoinedThoughOthersOfItsKeyWereKeptBefore has the oldest of a shard's kept flights dropped while a younger one of the
// same key is there.
func TestALandedFlightIsJoinedThoughOthersOfItsKeyWereKeptBefore(t *testing.T) {
	fs := flights[int]{bg: new(sync.WaitGroup)}
	good := func(int) bool { return true }
	key := func(id string, word uint64) flightKey { return flightKey{key: Key{ID: id}, word: word} }
	const hash, other = flightShards, 2 * flightShards // of one shard
	for word := range uint64(flightKept) {
		fs.put(hash, key("a", word), 0, int(word))
	}
	for n := range flightKept - 1 {
		fs.put(other, key("b", uint64(n)), 0, n)
		f, lead := fs.join(hash, key("a", flightKept-1), 0, endless, good)
		assert.False(t, lead, "after %d others", n+1)
		assert.Equal(t, flightKept-1, f.value)
	}
	fs.put(other, key("b", 0), 0, 0)
	_, lead := fs.join(hash, key("a", flightKept-1), 0, endless, good)
	assert.True(t, lead, "of those that have landed each shard keeps the last few")
}
