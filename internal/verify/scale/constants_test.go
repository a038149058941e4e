package scale_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/internal/verify/scale"
	"github.com/sessionctx/storefront/internal/verify/tables"
)

// Measurements of CPU time may be that much off on a machine that is shared, those of bytes that much for another version of Redis or Go.
const (
	cpuApart   = 10
	bytesApart = 2
)

// TestConstantsAreAsRecorded measures what the model takes for granted. scale.Measured is written from what it prints.
func TestConstantsAreAsRecorded(t *testing.T) {
	if !shipped(t) {
		return
	}
	var got scale.Constants
	t.Run("of the server", func(t *testing.T) { measureServer(t, &got) })
	t.Run("of tracking by key", func(t *testing.T) { measureTrackingByKey(t, &got) })
	t.Run("of a process", func(t *testing.T) { measureProcess(t, &got) })

	var rows [][]string
	row := func(what string, measured, recorded, apart float64, format func(float64) string) {
		if measured == 0 { // skipped: there is no server
			return
		}
		assert.Less(t, measured, recorded*apart, what)
		assert.Greater(t, measured, recorded/apart, what)
		rows = append(rows, []string{what, format(measured), format(recorded)})
	}
	cpu := func(what string, measured, recorded float64) { row(what, measured, recorded, cpuApart, micro) }
	bytes := func(what string, measured, recorded float64) { row(what, measured, recorded, bytesApart, inBytes) }
	was := scale.Measured
	bytes("`KeyBytes`: Redis, for each session, key and expiry included", got.KeyBytes, was.KeyBytes)
	bytes("`ValueBytes`: of these the value", got.ValueBytes, was.ValueBytes)
	cpu("`GetCPU`: server, for each GET", got.GetCPU, was.GetCPU)
	cpu("`WriteCPU`: server, for each compare-and-set (EVALSHA)", got.WriteCPU, was.WriteCPU)
	cpu("`MessageCPU`: server, for each message to a process, sent alone", got.MessageCPU, was.MessageCPU)
	cpu("`BatchedMessageCPU`: server, for each key in a message to a process that says 50", got.BatchedMessageCPU, was.BatchedMessageCPU)
	cpu("`ReceiveCPU`: process, for each message that comes alone", got.ReceiveCPU, was.ReceiveCPU)
	bytes("`GetNetwork`: both ways, for each GET", got.GetNetwork, was.GetNetwork)
	bytes("`WriteNetwork`: both ways, for each compare-and-set", got.WriteNetwork, was.WriteNetwork)
	bytes("`MessageNetwork`: for each message sent alone", got.MessageNetwork, was.MessageNetwork)
	bytes("`TrackedKeyBytes`: Redis, for each key that one process has read, tracked by key", got.TrackedKeyBytes, was.TrackedKeyBytes)
	bytes("`TrackedReaderBytes`: Redis, for each further process that has read it", got.TrackedReaderBytes, was.TrackedReaderBytes)
	bytes("`EntryHeap`: process, live heap for each cached session", got.EntryHeap, was.EntryHeap)
	cpu("`MarkCPU`: process, for each cached session in each garbage collection", got.MarkCPU, was.MarkCPU)
	tables.Write(t, "scale-constants", []string{"constant", "measured on " + machine(), "in use, from " + was.Machine}, rows...)
}

func micro(seconds float64) string { return fmt.Sprintf("%.3g us", seconds*1e6) }

func inBytes(n float64) string { return fmt.Sprintf("%.0f B", n) }
