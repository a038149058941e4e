package tokens

import (
	"fmt"
	"net/http"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/middleware/rest"
	"github.com/sessionctx/storefront/sessionctx"
)

type anonymousAnswer struct {
	AccessToken           string `json:"access_token"`
	TokenType             string `json:"token_type"`
	ExpiresIn             int64  `json:"expires_in"`
	RefreshToken          string `json:"refresh_token"`
	RefreshTokenExpiresIn int64  `json:"refresh_token_expires_in"`
	SessionID             string `json:"sessionId"`
	Scope                 string `json:"scope"`
}

func (is *Issuer) anonymousAnswer(id sessionctx.Identity) (any, error) {
	access, refresh, err := is.pair(id)
	if err != nil {
		return nil, err
	}
	return anonymousAnswer{
		AccessToken: access, TokenType: tokenType, ExpiresIn: seconds(AccessLife),
		RefreshToken: refresh, RefreshTokenExpiresIn: seconds(AnonymousRefreshLife),
		SessionID: id.SessionID, Scope: shopperScope(id.Tenant),
	}, nil
}

// anonymousLogin gives a visitor a session. The values that a client sends may be those that every
// visitor is shown: see rest.InitialUpdate. Without choices nothing is written to the store: the
// session exists because its token does.
func (is *Issuer) anonymousLogin(r *http.Request) (any, error) {
	p, err := is.publicClient(r)
	if err != nil {
		return nil, err
	}
	id := sessionctx.Identity{Tenant: p["tenant"], SessionID: newSessionID(), Proof: sessionctx.Asserted}
	patch := sessionctx.Patch{
		Site: choice(p["siteCode"]), Currency: choice(p["currency"]),
		Country: choice(p["targetLocation"]), Language: choice(p["language"]),
	}
	if p["siteCode"]+p["currency"]+p["targetLocation"]+p["language"] != "" {
		if _, err := rest.InitialUpdate(r.Context(), is.resolver, sessionctx.Request{Identity: id}, patch); err != nil {
			return nil, err
		}
	}
	return is.anonymousAnswer(id)
}

// choice is the change that a parameter asks for: none where it is absent.
func choice(value string) sessionctx.Change {
	if value == "" {
		return sessionctx.Change{}
	}
	return sessionctx.Set(value)
}

// anonymousRefresh gives an anonymous session new tokens. Older clients send the access token
// itself, as anonymous_token, which must not have expired. Choices that are sent along are ignored:
// they are those of the login, and the shopper may have made others since.
func (is *Issuer) anonymousRefresh(r *http.Request) (any, error) {
	p, err := is.publicClient(r)
	if err != nil {
		return nil, err
	}
	var id sessionctx.Identity
	switch {
	case p["refresh_token"] != "":
		id, err = is.renewable(r, is.refresh, p["tenant"], p["refresh_token"])
	case p["anonymous_token"] != "":
		id, err = is.renewable(r, is.access, p["tenant"], p["anonymous_token"])
	default:
		err = malformed("refresh_token", "missing", "A required parameter is missing.")
	}
	if err != nil {
		return nil, err
	}
	if id.CustomerID != "" {
		return nil, middleware.ErrUnauthenticated
	}
	return is.anonymousAnswer(id)
}

// oldTenant is the name under which older clients send the tenant.
const oldTenant = "hybris-tenant"

// takeOldTenant puts a tenant that has its old name under the present one.
func takeOldTenant(p map[string]string) *problem {
	old := p[oldTenant]
	if old == "" {
		return nil
	}
	if p["tenant"] != "" && p["tenant"] != old {
		return malformed(oldTenant, "malformed", "The request names two tenants.")
	}
	p["tenant"] = old
	return nil
}

// publicClient returns the parameters of a request that tenant and client_id introduce. A client
// with a secret is refused, because this endpoint does not ask for the secret.
func (is *Issuer) publicClient(r *http.Request) (map[string]string, error) {
	p, err := parameters(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if err := takeOldTenant(p); err != nil {
		return nil, err
	}
	if err := present(p, "tenant", "client_id"); err != nil {
		return nil, err
	}
	if err := is.tenant(r, p["tenant"]); err != nil {
		return nil, err
	}
	if c, ok := is.files.Client(p["tenant"], p["client_id"]); !ok || !c.Public {
		return nil, &problem{
			Status: http.StatusUnauthorized, Detail: "client_id names no public client of the tenant.", challenge: needsToken,
			Details: []detail{{Field: "client_id", Reason: "unknown"}},
		}
	}
	return p, nil
}

// renewable returns the identity of a token that v verifies, if the token is of a session of the
// tenant that has not ended. A token of an anonymous session that has become a customer's is
// refused.
func (is *Issuer) renewable(r *http.Request, v *bearer.Verifier, tenant, token string) (sessionctx.Identity, error) {
	c, err := v.VerifyToken(token)
	if c, err = shopper(c, err, tenant); err != nil {
		return sessionctx.Identity{}, middleware.ErrUnauthenticated
	}
	if err := is.alive(r, c.Identity); err != nil {
		return sessionctx.Identity{}, err
	}
	return c.Identity, nil
}

// alive refuses an identity whose session has ended or belongs to another identity, or whose
// customer is not known any more.
func (is *Issuer) alive(r *http.Request, id sessionctx.Identity) error {
	if id.CustomerID != "" {
		if _, ok := is.files.AccountOf(id.Tenant, id.CustomerID); !ok {
			return fmt.Errorf("%w: the customer is not known any more", middleware.ErrUnauthenticated)
		}
	}
	s, err := is.resolver.Resolve(r.Context(), sessionctx.Request{Identity: id})
	switch {
	case isNotFound(err):
		return fmt.Errorf("%w: %w", middleware.ErrUnauthenticated, err)
	case err != nil:
		return err
	case s.Degraded: // it may have ended
		return sessionctx.ErrUnavailable
	}
	return nil
}
