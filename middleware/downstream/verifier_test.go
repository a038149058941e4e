package downstream_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/middleware/downstream"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
)

func TestWrap_NextServiceSeesTheCallersWrites(t *testing.T) {
	backend := new(sessiontest.Store)
	web, remote := newResolver(t, backend), newResolver(t, backend)
	service := httptest.NewServer(newVerifier(t, func(cfg *downstream.VerifierConfig) { cfg.Resolver = remote }).Wrap(http.HandlerFunc(show)))
	defer service.Close()
	client := http.Client{Transport: newTransport(t, func(cfg *downstream.TransportConfig) {
		cfg.Audiences = map[string]string{service.URL: "prices"}
	})}
	call := func(s sessionctx.Session) string {
		r, err := http.NewRequestWithContext(sessionctx.NewContext(t.Context(), s), "GET", service.URL, nil)
		require.NoError(t, err)
		resp, err := client.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		body := new(strings.Builder)
		require.NoError(t, resp.Write(body))
		_, text, _ := strings.Cut(body.String(), "\r\n\r\n")
		return text
	}
	guest := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", Proof: sessionctx.BySecret}}
	first, err := web.Update(t.Context(), guest, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	require.NoError(t, err)
	require.Equal(t, "CHF (choice) ", call(first))

	guest.SessionID = first.ID
	second, err := web.Update(t.Context(), guest, sessionctx.Patch{Currency: sessionctx.Set("GBP")})
	require.NoError(t, err)
	require.Equal(t, "CHF (choice) ", call(first), "the other process still has what it has read: the test can see a difference")
	assert.Equal(t, "GBP (choice) ", call(second))
	assert.Equal(t, "GBP (choice) ", call(first), "the session as it is now, and not as the token says")
}

func TestWrap_AnswersForEachMistake(t *testing.T) {
	service := newVerifier(t, nil).Wrap(http.HandlerFunc(show))
	signed := func(edit func(jwt.MapClaims)) string {
		c := claims(t)
		edit(c)
		return sign(t, jwt.SigningMethodHS256, secret, nil, c)
	}
	member := func(name string, value any) string {
		return signed(func(c jwt.MapClaims) {
			text, err := json.Marshal(c["session_context"])
			require.NoError(t, err)
			var m map[string]any
			require.NoError(t, json.Unmarshal(text, &m))
			m[name] = value
			c["session_context"] = m
		})
	}
	good := signed(func(jwt.MapClaims) {})
	tests := []struct {
		desc   string
		tokens []string
		status int
		want   string
	}{
		{"a good token", []string{good}, 200, "CHF (choice) anna"},
		{"a member that only a newer program knows", []string{member("mood", "sunny")}, 200, "CHF (choice) anna"},
		{"no header", nil, 401, "The request has no Session-Context header."},
		{"an empty header", []string{""}, 401, "The token is malformed."},
		{"two headers", []string{good, good}, 400, "The request has more than one Session-Context header."},
		{"a header as a list", []string{good + ", " + good}, 401, "The token is malformed."},
		{"no token at all", []string{"a.b"}, 401, "The token is malformed."},
		{"a payload that is no JSON", []string{"e30.e30x.e30"}, 401, "The token is malformed."},
		{"a header that is too large", []string{good + strings.Repeat("x", 8000)}, 431, "The Session-Context header has more than 8000 bytes."},
		{"expired", []string{signed(func(c jwt.MapClaims) {
			c["iat"], c["exp"] = time.Now().Add(-2*time.Minute).Unix(), time.Now().Add(-time.Minute).Unix()
		})}, 401, "The token has expired, or does not say when it does."},
		{"another audience", []string{signed(func(c jwt.MapClaims) { c["aud"] = "orders" })}, 401, "The token is for another audience."},
		{"two audiences", []string{signed(func(c jwt.MapClaims) { c["aud"] = []string{"prices", "orders"} })}, 401, "The token is for a list of audiences: it must be for one."},
		{"an extension", []string{sign(t, jwt.SigningMethodHS256, secret, map[string]any{"crit": []string{"b64"}}, claims(t))}, 401, "The token's header has crit, or a kid that is no text."},
		{"another issuer", []string{signed(func(c jwt.MapClaims) { c["iss"] = "nobody" })}, 401, "The token is of another issuer."},
		{"a later version of the form", []string{member("v", 2)}, 400, "this program reads only version 1."},
		{"an unknown proof", []string{member("proof", "oath")}, 400, `member "proof" is "oath"`},
		{"no session", []string{signed(func(c jwt.MapClaims) { delete(c, "session_context") })}, 400, "the claim session_context is missing."},
		{"a session that is null", []string{signed(func(c jwt.MapClaims) { c["session_context"] = nil })}, 400, "The session in the token cannot be read: "},
		{"a session of another tenant", []string{signed(func(c jwt.MapClaims) { c["tenant"] = "othershop" })}, 400, "The session in the token is of another tenant than the token."},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			a := ask(t, service, tt.tokens...)
			assert.Equal(t, tt.status, a.status, a.body)
			if tt.status == 200 {
				assert.Equal(t, tt.want, a.body)
				return
			}
			assert.Contains(t, a.problem.Detail, tt.want)
			assert.Equal(t, http.StatusText(tt.status), a.problem.Title)
			assert.Equal(t, tt.status == 401, a.header.Get("WWW-Authenticate") != "", "RFC 9110, section 15.5.2")
		})
	}
}

func TestWrap_AnswersForEachFailureOfTheResolver(t *testing.T) {
	down := errors.New("10.0.0.7 does not answer")
	backend := new(sessiontest.Store)
	resolver := newResolver(t, backend)
	ended := newResolver(t, new(sessiontest.Store))
	token, err := newTransport(t, nil).Token("prices", anna(t))
	require.NoError(t, err)
	backend.Loads.Always(sessiontest.Fail(down))

	a := ask(t, newVerifier(t, func(cfg *downstream.VerifierConfig) { cfg.Resolver = ended }).Wrap(http.HandlerFunc(show)), token)
	assert.Equal(t, 404, a.status)
	assert.Equal(t, "The session has ended.", a.problem.Detail)

	a = ask(t, newVerifier(t, func(cfg *downstream.VerifierConfig) { cfg.Resolver = resolver }).Wrap(http.HandlerFunc(show)), token)
	assert.Equal(t, 503, a.status)
	assert.NotEmpty(t, a.header.Get("Retry-After"))
	assert.NotContains(t, a.body, "10.0.0.7")

	// The session of a customer whose guest's session could not become the customer's has an id and
	// no revision.
	unbound := sessiontest.New(t, sessiontest.Literal{
		Session: sessionctx.Session{Tenant: "myshop", ID: "s-2", CustomerID: "anna", Site: "main", Currency: "EUR", Country: "DE", Language: "de", Degraded: true, Version: -1},
		Proof:   sessionctx.BySecret,
	})
	withoutRevision, err := newTransport(t, nil).Token("prices", unbound)
	require.NoError(t, err)
	a = ask(t, newVerifier(t, func(cfg *downstream.VerifierConfig) { cfg.Resolver = resolver }).Wrap(http.HandlerFunc(show)), withoutRevision)
	assert.Equal(t, 503, a.status, a.body)

	lenient := newVerifier(t, func(cfg *downstream.VerifierConfig) {
		cfg.Resolver = resolver
		cfg.OnError = func(w http.ResponseWriter, r *http.Request, err error, next http.Handler) {
			if errors.Is(err, sessionctx.ErrUnavailable) {
				next.ServeHTTP(w, r)
				return
			}
			downstream.Fail(w, r, err, next)
		}
	}).Wrap(http.HandlerFunc(show))
	a = ask(t, lenient, token)
	assert.Equal(t, "CHF (choice) anna", a.body, "the session of the token, for a service that wants it")
	assert.Equal(t, "private, no-store", a.header.Get("Cache-Control"))
	assert.Equal(t, 401, ask(t, lenient).status)
}

func TestWrap_ResponseWithoutASessionIsNotStored(t *testing.T) {
	resolver := newResolver(t, new(sessiontest.Store))
	guests := newVerifier(t, func(cfg *downstream.VerifierConfig) {
		cfg.Resolver = resolver
		cfg.OnError = func(w http.ResponseWriter, r *http.Request, _ error, next http.Handler) { next.ServeHTTP(w, r) }
	}).Wrap(http.HandlerFunc(show))
	good, err := newTransport(t, nil).Token("prices", anna(t))
	require.NoError(t, err)
	for _, tt := range []struct {
		desc   string
		tokens []string
	}{
		{"no header", nil},
		{"two headers", []string{good, good}},
		{"a token that does not count", []string{"a.b.c"}},
		{"a header that is too large", []string{strings.Repeat("x", 8001)}},
		{"a session that has ended", []string{good}},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			a := ask(t, guests, tt.tokens...)
			assert.Equal(t, "private, no-store", a.header.Get("Cache-Control"))
			assert.Equal(t, downstream.Header, a.header.Get("Vary"))
		})
	}
}

func TestWrap_SessionThatHasEndedIsNoGuests(t *testing.T) {
	backend := new(sessiontest.Store)
	web := newResolver(t, backend)
	guest := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", Proof: sessionctx.BySecret}}
	asserted := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", SessionID: "s-1", Proof: sessionctx.Asserted}}
	tests := []struct {
		desc  string
		begin sessionctx.Request
		end   func(sessionctx.Request) error
	}{
		{"by cookie, ended", guest, func(req sessionctx.Request) error { return web.End(t.Context(), req) }},
		{"by cookie, logged out", guest, func(req sessionctx.Request) error { _, err := web.Logout(t.Context(), req); return err }},
		{"by cookie, logged in", guest, func(req sessionctx.Request) error { _, err := web.Login(t.Context(), req, "anna"); return err }},
		{"by token, ended", asserted, func(req sessionctx.Request) error { return web.End(t.Context(), req) }},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			s, err := web.Update(t.Context(), tt.begin, sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			require.NoError(t, err)
			require.NoError(t, tt.end(s.Snapshot().Request()))
			token, err := newTransport(t, nil).Token("prices", s)
			require.NoError(t, err)
			service := newVerifier(t, func(cfg *downstream.VerifierConfig) { cfg.Resolver = newResolver(t, backend) })
			assert.Equal(t, 404, ask(t, service.Wrap(http.HandlerFunc(show)), token).status)
		})
	}
}

func TestFail_OtherErrors(t *testing.T) {
	for _, tt := range []struct {
		desc   string
		err    error
		status int
	}{
		{"an unknown tenant", sessionctx.ErrUnknownTenant, 404},
		{"a resolver that is closed", sessionctx.ErrClosed, 503},
		{"anything else", errors.New("10.0.0.7"), 500},
		{"another middleware's", middleware.ErrUnauthenticated, 401},
	} {
		t.Run(tt.desc, func(t *testing.T) {
			w := httptest.NewRecorder()
			downstream.Fail(w, nil, tt.err, nil)
			assert.Equal(t, tt.status, w.Code)
			assert.NotContains(t, w.Body.String(), "10.0.0.7")
			assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
		})
	}
}

func TestWrap_ResponsesAreOneShoppers(t *testing.T) {
	degraded := sessionctx.Session{Tenant: "myshop", Site: "main", Currency: "EUR", Country: "DE", Language: "de", Degraded: true}
	tests := []struct {
		desc, before string
		session      sessionctx.Session
		want         string
	}{
		{"by default", "", anna(t), "private"},
		{"what the host has said stays", "private, max-age=5", anna(t), "private, max-age=5"},
		{"a degraded session", "private, max-age=5", degraded, "private, no-store"},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			token, err := newTransport(t, nil).Token("prices", tt.session)
			require.NoError(t, err)
			wrapped := newVerifier(t, nil).Wrap(http.HandlerFunc(show))
			a := ask(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.before != "" {
					w.Header().Set("Cache-Control", tt.before)
				}
				wrapped.ServeHTTP(w, r)
			}), token)
			assert.Equal(t, tt.want, a.header.Get("Cache-Control"))
			assert.Equal(t, []string{downstream.Header}, a.header.Values("Vary"))
		})
	}
}

func TestWrap_SkipsHealthChecks(t *testing.T) {
	service := newVerifier(t, func(cfg *downstream.VerifierConfig) {
		cfg.Skip = func(r *http.Request) bool { return r.Method == http.MethodGet }
	}).Wrap(http.HandlerFunc(show))
	assert.Equal(t, http.StatusTeapot, ask(t, service).status, "no session")
}

func TestVerifier_KeysRotate(t *testing.T) {
	next := []byte("another secret with 32 bytes: 2.")
	sender := func(id string, key []byte) string {
		token, err := newTransport(t, func(cfg *downstream.TransportConfig) { cfg.KeyID, cfg.Key = id, key }).Token("prices", anna(t))
		require.NoError(t, err)
		return token
	}
	receiver := func(keys ...bearer.Key) *downstream.Verifier {
		return newVerifier(t, func(cfg *downstream.VerifierConfig) { cfg.Issuers = map[string][]bearer.Key{"storefront": keys} })
	}
	first := bearer.Key{ID: "1", Algorithm: "HS256", Key: secret}
	second := bearer.Key{ID: "2", Algorithm: "HS256", Key: next}
	both := receiver(first, second)
	for _, token := range []string{sender("1", secret), sender("2", next)} {
		_, err := both.VerifyToken(token)
		require.NoError(t, err)
	}
	_, err := receiver(second).VerifyToken(sender("1", secret))
	require.ErrorIs(t, err, middleware.ErrUnauthenticated)
	_, err = receiver(bearer.Key{Algorithm: "HS256", Key: secret}).VerifyToken(sender("", secret))
	require.NoError(t, err, "one key, without an ID")
}

func TestNew_ReportsEveryMistake(t *testing.T) {
	tests := []struct {
		desc string
		cfg  downstream.VerifierConfig
		want []string
	}{
		{"nothing is set", downstream.VerifierConfig{}, []string{"downstream.VerifierConfig.Audience: is required", "downstream.VerifierConfig.Issuers: is required"}},
		{"keys that are none", downstream.VerifierConfig{Audience: "prices", Issuers: map[string][]bearer.Key{
			"": {{Algorithm: "HS256", Key: secret}}, "none": nil,
			"short": {{Algorithm: "HS256", Key: secret[:31]}}, "other": {{ID: "1", Algorithm: "none"}},
			"twice": {{Algorithm: "HS256", Key: secret}, {Algorithm: "EdDSA", Key: public}},
		}}, []string{
			`Issuers[""]: must name the issuer`, `Issuers["none"]: is required`, `Issuers["short"][0].Key: must be a []byte of 32 bytes`,
			`Issuers["other"][0].Algorithm "none": must be one of`, `Issuers["twice"][1].ID`,
		}},
		{"a leeway that is too long", downstream.VerifierConfig{Audience: "prices", Issuers: issuers, Leeway: time.Hour}, []string{"Leeway", "1h0m0s"}},
		{"a leeway below zero", downstream.VerifierConfig{Audience: "prices", Issuers: issuers, Leeway: -2}, []string{"Leeway"}},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			_, err := downstream.NewVerifier(tt.cfg)
			for _, want := range tt.want {
				assert.ErrorContains(t, err, want)
			}
			assert.NotContains(t, err.Error(), "bearer.Config")
			assert.NotContains(t, err.Error(), string(secret[:31]), "no key in an error")
		})
	}
}
