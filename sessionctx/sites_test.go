package sessionctx_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func TestSites_AreTheTableInForce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{Static: demoshop()}
		r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: d})
		require.NoError(t, err)
		defer r.Close()
		sites, err := r.Sites(t.Context(), "demoshop")
		require.NoError(t, err)
		currencies, _ := sites.Offered("main", defaults.FieldCurrency)
		assert.Equal(t, []string{"EUR", "GBP", "CHF", "USD"}, currencies)
		same, err := r.Sites(t.Context(), "demoshop")
		require.NoError(t, err)
		assert.Same(t, sites, same, "from the cache")

		news := mainAnd()
		d.sites.Store(&news)
		require.NoError(t, r.Refresh(t.Context(), "demoshop", ""))
		later, err := r.Sites(t.Context(), "demoshop")
		require.NoError(t, err)
		assert.Len(t, later.List(), 1)
		assert.Len(t, sites.List(), 4, "an old table does not change")
		assert.Equal(t, resolve(t, r, by("")).Currency, later.Resolve(defaults.Input{}).Currency)
	})
}

// A table of hundreds of sites takes megabytes. Sessions that were cached under it, and that nobody
// reads any more, do not keep it.
func TestSites_OldTableIsFreedAlthoughSessionsOfItAreCached(t *testing.T) {
	d := &desk{Static: demoshop()}
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
	for _, req := range []sessionctx.Request{by("s1"), by("s2", "C100"), cookie("")} {
		warm(t, r, req)
	}
	table := func() weak.Pointer[defaults.Sites] {
		sites, err := r.Sites(t.Context(), "demoshop")
		require.NoError(t, err)
		return weak.Make(sites)
	}
	old := table()
	for i := range 3 { // a Directory that builds its list from a map gives another order each time
		sites := mainAnd(defaults.Site{Code: fmt.Sprint("other", i), Currency: "USD", Country: "US", Language: "en"})
		d.sites.Store(&sites)
		require.NoError(t, r.Refresh(t.Context(), "demoshop", ""))
		for range 100 { // a goroutine that has just answered may still have it
			if runtime.GC(); old.Value() == nil {
				break
			}
		}
		assert.Nil(t, old.Value())
		old = table()
		warm(t, r, by(fmt.Sprint("s", i)))
	}
}

func TestSites_ErrorsAreThoseOfARead(t *testing.T) {
	down := errors.New("down")
	closed := newResolver(t)
	require.NoError(t, closed.Close())
	for _, tc := range []struct {
		desc, tenant string
		resolver     *sessionctx.Resolver
		want         error
	}{
		{"a tenant that the directory does not know", "nobody", newResolver(t), sessionctx.ErrUnknownTenant},
		{"a name that is no tenant", "No Tenant", newResolver(t), sessionctx.ErrUnknownTenant},
		{"no tenant", "", newResolver(t), sessionctx.ErrUnknownTenant},
		{"a directory that fails", "demoshop", newResolver(t, func(c *sessionctx.Config) { c.Directory = failing{down} }), sessionctx.ErrUnavailable},
		{"a resolver that was closed", "demoshop", closed, sessionctx.ErrClosed},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			sites, err := tc.resolver.Sites(t.Context(), tc.tenant)
			require.ErrorIs(t, err, tc.want)
			assert.Nil(t, sites)
		})
	}
}

// failing is a Directory that fails.
type failing struct{ err error }

func (f failing) Sites(context.Context, string) ([]defaults.Site, error) { return nil, f.err }

func (f failing) Customer(context.Context, string, string) (defaults.Customer, error) {
	return defaults.Customer{}, f.err
}

// The Resolver keeps only the first bytes of a long request site. They must not name a site that
// has them as its code.
func TestResolve_RequestSiteThatBeginsWithACodeIsUnknown(t *testing.T) {
	long := strings.Repeat("x", 64) // the longest code there may be
	d := &desk{Static: demoshop()}
	sites := mainAnd(defaults.Site{Code: long, Currency: "USD", Country: "US", Language: "en"})
	d.sites.Store(&sites)
	r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
	for _, tc := range []struct{ desc, site, want string }{
		{"the code itself", long, long},
		{"one byte less", long[1:], "main"},
		{"one byte more", long + "x", "main"},
		{"a blank more", long + " ", "main"},
		{"a letter of two bytes more", long + "é", "main"},
		{"a letter that is cut in the middle", long[:63] + "éé", "main"},
		{"much more", strings.Repeat(long, 1000), "main"},
	} {
		req := by("s1")
		req.Site = tc.site
		for range 2 { // slow, and from the cache
			assert.Equal(t, tc.want, resolve(t, r, req).Site, tc.desc)
		}
	}
}
