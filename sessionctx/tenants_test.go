package sessionctx_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// Tenants with names of one pattern, and session ids that are alike in all of them.
func TestTenants_DoNotEvictEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ids = 20
		tenants := []string{"shop001", "shop011", "shop021", "shop031", "shop101", "shop111"}
		shops := sessionctx.Static{}
		for i, tenant := range tenants {
			currency := []string{"EUR", "USD"}[i%2]
			shops[tenant] = sessionctx.StaticTenant{Sites: []defaults.Site{{Code: "main", Default: true, Currency: currency, Country: "DE", Language: "de"}}}
		}
		backend, d := &heldStore{}, &desk{Static: shops}
		r := newResolver(t, func(c *sessionctx.Config) { c.Store, c.Directory, c.DirectoryMaxAge = backend, d, time.Hour })
		round := func() {
			for id := range ids {
				for i, tenant := range tenants {
					req := by(fmt.Sprint("session-", id), "C100")
					req.Tenant = tenant
					s := resolve(t, r, req)
					assert.Equal(t, tenant+[]string{" EUR", " USD"}[i%2], s.Tenant+" "+s.Currency)
				}
				synctest.Wait() // ristretto shows new values after a moment
			}
		}
		round()
		round()
		loads := backend.loads.Load()
		for range 100 {
			round()
		}
		assert.Equal(t, loads, backend.loads.Load(), "every read is a hit")
		assert.EqualValues(t, len(tenants), d.asked.Load())
		assert.EqualValues(t, len(tenants), d.customers.Load())
	})
}

// A tenant that fails does not concern another one.
func TestTenants_HaveADirectoryOutageOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &pacedDesk{desk: desk{Static: demoshop()}}
		r := newResolver(t, func(c *sessionctx.Config) { c.Directory = d })
		other := cookie("")
		other.Tenant = "othershop"
		resolve(t, r, other)
		d.holdBy(untilContextEnds)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := r.Resolve(ctx, cookie(""))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Zero(t, takes(func() { assert.Equal(t, "SEK", resolve(t, r, other).Currency) }))
	})
}
