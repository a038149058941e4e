package bearer

import (
	"slices"
	"strings"
	"time"

	"github.com/sessionctx/storefront/internal/tenants"
	"github.com/sessionctx/storefront/sessionctx"
)

// Claims are what a verified token says. The zero Claims stand for a request without a token.
type Claims struct {
	// Identity has the token's tenant, session id and customer id. Its Proof is Asserted.
	//
	// The CustomerID is Config.CustomerPrefix followed by the customer claim. It is empty for a
	// client's own token: one whose customer claim is also its client_id, azp, cid or appid (RFC
	// 9068, section 2.2). Not every issuer writes these, so the CustomerID of a token without a
	// session id may still be a client's: see Config.Check.
	Identity sessionctx.Identity
	Scopes   string // separated by spaces (RFC 6749, section 3.3)

	// Expires is in whole seconds. For an opaque token whose end is not known it is the time until
	// which the answer is cached.
	Expires time.Time

	// hasActor: somebody else acts for the customer (RFC 8693, section 4.1).
	hasActor bool
}

// HasScope reports whether the token grants scope.
func (c Claims) HasScope(scope string) bool {
	return scope != "" && slices.Contains(strings.Split(c.Scopes, " "), scope)
}

// claimNames are the names under which a token has its claims.
type claimNames struct {
	audience, tenant, session, customer, scopes string
}

// clientClaims are the names under which the large issuers say to which client a token was issued.
var clientClaims = [...]string{"client_id", "azp", "cid", "appid"}

const maxID = 256 // bytes of a session or customer id, see sessionctx.Identity

// isFor reports whether the token is for the audience: the claim is that text, or a list that has
// it.
func (n *claimNames) isFor(audience string, token map[string]any) bool {
	switch v := token[n.audience].(type) {
	case string:
		return v == audience
	case []any:
		return slices.Contains(v, any(audience))
	case []string: // of a host's Introspect
		return slices.Contains(v, audience)
	default:
		return false
	}
}

// read returns the claims of a token that is the issuer's and for the audience. Its expiry is not
// read here.
func (is *issuer) read(token map[string]any) (Claims, error) {
	n := &is.claims
	ok := true
	text := func(name string) string {
		if name == "" {
			return ""
		}
		v := token[name]
		s, isText := v.(string)
		if v != nil && (!isText || len(s) > maxID) { // some issuers write null for none
			ok = false
		}
		return s
	}
	tenant := is.tenant
	if tenant == "" {
		tenant = text(n.tenant)
	}
	session, customer := text(n.session), text(n.customer)
	scopes, isList := scopesOf(token[n.scopes])
	switch {
	case !ok || !isList || !tenants.Valid(tenant):
		return Claims{}, errClaims
	case session != "" && session == customer:
		return Claims{}, errSession
	case slices.ContainsFunc(clientClaims[:], func(name string) bool { return token[name] == any(customer) }):
		customer = ""
	}
	if customer != "" {
		customer = is.prefix + customer
	}
	if len(customer) > maxID || slices.ContainsFunc(is.foreign, func(p string) bool { return strings.HasPrefix(customer, p) }) {
		return Claims{}, errCustomer
	}
	return Claims{
		Identity: sessionctx.Identity{
			Tenant: tenant, SessionID: session, CustomerID: customer, Proof: sessionctx.Asserted,
		},
		Scopes:   scopes,
		hasActor: token["act"] != nil,
	}, nil
}

// scopesOf returns the scopes of a claim, separated by spaces.
func scopesOf(claim any) (scopes string, ok bool) {
	switch v := claim.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case []string: // of a host's Introspect
		list := make([]any, len(v))
		for i := range v {
			list[i] = v[i]
		}
		return scopesOf(list)
	case []any: // as some issuers write it, against RFC 8693, section 4.2
		names := make([]string, len(v))
		for i, name := range v {
			s, isText := name.(string)
			if !isText || strings.Contains(s, " ") {
				return "", false
			}
			names[i] = s
		}
		return strings.Join(names, " "), true
	default:
		return "", false
	}
}
