package processes

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/sessionctx/storefront/sessionctx"
)

// never is later than anything that is written down.
const never = math.MaxInt64

// Judge knows all that was written, and says how stale what was read is.
//
//   - A write is acknowledged when Update has returned, and a read begins before Resolve is called.
//     Both make a read look less stale than the promise allows, never more.
//   - A read of version v is stale since the earliest acknowledgement of a later version of the
//     same incarnation, or since its incarnation was gone for certain.
//   - A read that finds no record is stale since the record was acknowledged, unless a flush may
//     explain it. If it asked the store, or is that of a write, what was acknowledged is lost.
//   - A degraded answer claims nothing, so it is not stale. It is counted.
type Judge struct {
	sessions map[int]map[uint64]*incarnation
}

// incarnation is a life of a session's record.
type incarnation struct {
	begin int64 // the record was not there before; 0 where that is not known
	there int64 // by then it was there
	fated int64 // before then no flush can have removed it
	gone  int64 // from then on it is gone for certain

	acks acks
	own  map[int]acks     // of the writes of one process
	mark map[int64]string // by version
}

// ack is a version, and when a write of it, or of a later one, was first acknowledged.
type ack struct{ version, at int64 }

// acks are sorted by version, and so by time.
type acks []ack

// settle sorts acks. If a later version was acknowledged earlier, its time counts for the versions
// before it, too.
func (a acks) settle() {
	slices.SortFunc(a, func(x, y ack) int { return cmp.Compare(x.version, y.version) })
	for i := len(a) - 2; i >= 0; i-- {
		a[i].at = min(a[i].at, a[i+1].at)
	}
}

// after returns when a version later than v was first acknowledged.
func (a acks) after(v int64) int64 {
	i, _ := slices.BinarySearchFunc(a, v+1, func(x ack, v int64) int { return cmp.Compare(x.version, v) })
	if i == len(a) {
		return never
	}
	return a[i].at
}

// NewJudge returns a Judge that knows these writes and flushes, or an error if two writes of one
// revision were acknowledged.
func NewJudge(writes []Write, flushes []Flush) (*Judge, error) {
	j := &Judge{sessions: make(map[int]map[uint64]*incarnation)}
	for _, w := range writes {
		lives := j.sessions[w.Session]
		if lives == nil {
			lives = make(map[uint64]*incarnation)
			j.sessions[w.Session] = lives
		}
		inc, ok := lives[w.Revision.Incarnation]
		if !ok {
			inc = &incarnation{there: never, fated: never, gone: never, own: make(map[int]acks), mark: make(map[int64]string)}
			lives[w.Revision.Incarnation] = inc
		}
		if was, ok := inc.mark[w.Revision.Version]; ok {
			return nil, fmt.Errorf("a lost write: both %q and %q were acknowledged as session %d at %v", was, w.Mark, w.Session, w.Revision)
		}
		inc.mark[w.Revision.Version] = w.Mark
		if w.First {
			inc.begin = w.Begin
		}
		inc.there = min(inc.there, w.Ack)
		a := ack{w.Revision.Version, w.Ack}
		inc.acks = append(inc.acks, a)
		inc.own[w.Process] = append(inc.own[w.Process], a)
	}
	for _, lives := range j.sessions {
		for _, inc := range lives {
			inc.acks.settle()
			for _, own := range inc.own {
				own.settle()
			}
			for _, f := range flushes {
				if f.Begin > inc.there {
					inc.gone = min(inc.gone, f.End)
				}
				if f.End > inc.begin {
					inc.fated = min(inc.fated, f.Begin)
				}
			}
		}
		for _, inc := range lives {
			for _, later := range lives {
				if later.follows(inc) {
					inc.gone = min(inc.gone, later.there)
				}
			}
		}
	}
	return j, nil
}

// follows reports whether inc is certainly a later life than was.
func (inc *incarnation) follows(was *incarnation) bool { return inc.begin > was.there }

// staleness returns for how long the revision that was seen had been out of date. It is 0 if the
// revision was not out of date, or if that is not certain.
func (j *Judge) staleness(g *Sighting) int64 {
	inc, ok := j.sessions[g.Session][g.Revision.Incarnation]
	if !ok {
		return 0 // none of its writes was acknowledged
	}
	return max(0, g.Last-min(inc.acks.after(g.Revision.Version), inc.gone))
}

// stalenessOf returns for how long there had been a record, if there was one for certain all the
// time of the read.
func (j *Judge) stalenessOf(a *Absence) (longest int64) {
	for _, inc := range j.sessions[a.Session] {
		if a.End < inc.fated {
			longest = max(longest, a.Begin-inc.there)
		}
	}
	return longest
}

// staleAtHome reports whether what was seen is older than what the same process had written before.
func (j *Judge) staleAtHome(g *Sighting) bool {
	lives := j.sessions[g.Session]
	inc, ok := lives[g.Revision.Incarnation]
	if !ok {
		return false
	}
	if inc.own[g.Process].after(g.Revision.Version) < g.Last {
		return true
	}
	for _, later := range lives {
		if later.follows(inc) && later.own[g.Process].after(0) < g.Last {
			return true
		}
	}
	return false
}

// lostAtHome reports whether no record was seen where the same process had written one before.
func (j *Judge) lostAtHome(a *Absence) bool {
	for _, inc := range j.sessions[a.Session] {
		if a.End < inc.fated && inc.own[a.Process].after(0) < a.Begin {
			return true
		}
	}
	return false
}

// lost reports whether a write found no record where there was one for certain.
func (j *Judge) lost(w *Write) bool {
	for _, inc := range j.sessions[w.Session] {
		if w.First && inc.there < w.Begin && w.Ack < inc.fated {
			return true
		}
	}
	return false
}

// foreign reports whether what was seen is not what was written.
func (j *Judge) foreign(g *Sighting) bool {
	inc, ok := j.sessions[g.Session][g.Revision.Incarnation]
	if !ok {
		return false
	}
	mark, ok := inc.mark[g.Revision.Version]
	return ok && mark != g.Mark
}

// Verdict is what became of a phase.
type Verdict struct {
	Reads, Hits, Writes, Failed, Degraded, Absent int
	FreshReads, FailedReads                       int

	Home    int      // revisions, and absences, that were staler than a write of the same process
	Lost    int      // fresh reads and writes that found less than had been acknowledged before they began
	Stalest int64    // in nanoseconds
	Worst   string   // what the stalest read has seen
	Wrong   []string // what must not be, in words
}

// Judge judges the reports of a phase.
func (j *Judge) Judge(reports []Report) (v Verdict) {
	worse := func(staleness int64, process, session int, what sessionctx.Revision, mark string) {
		if staleness > v.Stalest {
			v.Stalest = staleness
			v.Worst = fmt.Sprintf("process %d saw session %d at %v, %q", process, session, what, mark)
		}
	}
	for _, r := range reports {
		v.Reads += r.Reads
		v.Writes += len(r.Writes)
		v.Failed += r.FailedWrites
		v.Degraded += r.Degraded
		v.FreshReads += r.FreshReads
		v.FailedReads += r.FailedReads
		v.Absent += len(r.Absences)
		v.Hits += r.Hits
		if r.Trouble != "" {
			v.Wrong = append(v.Wrong, r.Trouble)
		}
		for i := range r.Writes {
			if w := &r.Writes[i]; j.lost(w) {
				v.Lost++
				v.Wrong = append(v.Wrong, fmt.Sprintf("a lost write: process %d wrote session %d, and found nothing", w.Process, w.Session))
			}
		}
		for i := range r.Sightings {
			g := &r.Sightings[i]
			worse(j.staleness(g), g.Process, g.Session, g.Revision, g.Mark)
			if j.staleAtHome(g) {
				v.Home++
			}
			if j.foreign(g) {
				v.Wrong = append(v.Wrong, fmt.Sprintf("session %d at %v was seen as %q, which is not what was written", g.Session, g.Revision, g.Mark))
			}
		}
		for i := range r.Fresh {
			g := &r.Fresh[i]
			if j.staleness(g) > 0 {
				v.Lost++
				v.Wrong = append(v.Wrong, fmt.Sprintf("a lost write: process %d read session %d from the store, and found %v, %q", g.Process, g.Session, g.Revision, g.Mark))
			}
		}
		for i := range r.Absences {
			a := &r.Absences[i]
			if a.Fresh && j.stalenessOf(a) > 0 {
				v.Lost++
				v.Wrong = append(v.Wrong, fmt.Sprintf("a lost write: process %d read session %d from the store, and found nothing", a.Process, a.Session))
			}
			worse(j.stalenessOf(a), a.Process, a.Session, sessionctx.Revision{}, "")
			if j.lostAtHome(a) {
				v.Home++
			}
		}
	}
	return v
}
