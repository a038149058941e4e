package boltstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Store is a store.Store and a store.Watcher in one file. Open makes it; it must not be copied, and it is safe
// for concurrent use by multiple goroutines.
//
// Records are written through a sessionctx.Resolver. While a single Resolver watches the Store, it is taken for the only writer and
// is told of nothing; code that calls Save besides it makes its cache stale. Several Resolvers may share one Store:
// each is told of all writes.
type Store struct {
	_ [0]func()

	path     string
	db       *bbolt.DB
	file     *os.File // bbolt's
	pageSize int64

	writes  chan *write   // to the committer, which alone writes
	closing chan struct{} // closed by Close
	ended   chan struct{} // closed by the committer at its end
	close   func() error

	flight atomic.Pointer[flight] // the commit under way, if there is one
	failed atomic.Pointer[failure]

	mu      sync.Mutex // guards watches, and is held while they are told
	watches []*watch

	records, swept, refused atomic.Int64
	damaged                 int64
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Watcher = (*Store)(nil)
	_ io.WriterTo   = (*Store)(nil)
	_ io.Closer     = (*Store)(nil)
)

var errClosed = errors.New("the store is closed")

// Load implements store.Store.
//
// What it returns is on the disk: a Load that meets a record in the moment in which it is committed waits for the end
// of that. A damaged record is an error, and so is its absence where the place of a damaged one leaves that open.
func (s *Store) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if err := ctx.Err(); err != nil {
		return store.Record{}, fmt.Errorf("boltstore: load: %w", err)
	}
	h := key.Hash()
	var rec store.Record
	err := s.view(func(tx *bbolt.Tx) (err error) {
		if rec, err = get(tx.Bucket(recordsBucket), h[:]); err != nil {
			return err
		}
		return s.settled(ctx, tx.ID(), h)
	})
	if err != nil {
		return store.Record{}, fmt.Errorf("boltstore: load: %w", s.count(err))
	}
	if expired(&rec, time.Now()) {
		return store.Record{}, nil
	}
	return rec, nil
}

// settled waits until what a transaction shows of a record is on the disk and all watchers know of it: bbolt shows a
// commit to others before its last fsync.
func (s *Store) settled(ctx context.Context, tx int, h store.KeyHash) error {
	f := s.flight.Load()
	if f == nil || f.tx != tx || !f.has(h) {
		return s.failure() // of the commit that this transaction has seen, perhaps
	}
	select {
	case <-f.landed:
		return s.failure()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Save implements store.Store. When it returns without an error the record is on the disk.
//
// Where the context ends before the write has set out, where the disk is full, and where a damaged record is in the way, which is never
// written over, nothing was written, and the error is ErrUnavailable. Where the context ends later the outcome is unknown, and
// so is it after an fsync that has failed; that ends the use of the Store: all calls fail until the file is opened anew.
func (s *Store) Save(ctx context.Context, key store.Key, rec store.Record, base store.Revision) (store.Record, error) {
	if err := ctx.Err(); err != nil {
		return store.Record{}, fmt.Errorf("boltstore: save: %w", nothingWritten(err))
	}
	w := &write{ctx: ctx, hash: key.Hash(), rec: rec, base: base, done: make(chan struct{})}
	var err error
	if w.value, err = seal(w.hash[:], rec); err != nil {
		return store.Record{}, fmt.Errorf("boltstore: save: nothing was written: %w", err)
	}
	select {
	case s.writes <- w:
	case <-ctx.Done():
		return store.Record{}, fmt.Errorf("boltstore: save: %w", nothingWritten(ctx.Err()))
	case <-s.closing:
		return store.Record{}, fmt.Errorf("boltstore: save: %w", nothingWritten(errClosed))
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		return store.Record{}, fmt.Errorf("boltstore: save: the outcome is unknown: %w", ctx.Err())
	}
	if w.err != nil {
		return w.stored, fmt.Errorf("boltstore: save: %w", s.count(w.err))
	}
	return w.stored, nil
}

// nothingWritten makes an error of Save that says so.
func nothingWritten(err error) error {
	return fmt.Errorf("%w: nothing was written: %w", store.ErrUnavailable, err)
}

func (s *Store) count(err error) error {
	if errors.Is(err, errDamaged) {
		s.refused.Add(1)
	}
	return err
}

// Stats says what a Store holds, and what it has met.
type Stats struct {
	Records int64 // expired ones that were not swept yet included
	Bytes   int64 // of the file, in use or free for reuse; the file itself may be up to 16 MiB longer
	Swept   int64 // expired records removed since the Store was opened
	Damaged int64 // records that were found damaged when the Store was opened
	Refused int64 // calls of Load and Save since then that failed because of damage
}

// Stats returns what the Store holds, and what it has met.
func (s *Store) Stats() Stats {
	stats := Stats{Records: s.records.Load(), Swept: s.swept.Load(), Damaged: s.damaged, Refused: s.refused.Load()}
	_ = s.view(func(tx *bbolt.Tx) error {
		stats.Bytes = tx.Size()
		return nil
	})
	return stats
}

// WriteTo implements io.WriterTo: it writes a copy of the file, as it was when the call began, while the Store goes on. Open
// opens such a copy; it holds the same secrets as the file.
func (s *Store) WriteTo(w io.Writer) (n int64, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		n, err = tx.WriteTo(w)
		return err
	})
	if err != nil {
		return n, fmt.Errorf("boltstore: copy: %w", err)
	}
	return n, nil
}

// Close waits for the writes under way, refuses those that come later, and closes the file. A second Close does nothing.
func (s *Store) Close() error { return s.close() }
