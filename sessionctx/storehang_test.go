package sessionctx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

// writes are all calls that write. Each has a session by cookie and one by token, a customer's.
var writes = []struct {
	desc string
	do   func(ctx context.Context, r *sessionctx.Resolver, secret string) error
}{
	{"Update", func(ctx context.Context, r *sessionctx.Resolver, _ string) error {
		_, err := r.Update(ctx, by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		return err
	}},
	{"Update of a new session", func(ctx context.Context, r *sessionctx.Resolver, _ string) error {
		_, err := r.Update(ctx, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		return err
	}},
	{"Login by cookie", func(ctx context.Context, r *sessionctx.Resolver, secret string) error {
		_, err := r.Login(ctx, cookie(secret), "C100")
		return err
	}},
	{"Login by token", func(ctx context.Context, r *sessionctx.Resolver, _ string) error {
		_, err := r.Login(ctx, by("s2"), "C100")
		return err
	}},
	{"End", func(ctx context.Context, r *sessionctx.Resolver, _ string) error {
		return r.End(ctx, by("s1", "C100"))
	}},
	{"Logout", func(ctx context.Context, r *sessionctx.Resolver, secret string) error {
		_, err := r.Logout(ctx, cookie(secret))
		return err
	}},
	{"EndAll", func(ctx context.Context, r *sessionctx.Resolver, _ string) error {
		return r.EndAll(ctx, "demoshop", "C100")
	}},
	{"Erase", func(ctx context.Context, r *sessionctx.Resolver, _ string) error {
		return r.Erase(ctx, "demoshop", "C100")
	}},
}

// hangs is how a Store hangs.
var hangs = []struct {
	desc          string
	ignoresTheEnd bool
}{{"the store honours its context", false}, {"the store ignores its context", true}}

// withHeldStore runs f in a bubble, with a resolver on a heldStore and the ids of two sessions in
// it. pause is how a call hangs.
func withHeldStore(t *testing.T, ignoresTheEnd bool, f func(t *testing.T, backend *heldStore, r *sessionctx.Resolver, secret string, pause func(context.Context) error)) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		defer close(over)
		backend := &heldStore{}
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		update(t, r, by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("USD"), CartID: sessionctx.Set("cart")})
		secret := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("USD")}).ID
		pause := untilContextEnds
		if ignoresTheEnd {
			pause = until(over)
		}
		f(t, backend, r, secret, pause)
	})
}

// Calls for one key alone do not show that the whole store hangs. A probe does.
func TestStoreHang_OnlyVisitorDoesNotWaitForEver(t *testing.T) {
	for _, hang := range hangs {
		for _, tc := range []struct {
			desc string
			req  sessionctx.Request
		}{
			{"a guest with a token", by("unknown")},
			{"a guest with a cookie", cookie("unknown")},
			{"a customer", by("unknown", "C100")},
		} {
			t.Run(tc.desc+", "+hang.desc, func(t *testing.T) {
				withHeldStore(t, hang.ignoresTheEnd, func(t *testing.T, backend *heldStore, r *sessionctx.Resolver, _ string, pause func(context.Context) error) {
					backend.loading.holdBy(pause)
					for range 3 {
						assert.Equal(t, 2*time.Second, takes(func() { assert.True(t, resolve(t, r, tc.req).Degraded) }), "Config.Timeout")
					}
					synctest.Wait()
					assert.True(t, r.Stats().StoreHangs)
					for range 10 {
						assert.Zero(t, takes(func() { assert.True(t, resolve(t, r, tc.req).Degraded) }))
					}
					backend.loading.holdBy(nil)
					time.Sleep(5 * time.Second)
					assert.False(t, resolve(t, r, tc.req).Degraded)
				})
			})
		}
	}
}

func TestStoreHang_OneRecordThatHangsLeavesTheOthersAlone(t *testing.T) {
	withHeldStore(t, false, func(t *testing.T, backend *heldStore, r *sessionctx.Resolver, _ string, pause func(context.Context) error) {
		backend.only = "hangs"
		backend.loading.holdBy(pause)
		for range 10 {
			assert.True(t, resolve(t, r, by("hangs")).Degraded)
			assert.False(t, r.Stats().StoreHangs)
			assert.False(t, resolve(t, r, fresh(by("s1", "C100"))).Degraded)
		}
		for range 10 { // nobody asks for anything else
			assert.True(t, resolve(t, r, by("hangs")).Degraded)
			assert.False(t, r.Stats().StoreHangs)
		}
	})
}

// Each call that ignores the end of its context keeps a goroutine, perhaps for days.
func TestStoreHang_CallsForOneRecordThatHangsAreBounded(t *testing.T) {
	for _, tc := range []struct {
		desc string
		do   func(ctx context.Context, r *sessionctx.Resolver) error
	}{
		{"reads", func(ctx context.Context, r *sessionctx.Resolver) error {
			s, err := r.Resolve(ctx, by("hangs"))
			assert.True(t, err != nil || s.Degraded)
			return err
		}},
		{"fresh reads", func(ctx context.Context, r *sessionctx.Resolver) error {
			_, err := r.Resolve(ctx, fresh(by("hangs")))
			assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
			return err
		}},
		{"writes", func(ctx context.Context, r *sessionctx.Resolver) error {
			_, err := r.Update(ctx, by("hangs"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
			return err
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over := make(chan struct{})
				backend := &heldStore{only: "hangs"}
				backend.loading.holdBy(until(over))
				r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
				for range 100 {
					_ = tc.do(t.Context(), r)
					time.Sleep(2 * time.Second) // the load of a write goes on
					require.False(t, resolve(t, r, fresh(by("s1"))).Degraded)
				}
				assert.LessOrEqual(t, backend.inside.Load(), int64(4))
				assert.False(t, r.Stats().StoreHangs)
				assert.Zero(t, takes(func() { _ = tc.do(t.Context(), r) }))
				close(over)
				synctest.Wait()
				assert.False(t, resolve(t, r, by("hangs")).Degraded)
				update(t, r, by("hangs"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			})
		})
	}
}

// A Store can lose calls, and answer those that come later. The connection to one of its servers
// was cut, for example, and its client has no timers.
func TestStoreHang_CallsThatNeverReturnDoNotLockTheirRecord(t *testing.T) {
	for _, tc := range []struct {
		desc string
		do   func(ctx context.Context, r *sessionctx.Resolver) error
	}{
		{"a read", func(ctx context.Context, r *sessionctx.Resolver) error {
			_, err := r.Resolve(ctx, fresh(by("hangs")))
			return err
		}},
		{"a write", func(ctx context.Context, r *sessionctx.Resolver) error {
			_, err := r.Update(ctx, by("hangs"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			return err
		}},
		{"the check of the readiness", func(ctx context.Context, r *sessionctx.Resolver) error {
			return r.Check(ctx).Store
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				never, backend := make(chan struct{}), &heldStore{}
				r := newUnclosed(t, backend)
				for range 6 { // each time the Store is well again at once
					backend.loading.holdBy(until(never))
					require.ErrorIs(t, tc.do(t.Context(), r), sessionctx.ErrUnavailable)
					time.Sleep(2 * time.Second) // the load of a write goes on
					backend.loading.holdBy(nil)
					require.False(t, resolve(t, r, fresh(by("other"))).Degraded)
				}
				assert.EqualValues(t, 4, backend.inside.Load())
				require.ErrorIs(t, tc.do(t.Context(), r), sessionctx.ErrUnavailable)
				time.Sleep(10 * time.Minute)
				for range 5 {
					require.NoError(t, tc.do(t.Context(), r))
				}
				assert.EqualValues(t, 4, backend.inside.Load())
				assert.ErrorContains(t, r.Close(), "still goes on")
				close(never)
			})
		})
	}
}

func TestStoreHang_CancelledCallerReturnsAtOnce(t *testing.T) {
	calls := append(writes[:len(writes):len(writes)], []struct {
		desc string
		do   func(ctx context.Context, r *sessionctx.Resolver, secret string) error
	}{
		{"Resolve", func(ctx context.Context, r *sessionctx.Resolver, _ string) error {
			_, err := r.Resolve(ctx, by("unknown"))
			return err
		}},
		{"Attach", func(ctx context.Context, r *sessionctx.Resolver, _ string) error {
			_, _, err := r.Attach(ctx, by("unknown"))
			return err
		}},
		{"a fresh Resolve", func(ctx context.Context, r *sessionctx.Resolver, _ string) error {
			_, err := r.Resolve(ctx, fresh(by("s1", "C100")))
			return err
		}},
		{"Preview", func(ctx context.Context, r *sessionctx.Resolver, _ string) error {
			_, err := r.Preview(ctx, fresh(by("s1", "C100")), sessionctx.Patch{})
			return err
		}},
	}...)
	for _, hang := range hangs {
		for _, call := range calls {
			t.Run(call.desc+", "+hang.desc, func(t *testing.T) {
				withHeldStore(t, hang.ignoresTheEnd, func(t *testing.T, backend *heldStore, r *sessionctx.Resolver, secret string, pause func(context.Context) error) {
					backend.loading.holdBy(pause)
					backend.saving.holdBy(pause)
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(30*time.Millisecond, cancel)
					assert.Equal(t, 30*time.Millisecond, takes(func() {
						err := call.do(ctx, r, secret)
						assert.ErrorIs(t, err, context.Canceled)
						assert.NotErrorIs(t, err, sessionctx.ErrUnavailable, "the store may be well")
					}))
				})
			})
		}
	}
}

// One bound holds for a whole call that writes, however many calls of the Store it makes.
func TestStoreHang_WriteEndsWithinItsBound(t *testing.T) {
	const timeout = 2 * time.Second // the default
	for _, hang := range hangs {
		for _, deadline := range []time.Duration{0, 100 * time.Millisecond, time.Minute} {
			for _, call := range writes {
				for _, where := range []string{"Load", "Save", "answer"} {
					t.Run(fmt.Sprintf("%s, %s, deadline %v: %s hangs", call.desc, hang.desc, deadline, where), func(t *testing.T) {
						withHeldStore(t, hang.ignoresTheEnd, func(t *testing.T, backend *heldStore, r *sessionctx.Resolver, secret string, pause func(context.Context) error) {
							ctx, bound := t.Context(), timeout
							if deadline != 0 {
								var cancel context.CancelFunc
								ctx, cancel = context.WithTimeout(ctx, deadline)
								defer cancel()
								bound = min(bound, deadline)
							}
							var err error
							map[string]*hold{"Load": &backend.loading, "Save": &backend.saving, "answer": &backend.answering}[where].holdBy(pause)
							saves := backend.saves.Load()
							assert.LessOrEqual(t, takes(func() { err = call.do(ctx, r, secret) }), bound)
							switch {
							case where == "answer":
								assert.True(t, err == nil || errors.Is(err, errors.ErrUnsupported), "%v: a read has found out that it was applied", err)
							case backend.saves.Load() == saves:
								assert.NotErrorIs(t, err, sessionctx.ErrUnknownOutcome, "nothing can have been written")
								assert.True(t, errors.Is(err, sessionctx.ErrUnavailable) || ctx.Err() != nil && errors.Is(err, ctx.Err()), "%v", err)
							case where == "Save":
								assert.ErrorIs(t, err, sessionctx.ErrUnknownOutcome)
								assert.NotErrorIs(t, err, sessionctx.ErrUnavailable)
							default: // Load hangs only when the write has set out: the write is done without it
								assert.True(t, err == nil || errors.Is(err, errors.ErrUnsupported), "%v", err)
							}
						})
					})
				}
			}
		}
	}
}

// tripped makes a Store hang until the resolver stops asking it.
func tripped(t *testing.T, backend *heldStore, r *sessionctx.Resolver, pause func(context.Context) error) {
	t.Helper()
	backend.loading.holdBy(pause)
	backend.saving.holdBy(pause)
	var first sync.WaitGroup
	assert.Equal(t, 2*time.Second, takes(func() {
		for i := range 3 {
			first.Go(func() { assert.True(t, resolve(t, r, by(fmt.Sprint("first", i))).Degraded) })
		}
		first.Wait()
	}), "the first callers wait for Config.Timeout")
	synctest.Wait()
	require.True(t, r.Stats().StoreHangs)
}

func TestStoreHang_NobodyWaitsAfterTheFirstTimeouts(t *testing.T) {
	for _, hang := range hangs {
		t.Run(hang.desc, func(t *testing.T) {
			withHeldStore(t, hang.ignoresTheEnd, func(t *testing.T, backend *heldStore, r *sessionctx.Resolver, secret string, pause func(context.Context) error) {
				resolve(t, r, by("s1", "C100"))
				synctest.Wait()
				tripped(t, backend, r, pause)
				loads, saves := backend.loads.Load(), backend.saves.Load()
				for second := range 60 {
					assert.Zero(t, takes(func() {
						for i := range max(20, 1000-1000*second) {
							s := resolve(t, r, by(fmt.Sprint("unknown", i), "C100"))
							assert.True(t, s.Degraded)
							assert.Equal(t, "GBP", s.Currency, "the profile is known")
						}
						known := resolve(t, r, by("s1", "C100"))
						assert.Equal(t, "cart false", fmt.Sprint(known.CartID, " ", known.Degraded), "what is cached serves")
						assert.False(t, resolve(t, r, cookie("")).Degraded, "who has no session needs no store")
						for _, write := range writes {
							err := write.do(t.Context(), r, secret)
							assert.ErrorIs(t, err, sessionctx.ErrUnavailable, write.desc)
							assert.NotErrorIs(t, err, sessionctx.ErrUnknownOutcome, write.desc)
						}
						assert.ErrorIs(t, resolveError(t, r, fresh(by("s1", "C100"))), sessionctx.ErrUnavailable)
						later := atLeast(by("s1", "C100"), sessionctx.Revision{Version: known.Version + 1})
						assert.ErrorIs(t, resolveError(t, r, later), sessionctx.ErrUnavailable)
						assert.Equal(t, known, resolve(t, r, atLeast(by("s1", "C100"), known.Revision())))
					}), "fake time")
					time.Sleep(time.Second)
				}
				assert.Equal(t, saves, backend.saves.Load(), "no write has set out")
				probes := backend.loads.Load() - loads
				assert.GreaterOrEqual(t, probes, int64(10), "it is asked whether it is back")
				assert.LessOrEqual(t, probes, int64(30), "by one probe at a time")
				if !hang.ignoresTheEnd {
					assert.LessOrEqual(t, backend.most.Load(), int64(3), "of the first callers")
				}
			})
		})
	}
}

func TestStoreHang_ProbesOneAtATimeAndRecoversSlowly(t *testing.T) {
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		backend := &heldStore{}
		r := newResolver(t, func(c *sessionctx.Config) {
			c.Store, c.Logger = backend, slog.New(slog.NewTextHandler(&log, nil))
		})
		update(t, r, by("s1", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
		tripped(t, backend, r, untilContextEnds)
		backend.most.Store(0)
		time.Sleep(time.Minute)
		assert.EqualValues(t, 1, backend.most.Load(), "one probe at a time")

		backend.saving.holdBy(nil)
		backend.loading.holdBy(lasting(10 * time.Millisecond)) // slow, and well
		time.Sleep(5 * time.Second)                            // a probe of 2 s, and the pause of 2 s after it
		assert.False(t, r.Stats().StoreHangs)
		backend.most.Store(0)
		degraded := func(round int) (n int64) {
			before := r.Stats().Degraded
			var all sync.WaitGroup
			for i := range 100 {
				all.Go(func() { resolve(t, r, by(fmt.Sprint("r", round, "-", i))) })
			}
			all.Wait()
			return r.Stats().Degraded - before
		}
		assert.EqualValues(t, 92, degraded(0), "eight calls at a time at first; the others do not wait")
		assert.EqualValues(t, 8, backend.most.Load())
		most := int64(8)
		for round := 1; degraded(round) > 0; round++ {
			require.Less(t, round, 20)
			assert.LessOrEqual(t, backend.most.Load(), 2*most)
			most = backend.most.Load()
		}
		assert.Equal(t, "cart2", update(t, r, by("s1", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart2")}).CartID)
		assert.Equal(t, "cart2", resolve(t, r, fresh(by("s1", "C100"))).CartID)
	})
	assert.Contains(t, log.String(), "does not answer in time")
	assert.Contains(t, log.String(), "answers again")
}

// What is no sign of a Store that hangs.
func TestStoreHang_IsNotTakenFor(t *testing.T) {
	for _, tc := range []struct {
		desc string
		do   func(t *testing.T, backend *heldStore, r *sessionctx.Resolver)
	}{
		{"callers that give up", func(t *testing.T, backend *heldStore, r *sessionctx.Resolver) {
			backend.loading.holdBy(lasting(time.Second))
			for i := range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				defer cancel()
				_, err := r.Resolve(ctx, by(fmt.Sprint("unknown", i)))
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			}
			time.Sleep(2 * time.Second)
		}},
		{"one record that cannot be read", func(t *testing.T, backend *heldStore, r *sessionctx.Resolver) {
			backend.only = "broken"
			backend.loading.holdBy(untilContextEnds)
			for range 10 {
				assert.True(t, resolve(t, r, by("broken")).Degraded)
			}
		}},
		{"time-outs with answers between", func(t *testing.T, backend *heldStore, r *sessionctx.Resolver) {
			for i := range 10 {
				backend.loading.holdBy(untilContextEnds)
				resolve(t, r, by(fmt.Sprint("slow", i)))
				backend.loading.holdBy(nil)
				resolve(t, r, by(fmt.Sprint("quick", i)))
			}
		}},
		{"errors", func(t *testing.T, backend *heldStore, r *sessionctx.Resolver) {
			backend.loading.holdBy(func(context.Context) error { return errDown })
			for i := range 20 {
				assert.True(t, resolve(t, r, by(fmt.Sprint("unknown", i))).Degraded)
			}
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			withHeldStore(t, false, func(t *testing.T, backend *heldStore, r *sessionctx.Resolver, _ string, _ func(context.Context) error) {
				tc.do(t, backend, r)
				synctest.Wait()
				assert.False(t, r.Stats().StoreHangs)
				backend.loading.holdBy(nil)
				s := resolve(t, r, fresh(by("s1", "C100")))
				assert.Equal(t, "cart false", fmt.Sprint(s.CartID, " ", s.Degraded))
			})
		})
	}
}

// A Store that answers each call slowly, while other writes always come first.
func TestStoreHang_ConflictsDoNotExtendTheBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := &heldStore{}
		r, other := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{records} }), newResolver(t, func(c *sessionctx.Config) { c.Store = behind{&records.Store} })
		update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
		records.saving.holdBy(func(context.Context) error {
			time.Sleep(150 * time.Millisecond)
			_, err := other.Update(context.Background(), by("s1"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
			return err
		})
		assert.LessOrEqual(t, takes(func() {
			_, err := r.Update(t.Context(), by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			assert.Error(t, err)
		}), 2*time.Second)
		assert.Less(t, r.Stats().Conflicts, int64(14))
		records.saving.holdBy(nil)
		synctest.Wait()
	})
}
