package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
	"github.com/sessionctx/storefront/sessionctx/storetest"
)

func TestRules_SoundStoresPass(t *testing.T) {
	sound := []struct {
		desc string
		open func() store.Store
	}{
		{"memory", func() store.Store { return new(memstore.Store) }},
		{"memory with a small bound", func() store.Store { return &memstore.Store{MaxBytes: 150_000} }},
		{"not a Watcher", func() store.Store { return &around{inner: new(memstore.Store)} }},
		{"hashed keys", keyed(func(k key) key { h := k.Hash(); return key{Tenant: "t", ID: string(h[:])} })},
		{"binary form", func() store.Store { return newEncoded() }},
		{"an exclusive store", watching((*watched).add, invalidated)},
		{"renewed lease, late reports", watching(leasing(20*time.Millisecond, time.Minute), func(s *watched, k key, rec record, base revision) {
			time.AfterFunc(30*time.Millisecond, func() { invalidated(s, k, rec, base) })
		})},
		{"an eraser without an index", erase(faults{})},
		{"everything lost each time", watching((*watched).add, func(s *watched, _ key, _ record, _ revision) {
			s.each(func(sink store.Sink) { sink.InvalidateAll() })
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

func TestRules_CatchBrokenStores(t *testing.T) {
	broken := []struct {
		desc string
		open func() store.Store
		rule string
		says string // a part of the sentence
	}{
		{"invents a record", func() store.Store {
			return &around{inner: new(memstore.Store), load: func(inner store.Store, ctx context.Context, k key) (record, error) {
				rec, err := inner.Load(ctx, k)
				if rec.Incarnation == 0 {
					rec = record{Tenant: k.Tenant, Incarnation: 1}
				}
				return rec, err
			}}
		}, "nothing", "zero Record"},
		{"an error where nothing is", func() store.Store {
			return &around{inner: new(memstore.Store), load: func(inner store.Store, ctx context.Context, k key) (record, error) {
				rec, err := inner.Load(ctx, k)
				if rec.Incarnation == 0 && err == nil {
					err = errors.New("no rows")
				}
				return rec, err
			}}
		}, "nothing", "without an error"},
		{"a tenant that it does not know is an error", func() store.Store {
			return &around{inner: new(memstore.Store), load: func(inner store.Store, ctx context.Context, k key) (record, error) {
				if k.Tenant == "probe" {
					return record{}, errors.New("no such tenant")
				}
				return inner.Load(ctx, k)
			}}
		}, "nothing", "without an error"},

		{"seconds", loaded(func(r *record) { r.ModifiedAt = r.ModifiedAt.Truncate(time.Second) }), "round trip", "millisecond"},
		{"milliseconds taken for nanoseconds", loaded(func(r *record) { r.ExpiresAt = time.Unix(0, r.ExpiresAt.UnixMilli()) }), "round trip", "millisecond"},
		{"no time taken for 1970", loaded(func(r *record) { r.ExpiresAt = time.UnixMilli(max(0, r.ExpiresAt.UnixMilli())) }), "round trip", "every field"},
		{"attributes respelled", loaded(respelled), "round trip", "every byte"},
		{"texts repaired", loaded(func(r *record) { r.Company = strings.ToValidUTF8(r.Company, "?") }), "round trip", "every byte"},
		{"one cart only", loaded(func(r *record) { r.Carts = r.Carts[:min(1, len(r.Carts))] }), "round trip", "every field"},
		{"carts without a site dropped", loaded(func(r *record) {
			r.Carts = slices.DeleteFunc(r.Carts, func(c store.Cart) bool { return c.Site == "" })
		}), "round trip", "every field"},
		{"an heir taken for text", loaded(func(r *record) { r.Heir = []byte(strings.ToValidUTF8(string(r.Heir), "?")) }), "round trip", "every byte"},
		{"the last field of a newer program lost", loaded(func(r *record) { r.Unknown = r.Unknown[:min(4, len(r.Unknown))] }), "round trip", "every field"},
		{"texts cut", loaded(func(r *record) { r.Company = r.Company[:min(255, len(r.Company))] }), "round trip", "every byte"},
		{"numbers as doubles", loaded(func(r *record) { r.Incarnation = uint64(float64(r.Incarnation)) }), "round trip", "every field"},
		{"an attribute too few", loaded(func(r *record) { r.Attributes = r.Attributes[:min(60, len(r.Attributes))] }), "round trip", "every field"},
		{"Save returns what it was not given", saving(func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
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
		{"conflict without the current record", saving(func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			rec, err := inner.Save(ctx, k, rec, base)
			if err != nil {
				rec = record{}
			}
			return rec, err
		}), "compare", "with what is stored"},
		{"conflict with the refused record", saving(func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			_, err := inner.Save(ctx, k, rec, base)
			return rec, err
		}), "compare", "with what is stored"},
		{"conflict without an error", saving(func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			rec, err := inner.Save(ctx, k, rec, base)
			if errors.Is(err, store.ErrConflict) {
				err = nil
			}
			return rec, err
		}), "compare", "return ErrConflict"},
		{"conflict under another name", saving(func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			rec, err := inner.Save(ctx, k, rec, base)
			if err != nil {
				err = errors.New(err.Error())
			}
			return rec, err
		}), "compare", "return ErrConflict"},

		{"check, then act", checkThenAct, "one winner", "atomically"},
		{"check, then act", checkThenAct, "no lost update", "atomically"},
		{"everybody loses", saving(func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			rec, err := inner.Save(ctx, k, rec, base)
			if err == nil {
				err = store.ErrConflict
			}
			return rec, err
		}), "one winner", "exactly one is applied"},

		{"touch counts as a write", touching(func(cur, rec record) record { cur.ExpiresAt = rec.ExpiresAt; cur.Version++; return cur }), "touch", "nothing else"},
		{"touch replaces all", touching(func(_, rec record) record { return rec }), "touch", "nothing else"},
		{"touch changes the time of the last change", touching(func(cur, rec record) record {
			cur.ExpiresAt, cur.ModifiedAt = rec.ExpiresAt, cur.ModifiedAt.Add(time.Millisecond)
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
		{"one buffer for all heirs", sharedHeir, "immutable", "what it has returned"},
		{"the caller's record changed", saving(func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			got, err := inner.Save(ctx, k, rec, base)
			for i := range rec.Attributes {
				rec.Attributes[i].Value[0] = ' '
			}
			return got, err
		}), "immutable", "what it was handed"},

		{"full, and says nothing", func() store.Store {
			return &around{inner: &memstore.Store{MaxBytes: 150_000}, save: func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
				got, err := inner.Save(ctx, k, rec, base)
				if errors.Is(err, store.ErrFull) {
					return rec, nil
				}
				return got, err
			}}
		}, "full", "without an error the record is stored"},
		{"says full, and writes", fullButWritten, "full", "nothing was written"},
		{"full, and forgets what was there", fullAndForgets, "full", "nothing was written"},

		{"ignores its context", func() store.Store {
			return &around{
				inner: new(memstore.Store),
				load: func(inner store.Store, ctx context.Context, k key) (record, error) {
					return inner.Load(context.WithoutCancel(ctx), k)
				},
				save: func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
					return inner.Save(context.WithoutCancel(ctx), k, rec, base)
				},
			}
		}, "context", "honour the context's end"},
		{"the context's error under another name", saving(func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			if ctx.Err() != nil {
				return record{}, errors.New("timed out")
			}
			return inner.Save(ctx, k, rec, base)
		}), "context", "return its error"},
		{"a conflict when the context has ended", saving(func(inner store.Store, ctx context.Context, k key, rec record, base revision) (record, error) {
			if ctx.Err() != nil {
				return record{}, fmt.Errorf("%w: %w", store.ErrConflict, ctx.Err())
			}
			return inner.Save(ctx, k, rec, base)
		}), "context", "honour the context's end"},

		{"no lease", watching(func(*watched, store.Sink) func() { return func() {} }, nil), "lease", "must grant a lease"},
		{"leases not renewed", watching(leasing(time.Hour, 100*time.Millisecond), invalidated), "lease", "again before the lease ends"},
		{"leases that become shorter", watching(leasing(10*time.Millisecond, 300*time.Millisecond, 200*time.Millisecond), invalidated), "lease", "end earlier"},
		{"an exclusive lease that ends", watching(func(s *watched, sink store.Sink) func() {
			defer sink.ExtendLease(time.Now().Add(time.Hour))
			return s.add(sink)
		}, invalidated), "exclusive", "ExtendLease never after it"},
		{"a lease until the zero time", watching(func(s *watched, sink store.Sink) func() {
			sink.ExtendLease(time.Time{})
			return s.add(discardLease{sink})
		}, invalidated), "lease", "must grant a lease"},
		{"exclusive twice", watching(func(s *watched, sink store.Sink) func() {
			sink.Exclusive()
			return s.add(sink)
		}, invalidated), "exclusive", "at most once"},
		{"exclusive for all sinks again when another one comes", watching(func(s *watched, sink store.Sink) func() {
			s.each(func(sink store.Sink) { sink.Exclusive() })
			return s.add(sink)
		}, invalidated), "exclusive", "at most once"},
		{"exclusive after Watch has returned", watching(func(s *watched, sink store.Sink) func() {
			time.AfterFunc(20*time.Millisecond, sink.Exclusive)
			return s.add(discardLease{sink})
		}, invalidated), "exclusive", "before Watch returns"},
		{"evictions not reported", func() store.Store {
			return &watched{Store: &memstore.Store{MaxBytes: 150_000}, watch: (*watched).add, after: invalidated}
		}, "vanished", "must be reported"},
		{"evictions reported late", func() store.Store {
			s := &watched{Store: &memstore.Store{MaxBytes: 150_000}, after: invalidated}
			s.watch = func(s *watched, sink store.Sink) func() {
				stop := s.Store.Watch(lateSink{sink})
				return func() { stop(); s.add(discardLease{sink})() }
			}
			return s
		}, "vanished", "before a Load misses it"},
		{"stop does not stop", watching(func(s *watched, sink store.Sink) func() { s.add(sink); return func() {} }, invalidated), "stop", "not be called again"},
		{"stop does not wait", watching((*watched).add, func(s *watched, k key, _ record, _ revision) {
			s.each(func(sink store.Sink) { time.AfterFunc(time.Millisecond, func() { sink.Invalidate(k.Hash()) }) })
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
		{"an exclusive lease, and late reports", watching((*watched).add, func(s *watched, k key, rec record, base revision) {
			time.AfterFunc(20*time.Millisecond, func() { invalidated(s, k, rec, base) })
		}), "reported", "before Save returns"},
		{"renewed leases, and no reports", watching(leasing(20*time.Millisecond, 100*time.Millisecond), nil), "reported", "before the sink's lease ends"},
		{"reports after the lease", watching(leasing(time.Hour, 100*time.Millisecond), func(s *watched, k key, rec record, base revision) {
			time.AfterFunc(300*time.Millisecond, func() { invalidated(s, k, rec, base) })
		}), "reported", "before the sink's lease ends"},
		{"room for one sink", watching(func(s *watched, sink store.Sink) func() {
			stop := s.add(sink)
			s.mu.Lock()
			s.sinks = []store.Sink{sink}
			s.mu.Unlock()
			return stop
		}, invalidated), "joined", "so must the sinks that came earlier"},
		{"late sinks forgotten", watching(func(s *watched, sink store.Sink) func() {
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
			caught := func(t *testing.T) { assertCaught(t, tc.open(), tc.rule, tc.says) }
			if tc.rule == "stop" { // it writes without a pause, so that the clock of a bubble would stand still
				caught(t)
			} else { // a report that is late by some milliseconds is late on a busy machine, too
				synctest.Test(t, caught)
			}
		})
	}
}

func TestRules_EveryFieldThatGetsLostIsMissed(t *testing.T) {
	for f := range reflect.TypeFor[record]().Fields() {
		t.Run(f.Name, func(t *testing.T) {
			s := loaded(func(r *record) { reflect.ValueOf(r).Elem().FieldByIndex(f.Index).SetZero() })()
			_, violations := storetest.Violations("round trip", s, s)
			assert.NotEmpty(t, violations)
		})
	}
	for f := range reflect.TypeFor[store.Attribute]().Fields() {
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

func TestRules_EveryFieldOfAListThatGetsLostIsMissed(t *testing.T) {
	lose := func(name string, change func(*record)) {
		t.Run(name, func(t *testing.T) {
			s := loaded(change)()
			_, violations := storetest.Violations("round trip", s, s)
			assert.NotEmpty(t, violations)
		})
	}
	for f := range reflect.TypeFor[store.Cart]().Fields() {
		lose("Cart."+f.Name, func(r *record) {
			for i := range r.Carts {
				reflect.ValueOf(&r.Carts[i]).Elem().FieldByIndex(f.Index).SetZero()
			}
		})
	}
	for f := range reflect.TypeFor[store.Dimension]().Fields() {
		lose("Dimension."+f.Name, func(r *record) {
			for i := range r.Dimensions {
				reflect.ValueOf(&r.Dimensions[i]).Elem().FieldByIndex(f.Index).SetZero()
			}
		})
	}
}

func TestRules_HandlesThatDoNotShareAreCaught(t *testing.T) {
	apart := func() (a, b store.Store) { return new(memstore.Store), new(memstore.Store) }
	deaf := func() (a, b store.Store) { // each tells its own sinks alone
		records := new(memstore.Store)
		a = &watched{Store: records, watch: (*watched).add, after: invalidated}
		b = &watched{Store: records, watch: (*watched).add, after: invalidated}
		return a, b
	}
	for _, tc := range []struct {
		desc string
		open func() (a, b store.Store)
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

func TestRun_SoundStorePasses(t *testing.T) {
	// A sound store passes as a test; that a broken one fails there is shown above, for the outcome
	// is the same.
	storetest.Run(t, func(*testing.T) store.Store { return newEncoded() })
	storetest.RunShared(t, func(*testing.T) (a, b store.Store) {
		both := newEncoded()
		return both, both
	})
}

// assertCaught fails unless a rule, whose sentence has says in it, catches a broken store.
func assertCaught(t *testing.T, s store.Store, rule, says string) {
	t.Helper()
	sentence, violations := storetest.Violations(rule, s, s)
	assert.Contains(t, sentence, says)
	require.NotEmpty(t, violations, "not caught: %s", sentence)
	for _, err := range violations {
		assert.ErrorContains(t, err, "storetest: ")
	}
	t.Logf("%s\n%v", sentence, violations[0])
}
