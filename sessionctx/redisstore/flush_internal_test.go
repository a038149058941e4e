package redisstore

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/sinktest"
)

// TestAMissOnTheConnectionBeforeTellsNothingOfTheNextOne has an answer come from a connection that has ended, while the next one is being
// made. Whatever is flushed until the server has been asked to tell of that on the next one is told by the first miss there.
func TestAMissOnTheConnectionBeforeTellsNothingOfTheNextOne(t *testing.T) {
	var s Store
	var sink sinktest.Sink
	s.sinks.add(&sink)
	load := func(dialed int64, losses int) {
		t.Helper()
		s.missed(dialed)
		assert.Equal(t, losses, sink.Losses())
	}
	s.dials.Store(1)
	load(1, 1)
	load(1, 1)
	s.dials.Store(2) // a dial has begun
	load(1, 2)
	load(2, 3)
	load(2, 3)
}
