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
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestUpdate_AssignsTheAssertedCustomer(t *testing.T) {
	r := newResolver(t)
	update(t, r, by("s1"), sessionctx.Patch{Country: sessionctx.Set("FR")})
	s := update(t, r, by("s1", "C100"), sessionctx.Patch{Attributes: attributes("x", "true")})
	assert.Equal(t, "C100 FR", s.CustomerID+" "+s.Country)
	_, err := r.Resolve(t.Context(), by("s1"))
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
}

func TestLogin_BySecretReplacesTheID(t *testing.T) {
	r := newResolver(t)
	a := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart-1"), Attributes: attributes("a", "1")})
	s, err := r.Login(t.Context(), cookie(a.ID), "C100")
	require.NoError(t, err)
	assert.NotEqual(t, a.ID, s.ID)
	assert.Equal(t, "C100 CHF AT cart-1", s.CustomerID+" "+s.Currency+" "+s.Country+" "+s.CartID)
	v, ok := s.Attribute("a")
	assert.True(t, ok)
	assert.JSONEq(t, "1", string(v))
	assert.Equal(t, s, resolve(t, r, cookie(s.ID)))

	// A late request with the old cookie.
	late := resolve(t, r, cookie(a.ID))
	assert.Empty(t, late.ID)
	assert.Equal(t, "EUR", late.Currency)
	assert.Empty(t, late.CartID)
	_, err = r.Update(t.Context(), cookie(a.ID), sessionctx.Patch{Currency: sessionctx.Set("GBP")})
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)

	// The second click on "log in" finds the same session.
	s2, err := r.Login(t.Context(), cookie(a.ID), "C100")
	require.NoError(t, err)
	assert.Equal(t, s, s2)
	assert.Equal(t, s, resolve(t, r, cookie(s.ID)))

	// Another customer on the same browser takes the choices along, and no cart.
	s3, err := r.Login(t.Context(), cookie(s.ID), "C101")
	require.NoError(t, err)
	assert.Equal(t, "C101 us USD ", s3.CustomerID+" "+s3.Site+" "+s3.Currency+" "+s3.CartID)
	s3 = update(t, r, cookie(s3.ID), sessionctx.Patch{Site: sessionctx.Set("ch")})
	assert.Equal(t, "CHF", s3.Currency, "the site that offers it brings the choice back to life")
	assert.Empty(t, resolve(t, r, cookie(s.ID)).ID)
}

func TestLogin_ConcurrentWriteIsKeptOrRefused(t *testing.T) {
	r := newResolver(t)
	for range 300 {
		a := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		var wg sync.WaitGroup
		var written error
		wg.Go(func() {
			_, written = r.Update(context.Background(), cookie(a.ID), sessionctx.Patch{CartID: sessionctx.Set("late")})
		})
		s, err := r.Login(context.Background(), cookie(a.ID), "C100")
		require.NoError(t, err)
		wg.Wait()
		if written == nil {
			assert.Equal(t, "late", resolve(t, r, cookie(s.ID)).CartID)
		} else {
			assert.ErrorIs(t, written, sessionctx.ErrNotFound)
		}
	}
}

func TestLogin_StartsOverWhereItsNewRecordExpiresBeforeTheOldOneEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := &stepped{}
		here := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Timeout, c.CustomerIdle = backend, 10*time.Second, time.Second })
		there := newResolver(t, func(c *sessionctx.Config) { c.Store, c.CustomerIdle = &backend.Store, time.Second })
		a := update(t, here, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		saves := 0
		backend.beforeSave = func(store.Key) {
			if saves++; saves == 2 { // the tombstone: another write comes first, and it takes its time
				update(t, there, cookie(a.ID), sessionctx.Patch{CartID: sessionctx.Set("late")})
				time.Sleep(2 * time.Second)
			}
		}
		s, err := here.Login(t.Context(), cookie(a.ID), "C100")
		require.NoError(t, err)
		assert.Equal(t, "C100 CHF late", s.CustomerID+" "+s.Currency+" "+s.CartID)
		assert.Equal(t, s, resolve(t, here, cookie(s.ID)))
		assert.Empty(t, resolve(t, here, cookie(a.ID)).ID)
		assert.Equal(t, 5, saves, "new record, tombstone, new record over the first one, new record, tombstone")
	})
}

// forgetful is a Store that loses a Save, and says so before the Save returns.
type forgetful struct {
	store.Store
	sink  store.Sink
	loses bool
}

func (s *forgetful) Watch(sink store.Sink) (stop func()) {
	s.sink = sink
	return behind{}.Watch(sink)
}

func (s *forgetful) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if s.loses {
		s.loses = false
		s.sink.InvalidateAll()
		return rec, nil
	}
	return s.Store.Save(ctx, key, rec, base)
}

func TestLogin_OldSessionDoesNotEndWhileTheNewOneMayBeLost(t *testing.T) {
	backend := &forgetful{Store: &memstore.Store{}}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	old := update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("one")})
	backend.loses = true
	s, err := r.Login(t.Context(), cookie(old.ID), "C100")
	require.NoError(t, err)
	assert.Equal(t, "C100 one", s.CustomerID+" "+s.CartID)
	assert.Equal(t, "one", resolve(t, r, cookie(s.ID)).CartID)
	assert.Empty(t, resolve(t, r, cookie(old.ID)).ID)
}

// An EndAll must not fall unseen between what a login reads of the old session and what it copies
// to the new one.
func TestLogin_CopiesNothingThatAConcurrentEndAllHasEnded(t *testing.T) {
	ctx := t.Context()
	backend := &stepped{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	a, err := r.Login(ctx, cookie(""), "C100")
	require.NoError(t, err)
	update(t, r, cookie(a.ID), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	begun, apply, done := make(chan bool), make(chan bool), make(chan bool)
	backend.beforeSave = func(k store.Key) {
		if k.Kind == store.KindCustomer {
			begun <- true
			<-apply
		}
	}
	go func() {
		assert.NoError(t, r.EndAll(ctx, "demoshop", "C100"))
		done <- true
	}()
	<-begun
	loads := 0
	backend.afterLoad = func(k store.Key) {
		if k.Kind == store.KindCustomer {
			if loads++; loads == 1 { // the login has read the old generation
				apply <- true
				<-done
			}
		}
	}
	s, err := r.Login(ctx, cookie(a.ID), "C100")
	require.NoError(t, err)
	now := resolve(t, r, cookie(s.ID))
	assert.False(t, now.ID == s.ID && now.CartID == "cart", "before the EndAll it is ended, after it there is nothing to copy")
}

func TestLogin_PreferProfileRanksEarlierChoicesBelowTheProfile(t *testing.T) {
	d := &desk{Static: demoshop()}
	config := func(c *sessionctx.Config) { c.PreferProfile, c.Directory = true, d }
	show := func(s sessionctx.Session) string {
		return s.Site + " " + s.Currency + " " + s.Country + " " + s.Language
	}
	r := newResolver(t, config)
	before := update(t, r, by("s1"), sessionctx.Patch{
		Site: sessionctx.Set("ch"), Currency: sessionctx.Set("EUR"), Country: sessionctx.Set("LI"), Language: sessionctx.Set("it"),
	})
	assert.Equal(t, "ch EUR LI it", show(before))
	viewed := resolve(t, r, by("s1", "C101"))
	s, err := r.Login(t.Context(), by("s1"), "C101")
	require.NoError(t, err)
	assert.Equal(t, "us USD US en", show(s))
	assert.Equal(t, "us USD US en", show(viewed))

	s = update(t, r, by("s1", "C101"), sessionctx.Patch{Language: sessionctx.Set("es")})
	assert.Equal(t, "us USD US es", show(s), "a choice from after the login is a choice")

	d.customer.Store(&defaults.Customer{})
	require.NoError(t, r.Refresh(t.Context(), "demoshop", "C101"))
	assert.Equal(t, "ch EUR LI de", show(resolve(t, r, by("s1", "C101"))), "nothing was dropped: an empty profile decides nothing")
}

// Nothing of a session is copied twice: both clicks on "log in" get one session.
func TestLogin_DoubleClickGivesOneSession(t *testing.T) {
	backend := &ledger{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	for range 200 {
		a := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart-1")})
		var got [2]sessionctx.Session
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				s, err := r.Login(context.Background(), cookie(a.ID), "C100")
				assert.NoError(t, err)
				got[i] = s
			})
		}
		wg.Wait()
		require.Equal(t, got[0], got[1])
		s := resolve(t, r, cookie(got[0].ID))
		assert.Equal(t, "C100 CHF cart-1", s.CustomerID+" "+s.Currency+" "+s.CartID)
		assert.Equal(t, []string{got[0].ID}, backend.live(t), "the loser of the two has left no session")
		require.NoError(t, r.End(t.Context(), cookie(got[0].ID)))
	}
}

// A login by secret goes on with the record under another id. A tab that was rendered before the
// login can still write.
func TestLogin_RevisionsGoOnUnderTheNewID(t *testing.T) {
	r := newResolver(t)
	a := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	tab := a.Revision()
	a = update(t, r, cookie(a.ID), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	s, err := r.Login(t.Context(), cookie(a.ID), "C100")
	require.NoError(t, err)
	assert.Equal(t, sessionctx.Revision{Incarnation: tab.Incarnation, Version: a.Version + 1}, s.Revision())
	_, err = r.Update(t.Context(), cookie(s.ID), sessionctx.Patch{Base: &tab, CartID: sessionctx.Set("other")})
	assert.ErrorIs(t, err, sessionctx.ErrConflict, "the cart has changed since")
	s = update(t, r, cookie(s.ID), sessionctx.Patch{Base: &tab, Currency: sessionctx.Set("USD")})
	assert.Equal(t, "USD cart", s.Currency+" "+s.CartID, "the currency has not")
}

// A dead id finds the session that goes on, its heir, for the customer of that session alone.
func TestLogin_DeadID(t *testing.T) {
	login := func(t *testing.T, r *sessionctx.Resolver, id, customerID string) sessionctx.Session {
		t.Helper()
		s, err := r.Login(t.Context(), cookie(id), customerID)
		require.NoError(t, err)
		return s
	}
	for _, tc := range []struct {
		desc string
		// do has the id of an anonymous session with a cart. It returns the session that must go
		// on, and the one that the last login returned.
		do   func(t *testing.T, r *sessionctx.Resolver, id string) (heir, got sessionctx.Session)
		same bool
	}{
		{"the answer of a login was lost: the same session", func(t *testing.T, r *sessionctx.Resolver, id string) (heir, got sessionctx.Session) {
			return login(t, r, id, "C100"), login(t, r, id, "C100")
		}, true},
		{"two hops: the same session", func(t *testing.T, r *sessionctx.Resolver, id string) (heir, got sessionctx.Session) {
			heir = login(t, r, login(t, r, id, "C100").ID, "C100")
			return heir, login(t, r, id, "C100")
		}, true},
		{"three hops: nothing", func(t *testing.T, r *sessionctx.Resolver, id string) (heir, got sessionctx.Session) {
			heir = login(t, r, login(t, r, login(t, r, id, "C100").ID, "C100").ID, "C100")
			return heir, login(t, r, id, "C100")
		}, false},
		{"another customer: nothing", func(t *testing.T, r *sessionctx.Resolver, id string) (heir, got sessionctx.Session) {
			return login(t, r, id, "C100"), login(t, r, id, "C101")
		}, false},
		{"a second hop of another customer: nothing", func(t *testing.T, r *sessionctx.Resolver, id string) (heir, got sessionctx.Session) {
			heir = login(t, r, login(t, r, id, "C100").ID, "C101")
			return heir, login(t, r, id, "C100")
		}, false},
		{"the heir has ended: nothing", func(t *testing.T, r *sessionctx.Resolver, id string) (heir, got sessionctx.Session) {
			heir = login(t, r, id, "C100")
			require.NoError(t, r.End(t.Context(), cookie(heir.ID)))
			return heir, login(t, r, id, "C100")
		}, false},
		{"the heir is of an old generation: nothing", func(t *testing.T, r *sessionctx.Resolver, id string) (heir, got sessionctx.Session) {
			heir = login(t, r, id, "C100")
			require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
			return heir, login(t, r, id, "C100")
		}, false},
		{"the heir is of an old generation, and the host logs in: nothing", func(t *testing.T, r *sessionctx.Resolver, id string) (heir, got sessionctx.Session) {
			heir = login(t, r, id, "C100")
			require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
			got, err := r.Login(t.Context(), byLogin("", id, ""), "C100")
			require.NoError(t, err)
			return heir, resolve(t, r, cookie(got.ID))
		}, false},
		{"the tombstone has expired: nothing", func(t *testing.T, r *sessionctx.Resolver, id string) (heir, got sessionctx.Session) {
			heir = login(t, r, id, "C100")
			time.Sleep(time.Hour)
			return heir, login(t, r, id, "C100")
		}, false},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend := &ledger{}
				r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
				a := update(t, r, cookie(""), sessionctx.Patch{
					Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart"), Attributes: attributes("a", "1"),
				})
				heir, got := tc.do(t, r, a.ID)
				if tc.same {
					assert.Equal(t, heir, got)
					assert.Equal(t, "C100 CHF cart", got.CustomerID+" "+got.Currency+" "+got.CartID)
					assert.Equal(t, []string{heir.ID}, backend.live(t))
					return
				}
				assert.NotEmpty(t, got.ID)
				assert.NotEqual(t, heir.ID, got.ID)
				assert.NotEqual(t, heir.Revision().Incarnation, got.Revision().Incarnation)
				_, has := got.Attribute("a")
				assert.False(t, has)
				assert.Empty(t, got.CartID)
				for f := range defaults.NumFields {
					assert.NotEqual(t, defaults.SourceChoice, got.Source(defaults.Field(f)))
				}
				assert.Equal(t, got, resolve(t, r, cookie(got.ID)), "and it works")
			})
		})
	}
}

// Whoever reads the store learns neither id from a tombstone.
func TestLogin_TombstoneSealsTheHeir(t *testing.T) {
	backend := &ledger{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	a := update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("carts-secret"), Attributes: attributes("a", `"of-anna"`)})
	s, err := r.Login(t.Context(), cookie(a.ID), "C100")
	require.NoError(t, err)
	rec := backend.records(t)[store.Key{Tenant: "demoshop", ID: a.ID}]
	assert.True(t, rec.Ended)
	assert.NotEmpty(t, rec.Heir)
	assertNoneOf(t, rec, s.ID, a.ID, "C100", "carts-secret", "of-anna")
}

// The record of the login is saved first. A tombstone that cannot be saved takes nothing from it.
func TestLogin_SucceedsWithoutItsTombstone(t *testing.T) {
	backend := &shaky{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	a := update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	saves := 0
	backend.beforeSave = func() error {
		if saves++; saves > 1 {
			return sessionctx.ErrUnavailable
		}
		return nil
	}
	s, err := r.Login(t.Context(), cookie(a.ID), "C100")
	require.NoError(t, err)
	assert.Equal(t, 2, saves)
	backend.beforeSave = nil
	assert.Equal(t, s, resolve(t, r, cookie(s.ID)))
	assert.Equal(t, "C100 cart", s.CustomerID+" "+s.CartID)
}

func TestLogin_WithoutADefaultSiteTheSessionsOwnSiteServes(t *testing.T) {
	given := demoshop()["demoshop"]
	given.Sites[0].Default = false
	r := newResolver(t, func(c *sessionctx.Config) {
		c.Directory = struct{ sessionctx.Directory }{sessionctx.Static{"demoshop": given}}
	})
	onSite := func(req sessionctx.Request) sessionctx.Request { req.Site = "ch"; return req }
	choice := sessionctx.Patch{Site: sessionctx.Set("ch")}
	update(t, r, onSite(by("s1")), choice)
	secret := update(t, r, onSite(cookie("")), choice)
	guest := update(t, r, onSite(cookie("")), choice)
	for _, req := range []sessionctx.Request{by("s1"), cookie(secret.ID), byLogin("", guest.ID, "")} {
		s, err := r.Login(t.Context(), req, "C999")
		require.NoError(t, err)
		assert.Equal(t, "ch C999", s.Site+" "+s.CustomerID)
	}
	without := update(t, r, onSite(cookie("")), sessionctx.Patch{Language: sessionctx.Set("fr")})
	_, err := r.Login(t.Context(), onSite(cookie(without.ID)), "C999")
	require.NoError(t, err)
	for _, req := range []sessionctx.Request{by("s2"), cookie(""), cookie(without.ID)} {
		_, err := r.Login(t.Context(), req, "C999")
		assert.ErrorIs(t, err, sessionctx.ErrUnavailable, "nothing names a site")
	}
}

func TestLogin_LeavesATombstoneOfASessionThatEndAllHasEnded(t *testing.T) {
	backend := &sessiontest.Store{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	for _, tc := range []struct {
		desc string
		req  func(t *testing.T) sessionctx.Request
	}{
		{"by secret", func(t *testing.T) sessionctx.Request {
			s, err := r.Login(t.Context(), cookie(""), "C100")
			require.NoError(t, err)
			return cookie(s.ID)
		}},
		{"asserted", func(t *testing.T) sessionctx.Request {
			_, err := r.Login(t.Context(), by("s1"), "C100")
			require.NoError(t, err)
			return by("s1")
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			req := tc.req(t)
			require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
			_, err := r.Login(t.Context(), req, "C100")
			if req.Proof == sessionctx.Asserted {
				assert.EqualError(t, err, sessionctx.ErrNotFound.Error(), "of this login nothing was written")
			} else {
				require.NoError(t, err)
			}
			rec, err := backend.Load(t.Context(), store.Key{Tenant: "demoshop", ID: req.SessionID})
			require.NoError(t, err)
			assert.True(t, rec.Ended)
			assert.Empty(t, rec.CustomerID, "a write that meets it removes its data")
		})
	}
}

func TestLogin_TakesNothingOverOfASessionThatIsNotTheCallers(t *testing.T) {
	for _, tc := range []struct {
		desc string
		end  func(t *testing.T, r *sessionctx.Resolver, id string) // of C101's session
		req  func(id string) sessionctx.Request
	}{
		{"another customer's, says the host", nil, func(id string) sessionctx.Request { return byLogin("", id, "") }},
		{"another customer's that EndAll has ended", func(t *testing.T, r *sessionctx.Resolver, _ string) {
			require.NoError(t, r.EndAll(t.Context(), "demoshop", "C101"))
		}, cookie},
		{"one that has ended", func(t *testing.T, r *sessionctx.Resolver, id string) {
			require.NoError(t, r.End(t.Context(), cookie(id)))
		}, cookie},
		{"one of a token", nil, func(string) sessionctx.Request { return cookie("token") }},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			var before, after sessionctx.Session
			r := newResolver(t, func(c *sessionctx.Config) {
				c.OnChange = func(_ context.Context, old, changed sessionctx.Session) { before, after = old, changed }
			})
			other, err := r.Login(t.Context(), cookie(""), "C101")
			require.NoError(t, err)
			_, err = r.Login(t.Context(), by("token"), "C101")
			require.NoError(t, err)
			p := sessionctx.Patch{Site: sessionctx.Set("ch"), Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart")}
			update(t, r, cookie(other.ID), p)
			update(t, r, by("token", "C101"), p)
			if tc.end != nil {
				tc.end(t, r, other.ID)
			}
			s, err := r.Login(t.Context(), tc.req(other.ID), "C100")
			require.NoError(t, err)
			assert.Equal(t, "  0", before.ID+" "+before.CustomerID+" "+fmt.Sprint(before.Version), "the session begins")
			assert.Equal(t, s, after)
			none, err := r.Login(t.Context(), cookie(""), "C100")
			require.NoError(t, err)
			show := func(s sessionctx.Session) string {
				return s.CustomerID + " " + s.Site + " " + s.Currency + " " + s.CartID
			}
			assert.Equal(t, show(none), show(s))
		})
	}
}

func TestLogin_RefusesWhoCannotLogIn(t *testing.T) {
	r := newResolver(t)
	update(t, r, by("s1"), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	operator := by("s1")
	operator.Proof = sessionctx.Management
	for _, tc := range []struct {
		desc, customerID string
		req              sessionctx.Request
		says             string
	}{
		{"as nobody", "", by("s1"), "the customer id has 0 bytes: it must have 1 to 256"},
		{"as a customer with a long id", strings.Repeat("x", 257), by("s1"), "the customer id has 257 bytes: it must have 1 to 256"},
		{"an operator", "C100", operator, "an operator cannot log in as a customer"},
		{"a token without a session", "C100", by(""), "the identity names no session"},
		{"nobody", "C100", sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop"}}, "the identity names no session"},
		{"a token of another customer", "C100", by("s1", "C101"), "the identity is another customer's"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			_, err := r.Login(t.Context(), tc.req, tc.customerID)
			require.ErrorIs(t, err, sessionctx.ErrNotFound)
			assert.EqualError(t, err, "sessionctx: session not found: "+tc.says)
			assert.Equal(t, "cart", resolve(t, r, by("s1")).CartID, "it is a guest's as before")
		})
	}
}
