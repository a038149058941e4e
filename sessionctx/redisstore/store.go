package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Store is a store.Store and a store.Watcher. It is safe for concurrent use by multiple goroutines.
type Store struct {
	cfg   Config
	data  rueidis.Client
	dials atomic.Int64  // connections for data that were begun
	told  atomic.Int64  // of them, those before which all that was lost has been told
	loads chan struct{} // under way
	sinks sinks

	refused atomic.Pointer[error] // why the server must not be asked; nil: it may
	end     context.CancelFunc
	bg      sync.WaitGroup
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Watcher = (*Store)(nil)
)

// maxLoads is how many loads may be under way at once. When all that was cached is lost, a process asks for its sessions again no faster
// than the server answers, and leaves room for others; the rest wait here. More of them at once do not make a pipeline faster.
const maxLoads = 256

// New returns a Store on the server that cfg names, which must answer. The error joins every mistake in cfg, or says why
// the server cannot be used. Close the Store after use, after the Resolvers that it serves.
func New(cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, loads: make(chan struct{}, maxLoads)}
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	c, err := s.listen(ctx) // the first to come, for it says what is wrong with the server
	if err != nil {
		end()
		return nil, fmt.Errorf("redisstore: the server at %s cannot be used: %w", cfg.Client.InitAddress[0], err)
	}
	if s.data, err = rueidis.NewClient(s.dataOption()); err != nil {
		end()
		c.close()
		return nil, fmt.Errorf("redisstore: the server at %s cannot be used: %w", cfg.Client.InitAddress[0], err)
	}
	s.told.Store(s.dials.Load())
	s.bg.Go(func() { s.follow(ctx, c) })
	return s, nil
}

var errClosed = errors.New("the Store is closed")

// Close frees the connections. Calls that come later fail, and no sink hears anything more. A Save that is under way is waited for, but not
// for long: the outcome of one whose answer does not come is unknown.
func (s *Store) Close() error {
	s.end()
	s.bg.Wait()
	s.sinks.end()
	s.refused.Store(&errClosed)
	s.data.Close()
	return nil
}

// Load implements store.Store: one GET.
func (s *Store) Load(ctx context.Context, key store.Key) (rec store.Record, err error) {
	if err := s.ready(ctx, "load"); err != nil {
		return rec, err
	}
	select {
	case s.loads <- struct{}{}:
		defer func() { <-s.loads }()
	case <-ctx.Done():
		return rec, fmt.Errorf("redisstore: load: %w", ctx.Err())
	}
	name, dials := s.key(key), s.dials.Load()
	get := func() ([]byte, error) { // Arbitrary computes no slot of a cluster, as Get would
		return s.data.Do(ctx, s.data.B().Arbitrary("GET").Args(name).Build()).AsBytes()
	}
	value, err := get()
	if torn(ctx, err) { // by a server that was started anew, most likely
		value, err = get()
	}
	switch {
	case rueidis.IsRedisNil(err):
		s.missed(dials)
		return rec, nil
	case err != nil:
		return rec, failure("load", err)
	}
	return decode(value, key.Tenant)
}

// Save implements store.Store: one script.
func (s *Store) Save(ctx context.Context, key store.Key, rec store.Record, base store.Revision) (now store.Record, err error) {
	if err := s.ready(ctx, "save"); err != nil {
		return now, err
	}
	args, err := arguments(key, rec, base)
	if err != nil {
		return now, fmt.Errorf("redisstore: save: %w: nothing was written: %w", store.ErrUnavailable, err)
	}
	applied, stored, err := s.exec(ctx, s.key(key), args)
	if err != nil {
		return now, failure("save", err)
	}
	if stored != nil {
		if now, err = decode(stored, key.Tenant); err != nil {
			return now, err
		}
	}
	switch {
	case !applied:
		return now, fmt.Errorf("redisstore: save: %w", store.ErrConflict)
	case stored == nil:
		return rec, nil
	}
	return now, nil
}

// ready says why a call must not set out.
func (s *Store) ready(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("redisstore: %s: nothing was asked of the server: %w", op, err)
	}
	if err := s.refused.Load(); err != nil {
		return fmt.Errorf("redisstore: %s: %w: %w", op, store.ErrUnavailable, *err)
	}
	return nil
}
