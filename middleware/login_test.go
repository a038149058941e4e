package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
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

const customerCookie = "__Host-session-customer-demoshop"

// hostLogin is a login of the host's own: the cookie "host" says who is logged in.
func hostLogin(cfg *middleware.Config) {
	cfg.Customer = func(r *http.Request) (string, error) {
		c, err := r.Cookie("host")
		switch {
		case err != nil:
			return "", nil
		case c.Value == "broken":
			return "", errors.New("the session database is down")
		}
		return c.Value, nil
	}
}

// page returns the session that a page sees, and takes the answer in.
func (b *browser) page(headers ...string) sessionctx.Session {
	b.t.Helper()
	w := httptest.NewRecorder()
	s := b.late(w, b.with(headers...))
	b.receive(w)
	return s
}

func (b *browser) with(headers ...string) *http.Request {
	r := b.request("/")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// late serves r, whose answer the browser gets later or never.
func (b *browser) late(w http.ResponseWriter, r *http.Request) (s sessionctx.Session) {
	b.t.Helper()
	b.mw.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var ok bool
		s, ok = sessionctx.FromContext(r.Context())
		require.True(b.t, ok)
	})).ServeHTTP(w, r)
	return s
}

func shown(s sessionctx.Session) string { return s.CustomerID + " " + s.Currency + " " + s.CartID }

// outage is a memory store that can be down.
type outage struct {
	memstore.Store
	mu   sync.Mutex
	down bool
}

func (o *outage) Load(ctx context.Context, k store.Key) (store.Record, error) {
	if err := o.failure(); err != nil {
		return store.Record{}, err
	}
	return o.Store.Load(ctx, k)
}

func (o *outage) Save(ctx context.Context, k store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if err := o.failure(); err != nil { // nothing was stored
		return store.Record{}, errors.Join(store.ErrUnavailable, err)
	}
	return o.Store.Save(ctx, k, rec, base)
}

func (o *outage) set(down bool) { o.mu.Lock(); o.down = down; o.mu.Unlock() }

func (o *outage) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down {
		return errors.New("connection refused")
	}
	return nil
}

func cart(id string) sessionctx.Patch { return sessionctx.Patch{CartID: sessionctx.Set(id)} }

func TestCustomer_Scenarios(t *testing.T) {
	chooses := sessionctx.Patch{Currency: sessionctx.Set("CHF")}
	cases := []struct {
		desc string
		run  func(t *testing.T, mw *middleware.Middleware, b *browser)
	}{
		{"a guest's choice and cart go along with the login", func(t *testing.T, _ *middleware.Middleware, b *browser) {
			guest := b.update("/", sessionctx.Patch{CartID: sessionctx.Set("cart-1"), Language: sessionctx.Set("en")})
			b.jar["host"] = "anna"
			s := b.page()
			assert.Equal(t, "anna CHF cart-1", shown(s))
			assert.Equal(t, "en", s.Language)
			assert.Equal(t, s.ID, b.jar[customerCookie])
			assert.NotContains(t, b.jar, cookieName)
			assert.NotEqual(t, guest.ID, s.ID)
			assert.Equal(t, s, b.get("/"), "the second page changes nothing")
		}},
		{"a customer without a cookie sees the profile and leaves no record", func(t *testing.T, _ *middleware.Middleware, b *browser) {
			b.jar["host"] = "anna"
			s := b.get("/")
			assert.Equal(t, "anna CHF ", shown(s))
			assert.Empty(t, s.ID)
			b.update("/", cart("cart-1"))
			assert.Equal(t, "anna CHF cart-1", shown(b.get("/")))
			assert.Contains(t, b.jar, customerCookie)
		}},
		{"a planted id sees nothing of the customer", func(t *testing.T, mw *middleware.Middleware, victim *browser) {
			attacker := newBrowser(t, mw)
			planted := attacker.update("/", chooses).ID
			for _, name := range []string{cookieName, customerCookie} {
				victim.jar = map[string]string{"host": "anna", name: planted}
				victim.update("/", cart("victims"))
				assert.Equal(t, "victims", victim.page().CartID)
				assert.Equal(t, " EUR ", shown(attacker.get("/")))
				attacker.jar["host"] = "bert"
				assert.Equal(t, "bert EUR ", shown(attacker.page()))
				attacker.jar = map[string]string{}
				planted = attacker.update("/", chooses).ID
			}
		}},
		{"the host's login expires and comes back", func(t *testing.T, _ *middleware.Middleware, b *browser) {
			b.jar["host"] = "anna"
			b.update("/", cart("annas"))
			delete(b.jar, "host")
			assert.Equal(t, " EUR ", shown(b.get("/")), "nothing leaks")
			b.update("/", cart("guests"))
			assert.Equal(t, " EUR guests", shown(b.get("/")))
			b.jar["host"] = "anna"
			assert.Equal(t, "anna CHF annas", shown(b.page()), "the customer's cart stays")
			assert.NotContains(t, b.jar, cookieName)
		}},
		{"two tabs, a double click: one session", func(t *testing.T, mw *middleware.Middleware, b *browser) {
			b.update("/", cart("cart-1"))
			b.jar["host"] = "anna"
			var wg sync.WaitGroup
			var got [4]sessionctx.Session
			var answers [4]*httptest.ResponseRecorder
			for i := range got {
				r := b.request("/")
				answers[i] = httptest.NewRecorder()
				wg.Go(func() {
					if i%2 == 0 {
						got[i] = b.late(answers[i], r)
						return
					}
					var err error
					got[i], err = mw.Login(answers[i], r, "anna")
					assert.NoError(t, err)
				})
			}
			wg.Wait()
			for i := range got {
				b.receive(answers[i])
				s := b.page()
				assert.Equal(t, "anna CHF cart-1", shown(s))
				assert.Equal(t, b.jar[customerCookie], s.ID)
			}
		}},
		{"a login with two cookies gives one session a new id, and a double click the same", func(t *testing.T, mw *middleware.Middleware, b *browser) {
			b.jar["host"] = "anna"
			b.update("/", cart("annas"))
			delete(b.jar, "host")
			b.update("/", sessionctx.Patch{CartID: sessionctx.Set("guests"), Language: sessionctx.Set("en")})
			guests, annas := b.jar[cookieName], b.jar[customerCookie]
			again := b.request("/")
			s := b.login("anna")
			assert.Equal(t, "anna CHF annas en", shown(s)+" "+s.Language)
			assert.NotContains(t, []string{guests, annas}, s.ID)
			assert.Equal(t, map[string]string{customerCookie: s.ID}, b.jar)
			twice, err := mw.Login(httptest.NewRecorder(), again, "anna")
			require.NoError(t, err)
			assert.Equal(t, s.ID, twice.ID)
			b.jar = map[string]string{cookieName: guests}
			assert.Empty(t, b.get("/").ID)
			b.jar = map[string]string{customerCookie: annas, "host": "anna"}
			assert.Equal(t, s.ID, b.page().ID)
		}},
		{"a login takes over a guest's session", func(t *testing.T, _ *middleware.Middleware, b *browser) {
			planted := b.update("/", cart("guests")).ID
			s := b.login("anna")
			assert.Equal(t, "anna CHF guests", shown(s))
			assert.NotEqual(t, planted, s.ID)
			assert.Equal(t, map[string]string{customerCookie: s.ID}, b.jar)
		}},
		{"a login beside another customer's cookie takes over the guest's session", func(t *testing.T, _ *middleware.Middleware, b *browser) {
			b.jar["host"] = "bert"
			b.update("/", cart("berts"))
			delete(b.jar, "host")
			b.update("/", cart("guests"))
			s := b.login("anna")
			assert.Equal(t, "anna CHF guests", shown(s))
			assert.Equal(t, map[string]string{customerCookie: s.ID}, b.jar)
		}},
		{"the back button after a logout", func(t *testing.T, _ *middleware.Middleware, b *browser) {
			b.jar["host"] = "anna"
			b.update("/", sessionctx.Patch{CartID: sessionctx.Set("annas"), Language: sessionctx.Set("en")})
			old := b.jar[customerCookie]
			b.logout()
			delete(b.jar, "host")
			assert.NotContains(t, b.jar, customerCookie)
			s := b.update("/", chooses) // a form of the old page
			assert.Equal(t, " CHF ", shown(s))
			assert.Equal(t, "en", s.Language, "choices survive the logout")
			b.jar[customerCookie] = old
			b.jar["host"] = "anna"
			assert.Empty(t, b.page().CartID, "the ended session stays ended")
		}},
		{"a shared computer", func(t *testing.T, _ *middleware.Middleware, b *browser) {
			b.jar["host"] = "anna"
			b.update("/", cart("annas"))
			b.jar["host"] = "bert" // nobody has logged out
			assert.Equal(t, "bert EUR ", shown(b.page()))
			b.jar["host"] = "anna"
			assert.Equal(t, "anna CHF annas", shown(b.page()), "a look of another customer loses nothing")
			b.jar["host"] = "bert"
			assert.Equal(t, "berts", b.update("/", cart("berts")).CartID)
			assert.Equal(t, "bert EUR berts", shown(b.page()))
		}},
		{"staff who act for a customer", func(t *testing.T, mw *middleware.Middleware, staff *browser) {
			anna := newBrowser(t, mw)
			anna.jar["host"] = "anna"
			anna.update("/", cart("annas"))
			staff.update("/", cart("staffs")) // the host says nobody
			assert.Equal(t, " EUR staffs", shown(staff.page()))
			assert.NotContains(t, staff.jar, customerCookie)
			assert.Equal(t, "anna CHF annas", shown(anna.get("/")))
		}},
		{"a prefetch binds nothing and shows no cart", func(t *testing.T, _ *middleware.Middleware, b *browser) {
			b.update("/", cart("cart-1"))
			id := b.jar[cookieName]
			b.jar["host"] = "anna"
			for _, header := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
				s := b.page(header, "prefetch")
				assert.Equal(t, "anna CHF ", shown(s))
				assert.True(t, s.Degraded)
				assert.Equal(t, id, b.jar[cookieName])
			}
			assert.Equal(t, "anna CHF cart-1", shown(b.page()))
		}},
		{"a page that is answered after the logout", func(t *testing.T, _ *middleware.Middleware, b *browser) {
			b.jar["host"] = "anna"
			b.update("/", sessionctx.Patch{CartID: sessionctx.Set("annas"), Language: sessionctx.Set("en")})
			r := b.request("/")
			b.logout()
			delete(b.jar, "host")
			w := httptest.NewRecorder()
			b.late(w, r)
			b.receive(w)
			s := b.page()
			assert.Equal(t, " EUR ", shown(s))
			assert.Equal(t, "en", s.Language, "the successor is still there")
		}},
		{"the answer with the new cookie is lost", func(t *testing.T, _ *middleware.Middleware, b *browser) {
			b.update("/", cart("cart-1"))
			b.jar["host"] = "anna"
			lost := b.late(httptest.NewRecorder(), b.request("/"))
			s := b.page()
			assert.Equal(t, lost.ID, s.ID)
			assert.Equal(t, "cart-1", s.CartID)
		}},
		{"the host cannot say who it is: an error, and never nobody", func(t *testing.T, mw *middleware.Middleware, b *browser) {
			b.update("/", cart("guests"))
			b.jar["host"] = "broken"
			res := serve(mw.Wrap(http.NotFoundHandler()), b.request("/"))
			assert.Equal(t, http.StatusInternalServerError, res.StatusCode)
			_, err := mw.Update(httptest.NewRecorder(), b.request("/"), cart("x"))
			assert.ErrorContains(t, err, "the session database is down")
			w := httptest.NewRecorder()
			_, err = mw.Logout(w, b.request("/"))
			assert.ErrorContains(t, err, "the session database is down")
			b.receive(w)
			assert.NotContains(t, b.jar, cookieName, "a logout deletes the cookies in every case")
		}},
		{"adoption: customers that were logged in under the one cookie of earlier versions", func(t *testing.T, _ *middleware.Middleware, b *browser) {
			s := b.login("anna")
			b.jar = map[string]string{cookieName: s.ID, "host": "anna"}
			assert.Equal(t, "anna CHF ", shown(b.page()))
			assert.NotContains(t, b.jar, cookieName)
			b.jar = map[string]string{cookieName: b.jar[customerCookie]}
			assert.Equal(t, " EUR ", shown(b.get("/")), "nobody sees a customer's session")
		}},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(hostLogin)
			tc.run(t, mw, newBrowser(t, mw))
		})
	}
}

func TestCustomer_OutageOfTheStore(t *testing.T) {
	backend := &outage{}
	s := newShopOn(t, backend, directory)
	mw := s.middleware(hostLogin)
	b := newBrowser(t, mw)
	b.update("/", sessionctx.Patch{CartID: sessionctx.Set("cart-1"), Currency: sessionctx.Set("CHF"), Language: sessionctx.Set("en")})
	id := b.jar[cookieName]
	backend.set(true)
	b.jar["host"] = "anna"
	w := httptest.NewRecorder()
	seen := b.late(w, b.request("/"))
	assert.Equal(t, "anna CHF ", shown(seen), "viewed, without the cart")
	assert.True(t, seen.Degraded)
	assert.Equal(t, "en", seen.Language, "the choice is in force")
	assert.Equal(t, http.Header{"Cache-Control": {"private, no-store"}, "Vary": {"Cookie, Authorization"}}, w.Header())
	_, err := mw.Update(httptest.NewRecorder(), b.request("/"), cart("x"))
	require.ErrorIs(t, err, sessionctx.ErrUnavailable)
	_, err = mw.Login(httptest.NewRecorder(), b.request("/"), "anna")
	require.ErrorIs(t, err, sessionctx.ErrUnavailable)
	assert.Equal(t, id, b.jar[cookieName])
	backend.set(false)
	bound := b.page()
	assert.Equal(t, "anna CHF cart-1", shown(bound), "nothing was lost")

	backend.set(true)
	w = httptest.NewRecorder()
	_, err = mw.Logout(w, b.request("/"))
	require.ErrorIs(t, err, sessionctx.ErrUnavailable)
	b.receive(w)
	assert.NotContains(t, b.jar, customerCookie)
	backend.set(false)
	delete(b.jar, "host")
	assert.Equal(t, " EUR ", shown(b.get("/")))
}

func TestCustomer_IsAskedOncePerRequest(t *testing.T) {
	identified, asked := 0, 0
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { identified++; return sessionctx.Identity{}, nil }
		cfg.Customer = func(*http.Request) (string, error) { asked++; return "anna", nil }
	})
	w := httptest.NewRecorder()
	mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, code := range []string{"CHF", "EUR"} {
			s, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set(code)})
			assert.NoError(t, err)
			assert.Equal(t, "anna", s.CustomerID)
		}
		_, err := mw.Request(r)
		assert.NoError(t, err)
		assert.Equal(t, []int{1, 1}, []int{identified, asked})

		_, err = mw.Logout(w, r)
		assert.NoError(t, err)
		s, err := mw.Update(w, r, sessionctx.Patch{Language: sessionctx.Set("en")})
		assert.NoError(t, err)
		assert.Equal(t, " EUR ", shown(s), "after a logout the rest of the request is nobody's")
		s, err = mw.Login(w, r, "bert")
		assert.NoError(t, err)
		assert.Equal(t, "bert", s.CustomerID)
		s, err = mw.Update(w, r, cart("berts"))
		assert.NoError(t, err)
		assert.Equal(t, "bert EUR berts", shown(s))
		assert.Equal(t, []int{1, 1}, []int{identified, asked})
	})).ServeHTTP(w, get("/"))
	assert.Equal(t, 1, identified)
}

func TestCustomer_TokenWithoutSessionSaysWho(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Identify = func(r *http.Request) (sessionctx.Identity, error) {
			if r.Header.Get("Authorization") == "" {
				return sessionctx.Identity{}, nil
			}
			return sessionctx.Identity{Tenant: "demoshop", CustomerID: "anna", Proof: sessionctx.Asserted}, nil
		}
		cfg.Customer = func(r *http.Request) (string, error) {
			if r.Header.Get("Authorization") == "" {
				return "", nil
			}
			return "anna", nil
		}
	})
	r := get("/")
	r.Header.Set("Authorization", "Bearer x")
	assert.Equal(t, "anna CHF ", shown(seen(t, mw, r)), "the profile's values")
	_, err := mw.Update(httptest.NewRecorder(), r, cart("c"))
	require.ErrorIs(t, err, middleware.ErrNoSession)
	require.ErrorIs(t, err, middleware.ErrUnauthenticated)
	w := httptest.NewRecorder()
	middleware.Fail(w, r, err, nil)
	assert.Equal(t, "401 Bearer", w.Result().Status[:3]+" "+w.Header().Get("WWW-Authenticate"), "the token is good")

	b := newBrowser(t, mw)
	w = httptest.NewRecorder()
	_, err = mw.Start(w, r)
	require.NoError(t, err)
	b.receive(w)
	r = b.with("Authorization", "Bearer x")
	s, err := mw.Update(httptest.NewRecorder(), r, cart("c"))
	require.NoError(t, err)
	assert.Equal(t, "anna CHF c", shown(s))
	basic := b.with("Authorization", "Basic YTpi")
	basic.Header.Del("Cookie")
	_, err = mw.Update(httptest.NewRecorder(), basic, cart("c"))
	assert.NoError(t, err, "a browser sends that by itself, also to a shop on trial")
}

func TestLogout_EndsWhatTokenAndCookieName(t *testing.T) {
	token := func(session, customer string) sessionctx.Identity {
		return sessionctx.Identity{Tenant: "demoshop", SessionID: session, CustomerID: customer, Proof: sessionctx.Asserted}
	}
	for _, tc := range []struct {
		desc     string
		identity sessionctx.Identity // what Identify says at the logout
		err      error
	}{
		{"no token", sessionctx.Identity{}, nil},
		{"a token of the same customer", token("token-1", "anna"), nil},
		{"a token of another customer", token("token-2", "bert"), nil},
		{"a token of an anonymous session", token("token-3", ""), nil},
		{"a token whose session has no record", token("token-4", "anna"), nil},
		{"a token that says who, and no session", token("", "anna"), nil},
		{"a token that is not valid", sessionctx.Identity{}, middleware.ErrUnauthenticated},
		{"a token of another tenant", sessionctx.Identity{Tenant: "othershop", SessionID: "token-5", Proof: sessionctx.Asserted}, middleware.ErrWrongTenant},
		{"a token that nobody can look up now", sessionctx.Identity{}, sessionctx.ErrUnavailable},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			var identity sessionctx.Identity
			var failure error
			s := newShop(t)
			mw := s.middleware(func(cfg *middleware.Config) {
				cfg.Identify = func(*http.Request) (sessionctx.Identity, error) { return identity, failure }
			})
			b := newBrowser(t, mw)
			b.login("anna")
			id := b.jar[cookieName]
			identity = tc.identity
			if identity.SessionID != "" && tc.err == nil && identity.SessionID != "token-4" {
				b.update("/", cart("by-token"))
			}
			failure = tc.err
			w := httptest.NewRecorder()
			_, err := mw.Logout(w, b.request("/"))
			require.ErrorIs(t, err, tc.err)
			b.receive(w)
			assert.Empty(t, b.jar, "whatever happened, the next request is nobody's")
			if identity.SessionID != "" && tc.err == nil {
				_, err := s.resolver.Resolve(t.Context(), sessionctx.Request{Identity: identity})
				require.ErrorIs(t, err, sessionctx.ErrNotFound)
			}
			identity, failure = sessionctx.Identity{}, nil
			assert.Empty(t, b.get("/").CustomerID)
			if tc.err == nil {
				b.jar[cookieName] = id
				assert.Empty(t, b.get("/").CustomerID, "the cookie's session has ended, too")
			}
		})
	}
}

func TestLogout_HoldsWhileTheSiteIsNotKnown(t *testing.T) {
	var failure error
	s := newShop(t)
	mw := s.middleware(func(cfg *middleware.Config) {
		hostLogin(cfg)
		cfg.SiteOf = func(*http.Request, string) (middleware.SiteLanguage, error) {
			return middleware.SiteLanguage{}, failure
		}
	})
	b := newBrowser(t, mw)
	b.jar["host"] = "anna"
	b.update("/", cart("cart"))
	id := b.jar[customerCookie]
	require.NotEmpty(t, id)
	delete(b.jar, "host")
	failure = sessionctx.ErrUnavailable
	w := httptest.NewRecorder()
	_, err := mw.Logout(w, b.request("/"))
	require.ErrorIs(t, err, sessionctx.ErrUnavailable)
	b.receive(w)
	assert.Empty(t, b.jar, "this browser is logged out")
	failure = nil
	b.jar["host"], b.jar[customerCookie] = "anna", id
	assert.Empty(t, b.get("/").CartID, "the session has ended, too")
}

// Identify may cost a call of another server.
func TestIdentify_IsAskedOncePerRequest(t *testing.T) {
	update := func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error {
		_, err := mw.Update(w, r, sessionctx.Patch{Language: sessionctx.Set("en")})
		return err
	}
	type call = func(*middleware.Middleware, http.ResponseWriter, *http.Request) error
	login := func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error {
		_, err := mw.Login(w, r, "anna")
		return err
	}
	logout := func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error {
		_, err := mw.Logout(w, r)
		return err
	}
	start := func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error {
		_, err := mw.Start(w, r)
		return err
	}
	request := func(mw *middleware.Middleware, _ http.ResponseWriter, r *http.Request) error {
		_, err := mw.Request(r)
		return err
	}
	again := func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error { // a router inside of a router
		mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { assert.NoError(t, update(mw, w, r)) })).ServeHTTP(w, r)
		return nil
	}
	child := func(mw *middleware.Middleware, w http.ResponseWriter, r *http.Request) error { // with a context of its own
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		return update(mw, w, r.WithContext(ctx))
	}
	for _, tc := range []struct {
		desc  string
		calls []call
	}{
		{"no write", nil},
		{"two updates", []call{update, update}},
		{"a question for the request, then an update", []call{request, update, request}},
		{"a session that is started early", []call{start, update}},
		{"a login, then an update", []call{login, update}},
		{"a logout, then an update", []call{logout, update}},
		{"a login, a logout, a login", []call{login, logout, login}},
		{"Wrap inside of Wrap", []call{again, update}},
		{"a request with another context", []call{child, child}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			identified := 0
			mw := newShop(t).middleware(func(cfg *middleware.Config) {
				cfg.Identify = func(*http.Request) (sessionctx.Identity, error) {
					identified++
					return sessionctx.Identity{}, nil
				}
			})
			mw.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for i, call := range tc.calls {
					assert.NoError(t, call(mw, w, r), i)
				}
			})).ServeHTTP(httptest.NewRecorder(), get("/"))
			assert.Equal(t, 1, identified)
		})
	}
}

func TestUpdate_BeginsNothingWhereTheBrowserWithheldTheCookie(t *testing.T) {
	document := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	cases := []struct {
		desc, method string
		headers      []string
		withheld     bool
	}{
		{"a payment provider's form POST", "POST", append(document, "Sec-Fetch-Site", "cross-site"), true},
		{"OIDC form_post", "POST", append(document, "Sec-Fetch-Site", "cross-site", "Origin", "https://id.example"), true},
		{"the GET after its 303", "GET", append(document, "Sec-Fetch-Site", "cross-site"), false},
		{"a link on another site", "GET", append(document, "Sec-Fetch-Site", "cross-site"), false},
		{"a frame in another site", "GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, true},
		{"a script of another site", "GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "script"}, true},
		{"a fetch of another site", "POST", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, true},
		{"a fetch of a sister site", "POST", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://pay.shop.example"}, false},
		{"the shop's own form", "POST", append(document, "Sec-Fetch-Site", "same-origin"), false},
		{"a bookmark", "GET", append(document, "Sec-Fetch-Site", "none"), false},
		{"an old browser, another site's form", "POST", []string{"Origin", "https://pay.example"}, true},
		{"an old browser, an origin that it hides", "POST", []string{"Origin", "null"}, true},
		{"an old browser, our form", "POST", []string{"Origin", "https://Example.com"}, false},
		{"no browser", "POST", nil, false},
		{"a bank's form POST into our frame (3-D Secure)", "POST", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Origin", "https://acs.bank.example"}, true},
		{"the GET after its 303, still in the frame", "GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, true},
		{"a payment provider's form POST, of no user's click", "POST", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Origin", "null"}, true},
		{"a form POST that was sent on by a 307", "POST", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Origin", "null"}, true},
		{"Safari 15, Apple's form_post", "POST", []string{"Origin", "https://appleid.apple.com", "Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, true},
		{"Safari 15, our form on another port", "POST", []string{"Origin", "https://example.com:8443"}, true},
		{"Safari 15, our form over plain HTTP", "POST", []string{"Origin", "http://example.com"}, false},
		{"Safari 15, a link on another site", "GET", []string{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Referer", "https://pay.example/"}, false},
		{"an origin that begins as ours does", "POST", []string{"Origin", "https://example.com.evil.example"}, true},
		{"an origin that is no URL", "POST", []string{"Origin", "example.com"}, true},
		{"a PUT by another site's script", "PUT", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, true},
		{"a value of Sec-Fetch-Site that is not known yet", "POST", append(document, "Sec-Fetch-Site", "cross-universe"), true},
		{"a provider's server, no browser", "POST", []string{"User-Agent", "provider-webhook/2.1", "Content-Type", "application/json"}, false},
	}
	mw := newShop(t).middleware(nil)
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			for desc, call := range map[string]func(http.ResponseWriter, *http.Request) error{
				"Update": func(w http.ResponseWriter, r *http.Request) error {
					_, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
					return err
				},
				"Login": func(w http.ResponseWriter, r *http.Request) error { _, err := mw.Login(w, r, "anna"); return err },
				"Start": func(w http.ResponseWriter, r *http.Request) error { _, err := mw.Start(w, r); return err },
			} {
				r, w := httptest.NewRequest(tc.method, "/", nil), httptest.NewRecorder()
				for i := 0; i < len(tc.headers); i += 2 {
					r.Header.Set(tc.headers[i], tc.headers[i+1])
				}
				err := call(w, r)
				if !tc.withheld {
					require.NoError(t, err, desc)
					assert.NotEmpty(t, w.Header()["Set-Cookie"], desc)
					continue
				}
				require.ErrorIs(t, err, middleware.ErrCrossSite, desc)
				assert.Empty(t, w.Header(), desc)
				middleware.Fail(w, r, err, nil)
				assert.Equal(t, http.StatusForbidden, w.Code)
			}
		})
	}
}

func TestPartitioned_RefusesCrossOriginWritesByItself(t *testing.T) {
	mw := newShop(t).middleware(func(cfg *middleware.Config) { cfg.Partitioned = true })
	b := newBrowser(t, mw)
	b.update("/", cart("cart-1"))
	assert.Contains(t, b.jar, "__Host-session-embedded-demoshop")
	for _, tc := range []struct {
		desc, site string
		want       error
	}{
		{"its own frame", "same-origin", nil}, {"another site's form", "cross-site", middleware.ErrCrossSite},
		{"a sister site's form", "same-site", middleware.ErrCrossSite},
		{"an address that was typed", "none", nil}, {"what is not known yet", "cross-universe", middleware.ErrCrossSite},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			r := b.with("Sec-Fetch-Site", tc.site)
			r.Method = http.MethodPost
			_, err := mw.Update(httptest.NewRecorder(), r, cart("cart-2"))
			assert.ErrorIs(t, err, tc.want)
			w := httptest.NewRecorder()
			if tc.want != nil {
				_, err = mw.Logout(w, r)
				assert.ErrorIs(t, err, tc.want)
				assert.Empty(t, w.Header())
			}
		})
	}
}

func TestCookie_IsRenewedWhileTheSessionIsInUse(t *testing.T) {
	// forgetful is a browser that drops a cookie at its age.
	visit := func(t *testing.T, step time.Duration, steps int, writes func(int) bool, headers ...string) {
		s := newShop(t)
		mw := s.middleware(nil)
		b := newBrowser(t, mw)
		var until time.Time
		take := func(w *httptest.ResponseRecorder) {
			for _, c := range w.Result().Cookies() {
				until = time.Now().Add(time.Duration(c.MaxAge) * time.Second)
			}
			b.receive(w)
		}
		set := 0
		for i := range steps {
			if i > 0 {
				wait(step)
				require.True(t, time.Now().Before(until), "step %d", i)
			}
			w := httptest.NewRecorder()
			if i == 0 || writes(i) {
				_, err := mw.Update(w, b.request("/"), sessionctx.Patch{CartID: sessionctx.Set("cart"), Language: sessionctx.Set("en")})
				require.NoError(t, err)
			} else {
				assert.Equal(t, "cart", b.late(w, b.with(headers...)).CartID)
			}
			if len(w.Result().Cookies()) > 0 {
				set++
			}
			take(w)
		}
		assert.Less(t, set, steps, "not by every answer")
	}
	navigation := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none"}
	for _, tc := range []struct {
		desc    string
		step    time.Duration
		writes  func(int) bool
		headers []string
	}{
		{"a write every second round", 54 * time.Minute, func(i int) bool { return i%2 == 0 }, nil},
		{"writes alone", 14 * time.Minute, func(int) bool { return true }, nil},
		{"navigations alone", 40 * time.Minute, func(i int) bool { return i < 30 && i%3 == 0 }, navigation},
		{"navigations of an old browser", 40 * time.Minute, func(i int) bool { return i%5 == 0 }, []string{"Accept", "text/html,*/*"}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { visit(t, tc.step, 60, tc.writes, tc.headers...) })
		})
	}
	t.Run("not by a fetch, a frame or a prefetch", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			mw := newShop(t).middleware(nil)
			b := newBrowser(t, mw)
			b.update("/", cart("cart"))
			for range 5 { // in use all the time
				wait(30 * time.Minute)
				b.get("/")
			}
			for _, headers := range [][]string{
				{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, {"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"},
				append(navigation, "Sec-Purpose", "prefetch"), {"Accept", "application/json"},
			} {
				w := httptest.NewRecorder()
				b.late(w, b.with(headers...))
				assert.Empty(t, w.Header()["Set-Cookie"], "%q", headers)
			}
			w := httptest.NewRecorder()
			b.late(w, b.with(navigation...))
			require.Len(t, w.Result().Cookies(), 1)
			assert.Equal(t, b.jar[cookieName], w.Result().Cookies()[0].Value)
		})
	})
}

// A client that sends its secret in a header of its own has no cookie to renew.
func TestCookie_IsNoneForASecretThatIdentifyHasRead(t *testing.T) {
	for _, noCookie := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			mw := newShop(t).middleware(func(cfg *middleware.Config) {
				cfg.NoCookie = noCookie
				cfg.Identify = func(r *http.Request) (sessionctx.Identity, error) {
					if id := r.Header.Get("X-Session"); id != "" {
						return sessionctx.Identity{SessionID: id, Proof: sessionctx.BySecret}, nil
					}
					return sessionctx.Identity{}, nil
				}
			})
			id := "first"
			for i := range 5 {
				r := get("/")
				r.Header.Set("X-Session", id)
				w := httptest.NewRecorder()
				s, err := mw.Update(w, r, cart(fmt.Sprint("cart-", i)))
				require.NoError(t, err)
				assert.Empty(t, w.Header()["Set-Cookie"], "write %d", i)
				id = s.ID
				wait(50 * time.Minute)
			}
		})
	}
}

func TestStart_ParallelFirstWritesAreKept(t *testing.T) {
	attribute := func(name string) sessionctx.Patch {
		return sessionctx.Patch{Attributes: map[string]json.RawMessage{name: json.RawMessage("1")}}
	}
	for _, tc := range []struct {
		desc    string
		jar     map[string]string
		patches []sessionctx.Patch
	}{
		{"a guest", nil, []sessionctx.Patch{cart("cart"), {Language: sessionctx.Set("en")}}},
		{"a customer of the host's own login", map[string]string{"host": "anna"}, []sessionctx.Patch{cart("cart"), {Language: sessionctx.Set("en")}}},
		{"a cookie that names nothing", map[string]string{cookieName: secretA}, []sessionctx.Patch{cart("cart"), {Language: sessionctx.Set("en")}}},
		{"attributes beside them", nil, []sessionctx.Patch{cart("cart"), {Language: sessionctx.Set("en")}, attribute("a"), attribute("b"), attribute("c")}},
		{"all four values and a cart", nil, []sessionctx.Patch{
			{Site: sessionctx.Set("main")}, {Currency: sessionctx.Set("CHF")}, {Country: sessionctx.Set("AT")}, {Language: sessionctx.Set("en")}, cart("cart"),
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			mw := newShop(t).middleware(hostLogin)
			b := newBrowser(t, mw)
			maps.Copy(b.jar, tc.jar)
			w := httptest.NewRecorder()
			_, err := mw.Start(w, b.request("/"))
			require.NoError(t, err)
			b.receive(w)
			again := httptest.NewRecorder()
			_, err = mw.Start(again, b.request("/"))
			require.NoError(t, err)
			assert.Empty(t, again.Header(), "a session that exists stays")
			var wg sync.WaitGroup
			for _, p := range tc.patches {
				r := b.request("/")
				wg.Go(func() {
					_, err := mw.Update(httptest.NewRecorder(), r, p)
					assert.NoError(t, err)
				})
			}
			wg.Wait()
			s := b.get("/")
			assert.Equal(t, "cart en", s.CartID+" "+s.Language)
			attributes := 0
			for _, p := range tc.patches {
				attributes += len(p.Attributes)
			}
			assert.Len(t, maps.Collect(s.Attributes()), attributes)
		})
	}
}

func TestWrap_WarmCustomerAllocatesOneMore(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates too")
	}
	mw := newShop(t).middleware(func(cfg *middleware.Config) {
		cfg.Customer = func(*http.Request) (string, error) { return "anna", nil }
	})
	b := newBrowser(t, mw)
	b.update("/", sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	r := b.request("/")
	h := mw.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	allocs, w := 0.0, newDiscard()
	for range 10_000 {
		if allocs = testing.AllocsPerRun(10, func() { w.read(t, h, r) }); allocs <= 3 {
			return
		}
		runtime.Gosched()
	}
	assert.LessOrEqual(t, allocs, 3.0)
}
