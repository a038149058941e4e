package sessionctx_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
)

// readsOf returns requests of all kinds for an i: sessions of guests and customers, known and
// unknown, with and without hints.
func readsOf(i int) []sessionctx.Request {
	hinted := cookie("")
	hinted.Site, hinted.GeoCountry, hinted.AcceptLanguage = "ch", "LI", fmt.Sprintf("fr;q=0.%d", i%9+1)
	return []sessionctx.Request{by(fmt.Sprint("anonymous", i)), by(fmt.Sprint("customers", i), "C100"), by("", "C100"), cookie("unknown"), hinted}
}

func TestDirectory_HangDelaysNobodyForWhatIsKnown(t *testing.T) {
	over := make(chan struct{})
	for _, tc := range []struct {
		desc string
		hold func(context.Context) error
	}{
		{"calls honour their context", untilContextEnds},
		{"calls ignore their context", nil},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if tc.hold == nil {
					over = make(chan struct{})
					defer close(over)
					tc.hold = until(over)
				}
				d := &pacedDesk{desk: desk{Static: demoshop()}}
				r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
				for _, req := range readsOf(0) {
					resolve(t, r, req)
				}
				d.holdBy(tc.hold)
				time.Sleep(2 * time.Minute) // every answer is past its age
				read := func(n int) {
					t.Helper()
					var all sync.WaitGroup
					assert.Zero(t, takes(func() {
						for i := range n {
							all.Go(func() {
								for _, req := range readsOf(i) {
									s := resolve(t, r, req)
									assert.False(t, s.ProfileMissing || s.Degraded)
									if req.CustomerID != "" {
										assert.Equal(t, "GBP", s.Currency, "the profile is known")
									}
								}
							})
						}
						all.Wait()
					}), "fake time")
				}
				read(200) // 1,000 reads
				assert.Zero(t, takes(func() {
					update(t, r, by("s1", "C100"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
					_, err := r.Login(t.Context(), cookie(""), "C100")
					assert.NoError(t, err)
				}), "nor does a write wait")
				for range 60 { // ten minutes, in which questions are given up and begun again
					time.Sleep(10 * time.Second)
					read(2)
				}
				r.Invalidate("demoshop", "")
				r.Invalidate("demoshop", "C100")
				read(2) // a refresh has failed, so nobody waits for the next one
				asked := d.asked.Load() + d.customers.Load()
				assert.Less(t, asked, int64(2+2*(720+2)), "one question a second for each of two keys at most")
				assert.Positive(t, r.Stats().DirectoryErrors)

				d.holdBy(nil)
				d.customer.Store(&defaults.Customer{Currency: "CHF"})
				time.Sleep(5 * time.Second)
				for range 2 {
					resolve(t, r, by("s1", "C100"))
					time.Sleep(5 * time.Second)
				}
				if tc.desc == "calls honour their context" {
					assert.Equal(t, "CHF", resolve(t, r, by("s1", "C100")).Currency, "it is asked again")
				}
			})
		})
	}
}

func TestDirectory_SlowAnswersDelayNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &pacedDesk{desk: desk{Static: demoshop()}}
		r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
		d.holdBy(lasting(300 * time.Millisecond))
		assert.Equal(t, 600*time.Millisecond, takes(func() { resolve(t, r, by("s0", "C100")) }), "the first waits for sites and profile")
		for i := range 5 * 60 * 20 { // five minutes
			if i == 4*60*20 {
				d.customer.Store(&defaults.Customer{Currency: "CHF"})
			}
			assert.Zero(t, takes(func() { resolve(t, r, by(fmt.Sprint("s", i%50), "C100")) }))
			time.Sleep(50 * time.Millisecond)
		}
		assert.Equal(t, "CHF", resolve(t, r, by("s0", "C100")).Currency, "what has changed comes with the age of the answer")
		assert.GreaterOrEqual(t, d.customers.Load(), int64(5))
		assert.LessOrEqual(t, d.customers.Load(), int64(7), "about one question a minute")
	})
}

func TestDirectory_FirstQuestionsDoNotWaitOnceItHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &pacedDesk{desk: desk{Static: demoshop()}}
		r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
		resolve(t, r, by("s1"))
		d.holdBy(untilContextEnds)
		assert.Equal(t, 2*time.Second, takes(func() { assert.True(t, resolve(t, r, by("s1", "C1")).ProfileMissing) }), "the first of them waits for Config.Timeout")
		synctest.Wait()
		assert.Zero(t, takes(func() {
			for i := range 1000 {
				s := resolve(t, r, by("s1", fmt.Sprint("C", i)))
				assert.True(t, s.ProfileMissing)
				assert.Equal(t, "EUR", s.Currency)
			}
		}))
		other := by("s1")
		other.Tenant = "othershop"
		ofTenants := func() { assert.ErrorIs(t, resolveError(t, r, other), sessionctx.ErrUnavailable) }
		assert.Equal(t, 2*time.Second, takes(ofTenants), "sites are questions of another kind")
		synctest.Wait()
		assert.Zero(t, takes(ofTenants))
		synctest.Wait()
		assert.LessOrEqual(t, d.customers.Load(), int64(100), "it is not asked about each of the thousand")
	})
}

func TestDirectory_CallThatIgnoresItsContextIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := make(chan struct{})
		defer close(over)
		d := &pacedDesk{desk: desk{Static: demoshop()}}
		r := newResolver(t, func(c *sessionctx.Config) { c.Directory, c.Timeout = d, 100*time.Millisecond })
		d.holdBy(until(over))
		var callers sync.WaitGroup
		for i := range 100 {
			callers.Go(func() {
				assert.Equal(t, 100*time.Millisecond, takes(func() {
					assert.ErrorIs(t, resolveError(t, r, by(fmt.Sprint("s", i), "C100")), sessionctx.ErrUnavailable)
				}))
			})
		}
		synctest.Wait()
		d.holdBy(nil) // that one call alone hangs, and for ever
		callers.Wait()
		time.Sleep(time.Second)
		assert.Zero(t, takes(func() {
			assert.ErrorIs(t, resolveError(t, r, by("s1", "C100")), sessionctx.ErrUnavailable)
		}), "it asks again, and does not wait for a directory that hung")
		synctest.Wait()
		assert.Equal(t, "GBP", currency(t, r, by("s1", "C100")), "the tenant is back")
		assert.EqualValues(t, 2, d.asked.Load())
	})
}

func TestDirectory_CancelledCallerReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &pacedDesk{desk: desk{Static: demoshop()}}
		r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
		d.holdBy(untilContextEnds)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		assert.Equal(t, 30*time.Millisecond, takes(func() {
			_, err := r.Resolve(ctx, by("s1", "C100"))
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.NotErrorIs(t, err, sessionctx.ErrUnavailable, "the directory may be well")
		}))
	})
}

// A question is asked, then Invalidate says that its answer may be wrong, and the next answer comes
// first.
func TestDirectory_AnswerFromBeforeAnInvalidateDoesNotReplaceANewerOne(t *testing.T) {
	for _, abandoned := range []bool{false, true} {
		for _, tc := range []struct {
			desc       string
			change     func(d *pacedDesk)
			invalidate string // which customer
		}{
			{"a profile", func(d *pacedDesk) { d.customer.Store(&defaults.Customer{Currency: "CHF"}) }, "C100"},
			{"sites", func(d *pacedDesk) {
				d.sites.Store(&[]defaults.Site{{Code: "main", Default: true, Currency: "CHF", Currencies: []string{"CHF"}, Country: "CH", Language: "de"}})
			}, ""},
		} {
			t.Run(fmt.Sprintf("%s, abandoned: %v", tc.desc, abandoned), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d, over := &pacedDesk{desk: desk{Static: demoshop()}}, make(chan struct{})
					r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
					assert.Equal(t, "GBP", currency(t, r, by("s1", "C100")))
					d.holdBy(until(over))
					time.Sleep(time.Minute)
					assert.Equal(t, "GBP", currency(t, r, by("s1", "C100"))) // which starts a refresh
					synctest.Wait()
					if abandoned {
						time.Sleep(3 * time.Second) // from now on nobody waits, not even after an Invalidate
					}
					d.holdBy(nil)
					tc.change(d)
					r.Invalidate("demoshop", tc.invalidate)
					if abandoned {
						synctest.Wait()
					}
					assert.Equal(t, "CHF", currency(t, r, by("s1", "C100")))
					d.fails.Store(true) // no later answer could mend what the old one does
					close(over)
					synctest.Wait()
					for range 10 {
						assert.Equal(t, "CHF", currency(t, r, by("s1", "C100")))
						time.Sleep(time.Hour)
					}
				})
			})
		}
	}
}

func TestInvalidate_ReadersWaitALittleForTheNewAnswer(t *testing.T) {
	for _, tc := range []struct {
		desc   string
		answer time.Duration // of the Directory
		wait   time.Duration // of the first reader
		sees   string        // the first reader
	}{
		{"at once", 0, 0, "CHF"},
		{"soon", 60 * time.Millisecond, 60 * time.Millisecond, "CHF"},
		{"after more than 100 ms", 300 * time.Millisecond, 100 * time.Millisecond, "GBP"},
	} {
		t.Run("the answer comes "+tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &pacedDesk{desk: desk{Static: demoshop()}}
				r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
				assert.Equal(t, "GBP", currency(t, r, by("s1", "C100")))
				d.holdBy(lasting(tc.answer))
				d.customer.Store(&defaults.Customer{Currency: "CHF"})
				r.Invalidate("demoshop", "C100")
				begun := time.Now()
				var readers sync.WaitGroup
				for range 20 {
					readers.Go(func() { assert.Equal(t, tc.sees, currency(t, r, by("s1", "C100"))) })
				}
				readers.Wait()
				assert.Equal(t, tc.wait, time.Since(begun))
				assert.Zero(t, takes(func() { currency(t, r, by("s2", "C100")) }), "nobody waits twice")
				time.Sleep(tc.answer)
				assert.Equal(t, "CHF", currency(t, r, by("s1", "C100")))
				assert.EqualValues(t, 2, d.customers.Load())
			})
		})
	}
}

func TestRefresh_AnswerIsInForceWhenItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &pacedDesk{desk: desk{Static: demoshop()}}
		r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
		assert.Equal(t, "GBP", currency(t, r, by("s1", "C100")))
		d.holdBy(lasting(700 * time.Millisecond))
		d.customer.Store(&defaults.Customer{Currency: "CHF"})
		assert.Equal(t, 700*time.Millisecond, takes(func() { require.NoError(t, r.Refresh(t.Context(), "demoshop", "C100")) }))
		assert.Equal(t, "CHF", currency(t, r, by("s1", "C100")))

		d.sites.Store(&[]defaults.Site{{Code: "main", Default: true, Currency: "USD", Country: "DE", Language: "de"}})
		require.NoError(t, r.Refresh(t.Context(), "demoshop", ""))
		assert.Equal(t, "USD", currency(t, r, by("s1")))

		d.holdBy(untilContextEnds)
		d.sites.Store(nil)
		assert.Equal(t, 2*time.Second, takes(func() {
			assert.ErrorIs(t, r.Refresh(t.Context(), "demoshop", ""), sessionctx.ErrUnavailable)
		}), "bounded by Config.Timeout")
		assert.Equal(t, "USD", currency(t, r, by("s1")), "the old answer stays in force")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		assert.ErrorIs(t, r.Refresh(ctx, "demoshop", "C100"), context.DeadlineExceeded)
		d.holdBy(nil)
		assert.ErrorIs(t, r.Refresh(t.Context(), "nosuchshop", ""), sessionctx.ErrUnknownTenant)
		assert.ErrorIs(t, r.Refresh(t.Context(), "No Shop", ""), sessionctx.ErrUnknownTenant)
		assert.ErrorIs(t, r.Refresh(t.Context(), "demoshop", strings.Repeat("x", 257)), sessionctx.ErrNotFound)
	})
}

// The profile is not known, and the Store takes nearly half of the time.
func TestOnChange_IsCalledWithinTheTimeOfTheCallThoughTheDirectoryHangs(t *testing.T) {
	for desc, end := range map[string]func(context.Context, *sessionctx.Resolver, sessionctx.Request) error{
		"End": func(ctx context.Context, r *sessionctx.Resolver, req sessionctx.Request) error {
			return r.End(ctx, req)
		},
		"Logout": func(ctx context.Context, r *sessionctx.Resolver, req sessionctx.Request) error {
			_, err := r.Logout(ctx, req)
			return err
		},
	} {
		t.Run(desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend, d := &sessiontest.Store{}, &pacedDesk{desk: desk{Static: demoshop()}}
				var olds []sessionctx.Session
				config := func(c *sessionctx.Config) {
					c.Store, c.Directory = backend, d
					c.OnChange = func(_ context.Context, before, _ sessionctx.Session) { olds = append(olds, before) }
				}
				_, err := newResolver(t, config).Login(t.Context(), by("s1"), "C100")
				require.NoError(t, err)
				r := newResolver(t, config)
				resolve(t, r, by("another")) // the sites are known
				d.holdBy(untilContextEnds)
				backend.Saves.Always(func(context.Context) error { time.Sleep(900 * time.Millisecond); return nil })
				olds = nil
				assert.LessOrEqual(t, takes(func() { assert.NoError(t, end(t.Context(), r, by("s1", "C100"))) }), 2*time.Second)
				require.Len(t, olds, 1)
				assert.Equal(t, "C100", olds[0].CustomerID)
				assert.True(t, olds[0].ProfileMissing)
			})
		})
	}
}

// A customer whose profile cannot be had loses nothing but what the profile says.
func TestProfileMissing_SessionCartAndWritesStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend, d := &ledger{}, &pacedDesk{desk: desk{Static: demoshop()}}
		config := func(c *sessionctx.Config) { c.Store, c.Directory = backend, d }
		before := newResolver(t, config)
		s, err := before.Login(t.Context(), cookie(""), "C100")
		require.NoError(t, err)
		written := update(t, before, cookie(s.ID), sessionctx.Patch{Country: sessionctx.Set("FR"), CartID: sessionctx.Set("cart"), Attributes: attributes("a", "1")})
		require.NotEmpty(t, written.ETag())

		d.noProfiles.Store(true)
		r := newResolver(t, config) // nothing is known
		req := cookie(s.ID)
		s = resolve(t, r, req)
		assert.True(t, s.ProfileMissing)
		assert.False(t, s.Degraded)
		assert.Equal(t, "C100 cart FR EUR", s.CustomerID+" "+s.CartID+" "+s.Country+" "+s.Currency, "all but the profile's currency")
		assert.Equal(t, written.Revision(), s.Revision())
		_, has := s.Attribute("a")
		assert.True(t, has)
		assert.Empty(t, s.ETag())

		now := update(t, r, req, sessionctx.Patch{Base: new(s.Revision()), Language: sessionctx.Set("fr"), CartID: sessionctx.Set("cart2")})
		assert.Equal(t, "fr cart2", now.Language+" "+now.CartID)
		assert.Equal(t, s.Version+1, now.Version)
		assert.True(t, now.ProfileMissing)
		_, err = r.Update(t.Context(), req, sessionctx.Patch{Base: new(s.Revision()), Language: sessionctx.Set("de")})
		assert.ErrorIs(t, err, sessionctx.ErrConflict)
		other, err := r.Login(t.Context(), by("s2"), "C100")
		require.NoError(t, err)
		assert.True(t, other.ProfileMissing)
		require.NoError(t, r.End(t.Context(), by("s2", "C100")))
		x, err := r.Preview(t.Context(), req, sessionctx.Patch{})
		require.NoError(t, err)
		assert.True(t, x.Session.ProfileMissing)

		asked := d.customers.Load()
		for range 9 {
			time.Sleep(100 * time.Millisecond)
			assert.True(t, resolve(t, r, req).ProfileMissing)
		}
		assert.Equal(t, asked, d.customers.Load(), "it is not asked for with every read")
		time.Sleep(100 * time.Millisecond)
		assert.True(t, resolve(t, r, req).ProfileMissing)
		assert.Equal(t, asked+1, d.customers.Load(), "but again after a second")

		d.noProfiles.Store(false)
		time.Sleep(time.Second)
		back := resolve(t, r, req)
		assert.False(t, back.ProfileMissing)
		assert.Equal(t, "GBP FR fr cart2", back.Currency+" "+back.Country+" "+back.Language+" "+back.CartID)
		assert.NotEmpty(t, back.ETag())
		assert.Equal(t, now.Revision(), back.Revision(), "the record has not changed")
	})
}

func TestProfileMissing_FirstWriteIsNotLostThoughTheDirectoryHangs(t *testing.T) {
	chooses := sessionctx.Patch{Language: sessionctx.Set("fr")}
	for _, tc := range []struct {
		desc  string
		write func(ctx context.Context, r *sessionctx.Resolver, guest string) (sessionctx.Session, error)
	}{
		{"an Update by token", func(ctx context.Context, r *sessionctx.Resolver, _ string) (sessionctx.Session, error) {
			return r.Update(ctx, by("s1", "C100"), chooses)
		}},
		{"an Update of the host's customer", func(ctx context.Context, r *sessionctx.Resolver, _ string) (sessionctx.Session, error) {
			return r.Update(ctx, byLogin("C100", "", ""), chooses)
		}},
		{"a Login by token", func(ctx context.Context, r *sessionctx.Resolver, _ string) (sessionctx.Session, error) {
			return r.Login(ctx, by("guests"), "C100")
		}},
		{"a Login by cookie", func(ctx context.Context, r *sessionctx.Resolver, guest string) (sessionctx.Session, error) {
			return r.Login(ctx, cookie(guest), "C100")
		}},
		{"a Bind", func(ctx context.Context, r *sessionctx.Resolver, guest string) (sessionctx.Session, error) {
			s, _, err := r.Bind(ctx, byLogin("C100", "", guest))
			return s, err
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend, d := &sessiontest.Store{}, &pacedDesk{desk: desk{Static: demoshop()}}
				r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Directory = backend, d })
				update(t, r, by("guests"), chooses)
				guest := update(t, r, cookie(""), chooses).ID
				d.holdBy(untilContextEnds)
				backend.Saves.Always(func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil })
				var s sessionctx.Session
				var err error
				assert.LessOrEqual(t, takes(func() { s, err = tc.write(t.Context(), r, guest) }), 2*time.Second)
				require.NoError(t, err)
				assert.True(t, s.ProfileMissing)
				assert.Equal(t, "C100 fr", s.CustomerID+" "+s.Language)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		d := &pacedDesk{desk: desk{Static: demoshop()}}
		r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
		update(t, r, by("s1"), chooses)
		d.holdBy(untilContextEnds)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s, err := r.Resolve(ctx, by("s1", "C100"))
		require.NoError(t, err, "nor does a read lose the session, whose caller has a second")
		assert.Equal(t, "fr", s.Language)
	})
}
