package sessionctx_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func resolve(t testing.TB, r *sessionctx.Resolver, req sessionctx.Request) sessionctx.Session {
	t.Helper()
	s, err := r.Resolve(t.Context(), req)
	require.NoError(t, err)
	return s
}

func update(t testing.TB, r *sessionctx.Resolver, req sessionctx.Request, p sessionctx.Patch) sessionctx.Session {
	t.Helper()
	s, err := r.Update(t.Context(), req, p)
	require.NoError(t, err)
	return s
}

func attributes(pairs ...string) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return m
}

func TestAnAssertedSessionExistsBeforeItsRecord(t *testing.T) {
	r := newResolver(t)
	s := resolve(t, r, by("s1"))
	assert.Equal(t, "s1", s.ID)
	assert.Zero(t, s.Version)
	assert.True(t, s.CreatedAt.IsZero())
	assert.Equal(t, "main EUR DE de", s.Site+" "+s.Currency+" "+s.Country+" "+s.Language)

	s = update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("chf")})
	assert.Equal(t, int64(1), s.Version)
	assert.Equal(t, "CHF", s.Currency, "canonical")
	assert.Equal(t, defaults.SourceChoice, s.Source(defaults.FieldCurrency))
	assert.Equal(t, s, resolve(t, r, by("s1")))

	s = update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Clear()})
	assert.Equal(t, "EUR", s.Currency)
	assert.Equal(t, int64(2), s.Version)
}

func TestACustomersDefaultsComeFromTheProfile(t *testing.T) {
	r := newResolver(t)
	s := resolve(t, r, by("s1", "C100"))
	assert.Equal(t, "main GBP AT en", s.Site+" "+s.Currency+" "+s.Country+" "+s.Language)
	s = resolve(t, r, by("", "C101"))
	assert.Empty(t, s.ID)
	assert.Equal(t, "us USD US en", s.Site+" "+s.Currency+" "+s.Country+" "+s.Language)
	s = resolve(t, r, by("s2", "nobody-knows"))
	assert.Equal(t, "main EUR DE de", s.Site+" "+s.Currency+" "+s.Country+" "+s.Language)
}

func TestAReadBySecretMakesNoSession(t *testing.T) {
	store := &memstore.Store{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = store })
	for _, id := range []string{"", "invented", "62528895-b561-4518-bfdc-2cbf52a07845"} {
		s := resolve(t, r, cookie(id))
		assert.Empty(t, s.ID)
		assert.Equal(t, "EUR", s.Currency)
	}
	assert.Zero(t, store.Stats().Records)
}

func TestAWriteUnderAnUnknownSecretMintsANewID(t *testing.T) {
	r := newResolver(t)
	a := update(t, r, cookie("planted-by-somebody"), sessionctx.Patch{Currency: sessionctx.Set("GBP")})
	assert.Len(t, a.ID, 43)
	assert.NotEqual(t, "planted-by-somebody", a.ID)
	assert.Empty(t, resolve(t, r, cookie("planted-by-somebody")).ID)
	assert.Equal(t, a, resolve(t, r, cookie(a.ID)))

	// The id of an asserted session is no secret: it travels in tokens and answers.
	update(t, r, by("asserted"), sessionctx.Patch{Currency: sessionctx.Set("USD"), CartID: sessionctx.Set("cart")})
	s := resolve(t, r, cookie("asserted"))
	assert.Empty(t, s.ID)
	assert.Equal(t, "EUR", s.Currency)
	s = update(t, r, cookie("asserted"), sessionctx.Patch{Country: sessionctx.Set("AT")})
	assert.NotEqual(t, "asserted", s.ID)
	assert.Empty(t, s.CartID)

	_, err := r.Login(t.Context(), by("asserted"), "C100")
	require.NoError(t, err)
	for range 3 { // whoever asked before, from the cache or not
		s = resolve(t, r, cookie("asserted"))
		assert.Empty(t, s.ID+s.CustomerID+s.CartID)
		assert.Equal(t, "C100 cart", resolve(t, r, by("asserted", "C100")).CustomerID+" "+resolve(t, r, by("asserted", "C100")).CartID)
		for _, other := range []sessionctx.Request{by("asserted"), by("asserted", "C101")} {
			_, err = r.Resolve(t.Context(), other)
			assert.ErrorIs(t, err, sessionctx.ErrNotFound)
		}
	}

	// Nor is a secret anything to a token.
	_, err = r.Resolve(t.Context(), by(a.ID))
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	_, err = r.Update(t.Context(), by(a.ID), sessionctx.Patch{Country: sessionctx.Set("AT")})
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
}

func TestARecordBelongsToItsCustomer(t *testing.T) {
	r := newResolver(t)
	update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD"), CartID: sessionctx.Set("cart-1"), Attributes: attributes("a", "1")})

	viewed := resolve(t, r, by("s1", "C100"))
	assert.Equal(t, "C100", viewed.CustomerID, "viewed as after the login")
	assert.Equal(t, "USD AT", viewed.Currency+" "+viewed.Country)
	assert.Equal(t, "USD", resolve(t, r, by("s1")).Currency, "and still the anonymous one's until then")

	s, err := r.Login(t.Context(), by("s1"), "C100")
	require.NoError(t, err)
	assert.Equal(t, "s1", s.ID)
	assert.Equal(t, int64(2), s.Version)
	assert.Equal(t, "cart-1", s.CartID)
	assert.Equal(t, s, resolve(t, r, by("s1", "C100")))

	for _, req := range []sessionctx.Request{by("s1"), by("s1", "C101")} {
		_, err := r.Resolve(t.Context(), req)
		assert.ErrorIs(t, err, sessionctx.ErrNotFound)
		_, err = r.Update(t.Context(), req, sessionctx.Patch{Currency: sessionctx.Set("GBP")})
		assert.ErrorIs(t, err, sessionctx.ErrNotFound)
		assert.ErrorIs(t, r.End(t.Context(), req), sessionctx.ErrNotFound)
		_, err = r.Preview(t.Context(), req, sessionctx.Patch{})
		assert.ErrorIs(t, err, sessionctx.ErrNotFound)
		_, err = r.Login(t.Context(), req, "C101")
		assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	}
	assert.Equal(t, s, resolve(t, r, by("s1", "C100")), "nothing was harmed")
}

func TestTheNextUpdateMakesTheLoginSo(t *testing.T) {
	r := newResolver(t)
	update(t, r, by("s1"), sessionctx.Patch{Country: sessionctx.Set("FR")})
	s := update(t, r, by("s1", "C100"), sessionctx.Patch{Attributes: attributes("x", "true")})
	assert.Equal(t, "C100 FR", s.CustomerID+" "+s.Country)
	_, err := r.Resolve(t.Context(), by("s1"))
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
}

func TestPreferProfileDropsWhatTheProfileHas(t *testing.T) {
	r := newResolver(t, func(c *sessionctx.Config) { c.PreferProfile = true })
	before := update(t, r, by("s1"), sessionctx.Patch{
		Site: sessionctx.Set("ch"), Currency: sessionctx.Set("EUR"), Country: sessionctx.Set("LI"), Language: sessionctx.Set("it"),
	})
	assert.Equal(t, "ch EUR LI it", before.Site+" "+before.Currency+" "+before.Country+" "+before.Language)
	viewed := resolve(t, r, by("s1", "C101"))
	s, err := r.Login(t.Context(), by("s1"), "C101")
	require.NoError(t, err)
	assert.Equal(t, "us USD US en", s.Site+" "+s.Currency+" "+s.Country+" "+s.Language)
	assert.Equal(t, "us USD US en", viewed.Site+" "+viewed.Currency+" "+viewed.Country+" "+viewed.Language)
}

func TestLoginBySecretRotatesTheID(t *testing.T) {
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

	// The second click on "log in": a session that works too, with the same in it.
	s2, err := r.Login(t.Context(), cookie(a.ID), "C100")
	require.NoError(t, err)
	assert.NotEqual(t, s.ID, s2.ID)
	assert.Equal(t, "C100 CHF AT cart-1", s2.CustomerID+" "+s2.Currency+" "+s2.Country+" "+s2.CartID)
	assert.Equal(t, s, resolve(t, r, cookie(s.ID)))

	// Another customer on the same browser takes the choices along, and no cart.
	s3, err := r.Login(t.Context(), cookie(s.ID), "C101")
	require.NoError(t, err)
	assert.Equal(t, "C101 us USD ", s3.CustomerID+" "+s3.Site+" "+s3.Currency+" "+s3.CartID)
	s3 = update(t, r, cookie(s3.ID), sessionctx.Patch{Site: sessionctx.Set("ch")})
	assert.Equal(t, "CHF", s3.Currency, "the site that offers it brings the choice back to life")
	assert.Empty(t, resolve(t, r, cookie(s.ID)).ID)
}

func TestADoubleClickedLoginGivesTwoSessionsThatWork(t *testing.T) {
	r := newResolver(t)
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
		assert.NotEqual(t, got[0].ID, got[1].ID)
		for _, s := range got {
			s = resolve(t, r, cookie(s.ID))
			assert.Equal(t, "C100 CHF cart-1", s.CustomerID+" "+s.Currency+" "+s.CartID)
		}
	}
}

func TestAWriteThatMeetsALoginIsKeptOrRefused(t *testing.T) {
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

func TestUpdateNeverRevivesAnEndedSession(t *testing.T) {
	for _, tc := range []struct {
		desc string
		id   func(r *sessionctx.Resolver) sessionctx.Request
	}{
		{"asserted, with a record", func(r *sessionctx.Resolver) sessionctx.Request {
			update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			return by("s1")
		}},
		{"asserted, without a record", func(*sessionctx.Resolver) sessionctx.Request { return by("s2") }},
		{"a customer's", func(r *sessionctx.Resolver) sessionctx.Request {
			_, err := r.Login(t.Context(), by("s3"), "C100")
			require.NoError(t, err)
			return by("s3", "C100")
		}},
		{"by secret", func(r *sessionctx.Resolver) sessionctx.Request {
			return cookie(update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")}).ID)
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			r := newResolver(t)
			req := tc.id(r)
			require.NoError(t, r.End(t.Context(), req))
			require.NoError(t, r.End(t.Context(), req), "ending twice is no error")
			_, err := r.Update(t.Context(), req, sessionctx.Patch{Currency: sessionctx.Set("GBP")})
			assert.ErrorIs(t, err, sessionctx.ErrNotFound)
			_, err = r.Update(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{
				Tenant: "demoshop", SessionID: req.SessionID, Proof: sessionctx.Management,
			}}, sessionctx.Patch{Currency: sessionctx.Set("GBP"), Upsert: true})
			assert.ErrorIs(t, err, sessionctx.ErrNotFound, "upsert on a tombstone")
			if req.Proof == sessionctx.BySecret {
				assert.Empty(t, resolve(t, r, req).ID)
			} else {
				_, err = r.Resolve(t.Context(), req)
				assert.ErrorIs(t, err, sessionctx.ErrNotFound)
				_, err = r.Login(t.Context(), req, "C100")
				assert.ErrorIs(t, err, sessionctx.ErrNotFound)
			}
		})
	}
}

func TestWritesInFlightDuringALogoutReviveNothing(t *testing.T) {
	r := newResolver(t)
	for range 100 {
		id := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")}).ID
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for {
					s, err := r.Update(context.Background(), cookie(id), sessionctx.Patch{CartID: sessionctx.Set("x")})
					if err != nil {
						assert.ErrorIs(t, err, sessionctx.ErrNotFound)
						return
					}
					assert.Equal(t, id, s.ID)
				}
			})
		}
		s, err := r.Logout(t.Context(), cookie(id))
		require.NoError(t, err)
		wg.Wait()
		assert.Empty(t, s.CartID)
		assert.NotEqual(t, id, s.ID)
		assert.Empty(t, resolve(t, r, cookie(id)).ID)
	}
}

func TestLogoutKeepsTheFourChoicesAndNothingElse(t *testing.T) {
	r := newResolver(t)
	a := update(t, r, cookie(""), sessionctx.Patch{Site: sessionctx.Set("ch"), Country: sessionctx.Set("LI"), Language: sessionctx.Set("it")})
	s, err := r.Login(t.Context(), cookie(a.ID), "C101")
	require.NoError(t, err)
	update(t, r, cookie(s.ID), sessionctx.Patch{CartID: sessionctx.Set("cart"), Attributes: attributes("secret", `"x"`)})
	after, err := r.Logout(t.Context(), cookie(s.ID))
	require.NoError(t, err)
	assert.Equal(t, "ch CHF LI it", after.Site+" "+after.Currency+" "+after.Country+" "+after.Language)
	assert.Empty(t, after.CustomerID+after.CartID)
	_, ok := after.Attribute("secret")
	assert.False(t, ok)
	assert.Len(t, after.ID, 43)
	assert.Equal(t, after, resolve(t, r, cookie(after.ID)))

	// Nothing to keep: no successor.
	b, err := r.Login(t.Context(), cookie(""), "C100")
	require.NoError(t, err)
	after, err = r.Logout(t.Context(), cookie(b.ID))
	require.NoError(t, err)
	assert.Empty(t, after.ID)
	assert.Equal(t, "EUR", after.Currency)
}

func TestEndAllEndsEverySessionOfTheCustomerAndNoOther(t *testing.T) {
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

func TestManagementAddressesAnySessionThatHasARecord(t *testing.T) {
	r := newResolver(t)
	op := func(id string) sessionctx.Request {
		return sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: id, Proof: sessionctx.Management}}
	}
	for _, id := range []string{"s1", ""} {
		_, err := r.Resolve(t.Context(), op(id))
		assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	}
	_, err := r.Update(t.Context(), op("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	s := update(t, r, op("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF"), Upsert: true})
	assert.Equal(t, "CHF", s.Currency)
	assert.Equal(t, s.ETag(), resolve(t, r, by("s1")).ETag())
	_, err = r.Login(t.Context(), by("s1"), "C100")
	require.NoError(t, err)
	assert.Equal(t, "C100", resolve(t, r, op("s1")).CustomerID)
}

func TestSessionsExpireWhenIdleAndLiveWhileUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memstore.Store{}
		r, err := sessionctx.New(sessionctx.Config{Store: store, Directory: demoshop(), CacheBytes: 4 << 20})
		require.NoError(t, err)
		defer r.Close()
		s, err := r.Update(t.Context(), cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		require.NoError(t, err)
		version, etag := s.Version, s.ETag()
		for range 40 { // ten hours of a page every quarter of an hour
			time.Sleep(15 * time.Minute)
			s, err = r.Resolve(t.Context(), cookie(s.ID))
			require.NoError(t, err)
			require.NotEmpty(t, s.ID)
			synctest.Wait()
		}
		assert.Equal(t, version, s.Version, "a touch is no new version")
		assert.Equal(t, etag, s.ETag())
		touches := r.Stats().Touches
		assert.LessOrEqual(t, touches, int64(40))
		assert.GreaterOrEqual(t, touches, int64(8))
		for range 100 {
			_, err = r.Resolve(t.Context(), cookie(s.ID))
			require.NoError(t, err)
		}
		synctest.Wait()
		assert.LessOrEqual(t, r.Stats().Touches, touches+1)
		id := s.ID
		time.Sleep(76 * time.Minute)
		s, err = r.Resolve(t.Context(), cookie(id))
		require.NoError(t, err)
		assert.Empty(t, s.ID)
	})
}

func TestMaxAgeEndsASessionInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: demoshop(), CacheBytes: 4 << 20, MaxAge: 3 * time.Hour})
		require.NoError(t, err)
		defer r.Close()
		s, err := r.Update(t.Context(), cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
		require.NoError(t, err)
		used := 0
		for ; used < 100; used++ {
			time.Sleep(10 * time.Minute)
			now, err := r.Update(t.Context(), cookie(s.ID), sessionctx.Patch{CartID: sessionctx.Set("x")})
			require.NoError(t, err)
			synctest.Wait()
			if now.ID != s.ID {
				break
			}
		}
		assert.Equal(t, 17, used)
	})
}
