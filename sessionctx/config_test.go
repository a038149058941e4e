package sessionctx_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func TestNew_ReportsEveryMistakeAtOnce(t *testing.T) {
	r, err := sessionctx.New(sessionctx.Config{
		CacheBytes: 1, AnonymousIdle: time.Millisecond, CustomerIdle: -2, MaxAge: time.Nanosecond, TombstoneLife: -5, MaxStale: -1,
		DirectoryMaxAge: 48 * time.Hour, Timeout: -1,
		MaxAttributes: -1, MaxAttributeName: -1, MaxAttributeValue: -1, MaxRecord: -1,
	})
	assert.Nil(t, r)
	require.Error(t, err)
	var got []string
	for _, m := range err.(interface{ Unwrap() []error }).Unwrap() {
		var mistake *sessionctx.ConfigError
		require.ErrorAs(t, m, &mistake)
		assert.NotEmpty(t, mistake.Rule)
		got = append(got, mistake.Field+" "+mistake.Value)
	}
	assert.ElementsMatch(t, []string{
		"sessionctx.Config.Store ", "sessionctx.Config.Directory ", "sessionctx.Config.CacheBytes 1",
		"sessionctx.Config.AnonymousIdle 1ms", "sessionctx.Config.CustomerIdle -2ns",
		"sessionctx.Config.MaxAge 1ns", "sessionctx.Config.TombstoneLife -5ns", "sessionctx.Config.MaxStale -1ns",
		"sessionctx.Config.DirectoryMaxAge 48h0m0s", "sessionctx.Config.Timeout -1ns",
		"sessionctx.Config.MaxAttributes -1",
		"sessionctx.Config.MaxAttributeName -1", "sessionctx.Config.MaxAttributeValue -1",
		"sessionctx.Config.MaxRecord -1",
	}, got)
	assert.ErrorContains(t, err, `sessionctx.Config.Timeout "-1ns": must be 1ms to 1h0m0s`)
}

func TestNew_ChecksTheSitesOfAStaticDirectory(t *testing.T) {
	_, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: sessionctx.Static{
		"Shop":     {Sites: demoshop()["demoshop"].Sites},
		"demoshop": {Sites: []defaults.Site{{Code: "main", Default: true, Currency: "Euro", Country: "DE", Language: "de"}}},
	}})
	assert.ErrorContains(t, err, `sessionctx.Config.Directory "Shop": must match ^[a-z][a-z0-9]+$`)
	assert.ErrorContains(t, err, `sessionctx.Config.Directory["demoshop"].Sites[0].currency "Euro": not a current ISO 4217 code`)
}

func TestNew_ZeroFieldsAreDefaults(t *testing.T) {
	cfg := sessionctx.Config{Store: &memstore.Store{}, Directory: demoshop()}
	before := cfg
	r, err := sessionctx.New(cfg)
	require.NoError(t, err)
	assert.Equal(t, before.Timeout, cfg.Timeout)
	assert.NoError(t, r.Close())
	assert.NoError(t, r.Close(), "a second Close does nothing")
	_, err = r.Resolve(t.Context(), by("s1"))
	assert.ErrorIs(t, err, sessionctx.ErrClosed)
	_, err = r.Update(t.Context(), by("s1"), sessionctx.Patch{})
	assert.ErrorIs(t, err, sessionctx.ErrClosed)
	assert.ErrorIs(t, r.EndAll(t.Context(), "demoshop", "C1"), sessionctx.ErrClosed)
}

func TestConfig_MinusOneIsNever(t *testing.T) {
	r := newResolver(t, func(c *sessionctx.Config) { c.AnonymousIdle, c.CustomerIdle, c.TombstoneLife = -1, -1, -1 })
	update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
	assert.Equal(t, "USD", resolve(t, r, by("s1")).Currency)
	require.NoError(t, r.End(t.Context(), by("s1")))
	_, err := r.Resolve(t.Context(), by("s1"))
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
}

// silent fails the test on any log record.
type silent struct {
	slog.Handler
	t *testing.T
}

func (s silent) Handle(_ context.Context, rec slog.Record) error {
	s.t.Errorf("logged: %s", rec.Message)
	return nil
}

func TestResolver_LogsNothingWhenNothingIsWrong(t *testing.T) {
	r := newResolver(t, func(c *sessionctx.Config) {
		c.Logger = slog.New(silent{slog.NewTextHandler(nil, nil), t})
	})
	update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
	resolve(t, r, by("s1", "C100"))
	_, err := r.Login(t.Context(), by("s1"), "C100")
	require.NoError(t, err)
	_, err = r.Resolve(t.Context(), by("s1"))
	require.ErrorIs(t, err, sessionctx.ErrNotFound)
	require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
}
