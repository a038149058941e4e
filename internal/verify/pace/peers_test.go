package pace

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/dgraph-io/ristretto/v2"
	"github.com/gorilla/sessions"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

// The four values as the peers keep them: one entry for each.
var keptValues = map[string]string{"site": "main", "currency": "CHF", "country": "DE", "language": "en"}

// byHand is the least that a host would write by itself to have a cached session in a request's
// context: net/http's cookie, a ristretto cache, a context value. It resolves nothing and notices
// no change.
type byHand struct {
	cache *ristretto.Cache[string, *sessionctx.Session]
}

type handKey struct{}

func newByHand(t testing.TB, ids []string) byHand {
	return byHand{newRistretto(t, ids, func(i int) *sessionctx.Session {
		return &sessionctx.Session{ID: strings.Clone(ids[i]), Site: "main", Currency: "CHF", Country: "DE", Language: "en"}
	})}
}

func (b byHand) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(cookieName)
		if err != nil {
			http.Error(w, "no cookie", http.StatusBadRequest)
			return
		}
		s, _ := b.cache.Get(c.Value)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), handKey{}, s)))
	})
}

func (byHand) read(r *http.Request) (site, currency, country, language string) {
	if s, _ := r.Context().Value(handKey{}).(*sessionctx.Session); s != nil {
		return s.Site, s.Currency, s.Country, s.Language
	}
	return "", "", "", ""
}

// newSCS returns scs as its README sets it up, over its own memory store. What sweeps that store
// once a minute is not stopped: its StopCleanup races with its start.
func newSCS() *scs.SessionManager {
	m := scs.New()
	m.Lifetime = 24 * time.Hour
	return m
}

// scsTokens makes sessions with the four values.
func scsTokens(t testing.TB, m *scs.SessionManager, n int) []string {
	t.Helper()
	tokens := make([]string, n)
	for i := range tokens {
		ctx, err := m.Load(t.Context(), "")
		require.NoError(t, err)
		for name, value := range keptValues {
			m.Put(ctx, name, value)
		}
		tokens[i], _, err = m.Commit(ctx)
		require.NoError(t, err)
	}
	return shuffled(tokens)
}

func readSCS(m *scs.SessionManager) func(*http.Request) (site, currency, country, language string) {
	return func(r *http.Request) (site, currency, country, language string) {
		ctx := r.Context()
		return m.GetString(ctx, "site"), m.GetString(ctx, "currency"), m.GetString(ctx, "country"), m.GetString(ctx, "language")
	}
}

const gorillaName = "session-name"

// newGorilla returns gorilla/sessions as its README sets it up: all values in the cookie, signed.
func newGorilla() *sessions.CookieStore {
	return sessions.NewCookieStore([]byte(strings.Repeat("k", 32)))
}

// gorillaCookies makes cookies with the four values.
func gorillaCookies(t testing.TB, store *sessions.CookieStore, n int) []string {
	t.Helper()
	cookies := make([]string, n)
	for i := range cookies {
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
		s, err := store.Get(r, gorillaName)
		require.NoError(t, err)
		for name, value := range keptValues {
			s.Values[name] = value
		}
		require.NoError(t, s.Save(r, w))
		cookies[i], _, _ = strings.Cut(w.Header().Get("Set-Cookie"), ";")
	}
	return shuffled(cookies)
}

func readGorilla(store *sessions.CookieStore) func(*http.Request) (site, currency, country, language string) {
	return func(r *http.Request) (site, currency, country, language string) {
		s, err := store.Get(r, gorillaName)
		if err != nil {
			return "", "", "", ""
		}
		value := func(name string) string { v, _ := s.Values[name].(string); return v }
		return value("site"), value("currency"), value("country"), value("language")
	}
}

// unwrapped is for peers that need nothing around the handler.
func unwrapped(h http.Handler) http.Handler { return h }

// peersOf returns the ways of reading the four values: by hand, scs, gorilla/sessions.
func peersOf(t testing.TB, ids []string) []Way {
	t.Helper()
	hand, manager, store := newByHand(t, ids), newSCS(), newGorilla()
	return []Way{
		visiting("by hand", "Cookie", headerLines(cookieName+"=", ids), hand.wrap, hand.read),
		visiting("scs", "Cookie", headerLines(manager.Cookie.Name+"=", scsTokens(t, manager, len(ids))), manager.LoadAndSave, readSCS(manager)),
		visiting("gorilla/sessions", "Cookie", headerLines("", gorillaCookies(t, store, len(ids))), unwrapped, readGorilla(store)),
	}
}
