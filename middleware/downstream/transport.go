package downstream

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/internal/tenants"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/sessionctx"
)

// TransportConfig configures a Transport. NewTransport copies what it needs and never writes to it.
type TransportConfig struct {
	_ [0]func()

	// Issuer names this service: a key of VerifierConfig.Issuers. Required.
	Issuer string

	// KeyID is the ID of the bearer.Key with which receivers verify. To change keys, give the
	// receivers the new key beside the old one, then sign with the new one, then remove the old one.
	// Default: empty, as the ID of the bearer.Key.
	KeyID string

	// Key signs the tokens. Required. Permitted: a []byte of 32 random bytes or more, which the
	// receivers have, too (HS256); or a crypto.Signer with an Ed25519 key, such as an
	// ed25519.PrivateKey (EdDSA), of which the receivers have the public half.
	Key any

	// Audiences says which services get the session. A key is the origin of a service (RFC 6454,
	// section 4), such as "https://prices.internal" or "http://127.0.0.1:8081". The value is the
	// audience of its tokens, which is its VerifierConfig.Audience. Required. The list is exact: a
	// request to another host, port or scheme, also after a redirect, goes without the header.
	Audiences map[string]string

	// Select says what of the session an audience gets: it returns a copy of s in which some fields
	// are empty, or which has fewer attributes, see sessionctx.Session.WithAttributes. Without ID a
	// receiver takes the shopper for a guest. The Tenant must stay. Default: all of the session. A
	// token that would then be larger than 8000 bytes is an error of RoundTrip: no field is left
	// out automatically. Select must be safe for concurrent use by multiple goroutines.
	Select func(audience string, s sessionctx.Session) sessionctx.Session

	// Base sends the requests. Default: http.DefaultTransport.
	Base http.RoundTripper
}

// Transport is an http.RoundTripper that sends the session in the context of a request along, to
// the services of TransportConfig.Audiences. It is safe for concurrent use by multiple goroutines.
type Transport struct {
	issuer, keyID string
	method        jwt.SigningMethod
	key           any
	audiences     map[string]string
	selected      func(string, sessionctx.Session) sessionctx.Session
	base          http.RoundTripper
}

var _ http.RoundTripper = (*Transport)(nil)

// NewTransport returns a Transport. An error joins one *sessionctx.ConfigError per mistake; none
// contains a key.
func NewTransport(cfg TransportConfig) (*Transport, error) {
	t := &Transport{
		issuer: cfg.Issuer, keyID: cfg.KeyID, audiences: map[string]string{},
		selected: cfg.Select, base: cfg.Base,
	}
	if t.base == nil {
		t.base = http.DefaultTransport
	}
	var errs []error
	mistake := func(field, value, rule string) {
		errs = append(errs, &sessionctx.ConfigError{Field: "downstream.TransportConfig." + field, Value: value, Rule: rule})
	}
	if cfg.Issuer == "" {
		mistake("Issuer", "", "is required")
	}
	if !t.setKey(cfg.Key) {
		mistake("Key", "", "must be a []byte of 32 bytes or more that is not a PEM file, or a crypto.Signer with an Ed25519 key")
	}
	if len(cfg.Audiences) == 0 {
		mistake("Audiences", "", "is required")
	}
	for _, origin := range slices.Sorted(maps.Keys(cfg.Audiences)) {
		field := fmt.Sprintf("Audiences[%q]", origin)
		u, err := url.Parse(origin)
		switch {
		case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || strings.Contains(u.Host, "*") || *u != (url.URL{Scheme: u.Scheme, Host: u.Host}):
			mistake(field, origin, `must be an origin, such as "https://prices.internal" or "http://127.0.0.1:8081"`)
		case cfg.Audiences[origin] == "":
			mistake(field, "", "must name the audience")
		case t.audiences[originOf(u)] != "":
			mistake(field, origin, "must not be an origin that the list has in another spelling")
		default:
			t.audiences[originOf(u)] = cfg.Audiences[origin]
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return t, nil
}

// setKey takes over the key that signs, and reports whether it can be one. The rules are those of
// the keys that verify.
func (t *Transport) setKey(key any) bool {
	var public any
	switch k := key.(type) {
	case []byte:
		secret := bytes.Clone(k)
		t.method, t.key, public = jwt.SigningMethodHS256, secret, secret
	case crypto.Signer:
		if private, ok := k.(ed25519.PrivateKey); ok && len(private) != ed25519.PrivateKeySize {
			return false
		}
		t.method, t.key, public = jwt.SigningMethodEdDSA, k, k.Public()
	default:
		return false
	}
	_, err := bearer.New(bearer.Config{
		Issuer: "any", Audience: "any", Keys: []bearer.Key{{Algorithm: t.method.Alg(), Key: public}},
	})
	return err == nil
}

// originOf returns one spelling for all URLs of an origin.
func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// RoundTrip implements http.RoundTripper. It sends a copy of req with the header, or without it:
// for a host that is not in TransportConfig.Audiences, and where the context has no session. A
// header that req itself has is never sent. Where the error is one of Token, nothing was sent.
//
// After a write, put what Update returned into the context, by sessionctx.NewContext: else the next
// service may not see the write.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	audience, listed := t.audiences[originOf(req.URL)]
	s, ok := sessionctx.FromContext(req.Context())
	sent := req.Clone(req.Context())
	for name := range sent.Header { // net/http also sends names in another spelling
		if strings.EqualFold(name, Header) {
			delete(sent.Header, name)
		}
	}
	if listed && ok {
		token, err := t.Token(audience, s)
		if err != nil {
			if req.Body != nil {
				req.Body.Close()
			}
			return nil, err
		}
		sent.Header.Set(Header, token)
	}
	return t.base.RoundTrip(sent)
}

// CloseIdleConnections closes the idle connections of Base, for http.Client.CloseIdleConnections.
func (t *Transport) CloseIdleConnections() {
	if base, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// Token returns the token that RoundTrip sends, for requests that go another way, such as those of
// gRPC. It counts for 60 seconds. The error names what is wrong and the rule: a token of more than
// 8000 bytes, a session without a tenant, a text that is not UTF-8.
func (t *Transport) Token(audience string, s sessionctx.Session) (string, error) {
	if t.selected != nil {
		s = t.selected(audience, s)
	}
	if !tenants.Valid(s.Tenant) {
		return "", fmt.Errorf("downstream: the session for audience %q has the tenant %.64q: it %s", audience, s.Tenant, tenants.Rule)
	}
	now := time.Now()
	token := jwt.NewWithClaims(t.method, jwt.MapClaims{
		"iss": t.issuer, "aud": audience,
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
		"tenant": s.Tenant, sessionClaim: s.Snapshot(),
	})
	token.Header["typ"] = tokenType
	if t.keyID != "" {
		token.Header["kid"] = t.keyID
	}
	signed, err := token.SignedString(t.key)
	switch {
	case err != nil:
		return "", fmt.Errorf("downstream: sign the session for audience %q: %w", audience, err)
	case len(signed) > maxToken:
		return "", fmt.Errorf("downstream: the token for audience %q has %d bytes: a %s header must have %d at most, send fewer attributes (TransportConfig.Select)",
			audience, len(signed), Header, maxToken)
	}
	return signed, nil
}
