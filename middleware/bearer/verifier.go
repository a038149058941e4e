package bearer

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// Verifier verifies the bearer tokens of requests. It is safe for concurrent use by multiple
// goroutines.
type Verifier struct {
	parser       *jwt.Parser
	key          jwt.Keyfunc
	audience     string
	tenant       string // of all tokens; empty: each token says its own
	claims       claimNames
	fingerprints *fingerprinter
	cache        *tokenCache
}

const maxToken = 8 << 10 // bytes

// Identify returns the identity that the token of a request asserts, and the zero Identity for a
// request without a token: it is a middleware.Config.Identify.
//
// A token without a session id identifies its tenant alone: its subject may be a client, so the
// CustomerID is empty. The errors are those of Verify.
func (v *Verifier) Identify(r *http.Request) (sessionctx.Identity, error) {
	c, err := v.Verify(r)
	if err != nil {
		return sessionctx.Identity{}, err
	}
	if c.Identity.SessionID == "" {
		c.Identity.CustomerID = ""
	}
	return c.Identity, nil
}

// Scopes returns the tenant and the scopes of the token of a request, and empty texts for a request
// without a token: it is a rest.Config.Scopes. The errors are those of Verify.
func (v *Verifier) Scopes(r *http.Request) (tenant, scopes string, err error) {
	c, err := v.Verify(r)
	return c.Identity.Tenant, c.Scopes, err
}

// Verify returns the claims of the token of a request, and the zero Claims for a request without a
// token.
//
// An error for which errors.Is(err, middleware.ErrUnauthenticated) holds says why the token is not
// valid, and contains nothing of the token. Any other error is an ErrUnavailable of Config.Keyfunc.
func (v *Verifier) Verify(r *http.Request) (Claims, error) {
	values := r.Header["Authorization"]
	for _, value := range values {
		scheme, token, _ := strings.Cut(value, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		if len(values) > 1 {
			return Claims{}, errAmbiguous
		}
		return v.VerifyToken(strings.Trim(token, " "))
	}
	return Claims{}, nil
}

// The reasons why a token is not valid.
var (
	errAmbiguous = invalid("more than one Authorization header")
	errTooLarge  = invalid("the token is larger than 8 KiB")
	errMalformed = invalid("the token is malformed")
	errSignature = invalid("the token's algorithm or signature is not valid")
	errKey       = invalid("the token names a key that is not known for its algorithm")
	errExpired   = invalid("the token has expired, or does not say when it does")
	errNotYet    = invalid("the token is not valid yet")
	errIssuer    = invalid("the token is of another issuer")
	errAudience  = invalid("the token is for another audience")
	errClaims    = invalid("the token's claims are missing or malformed")
)

func invalid(reason string) error { return fmt.Errorf("%w: %s", middleware.ErrUnauthenticated, reason) }

// VerifyToken verifies a token that did not come in the Authorization header. The errors are those
// of Verify.
func (v *Verifier) VerifyToken(token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, errTooLarge
	}
	now := time.Now()
	fp := v.fingerprints.of(token)
	if c, ok := v.cache.get(fp, now); ok {
		return c, nil
	}
	found := jwt.MapClaims{}
	if _, err := v.parser.ParseWithClaims(token, found, v.key); err != nil {
		return Claims{}, reasonOf(err)
	}
	if !v.claims.isFor(v.audience, found) {
		return Claims{}, errAudience
	}
	c, ok := v.claims.read(found, v.tenant)
	if !ok {
		return Claims{}, errClaims
	}
	v.cache.put(fp, c, now)
	return c, nil
}

// reasonOf replaces the parser's error, which may quote the token, with an error of this package.
func reasonOf(err error) error {
	var unavailable *unavailableError
	switch {
	case errors.As(err, &unavailable):
		return unavailable.err
	case errors.Is(err, middleware.ErrUnauthenticated), errors.Is(err, jwt.ErrTokenUnverifiable):
		return errKey
	case errors.Is(err, jwt.ErrTokenMalformed):
		return errMalformed
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return errSignature
	case errors.Is(err, jwt.ErrTokenExpired):
		return errExpired
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return errNotYet
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return errIssuer
	default:
		return errClaims
	}
}
