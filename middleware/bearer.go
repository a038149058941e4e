package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// Claims are what a verified token says.
type Claims struct {
	// Identity has the token's tenant, session id and customer id; its Proof is Asserted. A token without a session
	// id is a service's: its subject is then a client and nobody's customer, unless the shop's issuer says otherwise.
	Identity sessionctx.Identity
	Scopes   string    // separated by spaces (RFC 6749, section 3.3)
	Expires  time.Time // to the second
}

// HasScope reports whether the token grants scope.
func (c Claims) HasScope(scope string) bool {
	for s := range strings.SplitSeq(c.Scopes, " ") {
		if s == scope && s != "" {
			return true
		}
	}
	return false
}

// Bearer verifies the JSON Web Tokens (RFC 7519) that requests carry as RFC 6750, section 2.1, says: in the
// Authorization header, nowhere else. It verifies, it does not issue. It is safe for concurrent use by multiple goroutines.
type Bearer struct {
	parser     *jwt.Parser
	key        jwt.Keyfunc
	tenant     string
	claims     claimNames
	prints     *fingerprinter
	remembered *remembered
}

type claimNames struct {
	tenant, session, customer, scopes string
}

const (
	maxToken = 8 << 10
	maxID    = 256 // of session and customer, see sessionctx.Identity
)

// Identify is a Config.Identify: it returns the identity that the request's bearer token asserts, the zero Identity
// for a request without one. A token without a session id identifies its tenant and nobody else. The error is
// one of Verify.
func (b *Bearer) Identify(r *http.Request) (sessionctx.Identity, error) {
	c, err := b.Verify(r)
	if err != nil {
		return sessionctx.Identity{}, err
	}
	if c.Identity.SessionID == "" {
		c.Identity.CustomerID = ""
	}
	return c.Identity, nil
}

// Verify returns the claims of the request's bearer token, and the zero Claims for a request without one.
//
// An error for which errors.Is(err, ErrUnauthenticated) holds says that there is a token and that it is not valid. It says
// why, and contains nothing of the token. Any other error is the Keyfunc's, which could not be asked.
func (b *Bearer) Verify(r *http.Request) (Claims, error) {
	values := r.Header["Authorization"]
	for _, v := range values {
		scheme, token, _ := strings.Cut(v, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		if len(values) > 1 {
			return Claims{}, errAmbiguous
		}
		return b.VerifyToken(strings.Trim(token, " "))
	}
	return Claims{}, nil
}

// The refusals of a token.
var (
	errAmbiguous = fmt.Errorf("%w: more than one Authorization header", ErrUnauthenticated)
	errTooLarge  = fmt.Errorf("%w: the token is larger than 8 KiB", ErrUnauthenticated)
	errMalformed = fmt.Errorf("%w: the token is malformed", ErrUnauthenticated)
	errSignature = fmt.Errorf("%w: the token's algorithm or signature is not valid", ErrUnauthenticated)
	errKey       = fmt.Errorf("%w: the token names a key that is not known for its algorithm", ErrUnauthenticated)
	errExpired   = fmt.Errorf("%w: the token has expired, or does not say when it does", ErrUnauthenticated)
	errNotYet    = fmt.Errorf("%w: the token is not valid yet", ErrUnauthenticated)
	errIssuer    = fmt.Errorf("%w: the token is of another issuer", ErrUnauthenticated)
	errAudience  = fmt.Errorf("%w: the token is for another audience", ErrUnauthenticated)
	errClaims    = fmt.Errorf("%w: the token's claims are missing or malformed", ErrUnauthenticated)
)

// VerifyToken verifies a token that came by another way than the Authorization header; see Verify for the errors.
func (b *Bearer) VerifyToken(token string) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, errTooLarge
	}
	now := time.Now()
	p := b.prints.of(token)
	if c, ok := b.remembered.get(p, now); ok {
		return c, nil
	}
	mc := jwt.MapClaims{}
	if _, err := b.parser.ParseWithClaims(token, mc, b.key); err != nil {
		return Claims{}, refusal(err)
	}
	c, ok := b.read(mc)
	if !ok {
		return Claims{}, errClaims
	}
	b.remembered.put(p, c, now)
	return c, nil
}

// refusal says in words of ours what the parser found: its own may quote the token.
func refusal(err error) error {
	var unasked *keyError
	switch {
	case errors.As(err, &unasked):
		return unasked.err
	case errors.Is(err, ErrUnauthenticated), errors.Is(err, jwt.ErrTokenUnverifiable):
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
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return errAudience
	default:
		return errClaims
	}
}

func (b *Bearer) read(mc jwt.MapClaims) (c Claims, ok bool) {
	ok = true
	text := func(name string) string {
		v, there := mc[name]
		s, isText := v.(string)
		if there && (!isText || len(s) > maxID) {
			ok = false
		}
		return s
	}
	c.Identity = sessionctx.Identity{
		Tenant:     b.tenant,
		SessionID:  text(b.claims.session),
		CustomerID: text(b.claims.customer),
	}
	if b.tenant == "" {
		c.Identity.Tenant = text(b.claims.tenant)
	}
	switch v := mc[b.claims.scopes].(type) {
	case nil:
	case string:
		c.Scopes = v
	case []any: // as some issuers write it, against RFC 8693, section 4.2
		names := make([]string, len(v))
		for i, name := range v {
			s, isText := name.(string)
			if !isText || strings.Contains(s, " ") {
				ok = false
			}
			names[i] = s
		}
		c.Scopes = strings.Join(names, " ")
	default:
		ok = false
	}
	exp, err := mc.GetExpirationTime()
	if err != nil || exp == nil {
		return Claims{}, false
	}
	c.Expires = exp.Time
	if !ok || !defaults.ValidTenant(c.Identity.Tenant) {
		return Claims{}, false
	}
	return c, true
}
