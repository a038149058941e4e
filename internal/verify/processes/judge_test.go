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

// One session: process 0 writes versions 1 to 3 of incarnation 7, of which version 2 is acknowledged last; all is flushed; process 1 writes
// version 1 of incarnation 8.
var (
	someWrites = []Write{
		{Process: 0, Revision: at(7, 1), First: true, Mark: "a", Begin: 100, Ack: 110},
		{Process: 1, Revision: at(7, 2), Mark: "b", Begin: 120, Ack: 150},
		{Process: 0, Revision: at(7, 3), Mark: "c", Begin: 130, Ack: 140},
		{Process: 1, Revision: at(8, 1), First: true, Mark: "d", Begin: 300, Ack: 310},
	}
	someFlushes = []Flush{{Begin: 200, End: 210}}
)

func TestJudge_ReadIsStaleSinceTheEarliestLaterAcknowledgement(t *testing.T) {
	for _, tc := range []struct {
		desc     string
		revision sessionctx.Revision
		begin    int64
		want     int64
	}{
		{"the newest there is", at(7, 3), 160, 0},
		{"before the next was acknowledged", at(7, 1), 140, 0},
		{"the one after the next was acknowledged first", at(7, 1), 145, 5},
		{"of two, one is newer", at(7, 2), 190, 50},
		{"after the flush had begun", at(7, 3), 205, 0},
		{"after the flush", at(7, 3), 215, 5},
		{"a new life", at(8, 1), 400, 0},
		{"the old life beside the new one", at(7, 3), 400, 190},
		{"not acknowledged yet", at(7, 4), 160, 0},
		{"nobody's", at(9, 1), 900, 0},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			j, err := NewJudge(someWrites, someFlushes)
			require.NoError(t, err)
			v := j.Judge([]Report{{Sightings: []Sighting{{Process: 2, Revision: tc.revision, Mark: someMark(tc.revision), Last: tc.begin}}}})
			assert.Equal(t, tc.want, v.Stalest)
			assert.Zero(t, v.Home, "process 2 writes nothing")
			assert.Empty(t, v.Wrong)
		})
	}
}

func someMark(r sessionctx.Revision) string {
	for _, w := range someWrites {
		if w.Revision == r {
			return w.Mark
		}
	}
	return "?"
}

func TestJudge_OldLifeIsStaleSinceTheNewOne(t *testing.T) {
	j, err := NewJudge(someWrites, nil)
	require.NoError(t, err)
	v := j.Judge([]Report{{Sightings: []Sighting{{Process: 2, Revision: at(7, 3), Mark: "c", Last: 400}}}})
	assert.EqualValues(t, 90, v.Stalest)
}

func TestJudge_NothingIsStaleWhereThereIsARecord(t *testing.T) {
	for _, tc := range []struct {
		desc       string
		begin, end int64
		want       int64
	}{
		{"before the first write", 50, 60, 0},
		{"while the first write is under way", 105, 300, 0},
		{"the record is there", 160, 170, 50},
		{"the flush may have come first", 160, 200, 0},
		{"after the flush", 250, 260, 0},
		{"it is there again", 320, 330, 10},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			j, err := NewJudge(someWrites, someFlushes)
			require.NoError(t, err)
			v := j.Judge([]Report{{Absences: []Absence{{Process: 2, Begin: tc.begin, End: tc.end}}}})
			assert.Equal(t, tc.want, v.Stalest)
			assert.Equal(t, 1, v.Absent)
		})
	}
}

func TestJudge_ProcessMustSeeWhatItHasWritten(t *testing.T) {
	for _, tc := range []struct {
		desc string
		Sighting
		want int
	}{
		{"its own version", Sighting{Process: 0, Revision: at(7, 3), Last: 160}, 0},
		{"a version before its own", Sighting{Process: 0, Revision: at(7, 2), Last: 141}, 1},
		{"its own was not acknowledged", Sighting{Process: 0, Revision: at(7, 2), Last: 139}, 0},
		{"another one's is newer", Sighting{Process: 1, Revision: at(7, 2), Last: 190}, 0},
		{"the life before its own", Sighting{Process: 1, Revision: at(7, 3), Last: 311}, 1},
		{"the life before another one's", Sighting{Process: 0, Revision: at(7, 3), Last: 311}, 0},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			j, err := NewJudge(someWrites, someFlushes)
			require.NoError(t, err)
			tc.Mark = someMark(tc.Revision)
			assert.Equal(t, tc.want, j.Judge([]Report{{Sightings: []Sighting{tc.Sighting}}}).Home)
		})
	}
	j, err := NewJudge(someWrites, someFlushes)
	require.NoError(t, err)
	assert.Equal(t, 1, j.Judge([]Report{{Absences: []Absence{{Process: 1, Begin: 160, End: 170}}}}).Home)
	assert.Equal(t, 0, j.Judge([]Report{{Absences: []Absence{{Process: 2, Begin: 160, End: 170}}}}).Home, "it has written nothing")
	assert.Equal(t, 0, j.Judge([]Report{{Absences: []Absence{{Process: 1, Begin: 220, End: 230}}}}).Home, "it was flushed")
}

func TestJudge_FindsWhatNobodyWrote(t *testing.T) {
	j, err := NewJudge(someWrites, someFlushes)
	require.NoError(t, err)
	v := j.Judge([]Report{{Sightings: []Sighting{{Revision: at(7, 3), Mark: "x", Last: 150}}}, {Trouble: "trouble"}})
	assert.Len(t, v.Wrong, 2)
}

func TestJudge_FindsALostWrite(t *testing.T) {
	_, err := NewJudge(append(someWrites, Write{Process: 2, Revision: at(7, 3), Mark: "y", Begin: 180, Ack: 190}), someFlushes)
	assert.ErrorContains(t, err, "lost write")
}

func TestJudge_FreshReadThatFindsLessThanWasAcknowledgedIsALostWrite(t *testing.T) {
	j, err := NewJudge(someWrites, someFlushes)
	require.NoError(t, err)
	lost := func(g Sighting) int { return j.Judge([]Report{{Fresh: []Sighting{g}}}).Lost }
	assert.Equal(t, 1, lost(Sighting{Revision: at(7, 1), Mark: "a", Last: 160}))
	assert.Equal(t, 0, lost(Sighting{Revision: at(7, 1), Mark: "a", Last: 139}), "nothing later was acknowledged yet")
	assert.Equal(t, 0, lost(Sighting{Revision: at(7, 3), Mark: "c", Last: 160}))
	assert.Equal(t, 1, lost(Sighting{Revision: at(7, 3), Mark: "c", Last: 320}), "another life was acknowledged")
}
