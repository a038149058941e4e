package sessiontest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
	"github.com/sessionctx/storefront/sessionctx/store"
	"github.com/sessionctx/storefront/sessionctx/storetest"
)

func TestNew_SessionHasAllOfTheLiteral(t *testing.T) {
	s := sessiontest.New(t, sessiontest.Literal{
		Session: sessionctx.Session{
			Tenant: "myshop", ID: "s-1", CustomerID: "anna", Site: "main", Currency: "CHF", CartID: "cart-1", Version: 1<<62 + 1,
		},
		Sources:    map[defaults.Field]defaults.Source{defaults.FieldCurrency: defaults.SourceChoice, defaults.FieldSite: defaults.SourceRequestSite},
		Attributes: map[string]string{"coupon": `"SUMMER"`, "a": "1"},
		Proof:      sessionctx.Asserted,
	})
	assert.Equal(t, []any{"myshop", "s-1", "anna", "main", "CHF", "cart-1", int64(1<<62 + 1)},
		[]any{s.Tenant, s.ID, s.CustomerID, s.Site, s.Currency, s.CartID, s.Version})
	assert.Equal(t, defaults.SourceChoice, s.Source(defaults.FieldCurrency))
	assert.Zero(t, s.Source(defaults.FieldCountry))
	coupon, ok := s.Attribute("coupon")
	assert.True(t, ok)
	assert.Equal(t, `"SUMMER"`, string(coupon))
	assert.Equal(t, sessionctx.Revision{Incarnation: 1, Version: 1<<62 + 1}, s.Revision())
	assert.NotEmpty(t, s.ETag())
	req := s.Snapshot().Request()
	assert.Equal(t, sessionctx.Identity{Tenant: "myshop", SessionID: "s-1", CustomerID: "anna", Proof: sessionctx.Asserted}, req.Identity)
	assert.Equal(t, "main", req.Site)

	changed := sessiontest.New(t, sessiontest.Literal{Session: s, Attributes: map[string]string{"a": "2"}})
	a, _ := changed.Attribute("a")
	coupon, _ = changed.Attribute("coupon")
	assert.Equal(t, `2 "SUMMER"`, string(a)+" "+string(coupon), "what is not named stays")
	assert.Equal(t, defaults.SourceChoice, changed.Source(defaults.FieldCurrency))
	assert.Equal(t, sessionctx.Asserted, changed.Snapshot().Request().Proof)
	assert.Equal(t, s.Revision(), changed.Revision())

	assert.Equal(t, sessionctx.Session{}.Revision(), sessiontest.New(t, sessiontest.Literal{}).Revision())
	assert.Equal(t, sessionctx.BySecret, sessiontest.New(t, sessiontest.Literal{Session: sessionctx.Session{ID: "s-1"}}).Snapshot().Request().Proof)
}

// failure is a testing.TB that keeps what it was failed with.
type failure struct {
	testing.TB
	text string
}

func (f *failure) Helper() {}

func (f *failure) Fatalf(format string, args ...any) { f.text = fmt.Sprintf(format, args...) }

func TestNew_FailsTheTest(t *testing.T) {
	tests := []struct {
		desc    string
		literal sessiontest.Literal
		want    string
	}{
		{"an attribute that is not JSON", sessiontest.Literal{Attributes: map[string]string{"coupon": "SUMMER"}}, "one JSON document"},
		{"an attribute without a name", sessiontest.Literal{Attributes: map[string]string{"": "1"}}, "must not be empty"},
		{"a field that is none", sessiontest.Literal{Sources: map[defaults.Field]defaults.Source{99: defaults.SourceChoice}}, "field Sources has the Field 99: it must be FieldSite, FieldCurrency, FieldCountry or FieldLanguage"},
		{"a source that is none", sessiontest.Literal{Sources: map[defaults.Field]defaults.Source{0: 99}}, "99"},
		{"a proof that is none", sessiontest.Literal{Proof: 99}, "field Proof has the value 99: it must be Asserted, BySecret or Management"},
	}
	for _, tt := range tests {
		t.Run(tt.desc, func(t *testing.T) {
			f := &failure{TB: t}
			sessiontest.New(f, tt.literal)
			assert.Contains(t, f.text, "sessiontest: ")
			assert.Contains(t, f.text, tt.want)
		})
	}
}

func TestStore_WithoutAScriptKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return new(sessiontest.Store) })
}

func shop(t *testing.T, backend store.Store) (*sessionctx.Resolver, *sessiontest.Directory) {
	t.Helper()
	directory := &sessiontest.Directory{Static: sessionctx.Static{"myshop": {
		Sites:     []defaults.Site{{Code: "main", Default: true, Country: "DE", Currency: "EUR", Currencies: []string{"CHF"}, Language: "de"}},
		Customers: map[string]defaults.Customer{"anna": {Currency: "CHF"}},
	}}}
	r, err := sessionctx.New(sessionctx.Config{Store: backend, Directory: directory})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r, directory
}

var guest = sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", SessionID: "s-1", Proof: sessionctx.Asserted}}

func TestStore_FollowsTheScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := new(sessiontest.Store)
		r, _ := shop(t, backend)
		patch := sessionctx.Patch{Currency: sessionctx.Set("CHF")}

		backend.Loads.Next(sessiontest.Fail(sessionctx.ErrUnavailable))
		s, err := r.Resolve(t.Context(), guest)
		require.NoError(t, err)
		assert.True(t, s.Degraded)

		backend.Loads.Next(sessiontest.Stall)
		s, err = r.Resolve(t.Context(), guest)
		require.NoError(t, err)
		assert.True(t, s.Degraded)

		backend.Saves.Always(sessiontest.Fail(sessionctx.ErrFull))
		_, err = r.Update(t.Context(), guest, patch)
		require.ErrorIs(t, err, sessionctx.ErrFull)
		backend.Saves.Always(nil)

		before := backend.Saves.Calls()
		backend.Saves.Next(sessiontest.Fail(sessionctx.ErrConflict), nil)
		s, err = r.Update(t.Context(), guest, patch)
		require.NoError(t, err, "the Resolver tries again")
		assert.Equal(t, "CHF", s.Currency)
		assert.Equal(t, before+2, backend.Saves.Calls())
	})
}

func TestDirectory_FollowsTheScript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, directory := shop(t, new(sessiontest.Store))
		directory.SiteCalls.Next(sessiontest.Fail(errors.New("down")))
		require.ErrorIs(t, r.Warm(t.Context(), "myshop"), sessionctx.ErrUnavailable)
		require.NoError(t, r.Refresh(t.Context(), "myshop", ""))

		anna := sessionctx.Request{Identity: sessionctx.Identity{Tenant: "myshop", SessionID: "s-2", CustomerID: "anna", Proof: sessionctx.Asserted}}
		directory.CustomerCalls.Next(sessiontest.Fail(errors.New("down")))
		s, err := r.Resolve(t.Context(), anna)
		require.NoError(t, err)
		assert.True(t, s.ProfileMissing)
		require.NoError(t, r.Refresh(t.Context(), "myshop", "anna"))
		s, err = r.Resolve(t.Context(), anna)
		require.NoError(t, err)
		assert.Equal(t, "CHF", s.Currency)
		assert.Equal(t, 2, directory.CustomerCalls.Calls())
	})
}

// A price tag needs no Resolver for its test.
func ExampleNew() {
	price := func(ctx context.Context) string {
		s, _ := sessionctx.FromContext(ctx)
		tag := "10 " + s.Currency
		if s.Source(defaults.FieldCurrency) == defaults.SourceGeo {
			tag += " (we guess)"
		}
		if _, ok := s.Attribute("coupon"); ok {
			tag += ", minus your coupon"
		}
		return tag
	}

	t := new(testing.T) // in a test: its own
	for _, l := range []sessiontest.Literal{
		{Session: sessionctx.Session{Currency: "EUR"}},
		{Session: sessionctx.Session{Currency: "CHF"}, Attributes: map[string]string{"coupon": `"SUMMER"`}},
		{
			Session: sessionctx.Session{Currency: "CHF"},
			Sources: map[defaults.Field]defaults.Source{defaults.FieldCurrency: defaults.SourceGeo},
		},
	} {
		fmt.Println(price(sessionctx.NewContext(context.Background(), sessiontest.New(t, l))))
	}
	// Output:
	// 10 EUR
	// 10 CHF, minus your coupon
	// 10 CHF (we guess)
}

// A step that writes between the load and the save of an Update makes a real conflict.
func ExampleScript_conflict() {
	backend := new(sessiontest.Store)
	r, err := sessionctx.New(sessionctx.Config{Store: backend, Directory: sessionctx.Static{"myshop": {Sites: []defaults.Site{{
		Code: "main", Default: true, Country: "DE", Currency: "EUR", Language: "de",
	}}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	ctx := context.Background()
	backend.Saves.Next(func(ctx context.Context) error {
		_, err := r.Update(ctx, guest, sessionctx.Patch{Currency: sessionctx.Set("CHF")}) // another tab
		return err
	})
	_, err = r.Update(ctx, guest, sessionctx.Patch{Currency: sessionctx.Set("GBP"), Base: &sessionctx.Revision{}})
	fmt.Println(errors.Is(err, sessionctx.ErrConflict))
	// Output: true
}
