package middleware_test

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
)

// All sessions of a customer have ended, and the host's own login goes on: a write begins a session
// of the customer a minute later, with nothing of the old one.
func TestCustomer_DeadCookieHealsAfterAMinute(t *testing.T) {
	for _, tc := range []struct {
		desc  string
		after time.Duration
		want  error
	}{
		{"at once", 0, sessionctx.ErrNotFound}, {"after 59 seconds", 59 * time.Second, sessionctx.ErrNotFound},
		{"after 61 seconds", 61 * time.Second, nil}, {"after 2 hours", 2 * time.Hour, nil},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShop(t)
				b := newBrowser(t, s.middleware(hostLogin))
				b.jar["host"] = "anna"
				dead := b.update("/", cart("cart-1")).ID
				require.NoError(t, s.resolver.EndAll(t.Context(), "demoshop", "anna"))
				wait(tc.after)
				assert.Equal(t, "anna CHF ", shown(b.page()))
				w := httptest.NewRecorder()
				made, err := b.mw.Update(w, b.request("/"), sessionctx.Patch{Language: sessionctx.Set("en")})
				if tc.want != nil {
					require.ErrorIs(t, err, tc.want)
					assert.Empty(t, w.Header(), "the browser may have a newer cookie")
					return
				}
				require.NoError(t, err)
				b.receive(w)
				assert.NotEqual(t, dead, made.ID)
				page := b.page()
				assert.Equal(t, made.ID, page.ID)
				assert.Equal(t, "anna CHF ", shown(page))
				assert.Equal(t, "en", page.Language)
			})
		})
	}
}
