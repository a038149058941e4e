package bearer_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
	"github.com/sessionctx/storefront/middleware/bearer"
)

// A request by a cached token costs a lookup: see docs/evidence/performance.md.
func TestCachedToken_AllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector, sync.Pool drops what it is given")
	}
	e := &endpoint{answer: func(context.Context, string) (map[string]any, error) { return answered(nil), nil }}
	jwts := newVerifier(t, func(c *bearer.Config) { c.CustomerPrefix = "id.example:" })
	opaque := introspecting(t, e, nil)
	several, err := bearer.New(config(), bearer.Config{Introspect: e.introspect, CustomerPrefix: "opaque:"})
	require.NoError(t, err)
	tenant := middleware.Tenant("demoshop")
	cases := []struct {
		desc     string
		verifier *bearer.Verifier
		request  *http.Request
	}{
		{"a JWT", jwts, bearing(signed(t, nil))},
		{"an opaque token", opaque, bearing(opaqueToken)},
		{"a JWT, one issuer of two", several, bearing(signed(t, nil))},
		{"an opaque token, one issuer of two", several, bearing(opaqueToken)},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) {
			customer := tc.verifier.Customer(tenant)
			id, err := customer(tc.request)
			require.NoError(t, err)
			require.Contains(t, id, "anna")
			assert.Zero(t, testing.AllocsPerRun(200, func() { _, _ = tc.verifier.Identify(tc.request) }), "Identify")
			assert.Zero(t, testing.AllocsPerRun(200, func() { _, _ = customer(tc.request) }), "Customer")
			assert.Zero(t, testing.AllocsPerRun(200, func() { _, _, _ = tc.verifier.Scopes(tc.request) }), "Scopes")
		})
	}
}
