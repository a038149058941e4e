package verify_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/sessionctx/storefront/sessionctx"
)

// calls are all the ways into a Resolver that Close refuses.
var calls = []struct {
	desc string
	call func(context.Context, *sessionctx.Resolver, int) error
}{
	{"Resolve", func(ctx context.Context, r *sessionctx.Resolver, n int) error {
		_, err := r.Resolve(ctx, asserted(fmt.Sprint("s", n), "C1"))
		return err
	}},
	{"Resolve without a session", func(ctx context.Context, r *sessionctx.Resolver, _ int) error {
		_, err := r.Resolve(ctx, cookie(""))
		return err
	}},
	{"Update", func(ctx context.Context, r *sessionctx.Resolver, n int) error {
		_, err := r.Update(ctx, asserted(fmt.Sprint("s", n), "C1"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
		return err
	}},
	{"Preview", func(ctx context.Context, r *sessionctx.Resolver, n int) error {
		_, err := r.Preview(ctx, asserted(fmt.Sprint("s", n), "C1"), sessionctx.Patch{})
		return err
	}},
	{"Login", func(ctx context.Context, r *sessionctx.Resolver, _ int) error {
		_, err := r.Login(ctx, cookie(""), "C2")
		return err
	}},
	{"Logout", func(ctx context.Context, r *sessionctx.Resolver, _ int) error {
		_, err := r.Logout(ctx, cookie("unknown"))
		return err
	}},
	{"End", func(ctx context.Context, r *sessionctx.Resolver, n int) error {
		return r.End(ctx, asserted(fmt.Sprint("gone", n), ""))
	}},
	{"EndAll", func(ctx context.Context, r *sessionctx.Resolver, _ int) error {
		return r.EndAll(ctx, "demoshop", "C2")
	}},
}

func TestCloseUnderLoadLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for range 200 {
		r := newResolver(t)
		var made atomic.Int64
		warm := make(chan struct{})
		var wg sync.WaitGroup
		for worker := range 8 {
			wg.Go(func() {
				for i := 0; ; i++ {
					n := rand.IntN(64)
					c := calls[(worker+i)%len(calls)]
					err := c.call(t.Context(), r, n)
					if errors.Is(err, sessionctx.ErrClosed) {
						return
					}
					if errors.Is(err, sessionctx.ErrNotFound) { // ended by EndAll
						err = nil
					}
					if !assert.NoError(t, err, c.desc) {
						return
					}
					r.Invalidate("demoshop", "C1")
					if made.Add(1) == 100 {
						close(warm)
					}
				}
			})
		}
		<-warm
		closers := make(chan error, 2)
		for range cap(closers) {
			go func() { closers <- r.Close() }()
		}
		for range cap(closers) {
			require.NoError(t, <-closers)
		}
		wg.Wait()
		for _, c := range calls {
			assert.ErrorIs(t, c.call(t.Context(), r, 1), sessionctx.ErrClosed, c.desc)
		}
		require.NoError(t, r.Close(), "a second Close does nothing")
		r.Invalidate("demoshop", "")
		assert.NotZero(t, r.Stats().Resolves)
	}
}
