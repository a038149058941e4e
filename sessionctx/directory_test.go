package sessionctx_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
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

func TestDirectory_IsAskedOnceAndAgainWhenItsAnswerIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &pacedDesk{desk: desk{Static: demoshop()}}
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
		d.holdBy(lasting(time.Second))
		assert.Equal(t, "GBP", resolve(t, r, by("s1", "C100")).Currency, "nobody waits: the old answer starts the question")
		time.Sleep(time.Second)
		synctest.Wait()
		for _, id := range []string{"s1", "s2", "s3", "s4"} {
			assert.Equal(t, "CHF", resolve(t, r, by(id, "C100")).Currency)
		}
		synctest.Wait()
		assert.EqualValues(t, 2, d.asked.Load())
		assert.EqualValues(t, 2, d.customers.Load())
	})
}

func TestInvalidate_LaterCallsGetTheNewAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // readers wait for 100 ms, whatever else the machine does
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
	})
}

func TestDirectory_LastAnswerServesForADayWhileItFails(t *testing.T) {
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
			synctest.Wait()
		}
		assert.LessOrEqual(t, d.asked.Load(), int64(3), "a failing directory is not hammered")
		assert.Contains(t, log.String(), "the last answer stays in force")
		assert.NotContains(t, log.String(), "C100", "no person in the log")

		s := resolve(t, r, by("s2", "C101"))
		assert.True(t, s.ProfileMissing, "nothing was known of this customer")
		assert.False(t, s.Degraded)
		assert.Equal(t, "s2 C101 EUR", s.ID+" "+s.CustomerID+" "+s.Currency)

		time.Sleep(24 * time.Hour)
		_, err = r.Resolve(t.Context(), by("s1", "C100"))
		assert.ErrorIs(t, err, sessionctx.ErrUnavailable)
		d.fails.Store(false)
		time.Sleep(time.Second)
		assert.Equal(t, want, resolve(t, r, by("s1", "C100")))
		assert.Equal(t, "USD", resolve(t, r, by("s2", "C101")).Currency)
	})
}

func TestDirectory_UnknownTenantsAreRefusedAndRememberedWithinBounds(t *testing.T) {
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

// That there is no such tenant is no outage, whatever was asked for, and nothing to ask the store
// about.
func TestDirectory_UnknownTenantIsNoOutage(t *testing.T) {
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

func TestDirectory_SitesWithMistakesNeverComeIntoForce(t *testing.T) {
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

// typedNil is the error that a function returns by mistake: a nil pointer in an error.
type typedNil struct{ text string }

func (e *typedNil) Error() string { return e.text }

// crooked is a Store and a Directory whose calls end as a test says.
type crooked struct {
	sessionctx.Static
	memstore.Store
	end func() error
}

func (c *crooked) Sites(context.Context, string) ([]defaults.Site, error) { return nil, c.end() }

func (c *crooked) Customer(context.Context, string, string) (defaults.Customer, error) {
	return defaults.Customer{}, c.end()
}

func (c *crooked) Load(context.Context, store.Key) (store.Record, error) {
	return store.Record{}, c.end()
}

func (c *crooked) Save(context.Context, store.Key, store.Record, sessionctx.Revision) (store.Record, error) {
	return store.Record{}, c.end()
}

func (c *crooked) Erase(context.Context, string, string, func(store.Record) store.Record) (int, error) {
	return 0, c.end()
}

// onlyProfiles has the sites of Static.
type onlyProfiles struct{ *crooked }

func (p onlyProfiles) Sites(ctx context.Context, tenant string) ([]defaults.Site, error) {
	return p.Static.Sites(ctx, tenant)
}

func TestDirectoryAndStore_CallThatEndsByMistakeIsAFailure(t *testing.T) {
	for _, how := range []struct {
		desc string
		end  func() error
	}{
		{"a typed nil as the error", func() error { return (*typedNil)(nil) }},
		{"a panic", func() error { panic("broken") }},
		{"a panic with an error that panics", func() error { panic((*typedNil)(nil)) }},
		{"an error that wraps nothing", func() error { return fmt.Errorf("broken: %w", nil) }},
	} {
		t.Run(how.desc, func(t *testing.T) {
			use := func(change func(*sessionctx.Config, *crooked)) *sessionctx.Resolver {
				return newResolver(t, func(c *sessionctx.Config) {
					change(c, &crooked{Static: demoshop(), end: how.end})
					c.Logger = slog.New(slog.NewJSONHandler(io.Discard, nil))
				})
			}
			sites := use(func(c *sessionctx.Config, x *crooked) { c.Directory = x })
			assert.ErrorIs(t, resolveError(t, sites, by("s1")), sessionctx.ErrUnavailable)
			assert.ErrorIs(t, sites.Warm(t.Context(), "demoshop"), sessionctx.ErrUnavailable)
			assert.ErrorIs(t, sites.Refresh(t.Context(), "demoshop", ""), sessionctx.ErrUnavailable)
			assert.NoError(t, sites.Check(t.Context()).Store)

			profiles := use(func(c *sessionctx.Config, x *crooked) { c.Directory = onlyProfiles{x} })
			assert.True(t, resolve(t, profiles, by("s1", "C100")).ProfileMissing)
			assert.ErrorIs(t, profiles.Refresh(t.Context(), "demoshop", "C100"), sessionctx.ErrUnavailable)

			records := use(func(c *sessionctx.Config, x *crooked) { c.Store = x })
			assert.True(t, resolve(t, records, by("s1", "C100")).Degraded)
			assert.ErrorIs(t, resolveError(t, records, fresh(by("s1"))), sessionctx.ErrUnavailable)
			for _, write := range writes {
				assert.Error(t, write.do(t.Context(), records, "secret"), write.desc)
			}
			assert.Error(t, records.Check(t.Context()).Store)
		})
	}
}

// All profiles are invalidated while a read has its profile and waits for the Store. The sites are
// confirmed and served before the read goes on.
func TestInvalidate_OfAllProfilesReachesAReadUnderWay(t *testing.T) {
	for _, tc := range []struct {
		desc  string
		hold  func(context.Context) error
		other bool   // another call asks for the profile
		first string // what the read may still show
	}{
		{"nobody else asks for the profile", nil, false, "CHF"},
		{"the directory answers another call at once", nil, true, "CHF"},
		{"it answers late, and another call serves the profile on", lasting(time.Second), true, "GBP"},
	} {
		for _, request := range []sessionctx.Request{by("s1", "C100"), cookie("")} {
			t.Run(fmt.Sprint(tc.desc, ", by secret: ", request.Proof == sessionctx.BySecret), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, backend := &pacedDesk{desk: desk{Static: demoshop()}}, &heldStore{}
					r := newResolver(t, func(c *sessionctx.Config) { c.Directory, c.Store = d, backend })
					request := request
					if request.Proof == sessionctx.BySecret {
						s, err := r.Login(t.Context(), request, "C100")
						require.NoError(t, err)
						request = cookie(s.ID)
					}
					require.Equal(t, "GBP", currency(t, r, request))
					r.Invalidate("", "") // the next read asks the Store
					require.Equal(t, "GBP", currency(t, r, by("other", "C100")))
					over := make(chan struct{})
					backend.loading.holdBy(until(over))
					var read sync.WaitGroup
					read.Go(func() { assert.Equal(t, tc.first, currency(t, r, request)) })
					synctest.Wait()
					d.customer.Store(&defaults.Customer{Currency: "CHF"})
					d.holdBy(tc.hold)
					r.Invalidate("demoshop", "")
					_, err := r.Sites(t.Context(), "demoshop")
					require.NoError(t, err)
					if tc.other {
						resolve(t, r, by("", "C100"))
					}
					close(over)
					read.Wait()
					time.Sleep(1100 * time.Millisecond)
					synctest.Wait()
					assert.Equal(t, "CHF", currency(t, r, request))
				})
			})
		}
	}
}

// The profiles have less memory than the sessions that are made of them. No session may show a
// profile from before the Invalidate.
func TestInvalidate_ReachesSessionsWhoseProfileWasEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		profile := defaults.Customer{Currency: "GBP"}
		r := newResolver(t, func(c *sessionctx.Config) {
			c.Directory = desks{demoshop(), func() defaults.Customer { return profile }}
		})
		const customers = 1500
		for i := range customers {
			require.Equal(t, "GBP", currency(t, r, by("", fmt.Sprint("C", i))))
		}
		synctest.Wait()
		runtime.GC() // takes the profiles that nobody keeps
		profile = defaults.Customer{Currency: "CHF"}
		for i := range customers {
			r.Invalidate("demoshop", fmt.Sprint("C", i))
			require.Equal(t, "CHF", currency(t, r, by("", fmt.Sprint("C", i))))
		}
	})
}

func TestInvalidate_OfAllAsksForTheSites(t *testing.T) {
	for desc, tenant := range map[string]string{"of a tenant": "demoshop", "of all tenants": ""} {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &desk{Static: demoshop()}
				r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
				req := by("s1")
				req.Site = "new"
				require.Equal(t, "main", resolve(t, r, req).Site)
				sites := mainAnd(defaults.Site{Code: "new", Currency: "USD", Country: "US", Language: "en"})
				d.sites.Store(&sites)
				r.Invalidate(tenant, "")
				assert.Equal(t, "new", resolve(t, r, req).Site)
			})
		})
	}
}

// The sites stay the same, and a read of one customer confirms them.
func TestInvalidate_OfAllReachesEveryCustomer(t *testing.T) {
	for desc, tenant := range map[string]string{"of a tenant": "demoshop", "of all tenants": ""} {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &pacedDesk{desk: desk{Static: demoshop()}}
				r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
				requests := []sessionctx.Request{by("", "C100"), by("", "C101"), by("s1", "C102"), by("s1", "C103")}
				d.customer.Store(&defaults.Customer{Currency: "GBP"})
				for _, req := range requests {
					warm(t, r, req)
				}
				d.customer.Store(&defaults.Customer{Currency: "CHF"})
				r.Invalidate(tenant, "")
				for _, req := range requests {
					assert.Equal(t, "CHF", currency(t, r, req), req.CustomerID)
				}
			})
		})
	}
}

// The sites were asked for later than the profile, so they are still young.
func TestDirectory_ProfileIsAskedForAgainWhenItIsOldAndTheSitesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{Static: demoshop()}
		r := newResolver(t, func(c *sessionctx.Config) { c.Directory, c.DirectoryMaxAge = d, 80*time.Second })
		warm(t, r, by("s1", "C100"))
		require.EqualValues(t, 1, d.customers.Load())
		time.Sleep(20 * time.Second)
		require.NoError(t, r.Refresh(t.Context(), "demoshop", ""))
		time.Sleep(61 * time.Second) // an answer's own age is at least 70 s
		resolve(t, r, by("s1", "C100"))
		synctest.Wait()
		assert.EqualValues(t, 2, d.customers.Load())
	})
}
