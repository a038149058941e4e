package rest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/problemtype"
	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func demoshop() sessionctx.Static {
	return sessionctx.Static{
		"demoshop": {
			Sites: []defaults.Site{
				{
					Code: "main", Default: true, Currency: "EUR", Currencies: []string{"CHF", "GBP"}, Country: "DE",
					ShipTo: []string{"DE", "AT", "CH"}, Language: "de", Languages: []string{"en", "fr"},
				},
				{Code: "us", Currency: "USD", Country: "US", ShipTo: []string{"US"}, Language: "en", Currencies: []string{"USD"}, Languages: []string{"en"}},
				{Code: "closed", Inactive: true, Currency: "GBP", Country: "GB", Language: "en"},
			},
			Customers: map[string]defaults.Customer{
				"anna": {Currency: "GBP", Language: "en_GB", Addresses: []defaults.Address{{Country: "AT", Tags: []string{"SHIPPING"}}}},
				"bob":  {Currency: "XXX"},
			},
		},
		"othershop": {
			Sites: []defaults.Site{{Code: "main", Default: true, Currency: "SEK", Country: "SE", Language: "sv"}},
		},
	}
}

var key = bytes.Repeat([]byte("k"), 32)

const (
	issuer   = "https://issuer.example"
	audience = "storefront"
	manage   = "sessioncontext.context_manage"
)

// claims are those of a token; the zero value of a member leaves it out.
type claims struct {
	Tenant, Session, Customer, Scope string
	Issuer                           string // default: the right one
	Life                             time.Duration
}

func (c claims) sign(t testing.TB) string {
	t.Helper()
	if c.Issuer == "" {
		c.Issuer = issuer
	}
	if c.Life == 0 {
		c.Life = time.Hour
	}
	m := map[string]any{"iss": c.Issuer, "exp": time.Now().Add(c.Life).Unix(), "tenant": c.Tenant}
	for name, value := range map[string]string{"sid": c.Session, "sub": c.Customer, "scope": c.Scope} {
		if value != "" {
			m[name] = value
		}
	}
	return signed(key, m)
}

// signed returns a token with the members, and with those that every token has.
func signed(key []byte, members map[string]any) string {
	m := jwt.MapClaims{"iss": issuer, "aud": audience, "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(m, members)
	s, err := jwt.NewWithClaims(jwt.SigningMethodHS256, m).SignedString(key)
	if err != nil {
		panic(err)
	}
	return s
}

func newVerifier(t testing.TB) *bearer.Verifier {
	t.Helper()
	v, err := bearer.New(bearer.Config{
		Issuer: issuer, Audience: audience, Keys: []bearer.Key{{Algorithm: "HS256", Key: key}},
	})
	require.NoError(t, err)
	return v
}

// shop is a server of the interface, for one test.
type shop struct {
	t        testing.TB
	resolver *sessionctx.Resolver
	mw       *middleware.Middleware
	handler  http.Handler
	log      *bytes.Buffer
}

// settings are what a test may change of a shop.
type settings struct {
	sessions   sessionctx.Config
	middleware middleware.Config
	rest       rest.Config
}

func newShop(t testing.TB, change ...func(*settings)) *shop {
	t.Helper()
	tokens := newVerifier(t)
	log := &bytes.Buffer{}
	cfg := settings{
		sessions: sessionctx.Config{
			Store: &memstore.Store{}, Directory: demoshop(), CacheBytes: 1 << 20, Logger: slog.New(slog.DiscardHandler),
			Timeout: time.Minute, // a busy machine is no store that hangs
		},
		middleware: middleware.Config{
			Tenant:   func(r *http.Request) string { return strings.Split(r.URL.Path+"//", "/")[2] },
			Identify: tokens.Identify,
		},
		rest: rest.Config{
			Scopes: tokens.Scopes,
			SaasToken: func(tenant, token string) (string, error) {
				c, err := tokens.VerifyToken(token)
				if err == nil && c.Identity.Tenant != tenant {
					err = middleware.ErrWrongTenant
				}
				return c.Identity.CustomerID, err
			},
			Logger: slog.New(slog.NewTextHandler(log, nil)),
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	resolver, err := sessionctx.New(cfg.sessions)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, resolver.Close()) })
	cfg.middleware.Resolver, cfg.rest.Resolver = resolver, resolver
	cfg.rest.Middleware, err = middleware.New(cfg.middleware)
	require.NoError(t, err)
	h, err := rest.New(cfg.rest)
	require.NoError(t, err)
	return &shop{t, resolver, cfg.rest.Middleware, h, log}
}

// client sends requests as one shopper, operator or browser.
type client struct {
	*shop
	header http.Header
}

func (s *shop) client(headers ...string) *client {
	c := &client{s, make(http.Header)}
	for i := 0; i < len(headers); i += 2 {
		c.header.Set(headers[i], headers[i+1])
	}
	return c
}

// bearer returns a client with a token.
func (s *shop) bearer(c claims) *client {
	s.t.Helper()
	if c.Tenant == "" {
		c.Tenant = "demoshop"
	}
	return s.client("Authorization", "Bearer "+c.sign(s.t))
}

func (s *shop) shopper(sessionID string) *client { return s.bearer(claims{Session: sessionID}) }
func (s *shop) operator() *client                { return s.bearer(claims{Customer: "backoffice", Scope: manage}) }

// version returns the present version of a session that has a record. A record begins with any
// version, so a test states what it has read.
func (s *shop) version(sessionID string) int64 {
	s.t.Helper()
	return s.operator().do("GET", "/context/"+escape(sessionID), "").context().Metadata.Version
}

// stating returns a body with the present version of the session, plus more.
func (s *shop) stating(sessionID string, more int64, body string) string {
	s.t.Helper()
	members := strings.TrimPrefix(strings.TrimSuffix(body, "}"), "{")
	if members != "" {
		members += ","
	}
	return fmt.Sprintf(`{%s"metadata":{"version":%d}}`, members, s.version(sessionID)+more)
}

// cookieName is that of demoshop's anonymous cookie.
const cookieName = "__Host-session-demoshop"

// browser returns a client with the cookie of a new session.
func (s *shop) browser(p sessionctx.Patch) *client {
	s.t.Helper()
	first, err := s.resolver.Update(s.t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", Proof: sessionctx.BySecret}}, p)
	require.NoError(s.t, err)
	return s.client("Cookie", cookieName+"="+first.ID)
}

// with returns the client with more headers.
func (c *client) with(headers ...string) *client {
	d := &client{c.shop, c.header.Clone()}
	for i := 0; i < len(headers); i += 2 {
		if d.header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			d.header.Del(headers[i])
		}
	}
	return d
}

// answer is a response that was read.
type answer struct {
	*http.Response
	t    testing.TB
	body string
}

// do sends a request to a path below /session-context/demoshop, or to the whole path of another
// tenant. A body without a content type is application/json.
func (c *client) do(method, path, body string) *answer {
	c.t.Helper()
	if !strings.HasPrefix(path, "/session-context/") {
		path = "/session-context/demoshop" + path
	}
	r := httptest.NewRequest(method, "https://shop.example"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	if r.Header.Get("Content-Type") == "-" {
		r.Header.Del("Content-Type")
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return read(c.t, w.Result())
}

func read(t testing.TB, res *http.Response) *answer {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	a := &answer{res, t, string(b)}
	assert.Equal(t, "private, no-store", res.Header.Get("Cache-Control"))
	assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
	if res.StatusCode >= 400 {
		a.checkProblem()
	}
	return a
}

// problem is the body of an error as a client reads it.
type problem struct {
	Type, Title, Detail, Message, SessionID string
	Status, Code                            int
	CurrentVersion                          *int64
	Details                                 []map[string]string
}

func (a *answer) problem() problem {
	a.t.Helper()
	var p problem
	require.NoError(a.t, json.Unmarshal([]byte(a.body), &p), "%s", a.body)
	for _, d := range p.Details { // what every detail has
		assert.NotEmpty(a.t, d["message"])
		assert.Equal(a.t, d["reason"], d["type"])
		delete(d, "message")
		delete(d, "type")
	}
	return p
}

// unknownOutcome is the type of the answer to a write that may have been applied.
const unknownOutcome = "/session-context/problems/unknown-outcome"

// checkProblem holds an error to what every error has.
func (a *answer) checkProblem() {
	a.t.Helper()
	if a.Request != nil && a.Request.Method == http.MethodHead {
		return
	}
	assert.Equal(a.t, "application/json", a.Header.Get("Content-Type"))
	p := a.problem()
	unknown := p.Type == unknownOutcome
	assert.True(a.t, unknown || p.Type == "about:blank", p.Type)
	assert.Equal(a.t, problemtype.Title(a.StatusCode), p.Title)
	assert.Equal(a.t, a.StatusCode, p.Status)
	assert.Equal(a.t, a.StatusCode, p.Code)
	assert.NotEmpty(a.t, p.Message)
	assert.Equal(a.t, p.Message, p.Detail)
	assert.Empty(a.t, a.Header.Get("ETag"))
	for _, inside := range []string{"sessionctx", "defaults:", "middleware", "rest:", "json:", "memstore", "invalid character", "jwt"} {
		assert.NotContains(a.t, a.body, inside)
	}
	assert.Equal(a.t, a.StatusCode == 409, p.CurrentVersion != nil)
	if a.StatusCode != 403 { // which has one where the scope is missing
		assert.Equal(a.t, a.StatusCode == 401, a.Header.Get("WWW-Authenticate") != "")
	}
	assert.False(a.t, unknown && a.StatusCode != 503)
	assert.Equal(a.t, a.StatusCode == 503 && !unknown, a.Header.Get("Retry-After") != "")
	assert.Equal(a.t, a.StatusCode == 405, a.Header.Get("Allow") != "")
}

// context is the body of a context as a client reads it.
type contextBody struct {
	SessionID, CustomerID, SiteCode, Currency, CartID, TargetLocation, Language string

	Context  map[string]json.RawMessage
	Metadata *struct {
		Version               int64
		CreatedAt, ModifiedAt *time.Time
	}
	Sources  map[string]string
	Rejected map[string][]map[string]string

	Degraded, ProfileMissing bool
}

// context returns the body of a 200.
func (a *answer) context() contextBody {
	a.t.Helper()
	require.Equal(a.t, http.StatusOK, a.StatusCode, "%s", a.body)
	assert.Equal(a.t, "application/json", a.Header.Get("Content-Type"))
	var b contextBody
	require.NoError(a.t, json.Unmarshal([]byte(a.body), &b), "%s", a.body)
	return b
}

// must fails the test unless the answer has the status.
func (a *answer) must(status int) *answer {
	a.t.Helper()
	require.Equal(a.t, status, a.StatusCode, "%s", a.body)
	return a
}

// is is must for other goroutines than the test's.
func (a *answer) is(status int) *answer {
	a.t.Helper()
	assert.Equal(a.t, status, a.StatusCode, "%s", a.body)
	return a
}

var errDown = errors.New("the database at db-7.internal is down")

// sessionPatch returns a patch of the currency.
func sessionPatch(currency string) sessionctx.Patch {
	return sessionctx.Patch{Currency: sessionctx.Set(currency)}
}

// quote returns a text as JSON.
func quote(s string) string {
	b, _ := json.Marshal(s) // of a string: never an error
	return string(b)
}

// escape returns a name as one segment of a path, like encodeURIComponent.
func escape(name string) string {
	return strings.ReplaceAll(url.PathEscape(name), "..", "%2E%2E")
}
