package directory

import (
	"sync/atomic"
)

// Answer is what the source said. An Answer stays in force until another one supersedes it. It is
// safe for concurrent use by multiple goroutines.
type Answer[V any] struct {
	Value V // immutable

	life atomic.Pointer[Life]
	kept *kept[V] // bounded form only
	// answered is when the source first gave this answer.
	answered int64
}

// Life says until when an Answer needs no question. A caller that keeps something made of an Answer
// keeps the Life and not the Answer, because the Answer would keep an old Value in memory. A Life
// ends for good when its Answer is superseded, and when Invalidate is called for its key. If the
// Answer still serves after that Invalidate, it has a new Life. It is safe for concurrent use by
// multiple goroutines.
type Life struct {
	// until is the time before which nobody needs to ask. It is 0 before Get first serves the answer
	// in this Life, and 0 for ever once the Life has ended. It moves on when the source confirms the
	// answer, and while a question runs.
	until atomic.Int64
	// Invalidations of the group with a number up to checked are taken into account in until.
	checked atomic.Uint64
	group   *group
}

func newAnswer[V any](v V, g *group, answered int64) *Answer[V] {
	a := &Answer[V]{Value: v, answered: answered}
	a.life.Store(&Life{group: g})
	return a
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

// Life returns the present Life of the answer.
func (a *Answer[V]) Life() *Life { return a.life.Load() }

// Until returns until when the answer needs no question, in the time of Config.Now. Until returns 0
// while the answer is invalidated. Once the answer is superseded, Until always returns 0. It takes
// no lock.
func (a *Answer[V]) Until() int64 { return a.Life().Until() }

// Until is Answer.Until for this Life. Once the Life has ended, Until always returns 0. It takes no
// lock.
func (l *Life) Until() int64 {
	// The invalidation is read first, because extend stores until before checked.
	if l.checked.Load() < l.group.invalidated.Load() {
		return 0
	}
	return l.until.Load()
}

// Superseded reports whether another answer took the place of this one, or the key was dropped, or
// the key was invalidated and Get has not served the answer since. An answer past its age is not
// superseded.
func (a *Answer[V]) Superseded() bool { return a.Until() == 0 }

// Answered returns when the source first gave this answer, in the time of Config.Now.
func (a *Answer[V]) Answered() int64 { return a.answered }

// extend says that nobody needs to ask before until, in spite of the invalidations up to number.
func (a *Answer[V]) extend(until int64, number uint64) {
	l := a.Life()
	l.until.Store(until)
	l.checked.Store(max(l.checked.Load(), number))
}

// invalidate ends the Life of the answer and gives it a new one, because the answer may still
// serve.
func (a *Answer[V]) invalidate() {
	old := a.life.Swap(&Life{group: a.Life().group})
	old.until.Store(0)
}

// supersede ends the answer. The caller has taken it out of the table, so nobody extends it again.
func (a *Answer[V]) supersede() {
	a.Life().until.Store(0)
	if a.kept != nil {
		a.kept.answer.Store(nil)
	}
}
