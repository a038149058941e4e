package sessionctx_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

var errDown = errors.New("connection refused")

// shaky is a Store that nobody watches and that can be made to fail.
type shaky struct {
	mem        memstore.Store
	down       atomic.Bool
	loads      atomic.Int64
	beforeSave func() error // an error: the write is not applied
	afterSave  func() error // an error: the write is applied, and nobody is told
}

func (s *shaky) Load(ctx context.Context, key store.Key) (store.Record, error) {
	s.loads.Add(1)
	if s.down.Load() {
		return store.Record{}, errDown
	}
	return s.mem.Load(ctx, key)
}

func (s *shaky) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if s.beforeSave != nil {
		if err := s.beforeSave(); err != nil {
			return store.Record{}, err
		}
	}
	if s.down.Load() {
		return store.Record{}, errDown
	}
	got, err := s.mem.Save(ctx, key, rec, base)
	if err == nil && s.afterSave != nil {
		err = s.afterSave()
	}
	return got, err
}

func TestWithoutTheStoreReadsAreDegradedAndWritesFail(t *testing.T) {
	backend := &shaky{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	update(t, r, by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("USD"), CartID: sessionctx.Set("cart"), Attributes: attributes("a", "1")})
	secret := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("USD"), CartID: sessionctx.Set("cart")})
	backend.down.Store(true)

	s := resolve(t, r, by("s1", "C100"))
	assert.True(t, s.Degraded)
	assert.EqualValues(t, -1, s.Version)
	assert.Equal(t, "s1 C100 main GBP AT en", s.ID+" "+s.CustomerID+" "+s.Site+" "+s.Currency+" "+s.Country+" "+s.Language, "the profile is known")
	assert.Empty(t, s.CartID)
	assert.Empty(t, s.ETag())
	_, ok := s.Attribute("a")
	assert.False(t, ok)

	s = resolve(t, r, cookie(secret.ID))
	assert.True(t, s.Degraded)
	assert.Empty(t, s.ID+s.CustomerID+s.CartID)
	assert.Equal(t, "EUR", s.Currency)

	_, err := r.Update(t.Context(), by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
	assert.ErrorIs(t, err, errDown)
	_, err = r.Login(t.Context(), cookie(secret.ID), "C100")
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
	assert.ErrorIs(t, r.End(t.Context(), cookie(secret.ID)), sessionctx.ErrUnavailable)
	_, err = r.Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "s1", Proof: sessionctx.Management}})
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable, "an operator wants the truth")

	backend.down.Store(false)
	assert.Equal(t, "USD cart", resolve(t, r, by("s1", "C100")).Currency+" "+resolve(t, r, by("s1", "C100")).CartID, "nothing was kept of the outage")
	assert.Equal(t, secret, resolve(t, r, cookie(secret.ID)))
	assert.Positive(t, r.Stats().Degraded)
}

func TestFailDegradedFailsInstead(t *testing.T) {
	backend := &shaky{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.FailDegraded = backend, true })
	backend.down.Store(true)
	_, err := r.Resolve(t.Context(), by("s1"))
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
	s := resolve(t, r, by(""))
	assert.False(t, s.Degraded, "who has no session needs no store")
}

func TestACallersOwnEndIsNoOutage(t *testing.T) {
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = &shaky{} })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.Update(ctx, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, sessionctx.ErrUnavailable)
	assert.Zero(t, resolve(t, r, by("s1")).Version)
}

func TestAfterATimeoutTheWriteIDTellsWhetherTheWriteWasApplied(t *testing.T) {
	t.Run("it was", func(t *testing.T) {
		backend := &shaky{}
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		backend.afterSave = func() error { return context.DeadlineExceeded }
		s := update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
		assert.EqualValues(t, 1, s.Version)
		s = update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("GBP"), Base: new(s.Revision())})
		assert.EqualValues(t, 2, s.Version, "never a false conflict")
	})
	t.Run("another one took its place, so it never can be", func(t *testing.T) {
		backend := &shaky{}
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
		first := true
		backend.beforeSave = func() error {
			if !first {
				return nil
			}
			first = false
			_, err := r.Update(t.Context(), by("s1"), sessionctx.Patch{CartID: sessionctx.Set("other")})
			require.NoError(t, err)
			return context.DeadlineExceeded
		}
		s := update(t, r, by("s1"), sessionctx.Patch{Country: sessionctx.Set("AT")})
		assert.EqualValues(t, 3, s.Version)
		assert.Equal(t, "USD AT other", s.Currency+" "+s.Country+" "+s.CartID)
	})
	t.Run("nobody knows", func(t *testing.T) {
		backend := &shaky{}
		r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
		backend.beforeSave = func() error { return context.DeadlineExceeded }
		_, err := r.Update(t.Context(), by("s1"), sessionctx.Patch{Country: sessionctx.Set("AT")})
		assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
		assert.NotErrorIs(t, err, sessionctx.ErrConflict)
		assert.ErrorContains(t, err, "outcome of the write is unknown")
		assert.EqualValues(t, 1, r.Stats().Unknown)
	})
}

// late is a store that applies a write after it has said that it timed out.
type late struct {
	memstore.Store
	apply chan func()
}

func (s *late) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if s.apply == nil {
		return s.Store.Save(ctx, key, rec, base)
	}
	s.apply <- func() { _, _ = s.Store.Save(context.Background(), key, rec, base) }
	return store.Record{}, context.DeadlineExceeded
}

func TestAWriteThatIsAppliedLateIsSeenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &late{}
		r, err := sessionctx.New(sessionctx.Config{Store: backend, Directory: demoshop(), CacheBytes: 4 << 20})
		require.NoError(t, err)
		defer r.Close()
		update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
		backend.apply = make(chan func(), 1)
		_, err = r.Update(t.Context(), by("s1"), sessionctx.Patch{Currency: sessionctx.Set("GBP")})
		require.ErrorContains(t, err, "unknown")
		assert.Equal(t, "USD", resolve(t, r, by("s1")).Currency)
		assert.Equal(t, "USD", resolve(t, r, by("s1")).Currency)
		(<-backend.apply)()
		assert.Equal(t, "GBP", resolve(t, r, by("s1")).Currency, "nothing was reused meanwhile")
		time.Sleep(time.Minute)
		loads := r.Stats().Loads
		for range 10 {
			assert.Equal(t, "GBP", resolve(t, r, by("s1")).Currency)
		}
		assert.LessOrEqual(t, r.Stats().Loads, loads+1, "the quarantine is over")
	})
}

func TestAStoreThatNobodyWatchesIsReadEachTime(t *testing.T) {
	backend := &shaky{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	for range 10 {
		resolve(t, r, by("s1"))
	}
	assert.EqualValues(t, 10, backend.loads.Load())
	assert.Zero(t, r.Stats().Hits)
}

func TestMaxStaleBoundsTheReuseOfAStoreThatNobodyWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &shaky{}
		r, err := sessionctx.New(sessionctx.Config{Store: backend, Directory: demoshop(), CacheBytes: 4 << 20, MaxStale: 10 * time.Second})
		require.NoError(t, err)
		defer r.Close()
		for range 10 {
			resolve(t, r, by("s1"))
			synctest.Wait()
		}
		assert.EqualValues(t, 1, backend.loads.Load())
		time.Sleep(10 * time.Second)
		resolve(t, r, by("s1"))
		assert.EqualValues(t, 2, backend.loads.Load())
	})
}

// desk is a Directory that can change and fail.
type desk struct {
	sessionctx.Static
	sites     atomic.Pointer[[]defaults.Site]
	customer  atomic.Pointer[defaults.Customer]
	fails     atomic.Bool
	asked     atomic.Int64
	customers atomic.Int64
}

func (d *desk) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	d.asked.Add(1)
	if d.fails.Load() {
		return nil, errDown
	}
	if s := d.sites.Load(); s != nil {
		return *s, nil
	}
	return d.Static.Sites(ctx, tenant)
}

func (d *desk) Customer(ctx context.Context, tenant, id string) (defaults.Customer, error) {
	d.customers.Add(1)
	if d.fails.Load() {
		return defaults.Customer{}, errDown
	}
	if c := d.customer.Load(); c != nil {
		return *c, nil
	}
	return d.Static.Customer(ctx, tenant, id)
}

func TestTheDirectoryIsAskedOnceAndAgainWhenItsAnswerIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{Static: demoshop()}
		r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: d, CacheBytes: 4 << 20})
		require.NoError(t, err)
		defer r.Close()
		for _, id := range []string{"s1", "s2", "s3", "s4"} {
			for range 5 {
				assert.Equal(t, "GBP", resolve(t, r, by(id, "C100")).Currency)
				synctest.Wait()
			}
		}
		assert.EqualValues(t, 1, d.asked.Load())
		assert.EqualValues(t, 1, d.customers.Load())

		d.customer.Store(&defaults.Customer{Currency: "CHF"})
		assert.Equal(t, "GBP", resolve(t, r, by("s1", "C100")).Currency, "nobody said that it changed")
		time.Sleep(time.Minute)
		for _, id := range []string{"s1", "s2", "s3", "s4"} {
			assert.Equal(t, "CHF", resolve(t, r, by(id, "C100")).Currency)
		}
	})
}

func TestInvalidateIsInForceWhenItReturns(t *testing.T) {
	d := &desk{Static: demoshop()}
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
	currencies := []string{"EUR", "GBP", "CHF", "USD"}
	for i := range 200 {
		want := currencies[i%4]
		d.customer.Store(&defaults.Customer{Currency: want})
		r.Invalidate("demoshop", "C100")
		assert.Equal(t, want, resolve(t, r, by("s1", "C100")).Currency)
		assert.Equal(t, want, resolve(t, r, by("s1", "C100")).Currency)
	}
	for i := range 200 {
		want := currencies[i%4]
		d.sites.Store(&[]defaults.Site{{Code: "main", Default: true, Currency: want, Currencies: []string{want}, Country: "DE", Language: "de"}})
		r.Invalidate("demoshop", "")
		assert.Equal(t, want, resolve(t, r, by("s2")).Currency)
		assert.Equal(t, want, resolve(t, r, cookie("")).Currency)
	}
}

func TestTheLastAnswerServesForADayWhileTheDirectoryFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		d := &desk{Static: demoshop()}
		r, err := sessionctx.New(sessionctx.Config{
			Store: &memstore.Store{}, Directory: d, CacheBytes: 4 << 20, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		require.NoError(t, err)
		defer r.Close()
		want := resolve(t, r, by("s1", "C100"))
		synctest.Wait()
		d.fails.Store(true)
		time.Sleep(time.Hour)
		for range 100 {
			assert.Equal(t, want, resolve(t, r, by("s1", "C100")))
		}
		assert.LessOrEqual(t, d.asked.Load(), int64(3), "a failing directory is not hammered")
		assert.Contains(t, log.String(), "the last answer stays in force")
		assert.NotContains(t, log.String(), "C100", "no person in the log")

		s := resolve(t, r, by("s2", "C101"))
		assert.True(t, s.Degraded, "of this customer nothing was known")
		assert.Equal(t, "EUR", s.Currency)

		time.Sleep(24 * time.Hour)
		_, err = r.Resolve(t.Context(), by("s1", "C100"))
		assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
		d.fails.Store(false)
		time.Sleep(2 * time.Second)
		assert.Equal(t, want, resolve(t, r, by("s1", "C100")))
	})
}

func TestUnknownTenantsAreRefusedAndRememberedWithinBounds(t *testing.T) {
	d := &desk{Static: demoshop()}
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
	for range 10 {
		_, err := r.Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "nosuchshop"}})
		assert.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
	}
	assert.EqualValues(t, 1, d.asked.Load())
	for _, tenant := range []string{"", "ab", "Demoshop", "1shop", "demo-shop", "averyveryverylongname"} {
		_, err := r.Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: tenant}})
		assert.ErrorIs(t, err, sessionctx.ErrUnknownTenant, tenant)
		_, err = r.Update(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: tenant, SessionID: "x"}}, sessionctx.Patch{})
		assert.ErrorIs(t, err, sessionctx.ErrUnknownTenant, tenant)
	}
	assert.EqualValues(t, 1, d.asked.Load(), "a malformed name is nothing to ask about")
}

// That there is no such tenant is no outage, whatever was asked for, and nothing to ask the store about.
func TestAnUnknownTenantIsNoOutage(t *testing.T) {
	for _, failDegraded := range []bool{false, true} {
		r := newResolver(t, func(c *sessionctx.Config) { c.FailDegraded = failDegraded })
		for _, req := range []sessionctx.Request{
			{Identity: sessionctx.Identity{Tenant: "nosuchshop", SessionID: "s1", Proof: sessionctx.Asserted}},
			{Identity: sessionctx.Identity{Tenant: "nosuchshop", SessionID: "s1", Proof: sessionctx.Asserted}, Fresh: true},
			{Identity: sessionctx.Identity{Tenant: "nosuchshop", SessionID: "s1", Proof: sessionctx.Management}},
			{Identity: sessionctx.Identity{Tenant: "nosuchshop", Proof: sessionctx.BySecret}},
		} {
			_, err := r.Resolve(t.Context(), req)
			assert.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
			assert.NotErrorIs(t, err, sessionctx.ErrUnavailable)
		}
		assert.Zero(t, r.Stats().Loads)
	}
}

func TestSitesWithMistakesNeverComeIntoForce(t *testing.T) {
	d := &desk{Static: demoshop()}
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
	want := resolve(t, r, by("s1"))
	d.sites.Store(&[]defaults.Site{{Code: "main", Default: true, Currency: "XXX", Country: "Germany", Language: "de"}})
	r.Invalidate("demoshop", "")
	assert.Equal(t, want, resolve(t, r, by("s1")))
	_, err := newResolver(t, func(c *sessionctx.Config) { c.Directory = d }).Resolve(t.Context(), by("s1"))
	assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
	assert.ErrorContains(t, err, `"XXX"`)
	assert.ErrorContains(t, err, `"Germany"`)
}
