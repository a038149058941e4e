package peers

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// library is one way to have sessions, as a shop uses it. A handler that it wraps may call its
// functions with what it is given.
type library struct {
	desc       string
	wrap       func(http.Handler) http.Handler
	put        func(w http.ResponseWriter, r *http.Request, name, value string) error
	get        func(r *http.Request, name string) string // empty: not there
	login      func(w http.ResponseWriter, r *http.Request, customer string) error
	customerOf func(r *http.Request) string // empty: nobody is logged in
	logout     func(w http.ResponseWriter, r *http.Request) error

	// The four values of a page: who has chosen them, and how a handler reads them.
	choose func(w http.ResponseWriter, r *http.Request) error
	values func(r *http.Request) (site, currency, country, language string)
}

// libraries returns ours, and then the peers.
func libraries(t testing.TB) []library { return []library{ours(t), scsLibrary(), gorillaLibrary()} }

const customerValue = "customer" // the name under which the peers keep who is logged in

// peer completes a library that keeps texts by name, one for each value.
func peer(l library) library {
	l.customerOf = func(r *http.Request) string { return l.get(r, customerValue) }
	l.choose = func(w http.ResponseWriter, r *http.Request) error {
		return errors.Join(l.put(w, r, "site", "main"), l.put(w, r, "currency", "CHF"), l.put(w, r, "country", "DE"), l.put(w, r, "language", "en"))
	}
	l.values = func(r *http.Request) (site, currency, country, language string) {
		return l.get(r, "site"), l.get(r, "currency"), l.get(r, "country"), l.get(r, "language")
	}
	return l
}

func ours(t testing.TB) library {
	mw, err := middleware.New(middleware.Config{
		Resolver: evidence.Resolver(t, func(c *sessionctx.Config) { c.CacheBytes = 16 << 20 }),
		Tenant:   middleware.Tenant(evidence.Tenant), AcceptLanguage: true,
	})
	require.NoError(t, err)
	session := func(r *http.Request) sessionctx.Session {
		s, _ := sessionctx.FromContext(r.Context())
		return s
	}
	return library{
		desc: "this library", wrap: mw.Wrap,
		put: func(w http.ResponseWriter, r *http.Request, name, value string) error {
			raw, err := json.Marshal(value)
			if err == nil {
				_, err = mw.Update(w, r, sessionctx.Patch{Attributes: map[string]json.RawMessage{name: raw}})
			}
			return err
		},
		get: func(r *http.Request, name string) (value string) {
			raw, _ := session(r).Attribute(name)
			_ = json.Unmarshal(raw, &value)
			return value
		},
		login: func(w http.ResponseWriter, r *http.Request, customer string) error {
			_, err := mw.Login(w, r, customer)
			return err
		},
		customerOf: func(r *http.Request) string { return session(r).CustomerID },
		logout: func(w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Logout(w, r)
			return err
		},
		choose: func(w http.ResponseWriter, r *http.Request) error {
			_, err := mw.Update(w, r, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			return err
		},
		values: func(r *http.Request) (site, currency, country, language string) {
			s := session(r)
			return s.Site, s.Currency, s.Country, s.Language
		},
	}
}

// scsLibrary is over scs's own memory store. It renews the token at login and destroys the session
// at logout, as the documentation of scs says. What sweeps that store once a minute is not stopped:
// its StopCleanup races with its start.
func scsLibrary() library {
	m := scs.New()
	m.Lifetime = 24 * time.Hour
	put := func(_ http.ResponseWriter, r *http.Request, name, value string) error {
		m.Put(r.Context(), name, value)
		return nil
	}
	return peer(library{
		desc: "scs", wrap: m.LoadAndSave, put: put,
		get: func(r *http.Request, name string) string { return m.GetString(r.Context(), name) },
		login: func(w http.ResponseWriter, r *http.Request, customer string) error {
			return errors.Join(m.RenewToken(r.Context()), put(w, r, customerValue, customer))
		},
		logout: func(_ http.ResponseWriter, r *http.Request) error { return m.Destroy(r.Context()) },
	})
}

// gorillaLibrary keeps all values in the cookie, signed. It deletes the cookie at logout, as the
// documentation of gorilla/sessions says.
func gorillaLibrary() library {
	store := sessions.NewCookieStore([]byte(strings.Repeat("k", 32)))
	const name = "session-name"
	put := func(w http.ResponseWriter, r *http.Request, key, value string) error {
		s, err := store.Get(r, name)
		if err != nil {
			return err
		}
		s.Values[key] = value
		return s.Save(r, w)
	}
	return peer(library{
		desc: "gorilla-sessions", wrap: func(h http.Handler) http.Handler { return h }, put: put,
		get: func(r *http.Request, key string) (value string) {
			if s, err := store.Get(r, name); err == nil {
				value, _ = s.Values[key].(string)
			}
			return value
		},
		login: func(w http.ResponseWriter, r *http.Request, customer string) error {
			return put(w, r, customerValue, customer)
		},
		logout: func(w http.ResponseWriter, r *http.Request) error {
			s, err := store.Get(r, name)
			if err != nil {
				return err
			}
			s.Options.MaxAge = -1
			return s.Save(r, w)
		},
	})
}

// browser keeps the cookies that answers set. It is used by one goroutine at a time.
type browser map[string]string

// send sends a request with the cookies that b has now, and returns the answer, which b has not
// received yet.
func (b browser) send(l library, handle http.HandlerFunc) *http.Response {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, value := range b {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	l.wrap(handle).ServeHTTP(w, r)
	return w.Result()
}

func (b browser) receive(answer *http.Response) {
	for _, c := range answer.Cookies() {
		if c.MaxAge < 0 || c.Value == "" {
			delete(b, c.Name)
		} else {
			b[c.Name] = c.Value
		}
	}
}

// do sends a request, in which nothing may fail, and receives its answer.
func (b browser) do(t testing.TB, l library, handle func(w http.ResponseWriter, r *http.Request) error) {
	t.Helper()
	b.receive(b.send(l, func(w http.ResponseWriter, r *http.Request) { require.NoError(t, handle(w, r)) }))
}
