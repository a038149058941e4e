package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

func TestShopper_ChoosesLogsInAndLogsOut(t *testing.T) {
	b := newBrowser(t, newShop(t).middleware(nil))
	first := b.get("/")
	assert.Empty(t, first.ID)
	assert.Equal(t, "EUR", first.Currency)
	assert.Empty(t, b.jar)

	chosen := b.update("/", sessionctx.Patch{Language: sessionctx.Set("en"), CartID: sessionctx.Set("cart-1")})
	assert.Equal(t, chosen.ID, b.jar[cookieName])
	assert.Equal(t, "en", b.get("/").Language)

	anna := b.login("anna")
	assert.Equal(t, anna.ID, b.jar[cookieName])
	assert.NotEqual(t, chosen.ID, anna.ID, "an id from before the login is worth nothing after it")
	page := b.get("/")
	assert.Equal(t, "anna", page.CustomerID)
	assert.Equal(t, "CHF", page.Currency)
	assert.Equal(t, "en", page.Language, "a choice survives the login")
	assert.Equal(t, "cart-1", page.CartID)

	out := b.logout()
	assert.NotEqual(t, anna.ID, out.ID)
	assert.Equal(t, out.ID, b.jar[cookieName])
	page = b.get("/")
	assert.Empty(t, page.CustomerID)
	assert.Empty(t, page.CartID)
	assert.Equal(t, "EUR", page.Currency)
	assert.Equal(t, "en", page.Language, "a choice survives the logout")

	// What came before is gone for whoever kept it.
	for _, old := range []string{chosen.ID, anna.ID} {
		b.jar[cookieName] = old
		assert.Empty(t, b.get("/").ID)
		assert.Empty(t, b.get("/").CustomerID)
	}
}

func TestLogout_WithoutChoicesDeletesTheCookie(t *testing.T) {
	mw := newShop(t).middleware(nil)
	b := newBrowser(t, mw)
	b.login("anna")
	w := httptest.NewRecorder()
	s, err := mw.Logout(w, b.request("/"))
	require.NoError(t, err)
	assert.Empty(t, s.ID)
	require.Len(t, w.Result().Cookies(), 1)
	c := w.Result().Cookies()[0]
	assert.Equal(t, cookieName, c.Name)
	assert.Equal(t, -1, c.MaxAge)
	assert.True(t, c.Secure, "a browser ignores a __Host- cookie that is not")
	assert.Equal(t, "/", c.Path)
	assert.Equal(t, "private, no-store", w.Header().Get("Cache-Control"))
}

func TestUpdate_OneResponseCarriesOneCookie(t *testing.T) {
	currency := func(code string) sessionctx.Patch { return sessionctx.Patch{Currency: sessionctx.Set(code)} }
	type call = func(*testing.T, http.ResponseWriter, *http.Request, *middleware.Middleware) sessionctx.Session
	update := func(code string) call {
		return func(t *testing.T, w http.ResponseWriter, r *http.Request, mw *middleware.Middleware) sessionctx.Session {
			s, err := mw.Update(w, r, currency(code))
			require.NoError(t, err)
			return s
		}
	}
	login := func(id string) call {
		return func(t *testing.T, w http.ResponseWriter, r *http.Request, mw *middleware.Middleware) sessionctx.Session {
			s, err := mw.Login(w, r, id)
			require.NoError(t, err)
			return s
		}
	}
	logout := func(t *testing.T, w http.ResponseWriter, r *http.Request, mw *middleware.Middleware) sessionctx.Session {
		s, err := mw.Logout(w, r)
		require.NoError(t, err)
		return s
	}
	cases := []struct {
		desc         string
		had          bool // a cookie to begin with
		calls        []call
		wantCustomer string
		wantCurrency string
		goesOn       bool // the last call wrote the next version of what the first has made
	}{
		{"two first choices make one session", false, []call{update("CHF"), update("EUR")}, "", "EUR", true},
		{"a login and a choice", false, []call{login("bert"), update("CHF")}, "bert", "CHF", true},
		{"a choice and a login", false, []call{update("CHF"), login("bert")}, "bert", "CHF", true},
		{"a login with a cookie, and a choice", true, []call{login("bert"), update("EUR")}, "bert", "EUR", true},
		{"a login and a logout, choices kept", true, []call{login("bert"), logout}, "", "CHF", false},
		{"a logout with nothing kept, and a choice", false, []call{login("bert"), logout, update("CHF")}, "", "CHF", false},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(nil)
			b := newBrowser(t, mw)
			if tc.had {
				b.update("/", currency("CHF"))
			}
			w := httptest.NewRecorder()
			w.Header().Add("Set-Cookie", "theme=dark")
			w.Header().Add("Set-Cookie", cookieName+"2=x")
			var first, last sessionctx.Session
			r := b.request("/")
			for i, call := range tc.calls {
				if last = call(t, w, r, mw); i == 0 {
					first = last
				}
			}
			lines := w.Header()["Set-Cookie"]
			require.Len(t, lines, 3, "%q", lines)
			assert.Equal(t, []string{"theme=dark", cookieName + "2=x"}, lines[:2], "others' cookies stay")
			assert.True(t, strings.HasPrefix(lines[2], cookieName+"="+last.ID+";"), "%q", lines[2])
			b.receive(w)
			got := b.get("/")
			assert.Equal(t, last.ID, got.ID)
			assert.Equal(t, tc.wantCustomer, got.CustomerID)
			assert.Equal(t, tc.wantCurrency, got.Currency)
			next := first.Revision()
			next.Version++
			assert.Equal(t, tc.goesOn, got.Revision() == next, "%v, then %v", first.Revision(), got.Revision())
		})
	}
}

func TestUpdate_KeptIDSetsNoCookie(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.CookieMaxAge = 3600e9 })
	b := newBrowser(t, mw)
	b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	w := httptest.NewRecorder()
	_, err := mw.Update(w, b.request("/"), sessionctx.Patch{Currency: sessionctx.Set("EUR")})
	require.NoError(t, err)
	assert.Empty(t, w.Header(), "the answer may be late, and a newer cookie in the browser meanwhile")
}

func TestUpdate_WithoutChangeLeavesEveryCookie(t *testing.T) {
	mw := newShop(t).middleware(nil)
	b := newBrowser(t, mw)
	ended := b.login("anna").ID
	b.logout()
	for _, tc := range []struct {
		desc, cookie string
		patch        sessionctx.Patch
	}{
		{"nothing to do, no cookie", "", sessionctx.Patch{}},
		{"nothing to do, an invented session", secretA, sessionctx.Patch{}},
		{"nothing to do, an ended session", ended, sessionctx.Patch{}},
		{"removing what is not there, an invented session", secretA, sessionctx.Patch{Attributes: map[string]json.RawMessage{"a": nil}}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			w, r := httptest.NewRecorder(), get("/")
			if tc.cookie != "" {
				r.AddCookie(&http.Cookie{Name: cookieName, Value: tc.cookie})
			}
			s, err := mw.Update(w, r, tc.patch)
			require.NoError(t, err)
			assert.Empty(t, s.ID)
			assert.Empty(t, w.Header(), "the answer may be late, and a newer cookie in the browser meanwhile")
		})
	}
}

func TestUpdate_FailureChangesNoCookie(t *testing.T) {
	mw := newShop(t).middleware(nil)
	b := newBrowser(t, mw)
	ended := b.login("anna").ID
	b.logout()
	cases := []struct {
		desc   string
		cookie string
		call   func(http.ResponseWriter, *http.Request) error
		want   error
	}{
		{"a value that the site does not offer", "", func(w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("JPY")})
			return err
		}, nil},
		{"a write to an ended session", ended, func(w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			return err
		}, sessionctx.ErrNotFound},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			w, r := httptest.NewRecorder(), get("/")
			if tc.cookie != "" {
				r.AddCookie(&http.Cookie{Name: cookieName, Value: tc.cookie})
			}
			err := tc.call(w, r)
			require.Error(t, err)
			if tc.want != nil {
				require.ErrorIs(t, err, tc.want)
			}
			assert.Empty(t, w.Header())
		})
	}
}

func TestLogout_DeletesTheCookieWhateverItNames(t *testing.T) {
	mw := newShop(t).middleware(nil)
	b := newBrowser(t, mw)
	ended := b.login("anna").ID
	b.logout()
	for _, tc := range []struct {
		desc, cookie string
		wantDeleted  bool
	}{
		{"nothing", "", false}, {"an invented session", secretA, true}, {"an ended session", ended, true},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			w, r := httptest.NewRecorder(), get("/")
			if tc.cookie != "" {
				r.AddCookie(&http.Cookie{Name: cookieName, Value: tc.cookie})
			}
			s, err := mw.Logout(w, r)
			require.NoError(t, err)
			assert.Empty(t, s.ID)
			assert.Equal(t, "EUR", s.Currency)
			if !tc.wantDeleted {
				assert.Empty(t, w.Header())
				return
			}
			assert.Equal(t, []string{cookieName + "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"}, w.Header()["Set-Cookie"])
		})
	}
}

// mute is a store whose Save does not say what it did.
type mute struct{ memstore.Store }

func (*mute) Save(context.Context, store.Key, store.Record, sessionctx.Revision) (store.Record, error) {
	return store.Record{}, errors.New("connection reset by peer")
}

func TestLogout_ErrorDeletesTheCookie(t *testing.T) {
	deleted := []string{cookieName + "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"}
	const live = "the live session"
	cases := []struct {
		desc, cookie string
		prepare      func(*testing.T) (*shop, string) // also the id of a live session
		want         error
		wantCookies  []string
	}{
		{"the store is down", secretA, func(t *testing.T) (*shop, string) {
			return newShopOn(t, broken{}, directory), ""
		}, sessionctx.ErrUnavailable, deleted},
		{"the outcome is unknown", live, func(t *testing.T) (*shop, string) {
			backend := &mute{}
			s := newShopOn(t, &backend.Store, directory)
			id := newBrowser(t, s.middleware(nil)).login("anna").ID
			return newShopOn(t, backend, directory), id
		}, sessionctx.ErrUnknownOutcome, deleted},
		{"the server shuts down", secretA, func(t *testing.T) (*shop, string) {
			s := newShop(t)
			require.NoError(t, s.resolver.Close())
			return s, ""
		}, sessionctx.ErrClosed, deleted},
		{"without a cookie", "", func(t *testing.T) (*shop, string) {
			s := newShop(t)
			require.NoError(t, s.resolver.Close())
			return s, ""
		}, sessionctx.ErrClosed, nil},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s, id := tc.prepare(t)
			if tc.cookie == live {
				tc.cookie = id
			}
			w, r := httptest.NewRecorder(), get("/")
			if tc.cookie != "" {
				r.AddCookie(&http.Cookie{Name: cookieName, Value: tc.cookie})
			}
			_, err := s.middleware(nil).Logout(w, r)
			require.ErrorIs(t, err, tc.want)
			assert.Equal(t, tc.wantCookies, w.Header()["Set-Cookie"])
		})
	}
}

func TestUpdate_DeadCookieHealsAfterAMinute(t *testing.T) {
	choice := sessionctx.Patch{Currency: sessionctx.Set("CHF")}
	byCookie := func(id string) sessionctx.Request {
		return sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: id, Proof: sessionctx.BySecret}}
	}
	ends := []struct {
		desc string
		end  func(t *testing.T, s *shop, id string)
	}{
		{"a logout elsewhere", func(t *testing.T, s *shop, id string) {
			_, err := s.resolver.Logout(t.Context(), byCookie(id))
			require.NoError(t, err)
		}},
		{"an end elsewhere", func(t *testing.T, s *shop, id string) {
			require.NoError(t, s.resolver.End(t.Context(), byCookie(id)))
		}},
		{"a login with the same cookie elsewhere", func(t *testing.T, s *shop, id string) {
			_, err := s.resolver.Login(t.Context(), byCookie(id), "anna")
			require.NoError(t, err)
		}},
		{"a login of another customer with the same cookie elsewhere", func(t *testing.T, s *shop, id string) {
			_, err := s.resolver.Login(t.Context(), byCookie(id), "bert")
			require.NoError(t, err)
		}},
		{"the end of all sessions of the customer", func(t *testing.T, s *shop, _ string) {
			require.NoError(t, s.resolver.EndAll(t.Context(), "demoshop", "anna"))
		}},
	}
	times := []struct {
		desc  string
		after time.Duration
		want  error
	}{
		{"at once", 0, sessionctx.ErrNotFound},
		{"after 59 seconds", 59 * time.Second, sessionctx.ErrNotFound},
		{"after 61 seconds", 61 * time.Second, nil},
		{"after 2 hours", 2 * time.Hour, nil},
	}
	for _, end := range ends {
		for _, at := range times {
			for _, met := range []bool{false, true} {
				desc := end.desc + ", " + at.desc
				if met {
					desc += ", another write before"
				}
				t.Run(desc, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := newShop(t)
						mw := s.middleware(nil)
						b := newBrowser(t, mw)
						b.update("/", sessionctx.Patch{CartID: sessionctx.Set("cart-1"), Language: sessionctx.Set("en")})
						dead := b.login("anna").ID
						end.end(t, s, dead)
						rest := at.after
						if met { // it must not begin the minute again
							first := min(at.after/2, 30*time.Second)
							wait(first)
							_, err := mw.Update(httptest.NewRecorder(), b.request("/"), choice)
							require.ErrorIs(t, err, sessionctx.ErrNotFound)
							rest -= first
						}
						wait(rest)

						w := httptest.NewRecorder()
						made, err := mw.Update(w, b.request("/"), choice)
						if at.want != nil {
							require.ErrorIs(t, err, at.want)
							assert.Empty(t, w.Header(), "the browser may have a newer cookie")
							return
						}
						require.NoError(t, err)
						assert.NotEqual(t, dead, made.ID)
						b.receive(w)
						assert.Equal(t, made.ID, b.jar[cookieName])
						page := b.get("/")
						assert.Equal(t, made.ID, page.ID)
						assert.Equal(t, "CHF", page.Currency)
						assert.Equal(t, []string{"", "", "de"}, []string{page.CustomerID, page.CartID, page.Language}, "nothing of the dead session")
					})
				})
			}
		}
	}
}

func TestUpdate_AfterAnEndElsewhereTheShopperCanGoOn(t *testing.T) {
	s := newShop(t)
	mw := s.middleware(nil)
	b := newBrowser(t, mw)
	b.login("anna")
	require.NoError(t, s.resolver.EndAll(t.Context(), "demoshop", "anna"))
	assert.Empty(t, b.get("/").CustomerID)

	w, r := httptest.NewRecorder(), b.request("/")
	choice := sessionctx.Patch{Currency: sessionctx.Set("CHF")}
	_, err := mw.Update(w, r, choice)
	require.ErrorIs(t, err, sessionctx.ErrNotFound)
	require.Empty(t, w.Header())
	_, err = mw.Logout(w, r)
	require.NoError(t, err)
	_, err = mw.Update(w, r, choice)
	require.NoError(t, err)
	b.receive(w)
	assert.Equal(t, "CHF", b.get("/").Currency)
	assert.Empty(t, b.get("/").CustomerID)
}

func TestUpdate_AssertedIdentityLeavesTheCookie(t *testing.T) {
	cases := []struct {
		desc string
		id   sessionctx.Identity
	}{
		{"asserted", sessionctx.Identity{Tenant: "demoshop", SessionID: "token-1", Proof: sessionctx.Asserted}},
		{"asserted, tenant left to the request", sessionctx.Identity{SessionID: "token-1", Proof: sessionctx.Asserted}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			s := newShop(t)
			mw := s.middleware(func(cfg *middleware.Config) {
				cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return tc.id, nil }
			})
			r := get("/")
			r.AddCookie(&http.Cookie{Name: cookieName, Value: secretA})
			w := httptest.NewRecorder()
			updated, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			require.NoError(t, err)
			assert.Equal(t, "token-1", updated.ID)
			loggedIn, err := mw.Login(w, r, "bert")
			require.NoError(t, err)
			assert.Equal(t, "token-1", loggedIn.ID, "the token decides the id")
			assert.Empty(t, w.Header())

			customer := tc.id
			customer.CustomerID = "bert"
			mw = s.middleware(func(cfg *middleware.Config) {
				cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return customer, nil }
			})
			_, err = mw.Logout(w, r)
			require.NoError(t, err)
			assert.Equal(t, []string{cookieName + "=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"}, w.Header()["Set-Cookie"],
				"with the cookie alone the next request would be of the session that it names")
			_, err = mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("EUR")})
			assert.ErrorIs(t, err, sessionctx.ErrNotFound)
		})
	}
}

func TestUpdate_WithoutASessionWritesNothing(t *testing.T) {
	cases := []struct {
		desc string
		edit func(*middleware.Config)
	}{
		{"no cookie, no other identity", func(cfg *middleware.Config) { cfg.NoCookie = true }},
		{"an identity without a session id", func(cfg *middleware.Config) {
			cfg.Identify = func(*http.Request) (sessionctx.Identity, error) {
				return sessionctx.Identity{Tenant: "demoshop", CustomerID: "anna", Proof: sessionctx.Asserted}, nil
			}
		}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(tc.edit)
			w, r := httptest.NewRecorder(), get("/")
			r.AddCookie(&http.Cookie{Name: cookieName, Value: secretA})
			_, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			_, err = mw.Login(w, r, "anna")
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			assert.Empty(t, w.Header())
			_, err = mw.Logout(w, get("/"))
			require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			assert.Empty(t, w.Header())
		})
	}
}

func TestUpdate_NothingOfAClientReachesSetCookie(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		// What not to do: a tenant out of an unlisted header.
		cfg.Tenant = func(r *http.Request) string { return r.Header.Get("X-Tenant") }
	})
	for _, tenant := range []string{
		"demoshop\r\nSet-Cookie: x=y", "demoshop; Domain=evil.example", "demoshop=x", "DEMOSHOP", "nosuchshop", "", "demoshop ",
	} {
		t.Run(tenant, func(t *testing.T) {
			w, r := httptest.NewRecorder(), get("/")
			r.Header["X-Tenant"] = []string{tenant}
			r.Header.Set("Cookie", "__Host-session-"+tenant+"="+secretA)
			_, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			require.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
			assert.Empty(t, w.Header())
			if tenant != "nosuchshop" { // which could be a tenant: its cookie is deleted
				_, err = mw.Logout(w, r)
				require.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
				assert.Empty(t, w.Header())
			}
		})
	}
}
