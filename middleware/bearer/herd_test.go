package bearer

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/middleware"
)

// A caller that looked at the caches before the call of another caller ended, and that joins no
// call, must not ask again.
func TestAsk_LooksAtTheCachesAgain(t *testing.T) {
	for _, active := range []bool{true, false} {
		asked := 0
		v, err := New(Config{Tenant: "demoshop", Introspect: func(context.Context, string) (map[string]any, error) {
			asked++
			return map[string]any{"active": active, "sub": "anna"}, nil
		}})
		require.NoError(t, err)
		before := time.Now()
		fp := v.fingerprints.of("token")
		for range 3 {
			c, err := v.ask(t.Context(), fp, "token", before)
			if active {
				require.NoError(t, err)
				assert.Equal(t, "anna", c.Identity.CustomerID)
			} else {
				require.ErrorIs(t, err, middleware.ErrUnauthenticated)
			}
		}
		assert.Equal(t, 1, asked)
	}
}
