package middleware_test

import (
	"net/http/httptest"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/sessionctx"
)

// The tokens of the large providers, with a real Verifier: they say who, and the cookies which
// session.
func TestCustomer_TokensOfAVerifier(t *testing.T) {
	configs := map[string]func(*middleware.Config){
		"Customer": func(cfg *middleware.Config) {
			cfg.Customer = newVerifier(t).Customer(cfg.Tenant)
		},
		"Identify and Customer": func(cfg *middleware.Config) {
			v := newVerifier(t)
			cfg.Identify, cfg.Customer = v.Identify, v.Customer(cfg.Tenant)
		},
	}
	for desc, edit := range configs {
		t.Run(desc, func(t *testing.T) {
			mw := newShop(t).middleware(edit)
			b := newBrowser(t, mw)
			guest := b.update("/", cart("cart-1"))

			subAlone := "Bearer " + signed(t, jwt.MapClaims{"sid": nil})
			s := b.page("Authorization", subAlone)
			assert.Equal(t, "anna CHF cart-1", shown(s), "choice and cart went along")
			assert.NotEqual(t, guest.ID, s.ID)
			assert.Equal(t, s, b.page("Authorization", subAlone))

			_, err := mw.Update(httptest.NewRecorder(), b.with("Authorization", subAlone), cart("cart-2"))
			require.NoError(t, err)
			assert.Equal(t, "anna CHF cart-2", shown(b.page("Authorization", subAlone)))
			assert.Equal(t, " EUR ", shown(b.page()), "without the token nothing leaks")

			staff := "Bearer " + signed(t, jwt.MapClaims{"sid": nil, "act": map[string]any{"sub": "agent"}})
			assert.Equal(t, " EUR ", shown(b.page("Authorization", staff)))

			for token, want := range map[string]error{
				"nonsense": middleware.ErrUnauthenticated,
				signed(t, jwt.MapClaims{"sid": nil, "tenant": "othershop"}): middleware.ErrWrongTenant,
				signed(t, jwt.MapClaims{"sid": nil, "aud": "backoffice"}):   middleware.ErrUnauthenticated,
			} {
				_, err := mw.Request(b.with("Authorization", "Bearer "+token))
				require.ErrorIs(t, err, want)
			}

			r := b.with("Authorization", "Bearer "+signed(t, nil))
			req, err := mw.Request(r)
			require.NoError(t, err)
			if desc == "Customer" {
				assert.Equal(t, s.ID, req.SessionID, "the token's sid is not the shop's")
			} else {
				assert.Equal(t, sessionctx.Identity{
					Tenant: "demoshop", SessionID: "session-1", CustomerID: "anna", Proof: sessionctx.Asserted,
				}, req.Identity)
			}
		})
	}
}
