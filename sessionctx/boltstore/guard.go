package boltstore

import (
	"errors"
	"fmt"
	"runtime/debug"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// errDamaged: the file is not as it was written.
var errDamaged = errors.New("the file is damaged")

// failure is why a Store cannot be used any more.
type failure struct {
	err   error
	stuck bool // bbolt holds locks that nobody will release
}

// failure returns why the Store cannot be used, nil if it can.
func (s *Store) failure() error {
	if f := s.failed.Load(); f != nil {
		return f.err
	}
	return nil
}

// fail ends the use of the Store, and returns why. The watchers may not reuse what they have read.
func (s *Store) fail(err error, stuck bool) error {
	if s.failed.CompareAndSwap(nil, &failure{err, stuck}) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, w := range s.watches {
			w.sink.InvalidateAll()
		}
	}
	return s.failure()
}

// guarded calls f, and makes an error of a panic of bbolt at a damaged page, and of the fault of a
// memory map whose file has become shorter.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: %v", errDamaged, v)
		}
	}()
	return f()
}

// beginWrite starts a transaction that writes.
func (s *Store) beginWrite() (*bbolt.Tx, error) {
	if err := sound(s.file, s.pageSize); err != nil {
		return nil, err
	}
	return s.begin(true)
}

// begin starts a transaction. After a panic in bbolt's Begin its locks stay held, and the next call
// would hang. So the Store refuses all calls from then on.
func (s *Store) begin(writable bool) (tx *bbolt.Tx, err error) {
	if err := s.failure(); err != nil {
		return nil, err
	}
	began := false
	err = guarded(func() error {
		tx, err = s.db.Begin(writable)
		began = true
		return err
	})
	switch {
	case !began:
		return nil, s.fail(err, true)
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return nil, errClosed
	}
	return tx, err
}

// rollback ends a transaction without effect; one that has ended already stays as it is.
func (s *Store) rollback(tx *bbolt.Tx) {
	ended := false
	err := guarded(func() error {
		err := tx.Rollback()
		ended = true
		return err
	})
	if !ended {
		s.fail(err, true)
	}
}

// view calls f with a transaction that reads.
func (s *Store) view(f func(*bbolt.Tx) error) error {
	tx, err := s.begin(false)
	if err == errClosed {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	if err != nil {
		return err
	}
	defer s.rollback(tx)
	return guarded(func() error { return f(tx) })
}
