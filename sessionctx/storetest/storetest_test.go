package storetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/storetest"
)

type (
	record   = sessionctx.Record
	key      = sessionctx.Key
	revision = sessionctx.Revision
)

// around is a store with something before, after or instead of the calls of another one. It is no Watcher.
type around struct {
	inner sessionctx.Store
	load  func(inner sessionctx.Store, ctx context.Context, k key) (record, error)
	save  func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error)
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
func loaded(change func(*record)) func() sessionctx.Store {
	return func() sessionctx.Store {
		return &around{inner: new(memstore.Store), load: func(inner sessionctx.Store, ctx context.Context, k key) (record, error) {
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
func saving(save func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error)) func() sessionctx.Store {
	return func() sessionctx.Store { return &around{inner: new(memstore.Store), save: save} }
}

// rebased is a store that takes a base for the present one if it is like it.
func rebased(like func(current, base revision, rec record) bool) func() sessionctx.Store {
	return saving(func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
		for {
			got, err := inner.Save(ctx, k, rec, base)
			if !errors.Is(err, sessionctx.ErrConflict) || !like(got.Revision(), base, rec) {
				return got, err
			}
			base = got.Revision()
		}
	})
}

// keyed is a store that spells keys in its own way.
func keyed(spell func(key) key) func() sessionctx.Store {
	return func() sessionctx.Store {
		return &around{
			inner: new(memstore.Store),
			load: func(inner sessionctx.Store, ctx context.Context, k key) (record, error) {
				return inner.Load(ctx, spell(k))
			},
			save: func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
				return inner.Save(ctx, spell(k), rec, base)
			},
		}
	}
}

func respelledID(spell func(string) string) func() sessionctx.Store {
	return keyed(func(k key) key { k.ID = spell(k.ID); return k })
}

// expiring is a store with its own idea of when a record is gone for Load and for Save.
func expiring(load, save func(expiresAt, now time.Time) bool) func() sessionctx.Store {
	return func() sessionctx.Store {
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
			load: func(_ sessionctx.Store, _ context.Context, k key) (record, error) {
				mu.Lock()
				defer mu.Unlock()
				return get(k, load), nil
			},
			save: func(_ sessionctx.Store, _ context.Context, k key, rec record, base revision) (record, error) {
				mu.Lock()
				defer mu.Unlock()
				cur := get(k, save)
				if cur.Revision() != base {
					return cur, sessionctx.ErrConflict
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

// watched is a store that is a Watcher with faults; sinks is what it tells.
type watched struct {
	*memstore.Store
	watch func(s *watched, sink sessionctx.Sink) (stop func())
	after func(s *watched, k key, rec record, base revision) // an applied Save

	mu    sync.Mutex
	sinks []sessionctx.Sink
}

func (s *watched) Watch(sink sessionctx.Sink) (stop func()) { return s.watch(s, sink) }

func (s *watched) Save(ctx context.Context, k key, rec record, base revision) (record, error) {
	rec, err := s.Store.Save(ctx, k, rec, base)
	if err == nil && s.after != nil {
		s.after(s, k, rec, base)
	}
	return rec, err
}

func (s *watched) each(f func(sessionctx.Sink)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sink := range s.sinks {
		f(sink)
	}
}

// add is a Watch as it should be.
func (s *watched) add(sink sessionctx.Sink) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sinks = append(s.sinks, sink)
	sink.Lease(time.Time{})
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, x := range s.sinks {
			if x == sink {
				s.sinks = append(s.sinks[:i:i], s.sinks[i+1:]...)
			}
		}
	}
}

func invalidated(s *watched, k key, _ record, _ revision) {
	s.each(func(sink sessionctx.Sink) { sink.Invalidate(k.Hash()) })
}

func watching(watch func(*watched, sessionctx.Sink) func(), after func(*watched, key, record, revision)) func() sessionctx.Store {
	return func() sessionctx.Store { return &watched{Store: new(memstore.Store), watch: watch, after: after} }
}

// leasing is a Watch whose leases follow one another: each entry is granted when the one before has been for that long.
func leasing(every time.Duration, leases ...time.Duration) func(*watched, sessionctx.Sink) func() {
	return func(s *watched, sink sessionctx.Sink) func() {
		stop := s.add(discardLease{sink})
		done := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := 0; ; i++ {
				sink.Lease(time.Now().Add(leases[min(i, len(leases)-1)]))
				select {
				case <-time.After(every):
				case <-done:
					return
				}
			}
		})
		return func() { close(done); wg.Wait(); stop() }
	}
}

type discardLease struct{ sessionctx.Sink }

func (discardLease) Lease(time.Time) {}

func TestSoundStoresAreFoundSound(t *testing.T) {
	sound := []struct {
		desc string
		open func() sessionctx.Store
	}{
		{"memory", func() sessionctx.Store { return new(memstore.Store) }},
		{"memory with a small bound", func() sessionctx.Store { return &memstore.Store{MaxBytes: 150_000} }},
		{"not a Watcher", func() sessionctx.Store { return &around{inner: new(memstore.Store)} }},
		{"hashed keys", keyed(func(k key) key { h := k.Hash(); return key{Tenant: "t", ID: string(h[:])} })},
		{"binary form", func() sessionctx.Store { return newEncoded() }},
		{"endless lease", watching((*watched).add, invalidated)},
		{"renewed lease, late reports", watching(leasing(20*time.Millisecond, 2*time.Second), func(s *watched, k key, rec record, base revision) {
			time.AfterFunc(30*time.Millisecond, func() { invalidated(s, k, rec, base) })
		})},
		{"everything lost each time", watching((*watched).add, func(s *watched, _ key, _ record, _ revision) {
			s.each(func(sink sessionctx.Sink) { sink.Lost() })
		})},
	}
	for _, tc := range sound {
		t.Run(tc.desc, func(t *testing.T) {
			t.Parallel()
			for _, rule := range storetest.Rules() {
				s := tc.open()
				sentence, violations := storetest.Violations(rule, s, s)
				assert.Empty(t, violations, sentence)
			}
		})
	}
}

func TestBrokenStoresAreCaught(t *testing.T) {
	broken := []struct {
		desc string
		open func() sessionctx.Store
		rule string
		says string // a part of the sentence
	}{
		{"invents a record", func() sessionctx.Store {
			return &around{inner: new(memstore.Store), load: func(inner sessionctx.Store, ctx context.Context, k key) (record, error) {
				rec, err := inner.Load(ctx, k)
				if rec.Incarnation == 0 {
					rec = record{Tenant: k.Tenant, Incarnation: 1}
				}
				return rec, err
			}}
		}, "nothing", "zero Record"},
		{"an error where nothing is", func() sessionctx.Store {
			return &around{inner: new(memstore.Store), load: func(inner sessionctx.Store, ctx context.Context, k key) (record, error) {
				rec, err := inner.Load(ctx, k)
				if rec.Incarnation == 0 && err == nil {
					err = errors.New("no rows")
				}
				return rec, err
			}}
		}, "nothing", "without an error"},

		{"seconds", loaded(func(r *record) { r.ModifiedAt = r.ModifiedAt.Truncate(time.Second) }), "round trip", "millisecond"},
		{"milliseconds taken for nanoseconds", loaded(func(r *record) { r.ExpiresAt = time.Unix(0, r.ExpiresAt.UnixMilli()) }), "round trip", "millisecond"},
		{"no time taken for 1970", loaded(func(r *record) { r.ExpiresAt = time.UnixMilli(max(0, r.ExpiresAt.UnixMilli())) }), "round trip", "every field"},
		{"attributes respelled", loaded(respelled), "round trip", "every byte"},
		{"texts repaired", loaded(func(r *record) { r.CartID = strings.ToValidUTF8(r.CartID, "?") }), "round trip", "every byte"},
		{"texts cut", loaded(func(r *record) { r.CartID = r.CartID[:min(255, len(r.CartID))] }), "round trip", "every byte"},
		{"numbers as doubles", loaded(func(r *record) { r.Incarnation = uint64(float64(r.Incarnation)) }), "round trip", "every field"},
		{"an attribute too few", loaded(func(r *record) { r.Attributes = r.Attributes[:min(60, len(r.Attributes))] }), "round trip", "every field"},
		{"Save returns what it was not given", saving(func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			_, err := inner.Save(ctx, k, rec, base)
			return record{}, err
		}), "round trip", "every field"},

		{"base ignored", rebased(func(_, _ revision, _ record) bool { return true }), "compare", "revision base"},
		{"incarnation ignored", rebased(func(cur, base revision, _ record) bool { return cur.Version == base.Version }), "compare", "revision base"},
		{"versions compared as doubles", rebased(func(cur, base revision, _ record) bool {
			return float64(cur.Version) == float64(base.Version) && cur.Incarnation == base.Incarnation
		}), "compare", "revision base"},
		{"incarnations compared as doubles", rebased(func(cur, base revision, _ record) bool {
			return float64(cur.Incarnation) == float64(base.Incarnation) && cur.Version == base.Version
		}), "compare", "revision base"},
		{"a version to come accepted", rebased(func(cur, base revision, _ record) bool {
			return cur.Incarnation == base.Incarnation && cur.Version < base.Version
		}), "compare", "revision base"},
		{"creates over what is there", rebased(func(_, base revision, _ record) bool { return base == revision{} }), "compare", "revision base"},
		{"updates what is not there", rebased(func(cur, _ revision, _ record) bool { return cur == revision{} }), "compare", "revision base"},
		{"conflict without the current record", saving(func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			rec, err := inner.Save(ctx, k, rec, base)
			if err != nil {
				rec = record{}
			}
			return rec, err
		}), "compare", "with what is stored"},
		{"conflict with the refused record", saving(func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			_, err := inner.Save(ctx, k, rec, base)
			return rec, err
		}), "compare", "with what is stored"},
		{"conflict without an error", saving(func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			rec, err := inner.Save(ctx, k, rec, base)
			if errors.Is(err, sessionctx.ErrConflict) {
				err = nil
			}
			return rec, err
		}), "compare", "return ErrConflict"},
		{"conflict under another name", saving(func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			rec, err := inner.Save(ctx, k, rec, base)
			if err != nil {
				err = errors.New(err.Error())
			}
			return rec, err
		}), "compare", "return ErrConflict"},

		{"check, then act", checkThenAct, "one winner", "atomically"},
		{"check, then act", checkThenAct, "no lost update", "atomically"},
		{"everybody loses", saving(func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			rec, err := inner.Save(ctx, k, rec, base)
			if err == nil {
				err = sessionctx.ErrConflict
			}
			return rec, err
		}), "one winner", "exactly one is applied"},

		{"touch counts as a write", touching(func(cur, rec record) record { cur.ExpiresAt = rec.ExpiresAt; cur.Version++; return cur }), "touch", "nothing else"},
		{"touch replaces all", touching(func(_, rec record) record { return rec }), "touch", "nothing else"},
		{"touch changes the time of the last change", touching(func(cur, rec record) record {
			cur.ExpiresAt, cur.ModifiedAt = rec.ExpiresAt, time.Now()
			return cur
		}), "touch", "nothing else"},
		{"touch does nothing", touching(func(cur, _ record) record { return cur }), "touch", "change the expiry"},
		{"touch never shortens", touching(func(cur, rec record) record {
			if rec.ExpiresAt.After(cur.ExpiresAt) {
				cur.ExpiresAt = rec.ExpiresAt
			}
			return cur
		}), "touch", "change the expiry"},
		{"touch makes a record", rebased(func(cur, base revision, rec record) bool { return cur == revision{} && rec.Revision() == base }), "touch", "the expiry"},

		{"tombstones hidden", loaded(func(r *record) {
			if r.Ended {
				*r = record{}
			}
		}), "tombstone", "must be loaded"},
		{"tombstones give way to new records", overTombstone(func(_ record, base revision) bool { return base == revision{} }), "tombstone", "must not replace"},
		{"late writes revive", overTombstone(func(rec record, base revision) bool { return base.Incarnation != 0 && rec.Revision() != base }), "tombstone", "must not replace"},

		{"expired records loaded", expiring(never, inTime), "expiry", "gone at its ExpiresAt"},
		{"expired records in the way of Save", expiring(inTime, never), "expiry", "Load and Save"},
		{"expired records gone a second later", expiring(aSecondLate, aSecondLate), "expiry", "gone at its ExpiresAt"},
		{"records gone before their time", expiring(tooEarly, tooEarly), "expiry", "not before"},
		{"the first expiry stays", firstExpiry, "expiry", "gone at its ExpiresAt"},

		{"a cache in front", stale, "fresh", "must see it"},
		{"written in two steps", inTwoSteps, "whole", "parts of two writes"},

		{"tenant ignored", keyed(func(k key) key { k.Tenant = ""; return k }), "keys", "any part"},
		{"kind ignored", keyed(func(k key) key { k.Kind = 0; return k }), "keys", "any part"},
		{"parts run together", keyed(func(k key) key { return key{ID: k.Tenant + k.ID, Kind: k.Kind} }), "keys", "any part"},
		{"parts joined by the kind", keyed(func(k key) key { return key{ID: fmt.Sprintf("%s%d%s", k.Tenant, k.Kind, k.ID)} }), "keys", "any part"},
		{"ids in lower case", respelledID(strings.ToLower), "odd ids", "its own record"},
		{"ids cut at 255 bytes", respelledID(func(id string) string { return id[:min(255, len(id))] }), "odd ids", "its own record"},
		{"ids end at a NUL", respelledID(func(id string) string { id, _, _ = strings.Cut(id, "\x00"); return id }), "odd ids", "its own record"},
		{"ids repaired", respelledID(func(id string) string { return strings.ToValidUTF8(id, "\ufffd") }), "odd ids", "its own record"},
		{"ids trimmed", respelledID(strings.TrimSpace), "odd ids", "its own record"},
		{"ids as paths", respelledID(func(id string) string { return strings.ReplaceAll(id, "/../", "/") }), "odd ids", "its own record"},

		{"a buffer used again", sharedBuffer, "immutable", "what it has returned"},
		{"the caller's record changed", saving(func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			got, err := inner.Save(ctx, k, rec, base)
			for i := range rec.Attributes {
				rec.Attributes[i].Value[0] = ' '
			}
			return got, err
		}), "immutable", "what it was handed"},

		{"full, and says nothing", func() sessionctx.Store {
			return &around{inner: &memstore.Store{MaxBytes: 150_000}, save: func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
				got, err := inner.Save(ctx, k, rec, base)
				if errors.Is(err, sessionctx.ErrFull) {
					return rec, nil
				}
				return got, err
			}}
		}, "full", "without an error the record is stored"},
		{"says full, and writes", fullButWritten, "full", "nothing was written"},
		{"full, and forgets what was there", fullAndForgets, "full", "nothing was written"},

		{"deaf to its context", func() sessionctx.Store {
			return &around{
				inner: new(memstore.Store),
				load: func(inner sessionctx.Store, ctx context.Context, k key) (record, error) {
					return inner.Load(context.WithoutCancel(ctx), k)
				},
				save: func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
					return inner.Save(context.WithoutCancel(ctx), k, rec, base)
				},
			}
		}, "context", "honour the context's end"},
		{"the context's error under another name", saving(func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			if ctx.Err() != nil {
				return record{}, errors.New("timed out")
			}
			return inner.Save(ctx, k, rec, base)
		}), "context", "return its error"},
		{"a conflict when the context has ended", saving(func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			if ctx.Err() != nil {
				return record{}, fmt.Errorf("%w: %w", sessionctx.ErrConflict, ctx.Err())
			}
			return inner.Save(ctx, k, rec, base)
		}), "context", "honour the context's end"},

		{"no lease", watching(func(*watched, sessionctx.Sink) func() { return func() {} }, nil), "lease", "must grant a lease"},
		{"leases not renewed", watching(leasing(time.Hour, 100*time.Millisecond), invalidated), "lease", "renewed before it ends"},
		{"leases that become shorter", watching(leasing(10*time.Millisecond, 300*time.Millisecond, 200*time.Millisecond), invalidated), "lease", "end earlier"},
		{"an endless lease that ends", watching(func(s *watched, sink sessionctx.Sink) func() {
			defer sink.Lease(time.Now().Add(time.Hour))
			return s.add(sink)
		}, invalidated), "lease", "end earlier"},
		{"stop does not stop", watching(func(s *watched, sink sessionctx.Sink) func() { s.add(sink); return func() {} }, invalidated), "stop", "not be called again"},
		{"stop does not wait", watching((*watched).add, func(s *watched, k key, _ record, _ revision) {
			s.each(func(sink sessionctx.Sink) { time.AfterFunc(time.Millisecond, func() { sink.Invalidate(k.Hash()) }) })
		}), "stop", "not be called again"},

		{"nothing reported", watching((*watched).add, nil), "reported", "must be reported"},
		{"touches not reported", watching((*watched).add, func(s *watched, k key, rec record, base revision) {
			if rec.Revision() != base {
				invalidated(s, k, rec, base)
			}
		}), "reported", "Every applied Save"},
		{"first writes not reported", watching((*watched).add, func(s *watched, k key, rec record, base revision) {
			if base.Version != 0 {
				invalidated(s, k, rec, base)
			}
		}), "reported", "Every applied Save"},
		{"another key reported", watching((*watched).add, func(s *watched, k key, rec record, base revision) {
			k.Tenant = ""
			invalidated(s, k, rec, base)
		}), "reported", "must be reported"},
		{"an endless lease, and late reports", watching((*watched).add, func(s *watched, k key, rec record, base revision) {
			time.AfterFunc(20*time.Millisecond, func() { invalidated(s, k, rec, base) })
		}), "reported", "before Save returns"},
		{"renewed leases, and no reports", watching(leasing(20*time.Millisecond, 100*time.Millisecond), nil), "reported", "before the sink's lease ends"},
		{"reports after the lease", watching(leasing(time.Hour, 100*time.Millisecond), func(s *watched, k key, rec record, base revision) {
			time.AfterFunc(300*time.Millisecond, func() { invalidated(s, k, rec, base) })
		}), "reported", "before the sink's lease ends"},
		{"room for one sink", watching(func(s *watched, sink sessionctx.Sink) func() {
			stop := s.add(sink)
			s.mu.Lock()
			s.sinks = []sessionctx.Sink{sink}
			s.mu.Unlock()
			return stop
		}, invalidated), "joined", "so must those before it"},
		{"late sinks forgotten", watching(func(s *watched, sink sessionctx.Sink) func() {
			stop := s.add(sink)
			s.mu.Lock()
			s.sinks = s.sinks[:1]
			s.mu.Unlock()
			return stop
		}, invalidated), "joined", "every Save that begins after"},
	}
	for _, tc := range broken {
		t.Run(tc.desc, func(t *testing.T) {
			t.Parallel()
			s := tc.open()
			sentence, violations := storetest.Violations(tc.rule, s, s)
			assert.Contains(t, sentence, tc.says)
			require.NotEmpty(t, violations, "not caught: %s", sentence)
			for _, err := range violations {
				assert.ErrorContains(t, err, "storetest: ")
			}
			t.Logf("%s\n%v", sentence, violations[0])
		})
	}
}

func TestEveryFieldThatGetsLostIsMissed(t *testing.T) {
	for f := range reflect.TypeFor[record]().Fields() {
		t.Run(f.Name, func(t *testing.T) {
			s := loaded(func(r *record) { reflect.ValueOf(r).Elem().FieldByIndex(f.Index).SetZero() })()
			_, violations := storetest.Violations("round trip", s, s)
			assert.NotEmpty(t, violations)
		})
	}
	for f := range reflect.TypeFor[sessionctx.Attribute]().Fields() {
		t.Run("Attribute."+f.Name, func(t *testing.T) {
			s := loaded(func(r *record) {
				for i := range r.Attributes {
					reflect.ValueOf(&r.Attributes[i]).Elem().FieldByIndex(f.Index).SetZero()
				}
			})()
			_, violations := storetest.Violations("round trip", s, s)
			assert.NotEmpty(t, violations)
		})
	}
}

func TestHandlesThatDoNotShareAreCaught(t *testing.T) {
	apart := func() (a, b sessionctx.Store) { return new(memstore.Store), new(memstore.Store) }
	deaf := func() (a, b sessionctx.Store) { // each tells its own sinks alone
		records := new(memstore.Store)
		a = &watched{Store: records, watch: (*watched).add, after: invalidated}
		b = &watched{Store: records, watch: (*watched).add, after: invalidated}
		return a, b
	}
	for _, tc := range []struct {
		desc string
		open func() (a, b sessionctx.Store)
		rule string
	}{
		{"two stores", apart, "round trip"},
		{"two stores", apart, "no lost update"},
		{"handles that keep their writes to themselves", deaf, "reported"},
		{"handles that keep their writes to themselves", deaf, "joined"},
	} {
		a, b := tc.open()
		sentence, violations := storetest.Violations(tc.rule, a, b)
		assert.NotEmpty(t, violations, "%s: %s", tc.desc, sentence)
	}
}

// roundTrip is the time that lies between two steps of a store that asks a server.
func roundTrip() { <-time.After(100 * time.Microsecond) }

func checkThenAct() sessionctx.Store {
	var mu sync.Mutex
	recs := make(map[key]record)
	load := func(k key) record {
		mu.Lock()
		defer mu.Unlock()
		return recs[k]
	}
	return &around{
		load: func(_ sessionctx.Store, _ context.Context, k key) (record, error) { return load(k), nil },
		save: func(_ sessionctx.Store, _ context.Context, k key, rec record, base revision) (record, error) {
			if cur := load(k); cur.Revision() != base {
				return cur, sessionctx.ErrConflict
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
func touching(touch func(cur, rec record) record) func() sessionctx.Store {
	return func() sessionctx.Store {
		var mu sync.Mutex
		recs := make(map[key]record)
		return &around{
			load: func(_ sessionctx.Store, _ context.Context, k key) (record, error) {
				mu.Lock()
				defer mu.Unlock()
				return recs[k], nil
			},
			save: func(_ sessionctx.Store, _ context.Context, k key, rec record, base revision) (record, error) {
				mu.Lock()
				defer mu.Unlock()
				cur := recs[k]
				if cur.Revision() != base {
					return cur, sessionctx.ErrConflict
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

func overTombstone(allowed func(rec record, base revision) bool) func() sessionctx.Store {
	return saving(func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
		got, err := inner.Save(ctx, k, rec, base)
		if errors.Is(err, sessionctx.ErrConflict) && got.Ended && allowed(rec, base) {
			return inner.Save(ctx, k, rec, got.Revision())
		}
		return got, err
	})
}

func firstExpiry() sessionctx.Store {
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
		load: func(inner sessionctx.Store, ctx context.Context, k key) (record, error) {
			if gone(k) {
				return record{}, nil
			}
			return inner.Load(ctx, k)
		},
		save: func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
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
func stale() sessionctx.Store {
	var mu sync.Mutex
	seen := make(map[key]record)
	return &around{inner: new(memstore.Store), load: func(inner sessionctx.Store, ctx context.Context, k key) (record, error) {
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
func inTwoSteps() sessionctx.Store {
	var mu sync.Mutex
	attributes := make(map[key][]sessionctx.Attribute)
	return &around{
		inner: new(memstore.Store),
		load: func(inner sessionctx.Store, ctx context.Context, k key) (record, error) {
			rec, err := inner.Load(ctx, k)
			mu.Lock()
			defer mu.Unlock()
			rec.Attributes = attributes[k]
			return rec, err
		},
		save: func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
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
func sharedBuffer() sessionctx.Store {
	var mu sync.Mutex
	buffer := make([]byte, 1<<16)
	return &around{inner: new(memstore.Store), load: func(inner sessionctx.Store, ctx context.Context, k key) (record, error) {
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

func fullButWritten() sessionctx.Store {
	var saves atomic.Int64
	return saving(func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
		got, err := inner.Save(ctx, k, rec, base)
		if err == nil && saves.Add(1) > 50 {
			return record{}, sessionctx.ErrFull
		}
		return got, err
	})()
}

// fullAndForgets drops the old record before it knows that there is room for the new one.
func fullAndForgets() sessionctx.Store {
	inner := touching(func(cur, rec record) record { cur.ExpiresAt = rec.ExpiresAt; return cur })()
	var mu sync.Mutex
	lost := make(map[key]bool)
	var saves int
	return &around{
		inner: inner,
		load: func(inner sessionctx.Store, ctx context.Context, k key) (record, error) {
			mu.Lock()
			defer mu.Unlock()
			if lost[k] {
				return record{}, nil
			}
			return inner.Load(ctx, k)
		},
		save: func(inner sessionctx.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			mu.Lock()
			defer mu.Unlock()
			if saves++; saves > 400 {
				lost[k] = true
				return record{}, sessionctx.ErrFull
			}
			return inner.Save(ctx, k, rec, base)
		},
	}
}

// encoded keeps records in their binary form, as a store outside of the process does.
type encoded struct {
	mu   sync.Mutex
	recs map[sessionctx.KeyHash][]byte
}

func newEncoded() *encoded { return &encoded{recs: make(map[sessionctx.KeyHash][]byte)} }

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
		return cur, sessionctx.ErrConflict
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

func TestRunReportsTheRule(t *testing.T) {
	// A sound store passes as a test; that a broken one fails there is shown above, for the outcome is the same.
	storetest.Run(t, func(*testing.T) sessionctx.Store { return newEncoded() })
	storetest.RunShared(t, func(*testing.T) (a, b sessionctx.Store) {
		both := newEncoded()
		return both, both
	})
}
