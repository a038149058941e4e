package tokens_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A token that was issued for one purpose is presented for another one.
func TestThreat_TokenOfAnotherPurpose(t *testing.T) {
	s := newShop(t)
	visitor, anna := s.visit(""), s.anna("")
	service := s.token("grant_type", "client_credentials", "tenant", "demoshop", "client_id", "backoffice", "client_secret", secret)
	tokens := map[string]string{
		"anonymous access": visitor.text("access_token"), "anonymous refresh": visitor.text("refresh_token"),
		"customer's access": anna.text("access_token"), "customer's refresh": anna.text("refresh_token"), "saas": anna.text("saas_token"),
		"service": service.text("access_token"),
	}
	purposes := []struct {
		desc string
		good []string // the tokens that serve for it
		use  func(token string) bool
	}{
		{"to identify a request", []string{"anonymous access", "customer's access", "service"}, func(token string) bool {
			_, err := s.issuer.Verifier().VerifyToken(token)
			return err == nil
		}},
		{"to name a customer to a service", []string{"saas"}, func(token string) bool {
			id, err := s.issuer.CustomerOf("demoshop", token)
			return err == nil && id == "C100"
		}},
		{"to name a customer of another tenant", nil, func(token string) bool {
			_, err := s.issuer.CustomerOf("othershop", token)
			return err == nil
		}},
		{"to renew an anonymous session", []string{"anonymous refresh"}, func(token string) bool { return s.renew(token).StatusCode == http.StatusOK }},
		{"to renew a customer's session", []string{"customer's refresh"}, func(token string) bool {
			return s.get("/customer/demoshop/refreshauthtoken?refreshToken="+token, "").StatusCode == http.StatusOK
		}},
		{"to be a customer", []string{"customer's access"}, func(token string) bool {
			return s.get("/customer/demoshop/validateauthtoken", token).StatusCode == http.StatusOK
		}},
		{"to log a customer out", []string{"customer's access"}, func(token string) bool {
			return s.get("/customer/demoshop/logout?accessToken="+token, "").StatusCode == http.StatusNoContent
		}},
	}
	for _, p := range purposes {
		t.Run(p.desc, func(t *testing.T) {
			for desc, token := range tokens {
				if p.desc == purposes[len(purposes)-1].desc && desc == "anonymous access" {
					continue // it may end its own session, which is no customer's
				}
				assert.NotEmpty(t, token, desc)
				good := false
				for _, g := range p.good {
					good = good || g == desc
				}
				assert.Equal(t, good, p.use(token), desc)
			}
		})
	}
}
