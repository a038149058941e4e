package sessionctx_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func TestConflicts_NameTheFieldsAndTheTenantAndNobody(t *testing.T) {
	set := sessionctx.Set
	for _, tc := range []struct {
		desc        string
		then, patch sessionctx.Patch
		want        []string
	}{
		{"one field", sessionctx.Patch{Currency: set("CHF")}, sessionctx.Patch{Currency: set("GBP")}, []string{"currency"}},
		{
			"only those that have changed", sessionctx.Patch{Currency: set("CHF"), Country: set("AT")},
			sessionctx.Patch{Country: set("FR"), Language: set("fr"), Currency: set("USD")}, []string{"currency", "country"},
		},
		{"the cart", sessionctx.Patch{CartID: set("cart-1")}, sessionctx.Patch{CartID: set("cart-2")}, []string{"cart"}},
		{
			"attributes, not their names", sessionctx.Patch{Attributes: attributes("note-of-ann", "1")},
			sessionctx.Patch{Attributes: attributes("note-of-ann", "2")}, []string{"attributes"},
		},
		{
			"all attributes", sessionctx.Patch{Attributes: attributes("a", "1")},
			sessionctx.Patch{ReplaceAttributes: true}, []string{"attributes"},
		},
		{
			"a base that never was", sessionctx.Patch{},
			sessionctx.Patch{Base: version(1), CartID: set("c"), Attributes: attributes("a", "1"), Site: set("ch")}, []string{"site", "attributes", "cart"},
		},
		{
			"a conflict of the host's own", sessionctx.Patch{},
			sessionctx.Patch{Currency: set("GBP"), Require: func(sessionctx.Session) error { return &sessionctx.ConflictError{} }}, nil,
		},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: demoshop()})
				require.NoError(t, err)
				defer r.Close()
				base := update(t, r, by("s1"), sessionctx.Patch{Language: set("en")}).Revision()
				update(t, r, by("s1"), tc.then)
				time.Sleep(time.Minute)
				if tc.patch.Base == nil {
					tc.patch.Base = &base
				}
				_, err = r.Preview(t.Context(), by("s1"), tc.patch)
				require.ErrorIs(t, err, sessionctx.ErrConflict)
				require.Empty(t, r.Conflicts(), "a preview refuses no write")
				_, err = r.Update(t.Context(), by("s1"), tc.patch)
				var conflict *sessionctx.ConflictError
				require.ErrorAs(t, err, &conflict)
				assert.Equal(t, tc.want, conflict.Fields)
				assert.Equal(t, []sessionctx.ConflictError{{Fields: tc.want, Tenant: "demoshop", At: time.Now()}}, r.Conflicts())
			})
		})
	}
}

func TestConflicts_AreBoundedAndTheNewestComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := sessionctx.New(sessionctx.Config{Store: &memstore.Store{}, Directory: demoshop()})
		require.NoError(t, err)
		defer r.Close()
		update(t, r, by("s1"), sessionctx.Patch{Language: sessionctx.Set("en")})
		for range 40 {
			time.Sleep(time.Second)
			_, err := r.Update(t.Context(), by("s1"), sessionctx.Patch{Base: version(1), Currency: sessionctx.Set("GBP")})
			require.ErrorIs(t, err, sessionctx.ErrConflict)
		}
		all := r.Conflicts()
		require.Len(t, all, 32)
		for i, c := range all {
			assert.Equal(t, time.Duration(i)*time.Second, time.Since(c.At))
		}
		all[0].Fields[0] = "changed"
		assert.Equal(t, []string{"currency"}, r.Conflicts()[0].Fields, "a copy")
	})
}

func TestTenants_AreThoseWhoseSitesAreKnown(t *testing.T) {
	r := newResolver(t)
	assert.Empty(t, r.Tenants())
	resolve(t, r, by("s1"))
	require.ErrorIs(t, resolveError(t, r, sessionctx.Request{Identity: sessionctx.Identity{Tenant: "nobodyknows"}}), sessionctx.ErrUnknownTenant)
	assert.Equal(t, []string{"demoshop"}, r.Tenants())
}
