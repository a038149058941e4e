package redisstore

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/sinktest"
)

// An answer comes from a connection that has ended, while the next one is being made. A flush
// before the server reports flushes on the next connection must be reported by the first miss
// there.
func TestReportMiss_AnswerOfEarlierConnectionSaysNothingAboutNext(t *testing.T) {
	var s Store
	var sink sinktest.Sink
	s.sinks.add(&sink)
	load := func(dialed int64, losses int) {
		t.Helper()
		s.reportMiss(dialed)
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
