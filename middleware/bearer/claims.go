package bearer

import (
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// Claims are what a verified token says. The zero Claims stand for a request without a token.
type Claims struct {
	// Identity has the token's tenant, session id and customer id. Its Proof is Asserted.
	//
	// A token without a session id is a service's. Its CustomerID is then the id of a client,
	// unless the shop's issuer says otherwise, and no customer's.
	Identity sessionctx.Identity
	Scopes   string    // separated by spaces (RFC 6749, section 3.3)
	Expires  time.Time // in whole seconds
}

// HasScope reports whether the token grants scope.
func (c Claims) HasScope(scope string) bool {
	return scope != "" && slices.Contains(strings.Split(c.Scopes, " "), scope)
}

// claimNames are the names under which a token has its claims.
type claimNames struct {
	audience, tenant, session, customer, scopes string
}

const maxID = 256 // bytes of a session or customer id, see sessionctx.Identity

// isFor reports whether the token is for the audience: the claim is that text, or a list that has
// it.
func (n *claimNames) isFor(audience string, token jwt.MapClaims) bool {
	switch v := token[n.audience].(type) {
	case string:
		return v == audience
	case []any:
		return slices.Contains(v, any(audience))
	default:
		return false
	}
}

// read returns the claims of a token whose signature, issuer and expiry were checked. tenant is the
// tenant of all tokens; it is empty where each token says its own.
func (n *claimNames) read(token jwt.MapClaims, tenant string) (Claims, bool) {
	ok := true
	text := func(name string) string {
		v, exists := token[name]
		s, isText := v.(string)
		if exists && (!isText || len(s) > maxID) {
			ok = false
		}
		return s
	}
	if tenant == "" {
		tenant = text(n.tenant)
	}
	c := Claims{Identity: sessionctx.Identity{
		Tenant:     tenant,
		SessionID:  text(n.session),
		CustomerID: text(n.customer),
		Proof:      sessionctx.Asserted,
	}}
	switch v := token[n.scopes].(type) {
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
	exp, err := token.GetExpirationTime()
	if err != nil || exp == nil || !ok || !defaults.ValidTenant(tenant) {
		return Claims{}, false
	}
	c.Expires = exp.Time
	return c, true
}
