package boltstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sessionctx/storefront/sessionctx/store"
)

const (
	// maxBatch bounds how many Saves share a transaction, and so how long the first of them waits for the others.
	maxBatch = 512
	// gatherTime is how long a batch waits for as many Saves as the one before it had: those who were answered
	// together come back together. It is less than an fsync takes. A lonely Save never waits.
	gatherTime = 500 * time.Microsecond

	sweepPerSave = 4 // more than the one record that a Save adds
	sweepEvery   = time.Minute
	sweepAtOnce  = 1000 // entries that a transaction looks at
)

// write is one Save on its way. The committer alone writes to it, until it closes done.
type write struct {
	ctx   context.Context
	hash  store.KeyHash
	rec   store.Record
	value []byte // rec, sealed
	base  store.Revision

	stored  store.Record // what Save returns
	err     error
	applied bool
	created bool
	done    chan struct{}
}

// flight is a commit under way, visible to others already or not yet.
type flight struct {
	tx     int
	keys   map[store.KeyHash]struct{}
	landed chan struct{} // closed when it is on the disk, or has failed, and the watchers know
}

func (f *flight) has(h store.KeyHash) bool {
	_, ok := f.keys[h]
	return ok
}

// commitAll is the committer: it alone writes, and commits at once what has come while it was at work. It takes the place
// of bbolt's Batch, which makes everybody wait for a fixed time, and calls a function again alone when another one fails.
func (s *Store) commitAll() {
	defer close(s.ended)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	always := make(chan struct{})
	close(always)
	last := 1
	for more := (<-chan struct{})(nil); ; {
		sweep := false
		select {
		case w := <-s.writes:
			batch := s.gather(w, last)
			last = len(batch)
			s.commit(batch)
		case <-tick.C:
			sweep = true
		case <-more:
			sweep = true
		case <-s.closing:
			return
		}
		if sweep {
			more = nil
			if seen, err := s.transact(nil, sweepAtOnce); err == nil && seen == sweepAtOnce {
				more = always
			}
		}
	}
}

// gather returns w and what else wants to be written now.
func (s *Store) gather(w *write, last int) []*write {
	batch := []*write{w}
	var timeout <-chan time.Time
	for len(batch) < maxBatch {
		select {
		case w := <-s.writes:
			batch = append(batch, w)
			continue
		default:
		}
		if len(batch) >= last {
			break
		}
		if timeout == nil {
			timeout = time.After(gatherTime)
		}
		select {
		case w := <-s.writes:
			batch = append(batch, w)
		case <-timeout:
			return batch
		case <-s.closing:
			return batch
		}
	}
	return batch
}

// commit applies the batch and answers. If it meets damage, each goes alone, so that nobody suffers from another's page.
func (s *Store) commit(batch []*write) {
	_, err := s.transact(batch, min(sweepPerSave*len(batch), sweepAtOnce))
	if errors.Is(err, errDamaged) && s.failure() == nil {
		for _, w := range batch {
			_, err := s.transact([]*write{w}, 0)
			w.answer(err)
		}
		return
	}
	for _, w := range batch {
		w.answer(err)
	}
}

// answer lets Save return: with err, if there is one.
func (w *write) answer(err error) {
	if err != nil {
		w.stored, w.err = store.Record{}, err
	}
	close(w.done)
}

// transact applies the batch, and removes a few expired records, in one transaction. It returns how many entries of the index
// it has looked at, and the error that all of the batch get; without one each has its own outcome.
func (s *Store) transact(batch []*write, sweep int) (seen int, err error) {
	tx, err := s.beginWrite()
	if err != nil {
		return 0, nothingWritten(err)
	}
	defer s.rollback(tx)
	f := &flight{tx: tx.ID(), landed: make(chan struct{})}
	var removed, created int
	err = guarded(func() error {
		t, err := tablesOf(tx)
		if err != nil {
			return err
		}
		now := time.Now()
		if seen, removed, err = t.sweep(now, sweep); err != nil {
			return err
		}
		f.keys, created, err = t.apply(batch, now)
		return err
	})
	if err != nil {
		return seen, nothingWritten(err)
	}
	if len(f.keys) == 0 && seen == 0 {
		return 0, nil // conflicts alone
	}
	s.flight.Store(f)
	defer s.flight.Store(nil)
	defer close(f.landed)
	if err := guarded(tx.Commit); err != nil {
		s.rollback(tx)
		return seen, s.uncommitted(f.tx, err)
	}
	s.records.Add(int64(created - removed))
	s.swept.Add(int64(removed))
	s.tell(f)
	return seen, nil
}

// uncommitted says what a commit that has failed has left. Where it cannot be seen, nothing was written, and the next one may succeed:
// a full disk can get room. Where it can be seen, the last fsync has failed, and nobody knows what the disk has; as
// a later fsync would not tell either, nothing may be read or written from then on.
func (s *Store) uncommitted(id int, err error) error {
	visible := true
	viewErr := s.view(func(tx *bbolt.Tx) error {
		visible = tx.ID() >= id
		return nil
	})
	if viewErr == nil && !visible {
		return nothingWritten(err)
	}
	return s.fail(fmt.Errorf("the disk has failed at a commit whose outcome is unknown; close the store and open it again: %w", err), false)
}

// apply applies the writes one after the other. It may be called again in another transaction. It returns which records have
// changed, and how many are new.
func (t tables) apply(batch []*write, now time.Time) (changed map[store.KeyHash]struct{}, created int, err error) {
	changed = make(map[store.KeyHash]struct{}, len(batch))
	for _, w := range batch {
		if err := t.save(w, now); err != nil {
			return nil, 0, err
		}
		if w.applied {
			changed[w.hash] = struct{}{}
		}
		if w.created {
			created++
		}
	}
	return changed, created, nil
}

// save applies one write, or gives it the outcome that it has instead. An error is bbolt's.
func (t tables) save(w *write, now time.Time) error {
	w.stored, w.err, w.applied, w.created = store.Record{}, nil, false, false
	if err := w.ctx.Err(); err != nil {
		w.err = nothingWritten(err)
		return nil
	}
	key := w.hash[:]
	stored, err := get(t.records, key)
	if err != nil {
		w.err = nothingWritten(err)
		return nil
	}
	cur := stored
	if expired(&stored, now) {
		cur = store.Record{}
	}
	next, value := w.rec, w.value
	switch {
	case cur.Revision() != w.base:
		w.stored, w.err = cur, store.ErrConflict
		return nil
	case w.rec.Revision() == w.base: // a touch
		next = cur
		next.ExpiresAt = w.rec.ExpiresAt
		if value, err = seal(key, next); err != nil {
			return err
		}
	}
	if err := t.put(key, &stored, &next, value); err != nil {
		return err
	}
	w.stored, w.applied, w.created = next, true, stored.Incarnation == 0
	return nil
}
