package sessionctx_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestEndAll_EndsEverySessionOfTheCustomerAndNoOther(t *testing.T) {
	r := newResolver(t)
	a, err := r.Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	_, err = r.Login(t.Context(), by("s1"), "C100")
	require.NoError(t, err)
	other, err := r.Login(t.Context(), cookie(""), "C101")
	require.NoError(t, err)
	require.NotEmpty(t, resolve(t, r, cookie(a.ID)).ID)
	require.NotEmpty(t, resolve(t, r, by("s1", "C100")).ID)

	require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
	assert.Empty(t, resolve(t, r, cookie(a.ID)).ID)
	_, err = r.Resolve(t.Context(), by("s1", "C100"))
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	_, err = r.Update(t.Context(), by("s1", "C100"), sessionctx.Patch{CartID: sessionctx.Set("x")})
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	assert.Equal(t, other, resolve(t, r, cookie(other.ID)))

	again, err := r.Login(t.Context(), cookie(a.ID), "C100")
	require.NoError(t, err)
	assert.Equal(t, again, resolve(t, r, cookie(again.ID)))
	require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
	assert.Empty(t, resolve(t, r, cookie(again.ID)).ID)
}

func TestEndAll_EndedCookieShowsNothingOfItsCustomer(t *testing.T) {
	r := newResolver(t)
	a, err := r.Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
	x, err := r.Preview(t.Context(), cookie(a.ID), sessionctx.Patch{})
	require.NoError(t, err)
	for _, s := range []sessionctx.Session{
		resolve(t, r, cookie(a.ID)), resolve(t, r, cookie(a.ID)), update(t, r, cookie(a.ID), sessionctx.Patch{}), x.Session,
	} {
		assert.Empty(t, s.ID+s.CustomerID)
		assert.Equal(t, "EUR DE", s.Currency+" "+s.Country)
	}
}

// EndAll moves a generation, and leaves the records of the sessions as they are. The first write,
// or End, that meets such a session removes what it holds.
func TestEndAll_WriteThatMeetsAnEndedSessionLeavesATombstone(t *testing.T) {
	for _, tc := range []struct {
		desc string
		meet func(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request)
	}{
		{"an End", func(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) {
			assert.NoError(t, r.End(t.Context(), req))
		}},
		{"a Logout", func(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) {
			s, err := r.Logout(t.Context(), req)
			assert.NoError(t, err)
			assert.Empty(t, s.ID, "its choices are not kept: it had ended before")
		}},
		{"an Update", func(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) {
			_, err := r.Update(t.Context(), req, sessionctx.Patch{Currency: sessionctx.Set("USD")})
			assert.ErrorIs(t, err, sessionctx.ErrNotFound)
		}},
		{"a Login", func(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) {
			s, err := r.Login(t.Context(), req, "C100")
			if req.Proof == sessionctx.Asserted {
				assert.ErrorIs(t, err, sessionctx.ErrNotFound)
				return
			}
			require.NoError(t, err)
			assert.NotEqual(t, req.SessionID, s.ID)
			assert.Equal(t, "GBP", s.Currency, "the profile's: no choice is copied")
			require.NoError(t, r.End(t.Context(), cookie(s.ID)))
		}},
	} {
		for _, by := range []struct {
			desc  string
			begin func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request
		}{
			{"by cookie", func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
				s, err := r.Login(t.Context(), cookie(""), "C100")
				require.NoError(t, err)
				return cookie(s.ID)
			}},
			{"by token", func(t *testing.T, r *sessionctx.Resolver) sessionctx.Request {
				_, err := r.Login(t.Context(), by("s1"), "C100")
				require.NoError(t, err)
				return by("s1", "C100")
			}},
		} {
			t.Run(tc.desc+" "+by.desc, func(t *testing.T) {
				backend := &ledger{}
				r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
				req := by.begin(t, r)
				key := store.Key{Tenant: "demoshop", ID: req.SessionID}
				update(t, r, req, sessionctx.Patch{Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("annas-cart"), Attributes: attributes("a", `"of-anna"`)})
				require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
				assert.Contains(t, encoded(t, backend.records(t)[key]), "annas-cart", "EndAll touches no session")

				tc.meet(t, r, req)
				rec := backend.records(t)[key]
				assert.True(t, rec.Ended)
				assertNoneOf(t, rec, "annas-cart", "of-anna", "C100", "CHF", "USD")
				_, err := r.Update(t.Context(), req, sessionctx.Patch{Currency: sessionctx.Set("USD")})
				assert.ErrorIs(t, err, sessionctx.ErrNotFound)
				assert.Empty(t, backend.live(t))
			})
		}
	}
}

// The program of the README: choose, log in, EndAll on another device, choose again.
func TestEndAll_CookieWorksAgainAfterAMinute(t *testing.T) {
	for _, tc := range []struct {
		desc string
		end  func(t *testing.T, r *sessionctx.Resolver, id string)
	}{
		{"EndAll", func(t *testing.T, r *sessionctx.Resolver, _ string) {
			require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
		}},
		{"End", func(t *testing.T, r *sessionctx.Resolver, id string) {
			require.NoError(t, r.End(t.Context(), cookie(id)))
		}},
		{"a login that replaced the id", func(t *testing.T, r *sessionctx.Resolver, id string) {
			_, err := r.Login(t.Context(), cookie(id), "C100")
			require.NoError(t, err)
		}},
	} {
		for _, tried := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, tried before: %v", tc.desc, tried), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					backend := &ledger{}
					r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
					a, err := r.Login(t.Context(), cookie(""), "C100")
					require.NoError(t, err)
					update(t, r, cookie(a.ID), sessionctx.Patch{CartID: sessionctx.Set("cart")})
					tc.end(t, r, a.ID)
					choice := sessionctx.Patch{Currency: sessionctx.Set("CHF")}
					time.Sleep(59 * time.Second)
					if tried {
						_, err := r.Update(t.Context(), cookie(a.ID), choice)
						assert.ErrorIs(t, err, sessionctx.ErrNotFound, "the browser may have a newer cookie")
					}
					time.Sleep(time.Second)
					s := update(t, r, cookie(a.ID), choice)
					assert.NotEqual(t, a.ID, s.ID)
					assert.Equal(t, "CHF", s.Currency)
					assert.Empty(t, s.CustomerID+s.CartID, "the new session is anonymous")
					assert.Equal(t, s, resolve(t, r, cookie(s.ID)))
					assert.Empty(t, resolve(t, r, cookie(a.ID)).ID)
					rec := backend.records(t)[store.Key{Tenant: "demoshop", ID: a.ID}]
					assert.True(t, rec.Ended, "the write has met the session, so its data is gone")
				})
			})
		}
	}
}

// A dead session that no cookie names stays dead: its token may be good for as long as the
// tombstone lives.
func TestEndAll_TokenNeverWorksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(t)
		_, err := r.Login(t.Context(), by("s1"), "C100")
		require.NoError(t, err)
		require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
		time.Sleep(time.Hour)
		_, err = r.Update(t.Context(), by("s1", "C100"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		assert.ErrorIs(t, err, sessionctx.ErrNotFound)
		_, err = r.Login(t.Context(), by("s1", "C100"), "C100")
		assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	})
}

// The tombstone is best effort: the caller's write does not need it, and does not wait for it.
func TestEndAll_TombstoneThatHangsTakesNoTimeOfTheWrite(t *testing.T) {
	for _, tc := range []struct {
		desc  string
		after time.Duration // the EndAll
		want  error
	}{
		{"the write begins a new session", time.Minute, nil},
		{"the write is refused", 0, sessionctx.ErrNotFound},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend := &heldStore{}
				r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Timeout = backend, 8*time.Second })
				a, err := r.Login(t.Context(), cookie(""), "C100")
				require.NoError(t, err)
				require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
				time.Sleep(tc.after)
				backend.only = a.ID
				backend.saving.holdBy(untilContextEnds)
				assert.Equal(t, 2*time.Second, takes(func() {
					_, err = r.Update(t.Context(), cookie(a.ID), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
				}), "half of the time for writing is left for the caller's write")
				assert.ErrorIs(t, err, tc.want)
				time.Sleep(time.Minute)
			})
		})
	}
}

// A write meets a session that EndAll has ended. Before the write saves the tombstone, a login
// saves one. The browser now has a newer cookie, so the write must not begin a session.
func TestEndAll_WriteIsDecidedAgainWhereItsTombstoneMeetsALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &stepped{}
		here := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
		there := newResolver(t, func(c *sessionctx.Config) { c.Store = &backend.Store })
		a, err := here.Login(t.Context(), cookie(""), "C100")
		require.NoError(t, err)
		require.NoError(t, here.EndAll(t.Context(), "demoshop", "C100"))
		time.Sleep(time.Minute)
		saves := 0
		backend.beforeSave = func(store.Key) {
			if saves++; saves == 1 {
				_, err := there.Login(t.Context(), cookie(a.ID), "C100")
				require.NoError(t, err)
			}
		}
		_, err = here.Update(t.Context(), cookie(a.ID), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		assert.EqualError(t, err, sessionctx.ErrNotFound.Error())
		assert.Equal(t, 1, saves)
	})
}
