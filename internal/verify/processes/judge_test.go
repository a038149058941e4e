package processes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

func at(incarnation uint64, version int64) sessionctx.Revision {
	return sessionctx.Revision{Incarnation: incarnation, Version: version}
}

// One session: process 0 writes versions 1 to 3 of incarnation 7, of which version 2 is
// acknowledged last; all is flushed; process 1 writes version 1 of incarnation 8.
var (
	someWrites = []Write{
		{Process: 0, Revision: at(7, 1), First: true, Mark: "a", Begin: 100, Ack: 110},
		{Process: 1, Revision: at(7, 2), Mark: "b", Begin: 120, Ack: 150},
		{Process: 0, Revision: at(7, 3), Mark: "c", Begin: 130, Ack: 140},
		{Process: 1, Revision: at(8, 1), First: true, Mark: "d", Begin: 300, Ack: 310},
	}
	someFlushes = []Flush{{Begin: 200, End: 210}}
)

func TestJudge_Verdict(t *testing.T) {
	seen := func(process int, revision sessionctx.Revision, mark string, last int64) Report {
		return Report{Sightings: []Sighting{{Process: process, Revision: revision, Mark: mark, Last: last}}}
	}
	absent := func(process int, begin, end int64) Report {
		return Report{Absences: []Absence{{Process: process, Begin: begin, End: end}}}
	}
	forgotten := func(begin, end int64) Report {
		return Report{Absences: []Absence{{Process: 2, Begin: begin, End: end, Fresh: true}}}
	}
	created := func(begin, ack int64) Report {
		return Report{Writes: []Write{{Process: 2, Revision: at(9, 1), First: true, Begin: begin, Ack: ack}}}
	}
	fresh := func(revision sessionctx.Revision, mark string, last int64) Report {
		return Report{Fresh: []Sighting{{Revision: revision, Mark: mark, Last: last}}}
	}
	for _, tc := range []struct {
		desc              string
		report            Report
		stalest           int64
		home, lost, wrong int
	}{
		{"the newest there is", seen(2, at(7, 3), "c", 160), 0, 0, 0, 0},
		{"before the next was acknowledged", seen(2, at(7, 1), "a", 140), 0, 0, 0, 0},
		{"the one after the next was acknowledged first", seen(2, at(7, 1), "a", 145), 5, 0, 0, 0},
		{"of two, one is newer", seen(2, at(7, 2), "b", 190), 50, 0, 0, 0},
		{"after the flush had begun", seen(2, at(7, 3), "c", 205), 0, 0, 0, 0},
		{"after the flush", seen(2, at(7, 3), "c", 215), 5, 0, 0, 0},
		{"the old life beside the new one", seen(2, at(7, 3), "c", 400), 190, 0, 0, 0},
		{"not acknowledged yet", seen(2, at(7, 4), "?", 160), 0, 0, 0, 0},
		{"nobody's", seen(2, at(9, 1), "?", 900), 0, 0, 0, 0},
		{"what nobody wrote", seen(2, at(7, 3), "x", 150), 0, 0, 0, 1},
		{"a version before its own", seen(0, at(7, 2), "b", 141), 1, 1, 0, 0},
		{"its own was not acknowledged", seen(0, at(7, 2), "b", 139), 0, 0, 0, 0},
		{"the life before its own", seen(1, at(7, 3), "c", 311), 101, 1, 0, 0},
		{"nothing, before the first write", absent(2, 50, 60), 0, 0, 0, 0},
		{"nothing, while the first write is under way", absent(2, 105, 300), 0, 0, 0, 0},
		{"nothing, and there is a record", absent(2, 160, 170), 50, 0, 0, 0},
		{"nothing, and it has written it", absent(1, 160, 170), 50, 1, 0, 0},
		{"nothing, and the flush may have come first", absent(2, 160, 200), 0, 0, 0, 0},
		{"nothing, and it is there again", absent(2, 320, 330), 10, 0, 0, 0},
		{"a fresh read finds less than was acknowledged", fresh(at(7, 1), "a", 160), 0, 0, 1, 1},
		{"a fresh read, and nothing later was acknowledged", fresh(at(7, 1), "a", 139), 0, 0, 0, 0},
		{"a fresh read finds another life", fresh(at(7, 3), "c", 320), 0, 0, 1, 1},
		{"a fresh read finds nothing, and there is a record", forgotten(160, 170), 50, 0, 1, 1},
		{"a fresh read finds nothing, and the flush may have come first", forgotten(160, 200), 0, 0, 0, 0},
		{"a write finds nothing, and there is a record", created(160, 170), 0, 0, 1, 1},
		{"a write finds nothing, and the flush may have come first", created(160, 200), 0, 0, 0, 0},
	} {
		j, err := NewJudge(someWrites, someFlushes)
		require.NoError(t, err)
		v := j.Judge([]Report{tc.report})
		assert.Equal(t, []int{int(tc.stalest), tc.home, tc.lost, tc.wrong}, []int{int(v.Stalest), v.Home, v.Lost, len(v.Wrong)}, tc.desc)
	}
	_, err := NewJudge(append(someWrites, Write{Process: 2, Revision: at(7, 3), Mark: "y", Begin: 180, Ack: 190}), someFlushes)
	assert.ErrorContains(t, err, "lost write")
}
