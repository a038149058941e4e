package storetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

type (
	record   = store.Record
	key      = store.Key
	revision = store.Revision
)

// around is a store with something before, after or instead of the calls of another one. It is no
// Watcher.
type around struct {
	inner store.Store
	load  func(inner store.Store, ctx context.Context, k key) (record, error)
	save  func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error)
}

func (a *around) Load(ctx context.Context, k key) (record, error) {
	if a.load == nil {
		return a.inner.Load(ctx, k)
	}
	return a.load(a.inner, ctx, k)
}

func (a *around) Save(ctx context.Context, k key, rec record, base revision) (record, error) {
	if a.save == nil {
		return a.inner.Save(ctx, k, rec, base)
	}
	return a.save(a.inner, ctx, k, rec, base)
}

// loaded is a store whose Load changes what it returns.
func loaded(change func(*record)) func() store.Store {
	return func() store.Store {
		return &around{inner: new(memstore.Store), load: func(inner store.Store, ctx context.Context, k key) (record, error) {
			rec, err := inner.Load(ctx, k)
			if rec.Incarnation != 0 {
				rec = deepCopy(rec)
				change(&rec)
			}
			return rec, err
		}}
	}
}

// saving is a store with another Save.
func saving(save func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error)) func() store.Store {
	return func() store.Store { return &around{inner: new(memstore.Store), save: save} }
}

// rebased is a store that takes a base for the present one if it is like it.
func rebased(like func(current, base revision, rec record) bool) func() store.Store {
	return saving(func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
		for {
			got, err := inner.Save(ctx, k, rec, base)
			if !errors.Is(err, store.ErrConflict) || !like(got.Revision(), base, rec) {
				return got, err
			}
			base = got.Revision()
		}
	})
}

// keyed is a store that spells keys in its own way.
func keyed(spell func(key) key) func() store.Store {
	return func() store.Store {
		return &around{
			inner: new(memstore.Store),
			load: func(inner store.Store, ctx context.Context, k key) (record, error) {
				return inner.Load(ctx, spell(k))
			},
			save: func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
				return inner.Save(ctx, spell(k), rec, base)
			},
		}
	}
}

func respelledID(spell func(string) string) func() store.Store {
	return keyed(func(k key) key { k.ID = spell(k.ID); return k })
}

// expiring is a store with its own idea of when a record is gone for Load and for Save.
func expiring(load, save func(expiresAt, now time.Time) bool) func() store.Store {
	return func() store.Store {
		var mu sync.Mutex
		recs := make(map[key]record)
		get := func(k key, expired func(expiresAt, now time.Time) bool) record {
			rec := recs[k]
			if !rec.ExpiresAt.IsZero() && expired(rec.ExpiresAt, time.Now()) {
				return record{}
			}
			return rec
		}
		return &around{
			load: func(_ store.Store, _ context.Context, k key) (record, error) {
				mu.Lock()
				defer mu.Unlock()
				return get(k, load), nil
			},
			save: func(_ store.Store, _ context.Context, k key, rec record, base revision) (record, error) {
				mu.Lock()
				defer mu.Unlock()
				cur := get(k, save)
				if cur.Revision() != base {
					return cur, store.ErrConflict
				}
				if rec.Revision() == base {
					cur.ExpiresAt, rec = rec.ExpiresAt, cur
					rec.ExpiresAt = cur.ExpiresAt
				}
				recs[k] = rec
				return rec, nil
			},
		}
	}
}

func inTime(expiresAt, now time.Time) bool { return !now.Before(expiresAt) }
func never(time.Time, time.Time) bool      { return false }
func tooEarly(expiresAt, now time.Time) bool {
	return !now.Before(expiresAt.Add(-299 * time.Millisecond))
}
func aSecondLate(expiresAt, now time.Time) bool { return !now.Before(expiresAt.Add(time.Second)) }

func deepCopy(rec record) record {
	rec.Heir, rec.Unknown = bytes.Clone(rec.Heir), bytes.Clone(rec.Unknown)
	rec.Carts, rec.Dimensions = slices.Clone(rec.Carts), slices.Clone(rec.Dimensions)
	attrs := rec.Attributes
	rec.Attributes = nil
	for _, a := range attrs {
		a.Value = bytes.Clone(a.Value)
		rec.Attributes = append(rec.Attributes, a)
	}
	return rec
}

func respelled(rec *record) {
	for i, a := range rec.Attributes {
		var v any
		if json.Unmarshal(a.Value, &v) == nil {
			rec.Attributes[i].Value, _ = json.Marshal(v)
		}
	}
}

// roundTrip is the time that lies between two steps of a store that asks a server.
func roundTrip() { <-time.After(100 * time.Microsecond) }

func checkThenAct() store.Store {
	var mu sync.Mutex
	recs := make(map[key]record)
	load := func(k key) record {
		mu.Lock()
		defer mu.Unlock()
		return recs[k]
	}
	return &around{
		load: func(_ store.Store, _ context.Context, k key) (record, error) { return load(k), nil },
		save: func(_ store.Store, _ context.Context, k key, rec record, base revision) (record, error) {
			if cur := load(k); cur.Revision() != base {
				return cur, store.ErrConflict
			}
			roundTrip()
			mu.Lock()
			defer mu.Unlock()
			recs[k] = rec
			return rec, nil
		},
	}
}

// touching is a store with another way to touch.
func touching(touch func(cur, rec record) record) func() store.Store {
	return func() store.Store {
		var mu sync.Mutex
		recs := make(map[key]record)
		return &around{
			load: func(_ store.Store, _ context.Context, k key) (record, error) {
				mu.Lock()
				defer mu.Unlock()
				return recs[k], nil
			},
			save: func(_ store.Store, _ context.Context, k key, rec record, base revision) (record, error) {
				mu.Lock()
				defer mu.Unlock()
				cur := recs[k]
				if cur.Revision() != base {
					return cur, store.ErrConflict
				}
				if rec.Revision() == base {
					rec = touch(cur, rec)
				}
				recs[k] = rec
				return rec, nil
			},
		}
	}
}

func overTombstone(allowed func(rec record, base revision) bool) func() store.Store {
	return saving(func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
		got, err := inner.Save(ctx, k, rec, base)
		if errors.Is(err, store.ErrConflict) && got.Ended && allowed(rec, base) {
			return inner.Save(ctx, k, rec, got.Revision())
		}
		return got, err
	})
}

func firstExpiry() store.Store {
	var mu sync.Mutex
	expiries := make(map[key]time.Time)
	inner := expiring(inTime, inTime)()
	gone := func(k key) bool {
		mu.Lock()
		defer mu.Unlock()
		at, ok := expiries[k]
		return ok && !time.Now().Before(at)
	}
	return &around{
		inner: inner,
		load: func(inner store.Store, ctx context.Context, k key) (record, error) {
			if gone(k) {
				return record{}, nil
			}
			return inner.Load(ctx, k)
		},
		save: func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			mu.Lock()
			if _, ok := expiries[k]; !ok {
				expiries[k] = rec.ExpiresAt
			}
			mu.Unlock()
			return inner.Save(ctx, k, rec, base)
		},
	}
}

// stale answers every other Load with what the one before has seen.
func stale() store.Store {
	var mu sync.Mutex
	seen := make(map[key]record)
	return &around{inner: new(memstore.Store), load: func(inner store.Store, ctx context.Context, k key) (record, error) {
		mu.Lock()
		defer mu.Unlock()
		if rec, ok := seen[k]; ok {
			delete(seen, k)
			return rec, nil
		}
		rec, err := inner.Load(ctx, k)
		seen[k] = rec
		return rec, err
	}}
}

// inTwoSteps writes the attributes after the rest.
func inTwoSteps() store.Store {
	var mu sync.Mutex
	attributes := make(map[key][]store.Attribute)
	return &around{
		inner: new(memstore.Store),
		load: func(inner store.Store, ctx context.Context, k key) (record, error) {
			rec, err := inner.Load(ctx, k)
			mu.Lock()
			defer mu.Unlock()
			rec.Attributes = attributes[k]
			return rec, err
		},
		save: func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			got, err := inner.Save(ctx, k, rec, base)
			if err == nil {
				roundTrip()
				mu.Lock()
				defer mu.Unlock()
				attributes[k] = rec.Attributes
			}
			return got, err
		},
	}
}

// sharedBuffer decodes all values into one buffer.
func sharedBuffer() store.Store {
	var mu sync.Mutex
	buffer := make([]byte, 1<<16)
	return &around{inner: new(memstore.Store), load: func(inner store.Store, ctx context.Context, k key) (record, error) {
		rec, err := inner.Load(ctx, k)
		mu.Lock()
		defer mu.Unlock()
		rec = deepCopy(rec)
		rest := buffer
		for i, a := range rec.Attributes {
			n := copy(rest, a.Value)
			rec.Attributes[i].Value, rest = rest[:n:n], rest[n:]
		}
		return rec, err
	}}
}

func fullButWritten() store.Store {
	var saves atomic.Int64
	return saving(func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
		got, err := inner.Save(ctx, k, rec, base)
		if err == nil && saves.Add(1) > 50 {
			return record{}, store.ErrFull
		}
		return got, err
	})()
}

// fullAndForgets drops the old record before it knows that there is room for the new one.
func fullAndForgets() store.Store {
	inner := touching(func(cur, rec record) record { cur.ExpiresAt = rec.ExpiresAt; return cur })()
	var mu sync.Mutex
	lost := make(map[key]bool)
	var saves int
	return &around{
		inner: inner,
		load: func(inner store.Store, ctx context.Context, k key) (record, error) {
			mu.Lock()
			defer mu.Unlock()
			if lost[k] {
				return record{}, nil
			}
			return inner.Load(ctx, k)
		},
		save: func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			mu.Lock()
			defer mu.Unlock()
			if saves++; saves > 400 {
				lost[k] = true
				return record{}, store.ErrFull
			}
			return inner.Save(ctx, k, rec, base)
		},
	}
}

// encoded keeps records in their binary form, as a store outside of the process does.
type encoded struct {
	mu   sync.Mutex
	recs map[store.KeyHash][]byte
}

func newEncoded() *encoded { return &encoded{recs: make(map[store.KeyHash][]byte)} }

func (s *encoded) get(k key) (rec record, err error) {
	b, ok := s.recs[k.Hash()]
	if !ok {
		return record{}, nil
	}
	if err := rec.UnmarshalBinary(b); err != nil {
		return record{}, err
	}
	if !rec.ExpiresAt.IsZero() && !time.Now().Before(rec.ExpiresAt) {
		return record{}, nil
	}
	return rec, nil
}

func (s *encoded) Load(ctx context.Context, k key) (record, error) {
	if err := ctx.Err(); err != nil {
		return record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(k)
}

func (s *encoded) Save(ctx context.Context, k key, rec record, base revision) (record, error) {
	if err := ctx.Err(); err != nil {
		return record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	cur, err := s.get(k)
	if err != nil {
		return record{}, err
	}
	if cur.Revision() != base {
		return cur, store.ErrConflict
	}
	if rec.Revision() == base {
		cur.ExpiresAt, rec = rec.ExpiresAt, cur
		rec.ExpiresAt = cur.ExpiresAt
	}
	b, err := rec.MarshalBinary()
	if err != nil {
		return record{}, err
	}
	s.recs[k.Hash()] = b
	return rec, nil
}

// sharedHeir decodes all heirs into one buffer.
func sharedHeir() store.Store {
	var mu sync.Mutex
	buffer := make([]byte, 1<<10)
	return &around{inner: new(memstore.Store), load: func(inner store.Store, ctx context.Context, k key) (record, error) {
		rec, err := inner.Load(ctx, k)
		mu.Lock()
		defer mu.Unlock()
		n := copy(buffer, rec.Heir)
		rec.Heir = buffer[:n:n]
		return rec, err
	}}
}
