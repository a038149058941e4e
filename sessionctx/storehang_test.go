package sessionctx_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

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

// withHeldStore runs f in a bubble, with a resolver on a heldStore and the ids of two sessions in it. pause is
// how a call hangs.
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
							t.Log(err)
							switch {
							case where == "answer":
								assert.True(t, err == nil || errors.Is(err, sessionctx.ErrUnsupported), "%v: a read has found out that it was applied", err)
							case backend.saves.Load() == saves:
								assert.NotErrorIs(t, err, sessionctx.ErrUnknownOutcome, "nothing can have been written")
								assert.True(t, errors.Is(err, sessionctx.ErrUnavailable) || ctx.Err() != nil && errors.Is(err, ctx.Err()), "%v", err)
							case where == "Save":
								assert.ErrorIs(t, err, sessionctx.ErrUnknownOutcome)
								assert.NotErrorIs(t, err, sessionctx.ErrUnavailable)
							default: // Load hangs only when the write has set out: the write is done without it
								assert.True(t, err == nil || errors.Is(err, sessionctx.ErrUnsupported), "%v", err)
							}
						})
					})
				}
			}
		}
	}
}
