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

// Store is a store.Store, a store.Watcher and a store.Eraser in one file. Open makes it. It must
// not be copied, and it is safe for concurrent use by multiple goroutines.
//
// Records are written through a sessionctx.Resolver. A single Resolver that watches the Store is
// taken for the only writer: it is told of erased records only, and code that calls Save besides
// the Resolver makes its cache stale. Several Resolvers may share one Store: each is told of all
// writes.
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

	reads   chan struct{} // has an element for each read in flight
	pending atomic.Pointer[pendingCommit]
	failed  atomic.Pointer[failure]

	mu      sync.Mutex // guards watches, and is held while they are told
	watches []*watch
	only    atomic.Pointer[watch] // the one in watches; nil: there is none, or more than one

	records, swept, refused atomic.Int64
	damaged                 int64
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Watcher = (*Store)(nil)
	_ store.Eraser  = (*Store)(nil)
	_ io.WriterTo   = (*Store)(nil)
	_ io.Closer     = (*Store)(nil)
)

var errClosed = errors.New("the store is closed")

// Load implements store.Store.
//
// What it returns is on the disk: a Load of a record that is being committed waits for the end of
// the commit. A damaged record is an error. If the record is missing, and a damaged one may be the
// missing one, that is an error, too. Load returns when the context ends, also while the disk or
// the file is busy.
func (s *Store) Load(ctx context.Context, key store.Key) (store.Record, error) {
	rec, err := s.load(ctx, key.Hash())
	if err != nil {
		return store.Record{}, fmt.Errorf("boltstore: load: %w", s.count(err))
	}
	if rec.Expired(time.Now()) {
		return store.Record{}, nil
	}
	return rec, nil
}

func (s *Store) load(ctx context.Context, h store.KeyHash) (rec store.Record, err error) {
	type found struct {
		rec    store.Record
		commit *pendingCommit // that the record may be part of
	}
	f, err := inTime(ctx, s, func() (f found, err error) {
		err = s.view(func(tx *bbolt.Tx) (err error) {
			f.rec, err = get(tx.Bucket(recordsBucket), h[:])
			// bbolt shows a commit to others before its last fsync.
			if c := s.pending.Load(); c != nil && c.tx == tx.ID() && c.keys[h] {
				f.commit = c
			}
			return err
		})
		return f, err
	})
	if err != nil {
		return store.Record{}, err
	}
	if f.commit != nil {
		select {
		case <-f.commit.done:
		case <-ctx.Done():
			return store.Record{}, ctx.Err()
		}
	}
	return f.rec, s.failure() // of a commit that the transaction has seen, perhaps
}

// Save implements store.Store. When it returns without an error the record is on the disk.
//
// Nothing was written, and the error is ErrUnavailable, where the context ends before the write has
// begun, where the disk is full, and where a damaged record is in the place: it is never written
// over. Where the context ends later the outcome is unknown. It is unknown, too, after an fsync
// that has failed, which ends the use of the Store: all calls fail until the file is opened again.
func (s *Store) Save(ctx context.Context, key store.Key, rec store.Record, base store.Revision) (store.Record, error) {
	got, err := s.save(ctx, &write{hash: key.Hash(), rec: rec, base: base, writer: s.only.Load()})
	if err != nil {
		return got, fmt.Errorf("boltstore: save: %w", s.count(err))
	}
	return got, nil
}

// save hands a write to the committer, and waits for its outcome.
func (s *Store) save(ctx context.Context, w *write) (store.Record, error) {
	if err := ctx.Err(); err != nil {
		return store.Record{}, nothingWritten(err)
	}
	w.ctx, w.done = ctx, make(chan struct{})
	var err error
	if w.value, err = seal(w.hash[:], w.rec); err != nil {
		return store.Record{}, nothingWritten(err)
	}
	select {
	case s.writes <- w:
	case <-ctx.Done():
		return store.Record{}, nothingWritten(ctx.Err())
	case <-s.closing:
		return store.Record{}, nothingWritten(errClosed)
	}
	select {
	case <-w.done:
		return w.stored, w.err
	case <-ctx.Done():
		w.left.Store(true)
		return store.Record{}, fmt.Errorf("the outcome is unknown: %w", ctx.Err())
	}
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
	Records int64 // with the expired ones that are not removed yet
	Bytes   int64 // of the file, in use or free for reuse; the file itself may be up to 16 MiB longer
	Swept   int64 // expired records removed since the Store was opened
	Damaged int64 // records that were found damaged when the Store was opened
	Refused int64 // calls of Load, Save and Erase since then that failed because of damage
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

// Close waits for the writes in flight, refuses those that come later, and closes the file. A
// second Close does nothing.
func (s *Store) Close() error { return s.close() }
