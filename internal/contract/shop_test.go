package contract_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
	"github.com/sessionctx/storefront/sessionctx/store"
)

var (
	key      = bytes.Repeat([]byte("k"), 32)
	shipping = []defaults.Address{{Country: "AT", Tags: []string{"shipping"}}}
	sites    = []defaults.Site{
		{Code: "main", Default: true, Currency: "EUR", Currencies: []string{"CHF", "GBP"}, Country: "DE", Language: "de", Languages: []string{"en"}},
		{Code: "us", Currency: "USD", Currencies: []string{"USD"}, Country: "US", Language: "en"},
	}
)

// token returns the header of a bearer token.
func token(claims jwt.MapClaims) http.Header {
	claims["iss"], claims["aud"], claims["exp"] = "issuer", "shop", time.Now().Add(time.Hour).Unix()
	s, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(key)
	if err != nil {
		panic(err)
	}
	return http.Header{"Authorization": {"Bearer " + s}}
}

func shopper(sessionID, customerID string) http.Header {
	claims := jwt.MapClaims{"tenant": "demoshop"}
	if sessionID != "" {
		claims["sid"] = sessionID
	}
	if customerID != "" {
		claims["sub"] = customerID
	}
	return token(claims)
}

func operator(tenant string) http.Header {
	return token(jwt.MapClaims{"tenant": tenant, "sub": "backoffice", "scope": "sessioncontext.context_manage"})
}

// with returns a header with one more line.
func with(h http.Header, name, value string) http.Header {
	h = h.Clone()
	h.Set(name, value)
	return h
}

// outage is a store that may be down, or whose Save does not say what it did.
type outage struct {
	memstore.Store
	down, mute atomic.Bool
}

var errDown = errors.New("down")

func (s *outage) Load(ctx context.Context, k store.Key) (store.Record, error) {
	if s.down.Load() {
		return store.Record{}, errDown
	}
	return s.Store.Load(ctx, k)
}

func (s *outage) Save(ctx context.Context, k store.Key, rec store.Record, base sessionctx.Revision) (store.Record, error) {
	if s.down.Load() || s.mute.Load() {
		return store.Record{}, errDown
	}
	return s.Store.Save(ctx, k, rec, base)
}

// strangers is a directory that cannot be asked about customers.
type strangers struct{ sessionctx.Static }

func (strangers) Customer(context.Context, string, string) (defaults.Customer, error) {
	return defaults.Customer{}, errDown
}

// settings are what an exchange may change of a shop.
type settings struct {
	down     bool // the store, after the first sessions were written
	mute     bool // the same of Save
	strange  bool // no profile of a customer can be had
	identify func(*http.Request) (sessionctx.Identity, error)
	tenant   func(*http.Request) string
}

// shop is a server with the anonymous session s1 (CHF, then the attribute a), anna's session s2,
// the ended session s3, and one by cookie.
type shop struct {
	http.Handler
	secret   string
	versions map[string]int64 // of s1 and s2
}

func newShop(t *testing.T, change ...func(*settings)) *shop {
	t.Helper()
	tokens, err := bearer.New(bearer.Config{
		Issuer: "issuer", Audience: "shop", Keys: []bearer.Key{{Algorithm: "HS256", Key: key}},
	})
	require.NoError(t, err)
	cfg := settings{
		identify: tokens.Identify,
		tenant:   func(r *http.Request) string { return strings.Split(r.URL.Path, "/")[2] },
	}
	for _, c := range change {
		if c != nil {
			c(&cfg)
		}
	}
	st := &outage{}
	log := slog.New(slog.DiscardHandler)
	static := sessionctx.Static{"demoshop": {Sites: sites, Customers: map[string]defaults.Customer{
		"anna": {Site: "nosuch", Currency: "GBP", Language: "en", Addresses: shipping},
	}}}
	var dir sessionctx.Directory = static
	if cfg.strange {
		dir = strangers{static}
	}
	resolver, err := sessionctx.New(sessionctx.Config{
		Store: struct{ store.Store }{st}, CacheBytes: 1 << 20, Logger: log, Directory: dir,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, resolver.Close()) })
	mw, err := middleware.New(middleware.Config{Resolver: resolver, Tenant: cfg.tenant, Identify: cfg.identify})
	require.NoError(t, err)
	handler, err := rest.New(rest.Config{
		Resolver: resolver, Middleware: mw, Logger: log,
		Scopes: func(r *http.Request) (tenant, scopes string, err error) {
			if _, err := cfg.identify(r); err != nil {
				return "", "", err
			}
			return tokens.Scopes(r)
		},
		SaasToken: func(_, token string) (string, error) {
			c, err := tokens.VerifyToken(token)
			return c.Identity.CustomerID, err
		},
	})
	require.NoError(t, err)

	update := func(id sessionctx.Identity, p sessionctx.Patch) sessionctx.Session {
		id.Tenant = "demoshop"
		s, err := resolver.Update(t.Context(), sessionctx.Request{Identity: id}, p)
		require.NoError(t, err)
		return s
	}
	chf := sessionctx.Patch{Currency: sessionctx.Set("CHF")}
	update(sessionctx.Identity{SessionID: "s1", Proof: sessionctx.Asserted}, chf)
	s1 := update(sessionctx.Identity{SessionID: "s1", Proof: sessionctx.Asserted}, sessionctx.Patch{CartID: sessionctx.Set("cart"), Attributes: map[string]json.RawMessage{"a": []byte("1")}})
	s2 := update(sessionctx.Identity{SessionID: "s2", CustomerID: "anna", Proof: sessionctx.Asserted}, chf)
	update(sessionctx.Identity{SessionID: "s3", Proof: sessionctx.Asserted}, chf)
	require.NoError(t, resolver.End(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: "s3", Proof: sessionctx.Asserted}}))
	secret := update(sessionctx.Identity{Proof: sessionctx.BySecret}, chf).ID
	s := &shop{handler, secret, map[string]int64{"s1": s1.Version, "s2": s2.Version}}
	st.down.Store(cfg.down)
	st.mute.Store(cfg.mute)
	return s
}

// state puts the versions of a session in the place of NOW and BEFORE in a body: the present one,
// and the one before it.
func (s *shop) state(sessionID, body string) string {
	now := s.versions[cmp.Or(sessionID, "s1")]
	return strings.NewReplacer("NOW", fmt.Sprint(now), "BEFORE", fmt.Sprint(now-1)).Replace(body)
}

// cookie returns the header of the session by cookie.
func (s *shop) cookie() http.Header {
	return http.Header{"Cookie": {"__Host-session-demoshop=" + s.secret}}
}
