package boltstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sessionctx/storefront/sessionctx/store"
)

const (
	// maxBatch bounds how many Saves share a transaction, and so how long the first of them waits
	// for the others.
	maxBatch = 512
	// gatherTime is how long a batch waits for as many Saves as the batch before it had: callers
	// that were answered together call again together. It is less than an fsync takes. A single
	// caller never waits.
	gatherTime = 500 * time.Microsecond

	sweepPerSave = 4 // more than the one record that a Save adds
	sweepEvery   = time.Minute
	sweepAtOnce  = 1000 // entries that a transaction looks at
)

// write is one Save in flight. Only the committer changes it, until it closes done.
type write struct {
	ctx   context.Context
	hash  store.KeyHash
	rec   store.Record
	value []byte // rec, sealed
	base  store.Revision
	// writer was the only watch when the write began, so it is that of the process that writes, which
	// knows of the write while it waits for the outcome. nil: there was none, or more than one.
	writer *watch
	left   atomic.Bool // Save has returned without the outcome

	stored  store.Record // what Save returns
	err     error
	applied bool
	created bool
	done    chan struct{}
}

// pendingCommit is a commit in flight, which others can see already or not yet.
type pendingCommit struct {
	tx   int
	keys map[store.KeyHash]bool // what it changes
	done chan struct{}          // closed when it is on the disk, or has failed, and the watchers know
}

// commitAll is the committer, the only goroutine that writes. It commits together what has come
// during the commit before. bbolt's Batch, which it replaces, lets every caller wait for a fixed
// time, and calls a function a second time when another one fails.
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

// commit applies the batch and answers. If it meets damage, each write gets a transaction of its
// own, so that a damaged page fails only the writes that need it.
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

// transact applies the batch, and removes a few expired records, in one transaction. It returns how
// many entries of the index it has looked at, and an error that is the outcome of every write of
// the batch. Without an error each write has an outcome of its own.
func (s *Store) transact(batch []*write, sweep int) (seen int, err error) {
	tx, err := s.beginWrite()
	if err != nil {
		return 0, nothingWritten(err)
	}
	defer s.rollback(tx)
	c := &pendingCommit{tx: tx.ID(), done: make(chan struct{})}
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
		c.keys, created, err = t.apply(batch, now)
		return err
	})
	if err != nil {
		return seen, nothingWritten(err)
	}
	if len(c.keys) == 0 && seen == 0 {
		return 0, nil // conflicts alone
	}
	s.pending.Store(c)
	defer s.pending.Store(nil)
	defer close(c.done)
	if err := guarded(tx.Commit); err != nil {
		s.rollback(tx)
		return seen, s.uncommitted(c.tx, err)
	}
	s.records.Add(int64(created - removed))
	s.swept.Add(int64(removed))
	s.tell(batch)
	return seen, nil
}

// uncommitted returns the error of a commit that has failed. If a new transaction does not see the
// commit, nothing was written, and the next commit may succeed: a full disk can get room. If it
// sees the commit, the last fsync has failed, and nobody knows what is on the disk. A later fsync
// would not tell either, so that nothing may be read or written from then on.
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

// apply applies the writes one after the other. It may be called again in another transaction. It
// returns which records have changed, and how many are new.
func (t tables) apply(batch []*write, now time.Time) (changed map[store.KeyHash]bool, created int, err error) {
	changed = make(map[store.KeyHash]bool, len(batch))
	for _, w := range batch {
		if err := t.save(w, now); err != nil {
			return nil, 0, err
		}
		if w.applied {
			changed[w.hash] = true
		}
		if w.created {
			created++
		}
	}
	return changed, created, nil
}

// save applies one write, or sets the outcome that it has instead. An error is bbolt's.
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
	if stored.Expired(now) {
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
