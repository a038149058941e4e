package sessionctx

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults"
)

// TestAnEntryIsItsRecordWhoeverLooksAtIt has a record seen by one after the other, with ids that lie in the entry and others that do not.
func TestAnEntryIsItsRecordWhoeverLooksAtIt(t *testing.T) {
	long := strings.Repeat("x", maxInline+1)
	created := time.UnixMilli(1_700_000_000_000).UTC()
	for _, id := range []string{"s1", long[:maxInline-3], long[:maxInline], long} {
		for _, customer := range []string{"", "C1", long} {
			rec := Record{
				Tenant: "demoshop", Incarnation: 1, Version: 2, CustomerID: customer, Generation: int64(len(customer)),
				Choices: defaults.Choices{Currency: "CHF"}, CartID: "cart", Attributes: []Attribute{{Name: "a", Value: []byte("1")}},
				CreatedAt: created, ModifiedAt: created, ExpiresAt: created.Add(time.Hour),
			}
			for _, rec := range []Record{rec, {Tenant: rec.Tenant, Incarnation: 1, Version: 1, CustomerID: customer, CreatedAt: created, ModifiedAt: created}} {
				key := Key{Tenant: rec.Tenant, ID: id}
				e := newEntry(key, &rec)
				assert.Equal(t, rec, e.record())
				viewers := []string{"", "C1", "C22", long, long + "y", "C1", ""}
				if customer != "" {
					viewers = []string{customer, "", customer} // an empty one stands for somebody by whom it may not be seen
				}
				for _, viewer := range viewers {
					what := fmt.Sprintf("id of %d, customer of %d, viewer of %d", len(id), len(customer), len(viewer))
					nobody := viewer != customer && customer != ""
					req := Request{Identity: Identity{Tenant: rec.Tenant, SessionID: id, CustomerID: viewer}}
					if nobody {
						req.Proof = BySecret
					}
					e = e.remember(&req, nobody, viewer, defaults.Values{Currency: "CHF"}, &surroundings{deadline: endless})
					assert.Equal(t, rec, e.record(), what)
					assert.Equal(t, key, e.key(), what)
					assert.True(t, e.is(KindSession, rec.Tenant, id), what)
					assert.True(t, e.fits(&req), what)
					var s Session
					e.session(id, &s)
					assert.Equal(t, viewer, s.CustomerID, what)
					assert.Equal(t, "CHF", s.Currency, what)
					if !nobody {
						assert.Equal(t, rec.CartID, s.CartID, what)
						other := req
						other.CustomerID = "somebody else"
						assert.False(t, e.fits(&other), what)
					}
				}
			}
		}
	}
}
