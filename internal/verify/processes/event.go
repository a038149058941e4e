package processes

import (
	"golang.org/x/sys/unix"

	"github.com/sessionctx/storefront/sessionctx"
)

// now returns CLOCK_MONOTONIC in nanoseconds, which all processes of a machine read alike.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err) // every Unix has it
	}
	return ts.Nano()
}

// write is an Update that has returned without an error.
type write struct {
	Process, Session int
	Revision         sessionctx.Revision
	Mark             string // what it wrote
	Begin, Ack       int64
}

// sighting is all reads of one process, in one phase, that have returned one revision of a session.
type sighting struct {
	Process, Session int
	Revision         sessionctx.Revision
	Mark             string
	Last             int64 // when the last of them began: no other was as stale
	Reads            int
}

// absence is a read that found no record.
type absence struct {
	Process, Session int
	Begin, End       int64
}

// flush is a FLUSHALL.
type flush struct{ Begin, End int64 }

// report is what a process saw and did since the last one.
type report struct {
	Reads, Degraded int
	Hits            int // of the reads, from the near-cache as they stood; estimated
	FailedWrites    int // the store could not be asked, or did not answer
	Writes          []write
	Sightings       []sighting
	Absences        []absence

	Unwell  string // why the process does not work as it should just now
	Trouble string // an error that must not be
}
