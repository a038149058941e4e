package pace_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/internal/verify/pace"
	"github.com/sessionctx/storefront/internal/verify/tables"
	"github.com/sessionctx/storefront/sessionctx"
)

// everybody is a Directory in which each customer has a profile.
type everybody struct{ sessionctx.Static }

func (everybody) Customer(context.Context, string, string) (defaults.Customer, error) {
	return defaults.Customer{Currency: "GBP", Language: "en"}, nil
}

// grown is a shop of some size: its sessions all have a record, and are in the cache.
type grown struct {
	size     int
	resolver *sessionctx.Resolver
	shoppers *shoppers
	request  func(i int) sessionctx.Request
}

// grow makes a shop with n sessions, each written once by patch; change makes the request of a customer that of somebody else.
func grow(t testing.TB, size, n int, directory sessionctx.Directory,
	patch func(i int) sessionctx.Patch, change func(i int, req sessionctx.Request) sessionctx.Request,
) *grown {
	t.Helper()
	g := &grown{size: size, shoppers: newShoppers(n)}
	g.resolver = newResolver(t, func(c *sessionctx.Config) {
		c.Directory = directory
		c.CacheBytes = room(n)
		for range patch(0).Attributes {
			c.CacheBytes += 200 * int64(n)
		}
	})
	g.request = func(i int) sessionctx.Request {
		return change(i, g.shoppers.request(i)) // by value: what a pointer is handed to would have to be on the heap
	}
	for _, i := range elsewhere(n) {
		_, err := g.resolver.Update(t.Context(), g.request(i), patch(i))
		require.NoError(t, err)
	}
	return g
}

func (g *grown) warm() pace.Way {
	return resolving(fmt.Sprint(g.size), g.resolver, len(g.shoppers.keys), g.request)
}

func (g *grown) cold() pace.Way {
	return resolving(fmt.Sprint(g.size), g.resolver, len(g.shoppers.keys), func(i int) sessionctx.Request {
		req := g.request(i)
		req.Fresh = true
		return req
	})
}

// powers returns 1, or what comes first, and ten times as much again and again, up to most.
func powers(first, most int) []int {
	var sizes []int
	for n := first; n <= most; n *= 10 {
		sizes = append(sizes, n)
	}
	return sizes
}

func anonymous(_ int, req sessionctx.Request) sessionctx.Request {
	req.CustomerID = ""
	return req
}

func choosesCurrency(int) sessionctx.Patch { return sessionctx.Patch{Currency: sessionctx.Set("CHF")} }

// The sessions of a shop are spread over all of its sites, or tenants, or are all at the first of them.
func spread(i, size int) int { return i % size }
func together(int, int) int  { return 0 }

func sitesOf(sessions int, at func(i, size int) int) func(t testing.TB, size int) *grown {
	return func(t testing.TB, size int) *grown {
		sites := make([]defaults.Site, size)
		for i := range sites {
			sites[i] = demoshop()[tenant].Sites[0]
			sites[i].Code, sites[i].Default = fmt.Sprintf("s%d", i), i == 0
		}
		return grow(t, size, sessions, sessionctx.Static{tenant: {Sites: sites}}, func(i int) sessionctx.Patch {
			p := choosesCurrency(i)
			p.Site = sessionctx.Set(sites[at(i, size)].Code)
			return p
		}, anonymous)
	}
}

func tenantsOf(sessions int, at func(i, size int) int) func(t testing.TB, size int) *grown {
	return func(t testing.TB, size int) *grown {
		shops, names := sessionctx.Static{}, make([]string, size)
		for i := range names {
			names[i] = fmt.Sprintf("shop%d", i)
			shops[names[i]] = demoshop()[tenant]
		}
		g := grow(t, size, sessions, shops, choosesCurrency, func(i int, req sessionctx.Request) sessionctx.Request {
			req.CustomerID, req.Tenant = "", names[at(i, size)]
			return req
		})
		for _, name := range names { // each of them is known
			_, err := g.resolver.Resolve(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{Tenant: name}})
			require.NoError(t, err)
		}
		return g
	}
}

// TestTheCostAsAShopGrows measures Resolve in shops of growing size. The greatest sizes are SITES (default 100), TENANTS (default 10) and
// GROWN (default 1000) sessions.
func TestTheCostAsAShopGrows(t *testing.T) {
	fewer := min(pace.Sessions(t), 10_000) // sessions, where it is something else that grows
	sites, tenants := pace.Number(t, "SITES", 100), pace.Number(t, "TENANTS", 10)
	flat := pace.AtMost(1.25)
	for _, tc := range []struct {
		desc  string
		name  string
		goal  pace.Goal // of the warm path, at the greatest size
		sizes []int
		grow  func(t testing.TB, size int) *grown
	}{
		{
			"attributes of a session", "attributes", pace.Goal{}, []int{0, 1, 4, 16, 64},
			func(t testing.TB, size int) *grown {
				return grow(t, size, fewer, demoshop(), func(i int) sessionctx.Patch {
					p := choosesCurrency(i)
					p.Attributes = map[string]json.RawMessage{}
					for a := range size {
						p.Attributes[fmt.Sprintf("attribute-%d", a)] = json.RawMessage(`"some value"`)
					}
					return p
				}, anonymous)
			},
		},
		{"sites of the tenant", "sites", flat, powers(1, sites), sitesOf(fewer, spread)},
		{"sites of the tenant, of which one is visited", "other-sites", flat, powers(1, sites), sitesOf(fewer, together)},
		{"tenants of the server", "tenants", flat, powers(1, tenants), tenantsOf(fewer, spread)},
		{"tenants of the server, of which one is visited", "other-tenants", flat, powers(1, tenants), tenantsOf(fewer, together)},
		{
			"anonymous sessions", "sessions", pace.Goal{}, powers(100, pace.Number(t, "GROWN", 1000)),
			func(t testing.TB, size int) *grown {
				return grow(t, size, size, demoshop(), choosesCurrency, anonymous)
			},
		},
		{
			"customers, a session each", "customers", pace.Goal{}, powers(100, pace.Number(t, "GROWN", 1000)),
			func(t testing.TB, size int) *grown {
				return grow(t, size, size, everybody{demoshop()}, choosesCurrency, func(_ int, req sessionctx.Request) sessionctx.Request { return req })
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var hot, cold, bare []pace.Way
			var checks []func()
			for _, size := range tc.sizes {
				g := tc.grow(t, size)
				checks = append(checks, warm(t, g.resolver, len(g.shoppers.keys), g.request))
				hot = append(hot, g.warm())
				cold = append(cold, g.cold())
				cache := newRistretto(t, g.shoppers.keys, func(i int) *sessionctx.Session {
					s, err := g.resolver.Resolve(t.Context(), g.request(i))
					require.NoError(t, err)
					return &s
				})
				bare = append(bare, lookingUp(fmt.Sprint(size), g.shoppers.keys, cache.Get))
			}
			// The three are run one after the other, and the sizes of each in turn: it is the sizes that are compared.
			var of [3]pace.Comparison
			of[0] = pace.Compare(t, 1, hot...)
			for _, check := range checks {
				check()
			}
			of[1], of[2] = pace.Compare(t, 1, cold...), pace.Compare(t, 1, bare...)
			var rows [][]string
			lines := [3]pace.Series{{Name: "warm Resolve"}, {Name: "cold Resolve, memstore"}, {Name: "bare ristretto"}}
			for i, size := range tc.sizes {
				row := []string{fmt.Sprint(size)}
				for k, c := range of {
					growth := c.Between(i, 0)
					row = append(row, pace.Time(c.Time(i).Median), pace.Figure(growth.Median)+" ("+growth.Quartiles()+")")
					lines[k].Points = append(lines[k].Points, pace.Point{Size: size, Time: c.Time(i)})
				}
				verdict := ""
				if i == len(tc.sizes)-1 {
					verdict = tc.goal.Verdict(of[0].Between(i, 0).Median, 0)
				}
				rows = append(rows, append(row, verdict))
			}
			tables.Write(t, "pace-growth-"+tc.name, []string{
				tc.desc, "warm", "by the first (quartiles)", "cold", "by the first (quartiles)", "bare ristretto", "by the first (quartiles)", "goal",
			}, rows...)
			tables.Plot(t, "growth-"+tc.name, pace.Plot{
				Title: "What a Resolve takes, by the number of " + tc.desc, Size: tc.desc, Series: lines[:],
			}.SVG())
		})
	}
}
