package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// pageSize is the COUNT of SCAN, and the number of values that Erase reads at once. It bounds how
// long the server is busy with one command.
const pageSize = 256

// Erase implements store.Eraser. It reads every session of the tenant, because the server has no
// index of customers: SCAN, and one GET for each session. It finds every session of the customer
// that exists during the whole call. A value that is not a record is an error, after all other
// values have been read.
func (s *Store) Erase(ctx context.Context, tenant, customerID string, tombstone func(store.Record) store.Record) (n int, err error) {
	if customerID == "" { // it would be every anonymous session
		return 0, errors.New(`redisstore: erase: customer id "": must not be empty`)
	}
	var damaged error
	pattern := s.keys.sessions(tenant)
	for cursor, dials := uint64(0), s.dials.Load(); ; {
		page, err := s.scan(ctx, cursor, pattern)
		if err != nil {
			return n, err
		}
		// A cursor is worth nothing to another server, nor to the same server after a restart: each
		// process orders its keys by a random seed.
		if begun := s.dials.Load(); begun != dials {
			cursor, dials, damaged = 0, begun, nil
			continue
		}
		names := slices.DeleteFunc(page.Elements, func(name string) bool {
			t, letter, _, ok := s.keys.parse(name)
			return !ok || t != tenant || letter != letterSession
		})
		for names := range slices.Chunk(names, pageSize) { // COUNT is a hint, a page may be larger
			values, err := s.values(ctx, names)
			if err != nil {
				return n, err
			}
			for i, answer := range values {
				erased, err := s.erase(ctx, names[i], tenant, customerID, answer, tombstone)
				if erased {
					n++
				}
				switch {
				case errors.Is(err, errDamaged):
					damaged = err
				case err != nil:
					return n, err
				}
			}
		}
		if cursor = page.Cursor; cursor == 0 {
			break
		}
	}
	if damaged != nil {
		return n, fmt.Errorf("%w; it was skipped, and may belong to the customer", damaged)
	}
	return n, nil
}

// erase replaces the record of one answer to GET, and reports whether it did. A conflict means that
// another write was applied: erase then looks at what is stored now.
func (s *Store) erase(
	ctx context.Context, name, tenant, customerID string, answer rueidis.RedisResult, tombstone func(store.Record) store.Record,
) (bool, error) {
	value, err := answer.AsBytes()
	if rueidis.IsRedisNil(err) {
		return false, nil
	}
	var rec store.Record
	if err == nil {
		rec, err = decode(value, tenant)
	}
	if err != nil {
		return false, failure("erase", err)
	}
	for rec.CustomerID == customerID && !rec.Ended {
		if err := s.ready(ctx, "erase"); err != nil {
			return false, err
		}
		ended := tombstone(rec)
		if !ended.Ended || !ended.Exists() || ended.Revision() == rec.Revision() {
			return false, errors.New("redisstore: erase: tombstone must return a record with Ended and another revision")
		}
		stored, err := s.save(ctx, "erase", name, tenant, ended, rec.Revision())
		for try := 1; try < tries && retryable(err) && !errors.Is(err, store.ErrConflict) && ctx.Err() == nil; try++ {
			// The connection has ended, as at a restart. If the write was applied, this is a conflict with
			// what it has stored.
			stored, err = s.save(ctx, "erase", name, tenant, ended, rec.Revision())
			if errors.Is(err, store.ErrConflict) && stored.Revision() == ended.Revision() {
				err = nil
			}
		}
		if !errors.Is(err, store.ErrConflict) {
			// Also after an error, because the write may have been applied. The message of the
			// server may come too late: this process must not see the session any more when Erase
			// returns.
			_, _, h, _ := s.keys.parse(name)
			s.sinks.invalidateKey(h)
			return err == nil, err
		}
		rec = stored
	}
	return false, nil
}

// scan returns one page of keys.
func (s *Store) scan(ctx context.Context, cursor uint64, pattern string) (rueidis.ScanEntry, error) {
	if err := s.ready(ctx, "erase"); err != nil {
		return rueidis.ScanEntry{}, err
	}
	var page rueidis.ScanEntry
	err := again(ctx, func() (err error) {
		page, err = await(ctx, s.loads, func(ctx context.Context) (rueidis.ScanEntry, error) {
			return s.data.Do(ctx, s.data.B().Scan().Cursor(cursor).Match(pattern).Count(pageSize).Build()).AsScanEntry()
		})
		return err
	})
	if err != nil {
		return page, failure("erase", err)
	}
	return page, nil
}

// values returns the answers to GET of keys.
func (s *Store) values(ctx context.Context, names []string) ([]rueidis.RedisResult, error) {
	if err := s.ready(ctx, "erase"); err != nil {
		return nil, err
	}
	var values []rueidis.RedisResult
	err := again(ctx, func() (err error) {
		values, err = await(ctx, s.loads, func(ctx context.Context) ([]rueidis.RedisResult, error) {
			gets := make(rueidis.Commands, len(names))
			for i, name := range names {
				gets[i] = s.data.B().Arbitrary("GET").Args(name).Build()
			}
			return s.data.DoMulti(ctx, gets...), nil
		})
		for i := 0; i < len(values) && err == nil; i++ {
			err = values[i].NonRedisError()
		}
		return err
	})
	if err != nil {
		return nil, failure("erase", err)
	}
	return values, nil
}

// again makes a read up to tries times, as long as its connection ends: the server was restarted,
// most likely.
func again(ctx context.Context, read func() error) (err error) {
	for range tries {
		if err = read(); !retryable(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}
