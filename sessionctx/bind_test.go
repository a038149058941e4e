package sessionctx_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// byLogin returns a request whose customer the host's own login says, with the ids of two cookies.
func byLogin(customerID, sessionID, guestID string) sessionctx.Request {
	return sessionctx.Request{GuestID: guestID, Identity: sessionctx.Identity{
		Tenant: "demoshop", SessionID: sessionID, CustomerID: customerID, Proof: sessionctx.BySecret, HostLogin: true,
	}}
}

func bind(t *testing.T, r *sessionctx.Resolver, req sessionctx.Request) (sessionctx.Session, bool) {
	t.Helper()
	s, bound, err := r.Bind(t.Context(), req)
	require.NoError(t, err)
	return s, bound
}

func TestBind_AnonymousSessionBecomesTheCustomersUnderANewID(t *testing.T) {
	r := newResolver(t)
	g := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart-1"), Attributes: attributes("a", "1")})
	viewed := resolve(t, r, byLogin("C100", g.ID, ""))
	assert.Equal(t, "C100 CHF  AT", viewed.CustomerID+" "+viewed.Currency+" "+viewed.CartID+" "+viewed.Country, "choices and profile, no cart")
	assert.True(t, viewed.Degraded)
	_, ok := viewed.Attribute("a")
	assert.False(t, ok)
	_, err := r.Update(t.Context(), byLogin("C100", g.ID, ""), sessionctx.Patch{CartID: sessionctx.Set("x")})
	require.ErrorIs(t, err, sessionctx.ErrNotFound, "a planted id takes nothing of the customer's")

	s, bound := bind(t, r, byLogin("C100", "", g.ID))
	assert.True(t, bound)
	assert.NotEqual(t, g.ID, s.ID)
	assert.Equal(t, "C100 CHF cart-1", s.CustomerID+" "+s.Currency+" "+s.CartID)
	assert.Equal(t, s, resolve(t, r, byLogin("C100", s.ID, "")))
	assert.Empty(t, resolve(t, r, cookie(g.ID)).ID, "the old id is dead")

	again, bound := bind(t, r, byLogin("C100", "", g.ID))
	assert.True(t, bound)
	assert.Equal(t, s.ID, again.ID, "a parallel request finds the same session")
	other, bound := bind(t, r, byLogin("C101", "", g.ID))
	assert.False(t, bound)
	assert.Equal(t, "C101 ", other.CustomerID+" "+other.CartID, "another customer finds nothing")
	assert.Empty(t, other.ID)

	planted := update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("cart-2")})
	s, bound = bind(t, r, byLogin("C100", planted.ID, ""))
	assert.False(t, bound, "GuestID named nothing")
	assert.NotEqual(t, planted.ID, s.ID, "an anonymous id in the customer's place is replaced, too")
}

func TestSnapshot_WorkerAsksAsTheCustomerOfTheHostsLogin(t *testing.T) {
	r := newResolver(t)
	unbound := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart-1")})
	anonymous := update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("cart-2")})
	own := update(t, r, byLogin("C100", "", ""), sessionctx.Patch{CartID: sessionctx.Set("cart-3")})
	for _, tc := range []struct {
		desc string
		req  sessionctx.Request
	}{
		{"a customer without a session", byLogin("C100", "", "")},
		{"a customer's own session", byLogin("C100", own.ID, "")},
		{"an anonymous session that is not the customer's yet", byLogin("C100", unbound.ID, "")},
		{"nobody is logged in", byLogin("", anonymous.ID, "")},
		{"another customer's session", byLogin("C101", own.ID, "")},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := resolve(t, r, tc.req)
			require.Equal(t, tc.req.CustomerID, s.CustomerID)
			assert.Equal(t, s, resolve(t, r, queued(t, s).Request()))
		})
	}
}

func TestPreview_ShowsACustomerNoMoreOfAGuestsSessionThanResolve(t *testing.T) {
	r := newResolver(t)
	g := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF"), CartID: sessionctx.Set("cart-1"), Attributes: attributes("a", "1")})
	req := byLogin("C100", g.ID, "")
	var required sessionctx.Session
	x, err := r.Preview(t.Context(), req, sessionctx.Patch{Require: func(s sessionctx.Session) error { required = s; return nil }})
	require.NoError(t, err)
	assert.Equal(t, resolve(t, r, req), x.Session, "Degraded, without cart, attributes and version")
	assert.Equal(t, x.Session, required)
	for _, p := range []sessionctx.Patch{{CartID: sessionctx.Set("x")}, {Currency: sessionctx.Set("EUR")}, {Upsert: true}} {
		_, err = r.Preview(t.Context(), req, p)
		assert.ErrorIs(t, err, sessionctx.ErrNotFound, "as Update")
	}
}

func TestBind_SaysAgainThatTheGuestsSessionIsBound(t *testing.T) {
	r := newResolver(t)
	own := update(t, r, byLogin("C100", "", ""), sessionctx.Patch{CartID: sessionctx.Set("customers")})
	g := update(t, r, cookie(""), sessionctx.Patch{Language: sessionctx.Set("fr")})
	for range 2 { // the first answer may have been lost
		s, bound := bind(t, r, byLogin("C100", own.ID, g.ID))
		assert.Equal(t, own.ID, s.ID)
		assert.True(t, bound)
	}
	g = update(t, r, cookie(""), sessionctx.Patch{Language: sessionctx.Set("fr")})
	for range 2 { // one id in both cookies
		_, bound := bind(t, r, byLogin("C100", g.ID, g.ID))
		assert.True(t, bound)
	}
	others := update(t, r, byLogin("C101", "", ""), sessionctx.Patch{CartID: sessionctx.Set("another's")})
	_, bound := bind(t, r, byLogin("C101", others.ID, g.ID))
	assert.False(t, bound, "it has become another customer's")
}

func TestOnChange_OldHasTheIDThatALoginReplaces(t *testing.T) {
	var before, after sessionctx.Session
	r := newResolver(t, func(c *sessionctx.Config) {
		c.OnChange = func(_ context.Context, old, changed sessionctx.Session) { before, after = old, changed }
	})
	guest := func() sessionctx.Session {
		return update(t, r, cookie(""), sessionctx.Patch{Language: sessionctx.Set("fr")})
	}
	for _, tc := range []struct {
		desc string
		make func(guest, own sessionctx.Session) (sessionctx.Session, error)
	}{
		{"Login", func(guest, _ sessionctx.Session) (sessionctx.Session, error) {
			return r.Login(t.Context(), cookie(guest.ID), "C100")
		}},
		{"Login by the host, of a guest", func(guest, _ sessionctx.Session) (sessionctx.Session, error) {
			return r.Login(t.Context(), byLogin("", guest.ID, ""), "C100")
		}},
		{"Bind", func(guest, _ sessionctx.Session) (s sessionctx.Session, err error) {
			s, _, err = r.Bind(t.Context(), byLogin("C100", "", guest.ID))
			return s, err
		}},
		{"Bind to the customer's session", func(guest, own sessionctx.Session) (s sessionctx.Session, err error) {
			s, _, err = r.Bind(t.Context(), byLogin("C100", own.ID, guest.ID))
			return s, err
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			own := update(t, r, byLogin("C100", "", ""), sessionctx.Patch{CartID: sessionctx.Set("customers")})
			g := guest()
			s, err := tc.make(g, own)
			require.NoError(t, err)
			assert.Equal(t, g.ID, before.ID)
			assert.Equal(t, s.ID, after.ID)
			assert.Equal(t, g.ETag(), before.ETag())
		})
	}
}

func TestResolve_HostLoginDecidesWhoseSessionItIs(t *testing.T) {
	r := newResolver(t)
	s, err := r.Login(t.Context(), byLogin("", "", ""), "C100")
	require.NoError(t, err)
	update(t, r, byLogin("C100", s.ID, ""), sessionctx.Patch{CartID: sessionctx.Set("cart-1"), Currency: sessionctx.Set("EUR")})
	cases := []struct {
		desc string
		req  sessionctx.Request
		want string
	}{
		{"the customer", byLogin("C100", s.ID, ""), "C100 EUR cart-1"},
		{"nobody: the host's login has expired", byLogin("", s.ID, ""), " EUR "},
		{"another customer", byLogin("C101", s.ID, ""), "C101 USD "},
		{"the customer without a cookie", byLogin("C100", "", ""), "C100 GBP "},
		{"the customer with an invented cookie", byLogin("C100", "invented", ""), "C100 GBP "},
		{"the same id where no host says who it is", cookie(s.ID), "C100 EUR cart-1"},
	}
	for range 2 { // cold and warm
		for _, tc := range cases {
			t.Run(tc.desc, func(t *testing.T) {
				got := resolve(t, r, tc.req)
				assert.Equal(t, tc.want, got.CustomerID+" "+got.Currency+" "+got.CartID)
			})
		}
	}
	require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
	got := resolve(t, r, byLogin("C100", s.ID, ""))
	assert.Equal(t, "C100 GBP ", got.CustomerID+" "+got.Currency+" "+got.CartID, "ended, and the customer is still known to the host")
	assert.Empty(t, got.ID)
}

func TestUpdate_HostLoginBeginsASessionOfTheCustomer(t *testing.T) {
	r := newResolver(t)
	other := update(t, r, byLogin("C101", "", ""), sessionctx.Patch{CartID: sessionctx.Set("cart-101")})
	for _, tc := range []struct{ desc, id string }{
		{"no cookie", ""}, {"an invented cookie", "invented"}, {"the cookie of another customer", other.ID},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			s := update(t, r, byLogin("C100", tc.id, ""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			assert.NotEqual(t, tc.id, s.ID)
			assert.Equal(t, "C100 CHF ", s.CustomerID+" "+s.Currency+" "+s.CartID)
			require.NoError(t, r.EndAll(t.Context(), "demoshop", "C100"))
			assert.Empty(t, resolve(t, r, cookie(s.ID)).ID, "EndAll ends it")
		})
	}
	assert.Equal(t, "cart-101", resolve(t, r, byLogin("C101", other.ID, "")).CartID)
	s := update(t, r, byLogin("", other.ID, ""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	assert.Equal(t, "", s.CustomerID, "a guest with a customer's cookie begins a guest's session")
	assert.NotEqual(t, other.ID, s.ID)

	require.NoError(t, r.Erase(t.Context(), "demoshop", "C100"))
	_, err := r.Update(t.Context(), byLogin("C100", "", ""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	assert.ErrorIs(t, err, sessionctx.ErrNotFound, "nothing of an erased customer is begun again")
	g := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	bound, is := bind(t, r, byLogin("C100", "", g.ID))
	assert.False(t, is)
	assert.Empty(t, bound.ID)
}

func TestBind_CustomersCartStaysAndTheHostSeesBoth(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	r := newResolver(t, func(c *sessionctx.Config) {
		c.OnChange = func(_ context.Context, before, after sessionctx.Session) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, before.CustomerID+":"+before.CartID+" "+after.CustomerID+":"+after.CartID)
		}
	})
	own := update(t, r, byLogin("C100", "", ""), sessionctx.Patch{CartID: sessionctx.Set("customers"), Attributes: attributes("a", `"customers"`)})
	g := update(t, r, byLogin("", "", ""), sessionctx.Patch{
		CartID: sessionctx.Set("guests"), Language: sessionctx.Set("fr"), Attributes: attributes("a", `"guests"`, "b", `"guests"`),
	})
	update(t, r, byLogin("", g.ID, ""), sessionctx.Patch{Site: sessionctx.Set("ch"), CartID: sessionctx.Set("guests-ch")})
	update(t, r, byLogin("", g.ID, ""), sessionctx.Patch{Site: sessionctx.Clear()})
	seen = nil

	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, _, err := r.Bind(context.Background(), byLogin("C100", own.ID, g.ID))
			assert.NoError(t, err)
			assert.Equal(t, own.ID, s.ID)
		})
	}
	wg.Wait()
	assert.Equal(t, []string{":guests C100:customers"}, seen, "once, whatever runs at the same time")
	s := resolve(t, r, byLogin("C100", own.ID, ""))
	assert.Equal(t, "customers fr", s.CartID+" "+s.Language)
	a, _ := s.Attribute("a")
	b, _ := s.Attribute("b")
	assert.Equal(t, `"customers" "guests"`, string(a)+" "+string(b))
	s = update(t, r, byLogin("C100", own.ID, ""), sessionctx.Patch{Site: sessionctx.Set("ch")})
	assert.Equal(t, "guests-ch", s.CartID, "a cart for a site where the customer has none")
	assert.Empty(t, resolve(t, r, cookie(g.ID)).ID)
}

func TestBind_ParallelFirstRequestsFindOneSession(t *testing.T) {
	backend := &ledger{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	for range 50 {
		g := update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("cart-1")})
		var ids sync.Map
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				s, bound, err := r.Bind(context.Background(), byLogin("C100", "", g.ID))
				assert.NoError(t, err)
				assert.True(t, bound)
				assert.Equal(t, "cart-1", s.CartID)
				ids.Store(s.ID, true)
			})
		}
		wg.Wait()
		n := 0
		ids.Range(func(any, any) bool { n++; return true })
		assert.Equal(t, 1, n)
	}
}

func TestLogin_HostLoginRotates(t *testing.T) {
	r := newResolver(t)
	own := update(t, r, byLogin("C100", "", ""), sessionctx.Patch{CartID: sessionctx.Set("customers")})
	g := update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("guests")})
	var s sessionctx.Session
	for _, was := range []sessionctx.Session{g, own} {
		var err error
		s, err = r.Login(t.Context(), byLogin("", was.ID, ""), "C100")
		require.NoError(t, err)
		assert.NotEqual(t, was.ID, s.ID)
		assert.Equal(t, "C100 "+was.CartID, s.CustomerID+" "+s.CartID)
		twice, err := r.Login(t.Context(), byLogin("", was.ID, ""), "C100")
		require.NoError(t, err)
		assert.Equal(t, s.ID, twice.ID, "a double click")
		assert.Empty(t, resolve(t, r, cookie(was.ID)).ID)
	}
	other, err := r.Login(t.Context(), byLogin("", s.ID, ""), "C101")
	require.NoError(t, err)
	assert.Equal(t, "C101 ", other.CustomerID+" "+other.CartID)
	assert.Equal(t, "customers", resolve(t, r, byLogin("C100", s.ID, "")).CartID, "the first customer's session stays")
}

func TestBind_PreferProfileRanksTheGuestsChoicesBelowTheProfile(t *testing.T) {
	r := newResolver(t, func(c *sessionctx.Config) { c.PreferProfile = true })
	own := update(t, r, byLogin("C100", "", ""), sessionctx.Patch{CartID: sessionctx.Set("customers")})
	g := update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	s, _ := bind(t, r, byLogin("C100", own.ID, g.ID))
	assert.Equal(t, "GBP", s.Currency)
}

func TestUpdate_UpsertBeginsASessionEarly(t *testing.T) {
	r := newResolver(t)
	s := update(t, r, cookie(""), sessionctx.Patch{Upsert: true})
	assert.NotEmpty(t, s.ID)
	assert.Equal(t, s, update(t, r, cookie(s.ID), sessionctx.Patch{Upsert: true}), "a session that exists stays as it is")
}

// cutOff is a Store that loses its connection after some Saves. From then on cached records may be
// outdated, and every Load fails.
type cutOff struct {
	*told
	saves atomic.Int64 // before it loses the connection
}

func (s *cutOff) Save(ctx context.Context, key store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	rec, err := s.told.Save(ctx, key, rec, base)
	if s.saves.Add(-1) == 0 {
		s.sink.InvalidateAll()
	}
	return rec, err
}

func (s *cutOff) Load(ctx context.Context, key store.Key) (store.Record, error) {
	if s.saves.Load() == 0 {
		return store.Record{}, errDown
	}
	return s.told.Load(ctx, key)
}

// If Bind said that the guest's session is bound, and did not return its new id, the caller would
// delete the only cookie that leads to the session.
func TestBind_IsNoSuccessWhileItsSessionCannotBeRead(t *testing.T) {
	for _, tc := range []struct {
		desc         string
		own, by      bool // the customer has a session; another request has bound the guest's
		saves        int64
		part         bool
		wantSameCart string
	}{
		{"the guest's session has a new id", false, false, 2, true, "guests"},
		{"the guest's session was merged", true, false, 2, true, "customers"},
		{"an earlier login has given it a new id", false, true, 1, false, "guests"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				backend := &cutOff{told: &told{Store: &memstore.Store{}}}
				backend.saves.Store(-1)
				r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
				there := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{backend.told.Store} })
				g := update(t, there, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("guests"), Language: sessionctx.Set("fr")})
				req := byLogin("C100", "", g.ID)
				if tc.own {
					req.SessionID = update(t, there, byLogin("C100", "", ""), sessionctx.Patch{CartID: sessionctx.Set("customers")}).ID
				}
				if tc.by {
					bind(t, there, req)
				}
				if tc.by { // the connection is lost as soon as the heir and its generation were read
					var loads atomic.Int64
					backend.told.Store = loaded{backend.told.Store, func() {
						if loads.Add(1) == 3 {
							backend.saves.Store(0)
							backend.sink.InvalidateAll()
						}
					}}
				} else {
					backend.saves.Store(tc.saves)
				}
				_, bound, err := r.Bind(t.Context(), req)
				require.ErrorIs(t, err, sessionctx.ErrUnavailable)
				assert.False(t, bound)
				assert.Equal(t, tc.part, strings.Contains(err.Error(), "a part was written"), err)
				synctest.Wait() // for the loads that have failed, so that the next call joins none
				backend.saves.Store(-1)
				s, bound := bind(t, r, req)
				assert.True(t, bound, "the second call goes on where the first one stopped")
				assert.Equal(t, tc.wantSameCart+" fr", s.CartID+" "+s.Language)
			})
		})
	}
}

// loaded is a Store that reports each Load after it has read.
type loaded struct {
	store.Store
	then func()
}

func (s loaded) Load(ctx context.Context, key store.Key) (store.Record, error) {
	rec, err := s.Store.Load(ctx, key)
	s.then()
	return rec, err
}

// Bind begins no session of an erased customer, but finds one that Login has begun.
func TestBind_FindsTheSessionOfAnErasedCustomerWhoLoggedInAgain(t *testing.T) {
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = &ledger{} })
	require.NoError(t, r.Erase(t.Context(), "demoshop", "C100"))
	before := update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	s, err := r.Login(t.Context(), byLogin("C100", before.ID, ""), "C100")
	require.NoError(t, err)
	g := update(t, r, cookie(""), sessionctx.Patch{Language: sessionctx.Set("fr")})
	for _, id := range []string{s.ID, before.ID} { // before: its answer was lost
		got, bound := bind(t, r, byLogin("C100", id, g.ID))
		assert.False(t, bound)
		assert.Equal(t, s.ID, got.ID)
	}
}

func TestOnChange_OnceForEachWrite(t *testing.T) {
	login := func(req sessionctx.Request) func(r *sessionctx.Resolver) error {
		return func(r *sessionctx.Resolver) error {
			_, err := r.Login(context.Background(), req, "C100")
			return err
		}
	}
	bindBoth := func(session, guest string) func(r *sessionctx.Resolver) error {
		return func(r *sessionctx.Resolver) error {
			_, _, err := r.Bind(context.Background(), byLogin("C100", session, guest))
			return err
		}
	}
	for _, tc := range []struct {
		desc  string
		call  func(one, other, own string) func(*sessionctx.Resolver) error
		calls [2]int // of OnChange, for the first call and for a second one
	}{
		{"a double click on login", func(one, _, _ string) func(*sessionctx.Resolver) error { return login(cookie(one)) }, [2]int{1, 0}},
		{"a double click on the host's login", func(one, _, _ string) func(*sessionctx.Resolver) error { return login(byLogin("", one, "")) }, [2]int{1, 0}},
		{"a login by token always writes", func(_, _, _ string) func(*sessionctx.Resolver) error { return login(by("s1")) }, [2]int{1, 1}},
		{"a guest is bound once", func(one, _, _ string) func(*sessionctx.Resolver) error { return bindBoth("", one) }, [2]int{1, 0}},
		{"two guests, each once", func(one, other, _ string) func(*sessionctx.Resolver) error { return bindBoth(one, other) }, [2]int{2, 0}},
		{"a guest is merged once", func(one, _, own string) func(*sessionctx.Resolver) error { return bindBoth(own, one) }, [2]int{1, 0}},
		{"a session is ended once", func(one, _, _ string) func(*sessionctx.Resolver) error {
			return func(r *sessionctx.Resolver) error { return r.End(context.Background(), cookie(one)) }
		}, [2]int{1, 0}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			var calls int
			r := newResolver(t, func(c *sessionctx.Config) {
				c.OnChange = func(context.Context, sessionctx.Session, sessionctx.Session) { calls++ }
			})
			one := update(t, r, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("one")})
			other := update(t, r, cookie(""), sessionctx.Patch{Language: sessionctx.Set("fr")})
			own := update(t, r, byLogin("C100", "", ""), sessionctx.Patch{CartID: sessionctx.Set("own")})
			call := tc.call(one.ID, other.ID, own.ID)
			for _, want := range tc.calls {
				calls = 0
				require.NoError(t, call(r))
				assert.Equal(t, want, calls)
			}
		})
	}
}

func TestBind_NeverMakesOneSessionAPartOfTwo(t *testing.T) {
	r := newResolver(t)
	session := func(cart string) string {
		return update(t, r, byLogin("C100", "", ""), sessionctx.Patch{CartID: sessionctx.Set(cart)}).ID
	}
	t.Run("of two sessions of one customer the one of SessionID stays", func(t *testing.T) {
		one, other := session("one"), session("other")
		s, bound := bind(t, r, byLogin("C100", one, other))
		assert.True(t, bound)
		assert.Equal(t, one+" one", s.ID+" "+s.CartID)
		assert.Empty(t, resolve(t, r, cookie(other)).ID)
	})
	t.Run("a guest's session is bound to one of two sessions of a customer", func(t *testing.T) {
		one, other := session("one"), session("other")
		g := update(t, r, cookie(""), sessionctx.Patch{Language: sessionctx.Set("fr")})
		bind(t, r, byLogin("C100", one, g.ID))
		s, bound := bind(t, r, byLogin("C100", other, g.ID))
		assert.False(t, bound, "it has become a part of the other one")
		assert.Equal(t, other, s.ID)
	})
}

// Another process has bound the guest's session, which this process still has in its cache.
func TestBind_FindsWhatAnotherProcessHasBound(t *testing.T) {
	records := &memstore.Store{}
	there := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{records} })
	changes := 0
	here := newResolver(t, func(c *sessionctx.Config) {
		c.Store = behind{records}
		c.OnChange = func(context.Context, sessionctx.Session, sessionctx.Session) { changes++ }
	})
	g := update(t, here, cookie(""), sessionctx.Patch{CartID: sessionctx.Set("cart")})
	resolve(t, here, byLogin("C100", g.ID, ""))
	s, _ := bind(t, there, byLogin("C100", "", g.ID))
	changes = 0
	got, bound := bind(t, here, byLogin("C100", "", g.ID))
	assert.True(t, bound)
	assert.Equal(t, s, got)
	assert.Zero(t, changes, "only the Resolver that has bound the session calls OnChange")
}

func TestBind_TakesOverWhatTheLimitsAllow(t *testing.T) {
	for _, tc := range []struct {
		desc  string
		limit func(*sessionctx.Config)
		want  string // language, and the guest's attribute
	}{
		{"all", nil, `fr "guests"`},
		{"no attributes, if there would be too many", func(c *sessionctx.Config) { c.MaxAttributes = 1 }, "fr "},
		{"nothing, if the record would be too long", func(c *sessionctx.Config) { c.MaxRecord = 220 }, "en "},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			backend := &ledger{}
			there := newResolver(t, func(c *sessionctx.Config) { c.Store = behind{backend} })
			own := update(t, there, byLogin("C100", "", ""), sessionctx.Patch{CartID: sessionctx.Set("own"), Attributes: attributes("a", `"own"`)})
			g := update(t, there, cookie(""), sessionctx.Patch{
				CartID: sessionctx.Set("guests"), Attributes: attributes("b", `"guests"`),
			})
			update(t, there, cookie(g.ID), sessionctx.Patch{Site: sessionctx.Set("ch"), CartID: sessionctx.Set(strings.Repeat("x", 100))})
			update(t, there, cookie(g.ID), sessionctx.Patch{Site: sessionctx.Clear(), Language: sessionctx.Set("fr")})
			r := newResolver(t, func(c *sessionctx.Config) {
				if c.Store = (behind{backend}); tc.limit != nil {
					tc.limit(c)
				}
			})
			s, bound := bind(t, r, byLogin("C100", own.ID, g.ID))
			assert.True(t, bound)
			b, _ := s.Attribute("b")
			assert.Equal(t, tc.want, s.Language+" "+string(b))
			a, _ := s.Attribute("a")
			assert.Equal(t, `own "own"`, s.CartID+" "+string(a), "what the customer has stays")
			assert.Empty(t, resolve(t, r, cookie(g.ID)).ID)
		})
	}
}
