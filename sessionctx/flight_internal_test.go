package sessionctx

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

var (
	good         = func(int) bool { return true }
	ofWord       = func(word uint64) flightKey { return flightKey{key: Key{ID: "a"}, word: word} }
	newFlights   = func() *flights[int] { return &flights[int]{bg: new(sync.WaitGroup)} }
	hash, nearby = uint64(flightShards), uint64(2 * flightShards) // of one shard, in two places
)

// TestALandedFlightIsJoinedUntilAnotherTakesItsPlace lands flights of the shard around it.
func TestALandedFlightIsJoinedUntilAnotherTakesItsPlace(t *testing.T) {
	fs := newFlights()
	fs.put(hash, ofWord(1), 1)
	fs.put(nearby, ofWord(2), 2)
	other, _ := fs.join(nearby, ofWord(3), 0, endless, good)
	fs.land(other)
	f, lead := fs.join(hash, ofWord(1), 0, endless, good)
	assert.False(t, lead)
	assert.Equal(t, 1, f.value)

	other, _ = fs.join(hash+flightShards*flightPlaces, ofWord(4), 0, endless, good)
	fs.land(other)
	_, lead = fs.join(hash, ofWord(1), 0, endless, good)
	assert.True(t, lead)
}

// TestAnOlderFlightNeverTakesTheYoungerOnesPlace has a flight land late: after a younger one has begun, and after a write has put what it wrote.
func TestAnOlderFlightNeverTakesTheYoungerOnesPlace(t *testing.T) {
	fs := newFlights()
	old, lead := fs.join(hash, ofWord(1), 0, endless, good)
	assert.True(t, lead)
	young, lead := fs.join(hash, ofWord(2), 0, endless, good)
	assert.True(t, lead, "another word")
	fs.land(old)
	joined, lead := fs.join(hash, ofWord(2), 0, endless, good)
	assert.False(t, lead)
	assert.Same(t, young, joined)

	fs.put(hash, ofWord(3), 3)
	fs.land(young)
	f, lead := fs.join(hash, ofWord(3), 0, endless, good)
	assert.False(t, lead)
	assert.Equal(t, 3, f.value)
}

// TestAFlightThatFailedIsForgotten has the next one lead.
func TestAFlightThatFailedIsForgotten(t *testing.T) {
	fs := newFlights()
	f, _ := fs.join(hash, ofWord(1), 0, endless, good)
	f.err = errAbandoned
	fs.land(f)
	_, lead := fs.join(hash, ofWord(1), 0, endless, good)
	assert.True(t, lead)
}

// TestWhoJoinsNothingTakesThePlaceOfAll leads though one flight has landed and another is under way, and is found in the place of both.
func TestWhoJoinsNothingTakesThePlaceOfAll(t *testing.T) {
	fs := newFlights()
	fs.put(hash, ofWord(1), 1)
	never := func(int) bool { return false }
	old, lead := fs.join(hash, ofWord(1), 0, endless, never)
	assert.True(t, lead)
	fresh, lead := fs.join(hash, ofWord(1), 0, 0, never)
	assert.True(t, lead)
	fresh.value = 2
	fs.land(fresh)
	old.value = 1
	fs.land(old)
	f, lead := fs.join(hash, ofWord(1), 0, endless, good)
	assert.False(t, lead)
	assert.Equal(t, 2, f.value)
}
