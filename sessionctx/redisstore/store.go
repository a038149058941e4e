package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// Store is a store.Store, a store.Watcher and a store.Eraser. It is safe for concurrent use by
// multiple goroutines.
type Store struct {
	cfg   Config
	keys  keyspace
	data  rueidis.Client // nil until the server was connected for the first time
	loads chan struct{}  // one element for each load in flight
	saves chan struct{}  // one element for each save in flight
	sinks sinks

	dials         atomic.Int64 // begun dials of the client for data
	reportedDials atomic.Int64 // dials up to which lost records have been reported, see reportMiss

	written  atomic.Int64             // writes of calls to connections for data, see callConn
	dataConn atomic.Pointer[callConn] // the last connection for data

	connected  atomic.Bool  // the invalidation connection stands
	reconnects atomic.Int64 // of the invalidation connection

	unusable atomic.Pointer[error] // why no call may be sent; nil: calls may be sent
	end      context.CancelFunc
	bg       sync.WaitGroup
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Watcher = (*Store)(nil)
	_ store.Eraser  = (*Store)(nil)
)

// New returns a Store on the server that cfg names. The server must answer, unless
// Config.LazyConnect is set. The error joins a *store.ConfigError for every mistake in cfg, or says
// why the server cannot be used. Close the Store after use, after the Resolvers that it serves.
func New(cfg Config) (*Store, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{
		cfg: cfg, keys: keyspace(cfg.Prefix), sinks: sinks{keys: keyspace(cfg.Prefix)},
		loads: make(chan struct{}, maxLoads), saves: make(chan struct{}, maxSaves),
	}
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	c, err := s.connect(ctx)
	switch {
	case err == nil:
	case cfg.LazyConnect:
		s.recordNotConnected(ctx, err)
	default:
		end()
		return nil, s.cannotUse(err)
	}
	s.bg.Go(func() {
		if c == nil {
			begun := time.Now()
			if c = s.connectAgain(ctx, s.connect, s.recordNotConnected); c == nil {
				return
			}
			s.unusable.Store(nil) // after connect has set data
			s.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "redisstore: the server is connected", slog.Duration("after", time.Since(begun)))
		}
		s.runListener(ctx, c)
	})
	return s, nil
}

// connect makes the first connections. It sets data, which no call uses before connect has
// returned.
func (s *Store) connect(ctx context.Context) (*listener, error) {
	c, err := s.listen(ctx) // before the client for data, because it checks the server
	if err != nil {
		return nil, err
	}
	data, err := rueidis.NewClient(s.dataOption())
	if err != nil {
		c.close()
		return nil, err
	}
	s.data = data
	s.reportedDials.Store(s.dials.Load())
	return c, nil
}

func (s *Store) cannotUse(err error) error {
	return fmt.Errorf("redisstore: the server at %s cannot be used: %w", s.cfg.Client.InitAddress[0], err)
}

var errClosed = errors.New("the Store is closed")

// Close frees the connections. Later calls fail, and no sink is called any more. Close waits for a
// Save in flight, but not for long: if its answer does not come, its outcome is unknown.
func (s *Store) Close() error {
	s.end()
	s.bg.Wait()
	s.sinks.end()
	s.unusable.Store(&errClosed)
	if s.data != nil {
		s.data.Close()
	}
	return nil
}

// Load implements store.Store: one GET.
func (s *Store) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if err := s.ready(ctx, "load"); err != nil {
		return store.Record{}, err
	}
	name := s.keys.name(key)
	type answer struct {
		value  []byte
		exists bool
	}
	a, err := await(ctx, s.loads, func(call context.Context) (answer, error) {
		dials := s.dials.Load()
		get := func() ([]byte, error) { // unlike Get, Arbitrary does not compute the cluster slot
			return s.data.Do(call, s.data.B().Arbitrary("GET").Args(name).Build()).AsBytes()
		}
		var value []byte
		err := again(ctx, func() (err error) {
			value, err = get()
			return err
		})
		switch {
		case rueidis.IsRedisNil(err):
			s.reportMiss(dials)
			return answer{}, nil
		case err != nil:
			return answer{}, err
		}
		return answer{value, true}, nil
	})
	var rec store.Record
	if err == nil && a.exists {
		rec, err = decode(a.value, key.Tenant)
	}
	if err != nil {
		return store.Record{}, failure("load", err)
	}
	return rec, nil
}

// Save implements store.Store: one script.
func (s *Store) Save(ctx context.Context, key store.Key, rec store.Record, base store.Revision) (store.Record, error) {
	if err := s.ready(ctx, "save"); err != nil {
		return store.Record{}, err
	}
	return s.save(ctx, "save", s.keys.name(key), key.Tenant, rec, base)
}

// ready returns why a call must not be sent.
func (s *Store) ready(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("redisstore: %s: %w: nothing was sent: %w", op, store.ErrUnavailable, err)
	}
	if err := s.unusable.Load(); err != nil {
		return fmt.Errorf("redisstore: %s: %w: %w", op, store.ErrUnavailable, *err)
	}
	return nil
}
