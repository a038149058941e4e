package sessionctx_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
	"github.com/sessionctx/storefront/sessionctx/sessiontest"
)

// The texts are what caches and browsers have: a change needs another version of the form.
func TestVariant_SpellsOutTheValues(t *testing.T) {
	values := func(site, currency, country, language string) sessionctx.Session {
		return sessionctx.Session{Tenant: "demoshop", Site: site, Currency: currency, Country: country, Language: language}
	}
	byURL := func(s sessionctx.Session, fields ...defaults.Field) sessionctx.Session {
		l := sessiontest.Literal{Session: s, Sources: map[defaults.Field]defaults.Source{}}
		for _, f := range fields {
			l.Sources[f] = map[defaults.Field]defaults.Source{
				defaults.FieldSite: defaults.SourceRequestSite, defaults.FieldLanguage: defaults.SourceRequestLanguage,
			}[f]
		}
		return sessiontest.New(t, l)
	}
	main := values("main", "EUR", "DE", "de")
	degraded, missing := main, main
	degraded.Degraded, missing.ProfileMissing = true, true
	shopper := main
	shopper.ID, shopper.CustomerID, shopper.CartID, shopper.Version = "s1", "anna", "cart-1", 7
	cases := []struct {
		desc string
		s    sessionctx.Session
		want string
	}{
		{"a guest", main, "1-demoshop:main:EUR:DE:de"},
		{"a customer with a cart has the same", shopper, "1-demoshop:main:EUR:DE:de"},
		{"other values", values("ch", "CHF", "LI", "fr-CH"), "1-demoshop:ch:CHF:LI:fr-CH"},
		{"the site is of the URL", byURL(main, defaults.FieldSite), "1-demoshop:@main:EUR:DE:de"},
		{"the language is of the URL", byURL(main, defaults.FieldLanguage), "1-demoshop:main:EUR:DE:@de"},
		{"both are of the URL", byURL(main, defaults.FieldSite, defaults.FieldLanguage), "1-demoshop:@main:EUR:DE:@de"},
		{"a site that looks like another key", values("a:EUR:DE:de", "EUR", "DE", "de"), "1-demoshop:a%3AEUR%3ADE%3Ade:EUR:DE:de"},
		{"a site that looks as if it were of the URL", values("@main", "EUR", "DE", "de"), "1-demoshop:%40main:EUR:DE:de"},
		{"a site that is no part of a cookie", values(`a";,\%`, "EUR", "DE", "de"), "1-demoshop:a%22%3B%2C%5C%25:EUR:DE:de"},
		{"degraded: the values are not the shopper's", degraded, ""},
		{"the profile is missing: the values are not the customer's", missing, ""},
		{"no session", sessionctx.Session{}, ""},
	}
	for _, tc := range cases {
		t.Run(tc.desc, func(t *testing.T) { assert.Equal(t, tc.want, tc.s.Variant()) })
	}
}

// A field that is new must be decided: pages of sessions that differ in it are the same, or the key
// has it.
func TestVariant_EveryFieldIsDecided(t *testing.T) {
	const inKey = "in the key"
	decided := map[string]string{
		"Tenant": inKey, "Site": inKey, "Currency": inKey, "Country": inKey, "Language": inKey,

		"ID":             "names a session; a page of a variant shows nothing of it",
		"CustomerID":     "names a person; a page of a variant shows nothing of it",
		"CartID":         "is one shopper's; a page of a variant shows nothing of it",
		"Version":        "is one record's",
		"CreatedAt":      "is one record's",
		"ModifiedAt":     "is one record's",
		"Degraded":       "there is no key",
		"ProfileMissing": "there is no key",
		"proof":          "says who asks, and not what is shown",
		"hostLogin":      "says who asks, and not what is shown",
		"sources":        "say why; those of the URL mark the value",
		"incarnation":    "is one record's",
		"attributes":     "are one shopper's; a page of a variant shows nothing of them",
	}
	base := sessionctx.Session{Tenant: "demoshop", Site: "main", Currency: "EUR", Country: "DE", Language: "de"}
	fields := reflect.TypeFor[sessionctx.Session]()
	for i := range fields.NumField() {
		f := fields.Field(i)
		why, ok := decided[f.Name]
		require.True(t, ok, "Session.%s is new: is it a part of Variant? If pages show it, add it to the key, "+
			"and change the version of the form; if not, say here why", f.Name)
		delete(decided, f.Name)
		if !f.IsExported() {
			continue
		}
		changed := base
		v := reflect.ValueOf(&changed).Elem().Field(i)
		switch value := v.Interface().(type) {
		case string:
			v.SetString(value + "x")
		case bool:
			v.SetBool(!value)
		case int64:
			v.SetInt(value + 1)
		case time.Time:
			v.Set(reflect.ValueOf(value.Add(time.Hour)))
		default:
			t.Fatalf("Session.%s: no change of a %T is known", f.Name, value)
		}
		switch why {
		case inKey:
			assert.NotEqual(t, base.Variant(), changed.Variant(), f.Name)
			assert.NotEmpty(t, changed.Variant(), f.Name)
		case "there is no key":
			assert.Empty(t, changed.Variant(), f.Name)
		default:
			assert.Equal(t, base.Variant(), changed.Variant(), f.Name)
		}
	}
	assert.Empty(t, decided, "these are no fields")
	// Attributes, incarnation and proof.
	full := sessiontest.New(t, sessiontest.Literal{
		Session:    sessionctx.Session{Tenant: "demoshop", ID: "s1", Site: "main", Currency: "EUR", Country: "DE", Language: "de", Version: 3},
		Attributes: map[string]string{"coupon": `"SUMMER"`}, Proof: sessionctx.Asserted,
		Sources: map[defaults.Field]defaults.Source{defaults.FieldCurrency: defaults.SourceChoice, defaults.FieldLanguage: defaults.SourceAcceptLanguage},
	})
	assert.Equal(t, base.Variant(), full.Variant())

	// What a method shows comes from the fields above. One that shows more must be decided, too.
	known := []string{
		"Attribute", "Attributes", "ETag", "Format", "LogValue", "MarshalBinary", "MarshalJSON", "MarshalText",
		"Revision", "Snapshot", "Source", "String", "Variant", "WithAttributes",
	}
	var methods []string
	for i := range fields.NumMethod() {
		methods = append(methods, fields.Method(i).Name)
	}
	assert.Equal(t, known, methods, "does a new method show a value of pages that Variant does not know?")
	assert.Equal(t, 4, int(defaults.NumFields), "is the new field a part of Variant?")
}

// tuple is what the key has.
type tuple struct{ tenant, site, currency, country, language string }

func (v tuple) variant() string {
	return sessionctx.Session{Tenant: v.tenant, Site: v.site, Currency: v.currency, Country: v.country, Language: v.language}.Variant()
}

// checkVariants fails unless equal keys mean equal values, and every key may be in a cookie.
func checkVariants(t *testing.T, a, b tuple) {
	t.Helper()
	assert.Equal(t, a == b, a.variant() == b.variant(), "%q and %q", a, b)
	for _, v := range []tuple{a, b} {
		key := v.variant()
		c, err := http.ParseSetCookie((&http.Cookie{Name: "Session-Variant", Value: key}).String())
		require.NoError(t, err)
		assert.Equal(t, key, c.Value, "%q", v)
		assert.False(t, c.Quoted, "%q", v)
		assert.NotContains(t, key, " ")
	}
}

func TestVariant_DiffersWithAnyValue(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"a", "B", ":", "@", "%", "%3A", "-", "1-", "+", " ", ",", ";", "\"", "\\", "=", "é", "\x00"}
	text := func() string {
		var b strings.Builder
		for range 1 + rng.IntN(3) {
			b.WriteString(alphabet[rng.IntN(len(alphabet))])
		}
		return b.String()
	}
	for range 5000 {
		a := tuple{text(), text(), text(), text(), text()}
		b := a
		switch rng.IntN(6) {
		case 0:
			b.tenant = text()
		case 1:
			b.site = text()
		case 2:
			b.currency = text()
		case 3:
			b.country = text()
		case 4: // a border moves
			b.site, b.currency = a.site+":"+a.currency, text()
		}
		checkVariants(t, a, b)
	}
}

func FuzzVariant_DiffersWithAnyValue(f *testing.F) {
	f.Add("demoshop", "main", "EUR", "DE", "de", "demoshop", "ch", "CHF", "CH", "fr-CH")
	f.Add("a", "b:c", "d", "e", "f", "a", "b", "c:d", "e", "f")
	f.Fuzz(func(t *testing.T, a, b, c, d, e, v, w, x, y, z string) {
		if b == "" || w == "" {
			t.Skip("there is no session without a site")
		}
		checkVariants(t, tuple{a, b, c, d, e}, tuple{v, w, x, y, z})
	})
}

// A cache has pages from before a change of the sites, and browsers have keys from before. What a
// key means must not change with the sites.
func TestVariant_MeansTheSameAfterAChangeOfTheSites(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	seen := map[string]tuple{}
	again := 0
	for range 100 {
		sites := make([]defaults.Site, 2)
		for i := range sites {
			sites[i] = defaults.Site{
				Code: fmt.Sprint("site", i), Default: i == 0,
				Currency: pick("EUR", "CHF"), Country: pick("DE", "CH"), Language: pick("de", "fr"),
			}
		}
		r := newResolver(t, func(c *sessionctx.Config) {
			c.Directory, c.CacheBytes = sessionctx.Static{"demoshop": {Sites: sites}}, 1<<20
		})
		for i := range 20 {
			req := by(fmt.Sprint("s", i))
			req.Site, req.Language = pick("", "", "site1"), pick("", "", "fr")
			req.GeoCountry, req.AcceptLanguage = pick("", "CH"), pick("", "fr", "de")
			choices := sessionctx.Patch{Upsert: true}
			if rng.IntN(2) == 0 {
				choices.Currency = sessionctx.Set(pick("EUR", "CHF"))
			}
			if rng.IntN(2) == 0 {
				choices.Country = sessionctx.Set(pick("DE", "CH"))
			}
			s := update(t, r, req, choices)
			values := tuple{s.Tenant, s.Site, s.Currency, s.Country, s.Language}
			if before, ok := seen[s.Variant()]; ok {
				again++
				require.Equal(t, before, values, s.Variant())
			}
			seen[s.Variant()] = values
			assert.Equal(t, s.Variant(), resolve(t, r, req).Variant())
			assert.Equal(t, req.Site != "", strings.Contains(s.Variant(), ":@site1:"))
			assert.Equal(t, req.Language != "", strings.HasSuffix(s.Variant(), ":@fr"))
		}
	}
	assert.Len(t, seen, 2*2*2*3, "all that there can be")
	assert.Greater(t, again, 1000)
}

// What is shown in an outage is not what the shopper sees a moment later.
func TestVariant_IsEmptyInAnOutage(t *testing.T) {
	backend := &sessiontest.Store{}
	backend.Loads.Always(sessiontest.Fail(errDown))
	r := newResolver(t, func(c *sessionctx.Config) { c.Store = backend })
	s := resolve(t, r, by("s1"))
	require.True(t, s.Degraded)
	assert.Empty(t, s.Variant())

	directory := &sessiontest.Directory{Static: demoshop()}
	directory.CustomerCalls.Always(sessiontest.Fail(errDown))
	r = newResolver(t, func(c *sessionctx.Config) { c.Directory = directory })
	s = resolve(t, r, by("s1", "C100"))
	require.True(t, s.ProfileMissing)
	assert.Empty(t, s.Variant())
}
