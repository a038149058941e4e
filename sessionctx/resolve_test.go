package sessionctx_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/memstore"
)

func TestResolve_AssertedSessionExistsBeforeItsRecord(t *testing.T) {
	r := newResolver(t)
	s := resolve(t, r, by("s1"))
	assert.Equal(t, "s1", s.ID)
	assert.Zero(t, s.Version)
	assert.True(t, s.CreatedAt.IsZero())
	assert.Equal(t, "main EUR DE de", s.Site+" "+s.Currency+" "+s.Country+" "+s.Language)

	s = update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("chf")})
	first := s.Version
	assert.GreaterOrEqual(t, first, int64(1))
	assert.Less(t, first, int64(1<<30), "the first version is random")
	assert.Equal(t, "CHF", s.Currency, "canonical")
	assert.Equal(t, defaults.SourceChoice, s.Source(defaults.FieldCurrency))
	assert.Equal(t, s, resolve(t, r, by("s1")))

	s = update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Clear()})
	assert.Equal(t, "EUR", s.Currency)
	assert.Equal(t, first+1, s.Version)
}

func TestResolve_DefaultsOfACustomerComeFromTheProfile(t *testing.T) {
	r := newResolver(t)
	s := resolve(t, r, by("s1", "C100"))
	assert.Equal(t, "main GBP AT en", s.Site+" "+s.Currency+" "+s.Country+" "+s.Language)
	s = resolve(t, r, by("", "C101"))
	assert.Empty(t, s.ID)
	assert.Equal(t, "us USD US en", s.Site+" "+s.Currency+" "+s.Country+" "+s.Language)
	s = resolve(t, r, by("s2", "nobody-knows"))
	assert.Equal(t, "main EUR DE de", s.Site+" "+s.Currency+" "+s.Country+" "+s.Language)
}

func TestResolve_CustomersWithoutASessionAreCachedSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(t)
		visit := func() {
			for _, customer := range []string{"C100", "C101", "C102"} {
				resolve(t, r, by("", customer))
				synctest.Wait() // until ristretto shows it
			}
		}
		visit()
		before := r.Stats().Hits
		visit()
		assert.EqualValues(t, 3, r.Stats().Hits-before)
	})
}

func TestResolve_BySecretMakesNoSession(t *testing.T) {
	store := &memstore.Store{}
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = store })
	for _, id := range []string{"", "invented", "62528895-b561-4518-bfdc-2cbf52a07845"} {
		s := resolve(t, r, cookie(id))
		assert.Empty(t, s.ID)
		assert.Equal(t, "EUR", s.Currency)
	}
	assert.Zero(t, store.Stats().Records)
}

func TestResolve_RecordBelongsToItsCustomer(t *testing.T) {
	r := newResolver(t)
	anonymous := update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD"), CartID: sessionctx.Set("cart-1"), Attributes: attributes("a", "1")})

	viewed := resolve(t, r, by("s1", "C100"))
	assert.Equal(t, "C100", viewed.CustomerID, "viewed as after the login")
	assert.Equal(t, "USD AT", viewed.Currency+" "+viewed.Country)
	assert.Equal(t, "USD", resolve(t, r, by("s1")).Currency, "and still the anonymous one's until then")

	s, err := r.Login(t.Context(), by("s1"), "C100")
	require.NoError(t, err)
	assert.Equal(t, "s1", s.ID)
	assert.Equal(t, anonymous.Version+1, s.Version)
	assert.Equal(t, "cart-1", s.CartID)
	assert.Equal(t, s, resolve(t, r, by("s1", "C100")))

	for _, req := range []sessionctx.Request{by("s1"), by("s1", "C101")} {
		_, err := r.Resolve(t.Context(), req)
		assert.ErrorIs(t, err, sessionctx.ErrNotFound)
		_, err = r.Update(t.Context(), req, sessionctx.Patch{Currency: sessionctx.Set("GBP")})
		assert.ErrorIs(t, err, sessionctx.ErrNotFound)
		assert.ErrorIs(t, r.End(t.Context(), req), sessionctx.ErrNotFound)
		_, err = r.Preview(t.Context(), req, sessionctx.Patch{})
		assert.ErrorIs(t, err, sessionctx.ErrNotFound)
		_, err = r.Login(t.Context(), req, "C101")
		assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	}
	assert.Equal(t, s, resolve(t, r, by("s1", "C100")), "nothing was harmed")
}

func TestResolve_ManagementAddressesEverySessionWithARecord(t *testing.T) {
	r := newResolver(t)
	op := func(id string) sessionctx.Request {
		return sessionctx.Request{Identity: sessionctx.Identity{Tenant: "demoshop", SessionID: id, Proof: sessionctx.Management}}
	}
	for _, id := range []string{"s1", ""} {
		_, err := r.Resolve(t.Context(), op(id))
		assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	}
	_, err := r.Update(t.Context(), op("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	s := update(t, r, op("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF"), Upsert: true})
	assert.Equal(t, "CHF", s.Currency)
	assert.Equal(t, s.ETag(), resolve(t, r, by("s1")).ETag())
	_, err = r.Login(t.Context(), by("s1"), "C100")
	require.NoError(t, err)
	assert.Equal(t, "C100", resolve(t, r, op("s1")).CustomerID)
}

func TestResolve_InvalidStoredChoiceFallsBackUntilItIsValidAgain(t *testing.T) {
	r := newResolver(t)
	update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("GBP"), Country: sessionctx.Set("AT")})
	s := update(t, r, by("s1"), sessionctx.Patch{Site: sessionctx.Set("us")})
	assert.Equal(t, "us USD US", s.Site+" "+s.Currency+" "+s.Country)
	x, err := r.Preview(t.Context(), by("s1"), sessionctx.Patch{})
	require.NoError(t, err)
	assert.Equal(t, s, x.Session)
	assert.Equal(t, []defaults.Rejection{
		{Field: defaults.FieldCurrency, Value: "GBP", Source: defaults.SourceChoice, Reason: defaults.ReasonNotOffered},
		{Field: defaults.FieldCountry, Value: "AT", Source: defaults.SourceChoice, Reason: defaults.ReasonNotOffered},
	}, x.Rejected)
	assert.Equal(t, s, resolve(t, r, by("s1")))
	assert.Equal(t, map[defaults.Reason]int64{defaults.ReasonNotOffered: 2}, r.Stats().Rejected)
	s = update(t, r, by("s1"), sessionctx.Patch{Site: sessionctx.Set("main")})
	assert.Equal(t, "main GBP AT", s.Site+" "+s.Currency+" "+s.Country)
}
