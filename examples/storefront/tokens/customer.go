package tokens

import (
	"errors"
	"net/http"
	"time"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
	"github.com/sessionctx/storefront/sessionctx"
)

// customerAnswer has each member twice, because older clients of the service read the names without
// underscores.
type customerAnswer struct {
	AccessToken           string `json:"access_token"`
	SaasToken             string `json:"saas_token"`
	TokenType             string `json:"token_type"`
	ExpiresIn             int64  `json:"expires_in"`
	RefreshToken          string `json:"refresh_token"`
	RefreshTokenExpiresIn int64  `json:"refresh_token_expires_in"`
	SessionID             string `json:"session_id"`

	OldAccessToken           string `json:"accessToken"`
	OldSaasToken             string `json:"saasToken"`
	OldExpiresIn             int64  `json:"expiresIn"`
	OldRefreshToken          string `json:"refreshToken"`
	OldRefreshTokenExpiresIn int64  `json:"refreshTokenExpiresIn"`
	OldTokenType             string `json:"tokenType"`
	OldSessionID             string `json:"sessionId"`
}

func (is *Issuer) customerAnswer(id sessionctx.Identity) (any, error) {
	access, refresh, err := is.pair(id)
	if err != nil {
		return nil, err
	}
	saas, err := is.sign(saasAudience, AccessLife, sessionctx.Identity{Tenant: id.Tenant, CustomerID: id.CustomerID, Proof: sessionctx.Asserted}, "")
	if err != nil {
		return nil, err
	}
	a := customerAnswer{
		AccessToken: access, SaasToken: saas, TokenType: tokenType, ExpiresIn: seconds(AccessLife),
		RefreshToken: refresh, RefreshTokenExpiresIn: seconds(CustomerRefreshLife),
		SessionID: id.SessionID,
	}
	a.OldAccessToken, a.OldSaasToken, a.OldExpiresIn = a.AccessToken, a.SaasToken, a.ExpiresIn
	a.OldRefreshToken, a.OldRefreshTokenExpiresIn = a.RefreshToken, a.RefreshTokenExpiresIn
	a.OldTokenType, a.OldSessionID = a.TokenType, a.SessionID
	return a, nil
}

// customerLogin makes the session of the bearer token the customer's. Without a token the customer
// gets a new session. A token of a session that has ended is refused: the client must learn that
// the choices and the cart are gone.
func (is *Issuer) customerLogin(r *http.Request) (any, error) {
	tenant := r.PathValue("tenant")
	if err := is.tenant(r, tenant); err != nil {
		return nil, err
	}
	email, password, err := credentials(r)
	if err != nil {
		return nil, err
	}
	was, err := is.access.Verify(r)
	if err == nil && was == (bearer.Claims{}) {
		was.Identity = sessionctx.Identity{Tenant: tenant, SessionID: newSessionID(), Proof: sessionctx.Asserted}
	}
	if was, err = shopper(was, err, tenant); err != nil {
		return nil, err
	}
	customerID, err := is.Authenticate(r.Context(), tenant, email, password, r.RemoteAddr)
	if err != nil {
		return nil, err
	}
	id := was.Identity
	if id.CustomerID != "" && id.CustomerID != customerID { // one customer's session never becomes another's
		if err := is.resolver.End(r.Context(), sessionctx.Request{Identity: id}); err != nil {
			return nil, err
		}
		id = sessionctx.Identity{Tenant: tenant, SessionID: newSessionID(), Proof: sessionctx.Asserted}
	}
	if _, err := is.resolver.Login(r.Context(), sessionctx.Request{Identity: id}, customerID); err != nil {
		return nil, err
	}
	id.CustomerID = customerID
	return is.customerAnswer(id)
}

func (is *Issuer) customerRefresh(r *http.Request) (any, error) {
	tenant := r.PathValue("tenant")
	if err := is.tenant(r, tenant); err != nil {
		return nil, err
	}
	p, err := required(r, "refreshToken")
	if err != nil {
		return nil, err
	}
	id, err := is.renewable(r, is.refresh, tenant, p["refreshToken"])
	if err != nil {
		return nil, err
	}
	if id.CustomerID == "" {
		return nil, middleware.ErrUnauthenticated
	}
	return is.customerAnswer(id)
}

// customerLogout ends the session of the token in the query, or else in the header: clients send it
// in both.
func (is *Issuer) customerLogout(r *http.Request) (any, error) {
	tenant := r.PathValue("tenant")
	if err := is.tenant(r, tenant); err != nil {
		return nil, err
	}
	p, err := required(r)
	if err != nil {
		return nil, err
	}
	var c bearer.Claims
	if token := p["accessToken"]; token != "" {
		c, err = is.access.VerifyToken(token)
	} else if c, err = is.access.Verify(r); err == nil && c == (bearer.Claims{}) {
		return nil, errNoToken
	}
	if c, err = shopper(c, err, tenant); err != nil {
		return nil, err
	}
	return nil, is.resolver.End(r.Context(), sessionctx.Request{Identity: c.Identity})
}

// errNoToken: a request without a token that needs one.
var errNoToken = &problem{Status: http.StatusUnauthorized, Detail: "There is no token.", challenge: needsToken}

type validateAnswer struct {
	TokenType string `json:"token_type"`
	ExpiresIn int64  `json:"expires_in"`
	Scope     string `json:"scope"`
	SessionID string `json:"sessionId"`
	Email     string `json:"email"`
}

// validate tells what a customer's access token is good for. Every other token is 401.
func (is *Issuer) validate(r *http.Request) (any, error) {
	tenant := r.PathValue("tenant")
	if err := is.tenant(r, tenant); err != nil {
		return nil, err
	}
	c, err := is.access.Verify(r)
	if err == nil && c == (bearer.Claims{}) {
		return nil, errNoToken
	}
	if c, err = shopper(c, err, tenant); err != nil || c.Identity.CustomerID == "" {
		return nil, middleware.ErrUnauthenticated
	}
	if err := is.alive(r, c.Identity); err != nil {
		return nil, err
	}
	account, _ := is.files.AccountOf(tenant, c.Identity.CustomerID)
	return validateAnswer{
		TokenType: tokenType, ExpiresIn: seconds(time.Until(c.Expires)), Scope: c.Scopes,
		SessionID: c.Identity.SessionID, Email: account.Email,
	}, nil
}

func isNotFound(err error) bool { return errors.Is(err, sessionctx.ErrNotFound) }
