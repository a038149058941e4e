package shop_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/examples/routers/internal/shop"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
)

func TestLine_SaysWhereTheCurrencyIsFrom(t *testing.T) {
	swiss := sessionctx.Session{Site: "main", Currency: "CHF"}
	tests := []struct {
		desc   string
		source defaults.Source
		want   string
	}{
		{"the shopper chose it", defaults.SourceChoice, "site main, currency CHF (choice)\n"},
		{"the profile prefers it", defaults.SourcePreferredCurrency, "site main, currency CHF (customer.preferredCurrency)\n"},
		{"it is the site's", defaults.SourceSiteCurrency, "site main, currency CHF (site.currency)\n"},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			r := sessiontest.Request(t, sessiontest.Literal{
				Session: swiss, Sources: map[defaults.Field]defaults.Source{defaults.FieldCurrency: tt.source},
			}, http.MethodGet, "/")
			assert.Equal(t, tt.want, shop.Line(r.Context()))
		})
	}
	assert.Equal(t, "no session\n", shop.Line(t.Context()))
}
