package directory

import (
	"sync/atomic"
)

// Answer is what the source said. An Answer stays in force until another one supersedes it. It is
// safe for concurrent use by multiple goroutines.
type Answer[V any] struct {
	Value V // immutable

	// until is the time until when nobody needs to ask. It is 0 after an Invalidate of the key,
	// until Get serves the answer again, and 0 for ever once the answer is superseded. It moves on
	// when the source confirms the answer, and while a question runs.
	until atomic.Int64
	// Invalidations of the group with a number up to checked are taken into account in until.
	checked atomic.Uint64
	group   *group
	kept    *kept[V] // bounded form only
	// answered is when the source first gave this answer.
	answered int64
}

// kept is what boundedcache holds in place of an Answer. boundedcache deletes nothing, so the
// Answer is taken out of it when it is superseded: the data of a person must not stay in memory
// after a Drop.
type kept[V any] struct {
	answer atomic.Pointer[Answer[V]]
	drop   func() // Drop of the key
}

// group is what keys with the same Config.Group share.
type group struct {
	name        string
	invalidated atomic.Uint64 // number of the last invalidation
	keys        int           // guarded by groups.mu
}

// Until returns until when the answer needs no question, in the time of Config.Now. Until returns 0
// while the answer is invalidated. Once the answer is superseded, Until always returns 0. It takes
// no lock.
func (a *Answer[V]) Until() int64 {
	// The invalidation is read first, because extend stores until before checked.
	if a.checked.Load() < a.group.invalidated.Load() {
		return 0
	}
	return a.until.Load()
}

// Superseded reports whether another answer took the place of this one, or the key was dropped, or
// the key was invalidated and Get has not served the answer since. An answer past its age is not
// superseded.
func (a *Answer[V]) Superseded() bool { return a.Until() == 0 }

// Answered returns when the source first gave this answer, in the time of Config.Now.
func (a *Answer[V]) Answered() int64 { return a.answered }

// extend says that nobody needs to ask before until, in spite of the invalidations up to number.
func (a *Answer[V]) extend(until int64, number uint64) {
	a.until.Store(until)
	a.checked.Store(max(a.checked.Load(), number))
}

// supersede ends the answer. The caller has taken it out of the table, so nobody extends it again.
func (a *Answer[V]) supersede() {
	a.until.Store(0)
	if a.kept != nil {
		a.kept.answer.Store(nil)
	}
}
