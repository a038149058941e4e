package processes

import (
	"golang.org/x/sys/unix"

	"github.com/sessionctx/storefront/sessionctx"
)

// Now returns CLOCK_MONOTONIC in nanoseconds, which all processes of a machine read alike.
func Now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(err) // every Unix has it
	}
	return ts.Nano()
}

// Write is an Update that has returned without an error.
type Write struct {
	Process, Session int
	Revision         sessionctx.Revision
	First            bool   // there was no record before
	Mark             string // what it wrote
	Begin, Ack       int64
}

// Sighting is all reads of one process, in one phase, that have returned one revision of a session.
type Sighting struct {
	Process, Session int
	Revision         sessionctx.Revision
	Mark             string
	Last             int64 // when the last of them began: no other was as stale
	Reads            int
}

// Absence is a read that found no record.
type Absence struct {
	Process, Session int
	Begin, End       int64
	Fresh            bool // it asked the store
}

// Flush is a FLUSHALL.
type Flush struct{ Begin, End int64 }

// Report is what a process saw and did since the last one.
type Report struct {
	Reads, Degraded int
	Hits            int // of the reads, from the near-cache as they stood; estimated
	FreshReads      int // that asked the store
	FailedReads     int // of them: the store could not be asked, or did not answer
	FailedWrites    int // the store could not be asked, or did not answer
	Writes          []Write
	Sightings       []Sighting
	Absences        []Absence
	Fresh           []Sighting // each a read that asked the store

	Unwell  string // why the process does not work as it should just now
	Trouble string // an error that must not be
}
