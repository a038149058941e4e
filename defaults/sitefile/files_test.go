package sitefile_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/defaults/sitefile"
	"github.com/sessionctx/storefront/sessionctx"
)

// What sessionctx asks of a directory; this package lies below it and cannot name it.
var _ interface {
	Sites(ctx context.Context, tenant string) ([]defaults.Site, error)
	Customer(ctx context.Context, tenant, customerID string) (defaults.Customer, error)
	Watch(changed func(tenant, customerID string)) (stop func())
} = (*sitefile.Files)(nil)

func TestOpen_ServesTheSampleShops(t *testing.T) {
	f, err := sitefile.Open(filepath.Join("testdata", "shops"), sitefile.Config{})
	require.NoError(t, err)
	defer f.Close()
	ctx := context.Background()
	assert.Equal(t, []string{"demoshop", "othershop"}, f.Tenants())
	assert.NoError(t, f.Err())

	sites, err := f.Sites(ctx, "demoshop")
	require.NoError(t, err)
	require.Len(t, sites, 7)
	assert.Equal(t, defaults.Site{
		Code: "main", Name: "Demo Shop Europe", Default: true,
		Currency: "EUR", Currencies: []string{"EUR", "GBP", "CHF", "USD"},
		Country: "DE", ShipTo: []string{"DE", "AT", "FR", "NL", "BE", "IT", "CH", "GB"},
		Language: "de", Languages: []string{"de", "en", "fr"},
	}, sites[0])
	assert.Equal(t, "closed", sites[6].Code)
	assert.True(t, sites[6].Inactive)
	assert.False(t, sites[6].Default)

	other, err := f.Sites(ctx, "othershop")
	require.NoError(t, err)
	require.Len(t, other, 1)
	assert.Equal(t, "SEK", other[0].Currency)
	assert.Empty(t, other[0].Currencies)
	assert.Empty(t, other[0].ShipTo)

	for _, tc := range []struct {
		desc, tenant, id string
		want             defaults.Customer
	}{
		{"several addresses", "demoshop", "C100", defaults.Customer{Site: "main", Currency: "EUR", Language: "de_DE",
			Addresses: []defaults.Address{{Country: "AT", Tags: []string{"SHIPPING"}}, {Country: "DE", Tags: []string{"BILLING"}, Default: true}}}},
		{"no site, no language, no address", "demoshop", "C102", defaults.Customer{Currency: "GBP"}},
		{"nothing usable", "demoshop", "C104", defaults.Customer{Site: "closed", Currency: "XYZ", Language: "xx",
			Addresses: []defaults.Address{{Country: "Germany", Tags: []string{"shipping"}, Default: true}, {Country: "CH", Tags: []string{"Billing"}}}}},
		{"the same id with another tenant", "othershop", "C100", defaults.Customer{Currency: "NOK", Language: "nb",
			Addresses: []defaults.Address{{Country: "NO", Tags: []string{"SHIPPING"}, Default: true}}}},
		{"unknown customer", "othershop", "C101", defaults.Customer{}},
		{"unknown tenant", "nobody", "C100", defaults.Customer{}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			got, err := f.Customer(ctx, tc.tenant, tc.id)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestFromFS_AcceptsWhatIsMerelyUnusual(t *testing.T) {
	for _, tc := range []struct{ desc, file, data string }{
		{"no customers", "demoshop/customers.json", ""},
		{"no clients", "demoshop/clients.json", ""},
		{"empty arrays", "demoshop/customers.json", "[]"},
		{"byte order mark", "demoshop/sites.json", "\ufeff" + sitesIn("EUR")},
		{"codes in other cases", "demoshop/sites.json", sitesIn("eur")},
		{"members in another case are other members", "demoshop/customers.json", `[{"id": "C1", "ID": 7, "contactEmail": "a@b.example", "Addresses": "x"}]`},
		{"null is absent", "demoshop/sites.json", `[{"code": "main", "name": null, "active": null, "default": true, "currency": "EUR", "availableCurrencies": null,
			"defaultLanguage": "de", "languages": null, "homeBase": {"location": null, "address": {"country": "DE"}}, "shipToCountries": null}]`},
		{"null is absent of customers", "demoshop/customers.json", `[{"id": "C1", "contactEmail": "a@b.example", "passwordHash": null, "preferredSite": null, "addresses": null}]`},
		{"addresses without anything", "demoshop/customers.json", `[{"id": "C1", "contactEmail": "a@b.example", "addresses": [{}, {"country": null, "tags": null, "isDefault": null}]}]`},
		{"hashes of other versions", "demoshop/customers.json", `[{"id": "C1", "contactEmail": "a@b.example", "passwordHash": "$2b` + hash[3:] + `"}, {"id": "C2", "contactEmail": "b@b.example", "passwordHash": "$2y` + hash[3:] + `"}]`},
		{"a public client with a hash", "demoshop/clients.json", `[{"clientId": "web", "public": true, "secretHash": "` + hash + `"}]`},
		{"equal ids in different cases", "demoshop/clients.json", `[{"clientId": "web", "public": true}, {"clientId": "Web", "public": true}]`},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			f, err := sitefile.FromFS(shop(map[string]string{tc.file: tc.data}))
			require.NoError(t, err)
			sites, err := f.Sites(context.Background(), "demoshop")
			require.NoError(t, err)
			require.Len(t, sites, 1)
			assert.Equal(t, defaults.Site{Code: "main", Default: true, Currency: "EUR", Country: "DE", Language: "de"}, sites[0])
		})
	}
}

func TestSites_BlanksInTheCodeOfAnInactiveSiteSpoilNoOther(t *testing.T) {
	const inactive = `{"code": " old ", "active": false, "currency": "EUR", "defaultLanguage": "de"}`
	files, err := sitefile.FromFS(shop(map[string]string{
		"demoshop/sites.json": "[" + inactive + "," + strings.TrimPrefix(sitesIn("eur"), "["),
	}))
	require.NoError(t, err)
	sites, err := files.Sites(t.Context(), "demoshop")
	require.NoError(t, err)
	require.Len(t, sites, 2)
	assert.Equal(t, "EUR", sites[1].Currency, "as CompileSites gives it")
}

func TestSites_UnknownTenantIsItsOwnError(t *testing.T) {
	f, err := sitefile.FromFS(shop(nil))
	require.NoError(t, err)
	for _, tenant := range []string{"nobody", "", "DEMOSHOP", ".", "../demoshop"} {
		sites, err := f.Sites(context.Background(), tenant)
		assert.ErrorIs(t, err, sessionctx.ErrUnknownTenant)
		assert.Nil(t, sites)
	}
}

func TestSites_EndedContextIsAnError(t *testing.T) {
	f, err := sitefile.FromFS(shop(nil))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = f.Sites(ctx, "demoshop")
	assert.ErrorIs(t, err, context.Canceled)
	_, err = f.Customer(ctx, "demoshop", "C1")
	assert.ErrorIs(t, err, context.Canceled)
	assert.False(t, errors.Is(err, sessionctx.ErrUnknownTenant))
}

func TestAccount_IsFoundByItsAddressInAnyCase(t *testing.T) {
	f, err := sitefile.FromFS(sampleShops(t))
	require.NoError(t, err)
	for _, email := range []string{"anna@demo.example", "ANNA@Demo.Example", " anna@demo.example\n"} {
		a, ok := f.Account("demoshop", email)
		assert.True(t, ok, email)
		assert.Equal(t, sitefile.Account{CustomerID: "C100", Email: "anna@demo.example", PasswordHash: hash}, a)
	}
	for _, tc := range []struct{ desc, tenant, email string }{
		{"another tenant's", "othershop", "anna@demo.example"},
		{"unknown tenant", "nobody", "anna@demo.example"},
		{"unknown address", "demoshop", "anne@demo.example"},
		{"empty", "demoshop", ""},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			a, ok := f.Account(tc.tenant, tc.email)
			assert.False(t, ok)
			assert.Zero(t, a)
		})
	}

	a, ok := f.AccountOf("othershop", "C100")
	assert.True(t, ok)
	assert.Equal(t, "anna@other.example", a.Email)
	a, ok = f.AccountOf("othershop", "C101")
	assert.False(t, ok)
	assert.Zero(t, a)
	_, ok = f.AccountOf("nobody", "C100")
	assert.False(t, ok)
}

func TestClient_BelongsToItsTenant(t *testing.T) {
	f, err := sitefile.FromFS(sampleShops(t))
	require.NoError(t, err)
	c, ok := f.Client("demoshop", "storefront")
	assert.True(t, ok)
	assert.Equal(t, sitefile.Client{ID: "storefront", Public: true}, c)

	c, ok = f.Client("demoshop", "backoffice")
	assert.True(t, ok)
	assert.Equal(t, []string{"sessioncontext.context_manage"}, c.Scopes)
	assert.Len(t, c.SecretHash, 60)
	assert.False(t, c.Public)
	c.Scopes[0] = "everything"
	again, _ := f.Client("demoshop", "backoffice")
	assert.Equal(t, []string{"sessioncontext.context_manage"}, again.Scopes, "a caller's change must stay with the caller")

	for _, name := range [][2]string{{"demoshop", "Backoffice"}, {"demoshop", ""}, {"nobody", "backoffice"}} {
		c, ok := f.Client(name[0], name[1])
		assert.False(t, ok)
		assert.Zero(t, c)
	}
}

func TestOpen_RelativeFolderIsTakenOnce(t *testing.T) {
	dir := newFolder(t, nil)
	t.Chdir(filepath.Dir(string(dir)))
	f, err := sitefile.Open(filepath.Base(string(dir)), sitefile.Config{})
	require.NoError(t, err)
	require.NoError(t, f.Close())
	t.Chdir(t.TempDir())
	dir.write(t, "othershop/sites.json", sitesIn("SEK"))
	f.Poll()
	assert.Equal(t, []string{"demoshop", "othershop"}, f.Tenants())
}

func TestSites_DoesNotAllocate(t *testing.T) {
	f, err := sitefile.FromFS(sampleShops(t))
	require.NoError(t, err)
	ctx := context.Background()
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = f.Sites(ctx, "demoshop")
		_, _ = f.Customer(ctx, "demoshop", "C100")
		_, _ = f.Account("demoshop", "anna@demo.example")
	}))
}
