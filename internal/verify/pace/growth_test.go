package pace

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/verify/evidence"
	"github.com/sessionctx/storefront/sessionctx"
)

// TestGrowth_OfAWarmResolve compares a warm Resolve in a shop of some size with one in a shop of
// one of it. SITES, TENANTS and ATTRIBUTES are the sizes.
func TestGrowth_OfAWarmResolve(t *testing.T) {
	n := min(numSessions(t), 10_000)
	sites, tenants := evidence.Number(t, "SITES", 100), evidence.Number(t, "TENANTS", 10)
	var rows [][]string
	for _, tc := range []struct {
		desc string
		size int
		goal Goal
	}{
		{"sites of the tenant", sites, Goal{Ratio: 1.25}},
		{"tenants of the server", tenants, Goal{Ratio: 1.25}},
		{"attributes of a session", evidence.Number(t, "ATTRIBUTES", 16), Goal{}},
	} {
		shop := func(size int) Way {
			site := evidence.Shop()[tenant].Sites[0]
			directory, names, patch := sessionctx.Static{}, []string{tenant}, sessionctx.Patch{Currency: sessionctx.Set("CHF")}
			all := []defaults.Site{site}
			switch tc.desc {
			case "sites of the tenant":
				for i := range size - 1 {
					site.Code, site.Default = fmt.Sprintf("s%d", i), false
					all = append(all, site)
				}
			case "tenants of the server":
				for i := range size - 1 {
					names = append(names, fmt.Sprintf("shop%d", i))
				}
			default:
				patch.Attributes = map[string]json.RawMessage{}
				for i := range size {
					patch.Attributes[fmt.Sprintf("attribute-%d", i)] = json.RawMessage(`"some value"`)
				}
			}
			for _, name := range names {
				directory[name] = sessionctx.StaticTenant{Sites: all}
			}
			r := newResolver(t, func(c *sessionctx.Config) { c.Directory, c.CacheBytes = directory, room(n)+int64(200*n*size) })
			shoppers := newShoppers(n)
			request := func(i int) sessionctx.Request {
				req := shoppers.request(i)
				req.CustomerID, req.Tenant = "", names[i%len(names)]
				return req
			}
			for i := range n {
				p := patch
				p.Site = sessionctx.Set(all[i%len(all)].Code)
				_, err := r.Update(t.Context(), request(i), p)
				require.NoError(t, err)
			}
			t.Cleanup(warm(t, r, n, request))
			return resolving(fmt.Sprint("with ", size), r, n, request)
		}
		rows = append(rows, Compare(t, 1, shop(tc.size), shop(1)).Row(fmt.Sprintf("%d %s", tc.size, tc.desc), 1, tc.goal))
	}
	evidence.Table(t, "pace-growth", Header, rows...)
}
