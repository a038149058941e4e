package tokens

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sessionctx/storefront/sessionctx"
)

// What tokens are for. No token serves for two purposes, because each is verified for its own
// audience (RFC 8725, section 3.9).
const (
	issuer          = "storefront-example"
	accessAudience  = "storefront"
	refreshAudience = "storefront/refresh"
	saasAudience    = "storefront/saas"
)

const tokenType = "Bearer" // RFC 6750

// claims are what a token says, under the names that bearer.Config reads by default.
type claims struct {
	jwt.RegisteredClaims
	Tenant  string `json:"tenant"`
	Session string `json:"sid,omitempty"`
	Scope   string `json:"scope,omitempty"`
}

// sign returns a token for the audience that says who id is.
func (is *Issuer) sign(audience string, life time.Duration, id sessionctx.Identity, scope string) (string, error) {
	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    issuer,
			Subject:   id.CustomerID,
			Audience:  jwt.ClaimStrings{audience},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(life)),
			ID:        rand.Text(), // two tokens of one second differ
		},
		Tenant:  id.Tenant,
		Session: id.SessionID,
		Scope:   scope,
	}).SignedString(is.key)
	if err != nil {
		return "", fmt.Errorf("tokens: sign: %w", err)
	}
	return token, nil
}

// pair signs an access and a refresh token of a session.
func (is *Issuer) pair(id sessionctx.Identity) (access, refresh string, err error) {
	life := AnonymousRefreshLife
	if id.CustomerID != "" {
		life = CustomerRefreshLife
	}
	if access, err = is.sign(accessAudience, AccessLife, id, shopperScope(id.Tenant)); err != nil {
		return "", "", err
	}
	refresh, err = is.sign(refreshAudience, life, id, "")
	return access, refresh, err
}

// shopperScope is what the service answers as the scope of a shopper's token: it permits nothing.
func shopperScope(tenant string) string { return tenantScope + tenant }

const tenantScope = "tenant="

// newSessionID returns a random UUID (RFC 9562, section 5.4).
func newSessionID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says crypto/rand
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// seconds are a life as the wire gives it.
func seconds(life time.Duration) int64 { return int64(life / time.Second) }
