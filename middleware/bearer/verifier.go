package bearer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// Verifier verifies the bearer tokens of requests. It is safe for concurrent use by multiple
// goroutines.
type Verifier struct {
	issuers      []*issuer // of JSON Web Tokens
	opaque       *issuer   // of opaque tokens; nil: none
	questions    *questions
	fingerprints *fingerprinter
	cache        *tokenCache
}

const (
	maxToken = 8 << 10 // bytes

	// maxCacheTime bounds how long a token is accepted after its key was withdrawn.
	maxCacheTime = 5 * time.Minute
)

// Identify returns the identity that the token of a request asserts, and the zero Identity for a
// request without a token: it is a middleware.Config.Identify.
//
// A token without a session id identifies its tenant alone, since its subject may be a client: the
// CustomerID is empty. For a token that says who the customer is and names no session, see
// Customer. The errors are those of Verify.
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

// Customer returns a function that says whose the token of a request is: it is a
// middleware.Config.Customer, for tokens that name a customer and no session of the shop. The
// cookie then says which session. The id is Claims.Identity.CustomerID, see Config.CustomerPrefix.
//
// The id is empty for a request without a token, for an anonymous token, for a client's own token,
// and for a token with which somebody else acts for the customer: one with the claim act (RFC 8693,
// section 4.1). It is there for a token with a session id, too, so that a host whose issuer writes
// sid for sessions of its own sets Customer and not Identify.
//
// The tenant of a token must be that of the request, as the given function says it, else the error
// is middleware.ErrWrongTenant. Give the function that middleware.Config.Tenant has; where it
// returns the empty text, Identify must be set, too. The other errors are those of Verify. Customer
// panics if tenant is nil.
func (v *Verifier) Customer(tenant func(*http.Request) string) func(*http.Request) (string, error) {
	if tenant == nil {
		panic("bearer: Verifier.Customer needs the tenant of a request, as middleware.Config.Tenant says it")
	}
	return func(r *http.Request) (string, error) {
		c, err := v.Verify(r)
		if err != nil || c.Identity.Tenant == "" {
			return "", err
		}
		if t := tenant(r); t != "" && t != c.Identity.Tenant {
			return "", fmt.Errorf("bearer: %w: the token is for %.64q, and the request is for %.64q", middleware.ErrWrongTenant, c.Identity.Tenant, t)
		}
		if c.hasActor {
			return "", nil
		}
		return c.Identity.CustomerID, nil
	}
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
// valid, and contains nothing of the token, except what an error of Config.Check contains. Any
// other error is a sessionctx.ErrUnavailable: the keys, or the answer about an opaque token, could
// not be had.
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
		return v.verify(r.Context(), strings.Trim(token, " "))
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
	errHeader    = invalid("the token's header has crit, or a kid that is no text")
	errType      = invalid("the token is of another type")
	errExpired   = invalid("the token has expired, or does not say when it does")
	errNotYet    = invalid("the token is not valid yet")
	errIssuer    = invalid("the token is of another issuer")
	errAudience  = invalid("the token is for another audience")
	errClaims    = invalid("the token's claims are missing or malformed")
	errSession   = invalid("the token's session id is its customer id")
	errCustomer  = invalid("the token's customer id is too long, or begins like those of another issuer")
	errInactive  = invalid("the token is not active, says its issuer")
)

func invalid(reason string) error {
	return fmt.Errorf("bearer: %w: %s", middleware.ErrUnauthenticated, reason)
}

// VerifyToken verifies a token that did not come in the Authorization header. The errors are those
// of Verify.
func (v *Verifier) VerifyToken(token string) (Claims, error) {
	return v.verify(context.Background(), token)
}

func (v *Verifier) verify(ctx context.Context, token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, errTooLarge
	}
	now := time.Now()
	fp := v.fingerprints.of(token)
	if c, ok := v.cache.get(fp, now); ok {
		return c, nil
	}
	c, err := v.verifyJWT(fp, token, now)
	if v.opaque != nil && (errors.Is(err, errMalformed) || errors.Is(err, errIssuer)) {
		return v.ask(ctx, fp, token, now)
	}
	return c, err
}

// parser refuses the algorithms that no key can have, above all the algorithm "none". It checks no
// claims, because each issuer has a leeway of its own.
var parser = jwt.NewParser(
	jwt.WithValidMethods(slices.Concat(secretKeyAlgorithms, publicKeyAlgorithms)),
	jwt.WithoutClaimsValidation(),
	jwt.WithStrictDecoding(),
)

func (v *Verifier) verifyJWT(fp fingerprint, token string, now time.Time) (Claims, error) {
	if len(v.issuers) == 0 {
		return Claims{}, errMalformed
	}
	found := jwt.MapClaims{}
	if _, err := parser.ParseWithClaims(token, found, v.key); err != nil {
		reason := reasonOf(err)
		if v.issuerOf(found) == nil && (errors.Is(reason, errSignature) || errors.Is(reason, errKey)) {
			return Claims{}, errIssuer // the parser looks at the algorithm first
		}
		return Claims{}, reason
	}
	is := v.issuerOf(found)
	if err := is.validator.Validate(found); err != nil {
		return Claims{}, reasonOf(err)
	}
	expires, err := found.GetExpirationTime()
	if err != nil || expires == nil {
		return Claims{}, errClaims
	}
	c, err := is.accept(found)
	if err != nil {
		return Claims{}, err
	}
	c.Expires = expires.Time
	if is.cached != 0 {
		v.cache.put(fp, c, now, is.leeway, maxCacheTime)
	}
	return c, nil
}

// key finds the key of a token, among the keys of the token's issuer.
func (v *Verifier) key(t *jwt.Token) (any, error) {
	is := v.issuerOf(t.Claims.(jwt.MapClaims))
	switch {
	case is == nil:
		return nil, errIssuer
	case !hasPlainHeader(t):
		return nil, errHeader
	case !hasType(t, is.typ):
		return nil, errType
	default:
		return is.key(t)
	}
}

// issuerOf returns the issuer that a token names, and nil for an unknown one.
func (v *Verifier) issuerOf(token jwt.MapClaims) *issuer {
	name, _ := token["iss"].(string)
	for _, is := range v.issuers {
		if slices.Contains(is.names, name) {
			return is
		}
	}
	return nil
}

// accept returns the claims of a token whose signature, issuer and expiry were checked.
func (is *issuer) accept(token map[string]any) (Claims, error) {
	if is.audience != "" && !is.claims.isFor(is.audience, token) {
		return Claims{}, errAudience
	}
	if is.check != nil {
		if err := is.check(token); err != nil {
			if err := asUnavailable(err); err != nil {
				return Claims{}, err
			}
			return Claims{}, fmt.Errorf("bearer: %w: %w", middleware.ErrUnauthenticated, err)
		}
	}
	return is.read(token)
}

// reasonOf replaces the parser's error, which may quote the token, with an error of this package.
func reasonOf(err error) error {
	var unavailable *unavailableError
	switch {
	case errors.As(err, &unavailable):
		return unavailable.err
	case errors.Is(err, errIssuer):
		return errIssuer
	case errors.Is(err, errHeader):
		return errHeader
	case errors.Is(err, errType):
		return errType
	case errors.Is(err, errSignature), errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return errSignature
	case errors.Is(err, errKey), errors.Is(err, jwt.ErrTokenUnverifiable):
		return errKey
	case errors.Is(err, jwt.ErrTokenMalformed):
		return errMalformed
	case errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return errExpired
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return errNotYet
	default:
		return errClaims
	}
}
