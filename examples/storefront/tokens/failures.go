package tokens

import (
	"hash/maphash"
	"sync"
	"time"
)

// failureWindow begins with the first failure of a subject and ends with all that were counted in
// it.
const failureWindow = time.Minute

// failuresKept bounds the subjects that are remembered, in about 4 MiB. An attacker who wants one
// to be forgotten before its minute is over needs that many failures of others, each of which costs
// a bcrypt comparison.
const failuresKept = 1 << 16

// failures counts the failed attempts of a minute, by account, by address and by both, and
// remembers from which addresses an account's right password came. Nobody's name is kept, only
// hashes under a key of this process. It holds two generations: when the young one is full it
// becomes the old one, and what was not asked for meanwhile is dropped with its predecessor.
type failures struct {
	seed maphash.Seed

	mu         sync.Mutex
	young, old map[uint64]window
}

type window struct {
	ends  time.Time
	count int
	next  time.Time // when the next of those who stand in line has its turn
}

// subject is what failures are counted for; equal parts meet only within one kind.
type subject struct {
	kind, tenant, name, network string
}

// bound is how many failures a subject may have in a window.
type bound struct {
	subject subject
	max     int
}

func newFailures() *failures {
	return &failures{seed: maphash.MakeSeed(), young: make(map[uint64]window)}
}

// wait returns how long it takes until every bound leaves room for a failure, 0 if all do now.
func (f *failures) wait(now time.Time, bounds ...bound) (wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range bounds {
		if w := f.find(now, f.hash(b.subject)); w.count >= b.max {
			wait = max(wait, w.ends.Sub(now))
		}
	}
	return wait
}

// add counts a failure for every subject. It returns 0 if none has more than its bound now, else
// how long it takes until that is so again.
func (f *failures) add(now time.Time, bounds ...bound) (wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range bounds {
		h := f.hash(b.subject)
		w := f.find(now, h)
		if w.count == 0 {
			w.ends = now.Add(failureWindow)
		}
		w.count++
		f.keep(h, w)
		if w.count > b.max {
			wait = max(wait, w.ends.Sub(now))
		}
	}
	return wait
}

// turn returns how long an attempt has to wait for its turn: 0 while the subject has failures left.
// After that there is one turn for each lineStep. A turn later than lineWait is not taken.
func (f *failures) turn(now time.Time, b bound) (wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.hash(b.subject)
	w := f.find(now, h)
	if w.count < b.max {
		return 0
	}
	if w.next.After(now) {
		wait = w.next.Sub(now)
	}
	if wait <= lineWait {
		w.next = now.Add(wait + lineStep)
		f.keep(h, w)
	}
	return wait
}

// note remembers a subject for a time, and has reports whether it is remembered.
func (f *failures) note(now time.Time, s subject, life time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keep(f.hash(s), window{ends: now.Add(life)})
}

func (f *failures) has(now time.Time, s subject) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.find(now, f.hash(s)).ends.IsZero()
}

func (f *failures) hash(s subject) uint64 { return maphash.Comparable(f.seed, s) }

// find returns the window of now, without a failure if there is none.
func (f *failures) find(now time.Time, h uint64) window {
	w, ok := f.young[h]
	if !ok {
		w = f.old[h]
	}
	if !now.Before(w.ends) {
		return window{}
	}
	return w
}

func (f *failures) keep(h uint64, w window) {
	if _, there := f.young[h]; !there && len(f.young) >= failuresKept/2 {
		f.old, f.young = f.young, make(map[uint64]window)
	}
	f.young[h] = w
}
