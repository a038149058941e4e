package sessionctx_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/sessionctx"
)

func TestContext_CarriesTheSession(t *testing.T) {
	s := sessionFrom(t, fullSession)
	type key struct{}
	base := context.WithValue(t.Context(), key{}, "kept")
	_, ok := sessionctx.FromContext(base)
	assert.False(t, ok, "no session before")

	ctx, cancel := context.WithCancel(sessionctx.NewContext(base, s))
	got, ok := sessionctx.FromContext(ctx)
	assert.True(t, ok)
	assert.Equal(t, s, got)
	assert.Equal(t, "kept", ctx.Value(key{}))
	assert.Nil(t, ctx.Value("unknown"))

	inner := sessionctx.NewContext(ctx, sessionctx.Session{Tenant: "inner"})
	got, _ = sessionctx.FromContext(inner)
	assert.Equal(t, "inner", got.Tenant, "the nearest one counts")
	cancel()
	assert.ErrorIs(t, inner.Err(), context.Canceled, "the end of the parent is its own")
	var none context.Context
	assert.Panics(t, func() { sessionctx.NewContext(none, s) })
}

func TestContext_CostsOneAllocation(t *testing.T) {
	s := sessionFrom(t, fullSession)
	base := t.Context()
	var ctx context.Context
	assert.Equal(t, 1.0, testing.AllocsPerRun(100, func() { ctx = sessionctx.NewContext(base, s) }))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if got, ok := sessionctx.FromContext(ctx); !ok || got.ID == "" {
			t.Error("no session")
		}
	}))
}

func BenchmarkContext(b *testing.B) {
	s := sessionFrom(b, fullSession)
	type key struct{}
	base := context.WithValue(b.Context(), key{}, "value")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := sessionctx.FromContext(sessionctx.NewContext(base, s)); !ok {
			b.Fatal("no session")
		}
	}
}
