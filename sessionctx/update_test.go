package sessionctx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

func TestUpdate_UnknownSecretGetsANewID(t *testing.T) {
	r := newResolver(t)
	a := update(t, r, cookie("planted-by-somebody"), sessionctx.Patch{Currency: sessionctx.Set("GBP")})
	assert.Len(t, a.ID, 43)
	assert.NotEqual(t, "planted-by-somebody", a.ID)
	assert.Empty(t, resolve(t, r, cookie("planted-by-somebody")).ID)
	assert.Equal(t, a, resolve(t, r, cookie(a.ID)))

	// The id of an asserted session is no secret: it travels in tokens and answers.
	update(t, r, by("asserted"), sessionctx.Patch{Currency: sessionctx.Set("USD"), CartID: sessionctx.Set("cart")})
	s := resolve(t, r, cookie("asserted"))
	assert.Empty(t, s.ID)
	assert.Equal(t, "EUR", s.Currency)
	s = update(t, r, cookie("asserted"), sessionctx.Patch{Country: sessionctx.Set("AT")})
	assert.NotEqual(t, "asserted", s.ID)
	assert.Empty(t, s.CartID)

	_, err := r.Login(t.Context(), by("asserted"), "C100")
	require.NoError(t, err)
	for range 3 { // whoever asked before, from the cache or not
		s = resolve(t, r, cookie("asserted"))
		assert.Empty(t, s.ID+s.CustomerID+s.CartID)
		assert.Equal(t, "C100 cart", resolve(t, r, by("asserted", "C100")).CustomerID+" "+resolve(t, r, by("asserted", "C100")).CartID)
		for _, other := range []sessionctx.Request{by("asserted"), by("asserted", "C101")} {
			_, err = r.Resolve(t.Context(), other)
			assert.ErrorIs(t, err, sessionctx.ErrNotFound)
		}
	}

	// Nor is a secret anything to a token.
	_, err = r.Resolve(t.Context(), by(a.ID))
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
	_, err = r.Update(t.Context(), by(a.ID), sessionctx.Patch{Country: sessionctx.Set("AT")})
	assert.ErrorIs(t, err, sessionctx.ErrNotFound)
}

func TestUpdate_NeverRevivesAnEndedSession(t *testing.T) {
	for _, tc := range []struct {
		desc string
		id   func(r *sessionctx.Resolver) sessionctx.Request
	}{
		{"asserted, with a record", func(r *sessionctx.Resolver) sessionctx.Request {
			update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("CHF")})
			return by("s1")
		}},
		{"asserted, without a record", func(*sessionctx.Resolver) sessionctx.Request { return by("s2") }},
		{"a customer's", func(r *sessionctx.Resolver) sessionctx.Request {
			_, err := r.Login(t.Context(), by("s3"), "C100")
			require.NoError(t, err)
			return by("s3", "C100")
		}},
		{"by secret", func(r *sessionctx.Resolver) sessionctx.Request {
			return cookie(update(t, r, cookie(""), sessionctx.Patch{Currency: sessionctx.Set("CHF")}).ID)
		}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			r := newResolver(t)
			req := tc.id(r)
			require.NoError(t, r.End(t.Context(), req))
			require.NoError(t, r.End(t.Context(), req), "ending twice is no error")
			_, err := r.Update(t.Context(), req, sessionctx.Patch{Currency: sessionctx.Set("GBP")})
			assert.ErrorIs(t, err, sessionctx.ErrNotFound)
			_, err = r.Update(t.Context(), sessionctx.Request{Identity: sessionctx.Identity{
				Tenant: "demoshop", SessionID: req.SessionID, Proof: sessionctx.Management,
			}}, sessionctx.Patch{Currency: sessionctx.Set("GBP"), Upsert: true})
			assert.ErrorIs(t, err, sessionctx.ErrNotFound, "upsert on a tombstone")
			if req.Proof == sessionctx.BySecret {
				assert.Empty(t, resolve(t, r, req).ID)
			} else {
				_, err = r.Resolve(t.Context(), req)
				assert.ErrorIs(t, err, sessionctx.ErrNotFound)
				_, err = r.Login(t.Context(), req, "C100")
				assert.ErrorIs(t, err, sessionctx.ErrNotFound)
			}
		})
	}
}

func TestUpdate_StaleBaseConflictsOnlyWhereItTouchesAChange(t *testing.T) {
	set := sessionctx.Set
	// The history: v1 currency, v2 attribute a, v3 attribute b, v4 country, v5 b is removed, v6
	// cart.
	history := []sessionctx.Patch{
		{Currency: set("USD")},
		{Attributes: attributes("a", "1")},
		{Attributes: attributes("b", "1")},
		{Country: set("AT")},
		{Attributes: attributes("b", "null")},
		{CartID: set("cart")},
	}
	for _, tc := range []struct {
		desc     string
		patch    sessionctx.Patch
		conflict bool
	}{
		{"no base merges onto the newest", sessionctx.Patch{Currency: set("GBP")}, false},
		{"the newest version", sessionctx.Patch{Base: version(6), Country: set("FR"), CartID: set("x")}, false},
		{"a field that has not changed since", sessionctx.Patch{Base: version(3), Currency: set("GBP")}, false},
		{"a field that has changed since", sessionctx.Patch{Base: version(3), Country: set("FR")}, true},
		{"the same value is a write too", sessionctx.Patch{Base: version(3), Country: set("AT")}, true},
		{"a clear is a write too", sessionctx.Patch{Base: version(3), Country: sessionctx.Clear()}, true},
		{"one of two fields has changed", sessionctx.Patch{Base: version(3), Currency: set("GBP"), Country: set("FR")}, true},
		{"the cart", sessionctx.Patch{Base: version(5), CartID: set("other")}, true},
		{"a field never written", sessionctx.Patch{Base: version(1), Language: set("en")}, false},
		{"an attribute that has not changed since", sessionctx.Patch{Base: version(2), Attributes: attributes("a", "2")}, false},
		{"an attribute that has changed since", sessionctx.Patch{Base: version(1), Attributes: attributes("a", "2")}, true},
		{"an absent attribute, removed since", sessionctx.Patch{Base: version(4), Attributes: attributes("b", "2")}, true},
		{"an absent attribute, something was removed since", sessionctx.Patch{Base: version(4), Attributes: attributes("new", "2")}, true},
		{"an absent attribute, nothing was removed since", sessionctx.Patch{Base: version(5), Attributes: attributes("b", "2")}, false},
		{"removing what was removed since", sessionctx.Patch{Base: version(4), Attributes: attributes("b", "null")}, true},
		{"replacing all attributes after a change", sessionctx.Patch{Base: version(1), ReplaceAttributes: true}, true},
		{"replacing all attributes after a removal", sessionctx.Patch{Base: version(4), ReplaceAttributes: true}, true},
		{"replacing all attributes", sessionctx.Patch{Base: version(5), ReplaceAttributes: true}, false},
		{"a version from the future", sessionctx.Patch{Base: version(7), Language: set("en")}, true},
		{"a version of another incarnation", sessionctx.Patch{Base: &sessionctx.Revision{Incarnation: 1, Version: 6}, Language: set("en")}, true},
		{"a version that never was", sessionctx.Patch{Base: version(-1), Language: set("en")}, true},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			r := newResolver(t)
			var first int64 // version: random
			for i, p := range history {
				s := update(t, r, by("s1"), p)
				if i == 0 {
					first = s.Version
				}
				require.EqualValues(t, i, s.Version-first)
			}
			before := resolve(t, r, by("s1"))
			if tc.patch.Base != nil {
				tc.patch.Base.Version += first - 1
			}
			s, err := r.Update(t.Context(), by("s1"), tc.patch)
			if !tc.conflict {
				require.NoError(t, err)
				assert.EqualValues(t, 6, s.Version-first)
				return
			}
			require.ErrorIs(t, err, sessionctx.ErrConflict)
			var conflict *sessionctx.ConflictError
			require.ErrorAs(t, err, &conflict)
			assert.Equal(t, before.Revision(), conflict.Revision)
			assert.Equal(t, before, resolve(t, r, by("s1")), "nothing was written")
		})
	}
	t.Run("a base where there never was a record", func(t *testing.T) {
		_, err := newResolver(t).Update(t.Context(), by("s1"), sessionctx.Patch{Base: version(1), Currency: set("USD")})
		assert.ErrorIs(t, err, sessionctx.ErrConflict)
	})
}

func TestUpdate_OneOf20WritesOnOneRevisionWins(t *testing.T) {
	r := newResolver(t)
	for range 20 {
		base := update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")}).Revision()
		var won, lost atomic.Int64
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				_, err := r.Update(context.Background(), by("s1"), sessionctx.Patch{Base: &base, Currency: sessionctx.Set("GBP")})
				if err == nil {
					won.Add(1)
				} else if assert.ErrorIs(t, err, sessionctx.ErrConflict) {
					lost.Add(1)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, won.Load())
		assert.EqualValues(t, 19, lost.Load())
	}
}

func TestUpdate_ConcurrentDisjointWritesAreAllKept(t *testing.T) {
	r := newResolver(t)
	base := update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")}).Revision()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			_, err := r.Update(context.Background(), by("s1"), sessionctx.Patch{Base: &base, Attributes: attributes(fmt.Sprint("k", i), fmt.Sprint(i))})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	s := resolve(t, r, by("s1"))
	assert.EqualValues(t, base.Version+50, s.Version)
	for i := range 50 {
		v, ok := s.Attribute(fmt.Sprint("k", i))
		assert.True(t, ok)
		assert.Equal(t, fmt.Sprint(i), string(v))
	}
}

func TestUpdate_InvalidValueIsAnErrorAndWritesNothing(t *testing.T) {
	set := sessionctx.Set
	big := json.RawMessage(`"` + strings.Repeat("x", 1023) + `"`)
	many := make(map[string]json.RawMessage)
	for i := range 65 {
		many[fmt.Sprint("k", i)] = json.RawMessage("1")
	}
	heavy := make(map[string]json.RawMessage)
	for i := range 17 {
		heavy[fmt.Sprint("k", i)] = json.RawMessage(`"` + strings.Repeat("x", 1000) + `"`)
	}
	invalid := func(f defaults.Field, v string, r defaults.Reason) error {
		return &defaults.Rejection{Field: f, Value: v, Reason: r}
	}
	for _, tc := range []struct {
		desc  string
		req   sessionctx.Request
		patch sessionctx.Patch
		want  []error  // of package defaults
		says  []string // of InputErrors
	}{
		{"a currency that is none", by("s1"), sessionctx.Patch{Currency: set("XYZ")}, []error{invalid(defaults.FieldCurrency, "XYZ", defaults.ReasonUnknownCode)}, nil},
		{"a currency that the site does not offer", by("s1"), sessionctx.Patch{Currency: set("JPY")}, []error{invalid(defaults.FieldCurrency, "JPY", defaults.ReasonNotOffered)}, nil},
		{
			"judged against the site of the same patch", by("s1"), sessionctx.Patch{Site: set("us"), Currency: set("EUR"), Country: set("DE")},
			[]error{invalid(defaults.FieldCurrency, "EUR", defaults.ReasonNotOffered), invalid(defaults.FieldCountry, "DE", defaults.ReasonNotOffered)}, nil,
		},
		{"an inactive site", by("s1"), sessionctx.Patch{Site: set("closed")}, []error{invalid(defaults.FieldSite, "closed", defaults.ReasonInactiveSite)}, nil},
		{"an unknown site", by("s1"), sessionctx.Patch{Site: set("default")}, []error{invalid(defaults.FieldSite, "default", defaults.ReasonUnknownSite)}, nil},
		{
			"a site that the request site overrules", sessionctx.Request{Identity: by("s1").Identity, Site: "ch"}, sessionctx.Patch{Site: set("us")},
			[]error{invalid(defaults.FieldSite, "us", defaults.ReasonOverruled)}, nil,
		},
		{"a language that the site does not have", by("s1"), sessionctx.Patch{Language: set("ja")}, []error{invalid(defaults.FieldLanguage, "ja", defaults.ReasonNotOffered)}, nil},
		{"an attribute that is no JSON", by("s1"), sessionctx.Patch{Attributes: attributes("a", "{")}, nil, []string{`context["a"]`, "JSON"}},
		{"two JSON documents", by("s1"), sessionctx.Patch{Attributes: attributes("a", "1 2")}, nil, []string{`context["a"]`, "JSON"}},
		{"a value that is no UTF-8", by("s1"), sessionctx.Patch{Attributes: attributes("a", "\"\xff\"")}, nil, []string{`context["a"]`, "UTF-8"}},
		{"a name that is no UTF-8", by("s1"), sessionctx.Patch{Attributes: attributes("a\xff", "1")}, nil, []string{`context["a\xff"]`, "printable"}},
		{"an attribute too long", by("s1"), sessionctx.Patch{Attributes: map[string]json.RawMessage{"a": big}}, nil, []string{"1024 bytes"}},
		{"a name too long", by("s1"), sessionctx.Patch{Attributes: attributes(strings.Repeat("n", 65), "1")}, nil, []string{"64 bytes"}},
		{"an empty name", by("s1"), sessionctx.Patch{Attributes: attributes("", "1")}, nil, []string{"empty"}},
		{"a name with a line break", by("s1"), sessionctx.Patch{Attributes: attributes("a\nb", "1")}, nil, []string{"printable"}},
		{"all mistakes at once", by("s1"), sessionctx.Patch{Attributes: attributes("", "1", "b", "{"), CartID: set("a\x00b")}, nil, []string{"empty", `context["b"]`, "cartId"}},
		{"too many attributes", by("s1"), sessionctx.Patch{Attributes: many}, nil, []string{"64 attributes"}},
		{"too much in all", by("s1"), sessionctx.Patch{Attributes: heavy}, nil, []string{"16384 bytes"}},
		{"a cart id too long", by("s1"), sessionctx.Patch{CartID: set(strings.Repeat("c", 257))}, nil, []string{"cartId", "256 bytes"}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			r := newResolver(t)
			before := update(t, r, by("s1"), sessionctx.Patch{Country: set("AT"), Attributes: attributes("kept", "1")})
			_, err := r.Update(t.Context(), tc.req, tc.patch)
			require.Error(t, err)
			var got []error
			for _, e := range flatten(err) {
				var i *defaults.Rejection
				var l *sessionctx.InputError
				switch {
				case errors.As(e, &i):
					got = append(got, i)
				case !errors.As(e, &l):
					t.Errorf("neither *Rejection nor *InputError: %v", e)
				}
			}
			assert.Equal(t, tc.want, got)
			for _, s := range tc.says {
				assert.ErrorContains(t, err, s)
			}
			_, perr := r.Preview(t.Context(), tc.req, tc.patch)
			assert.EqualError(t, perr, err.Error(), "Preview says the same")
			assert.Equal(t, before, resolve(t, r, by("s1")))
		})
	}
}

func TestUpdate_RemovingWhatIsAbsentWritesNothing(t *testing.T) {
	r := newResolver(t)
	for _, removal := range []json.RawMessage{nil, []byte("null"), []byte(strings.Repeat(" ", 2000) + "null")} {
		s := update(t, r, by("s1"), sessionctx.Patch{Attributes: map[string]json.RawMessage{"a": removal}})
		assert.Zero(t, s.Version)
	}
	s := update(t, r, cookie(""), sessionctx.Patch{Attributes: attributes("a", "null")})
	assert.Empty(t, s.ID)
	assert.Zero(t, r.Stats().Writes)
}

func TestUpdate_RequireSeesTheNewestSessionAndCanRefuse(t *testing.T) {
	r := newResolver(t)
	refused := errors.New("not like this")
	var seen []string
	requireTwo := func(s sessionctx.Session) error {
		seen = append(seen, s.CartID)
		if s.CartID != "two" {
			return refused
		}
		return nil
	}
	conditional := sessionctx.Patch{Currency: sessionctx.Set("USD"), Require: requireTwo}
	for _, cart := range []string{"one", "two"} {
		_, err := r.Update(t.Context(), by("s1"), conditional)
		assert.ErrorIs(t, err, refused)
		update(t, r, by("s1"), sessionctx.Patch{CartID: sessionctx.Set(cart)})
	}
	before := resolve(t, r, by("s1"))
	assert.Equal(t, "EUR", before.Currency, "nothing was written")
	assert.Equal(t, before.Version+1, update(t, r, by("s1"), conditional).Version)
	// A refusal is confirmed by a fresh read, so Require may see one state twice.
	assert.Equal(t, []string{"", "one", "two"}, slices.Compact(seen))
}

func TestOnChange_HearsOfEveryCommittedWriteAndItsPanicIsContained(t *testing.T) {
	type change struct{ before, after sessionctx.Session }
	var changes []change
	r := newResolver(t, func(c *sessionctx.Config) {
		c.OnChange = func(_ context.Context, before, after sessionctx.Session) {
			changes = append(changes, change{before, after})
			panic("the host's mistake")
		}
	})
	s1 := update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
	_, err := r.Update(t.Context(), by("s1"), sessionctx.Patch{Currency: sessionctx.Set("XYZ")})
	require.Error(t, err)
	s2, err := r.Login(t.Context(), by("s1"), "C101")
	require.NoError(t, err)
	require.NoError(t, r.End(t.Context(), by("s1", "C101")))
	require.Len(t, changes, 3)
	assert.Equal(t, "EUR", changes[0].before.Currency)
	assert.Equal(t, s1, changes[0].after)
	assert.Equal(t, s1, changes[1].before)
	assert.Equal(t, s2, changes[1].after)
	assert.Equal(t, s2, changes[2].before)
	assert.Empty(t, changes[2].after.ID)
}

// A client has seen a session that then expired. Another device has made it again, under the same
// id.
func TestUpdate_BaseFromBeforeTheExpiryConflicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResolver(t)
		seen := update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")})
		newer := update(t, r, by("s1"), sessionctx.Patch{Country: sessionctx.Set("AT")})
		time.Sleep(2 * time.Hour)
		for _, base := range []sessionctx.Revision{seen.Revision(), newer.Revision(), {Version: seen.Version}} {
			_, err := r.Update(t.Context(), by("s1"), sessionctx.Patch{Base: &base, Language: sessionctx.Set("fr")})
			assert.ErrorIs(t, err, sessionctx.ErrConflict, "there is no record")
		}
		again := update(t, r, by("s1"), sessionctx.Patch{Base: new(sessionctx.Revision), Currency: sessionctx.Set("GBP")})
		assert.NotEqual(t, seen.Revision().Incarnation, again.Revision().Incarnation)
		for desc, base := range map[string]sessionctx.Revision{
			"a revision":               seen.Revision(),
			"a later one":              newer.Revision(),
			"a version alone":          {Version: seen.Version},
			"a small version":          {Version: 1},
			"the version now, of then": {Incarnation: seen.Revision().Incarnation, Version: again.Version},
		} {
			for _, patch := range []sessionctx.Patch{
				{Base: &base, Currency: sessionctx.Set("CHF")},
				{Base: &base, Language: sessionctx.Set("fr")}, // nobody has set it since, but who knows what the client saw
				{Base: &base, Attributes: attributes("a", "1")},
				{Base: &base, CartID: sessionctx.Set("cart")},
			} {
				_, err := r.Update(t.Context(), by("s1"), patch)
				var conflict *sessionctx.ConflictError
				require.ErrorAs(t, err, &conflict, desc)
				assert.Equal(t, again.Revision(), conflict.Revision)
			}
		}
		assert.Equal(t, again, resolve(t, r, by("s1")))
	})
}

// The zero Revision says that there was no record. What has been set since conflicts, and nothing
// else does.
func TestUpdate_BaseOfNoRecordConflictsWithWhatHasBeenSet(t *testing.T) {
	r := newResolver(t)
	none := new(sessionctx.Revision)
	update(t, r, by("s1"), sessionctx.Patch{Base: none, Currency: sessionctx.Set("GBP"), CartID: sessionctx.Set("cart"), Attributes: attributes("a", "1")})
	for _, patch := range []sessionctx.Patch{
		{Base: none, Currency: sessionctx.Set("CHF")}, {Base: none, CartID: sessionctx.Set("other")}, {Base: none, Attributes: attributes("a", "2")},
	} {
		_, err := r.Update(t.Context(), by("s1"), patch)
		assert.ErrorIs(t, err, sessionctx.ErrConflict)
	}
	s := update(t, r, by("s1"), sessionctx.Patch{Base: none, Language: sessionctx.Set("fr"), Attributes: attributes("b", "1")})
	assert.Equal(t, "GBP fr cart", s.Currency+" "+s.Language+" "+s.CartID)
}

// A version alone is of the present record, from its first version to its present one.
func TestUpdate_VersionAloneIsOfThePresentRecord(t *testing.T) {
	r := newResolver(t)
	first := update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("GBP")}).Version
	last := update(t, r, by("s1"), sessionctx.Patch{Currency: sessionctx.Set("USD")}).Version
	for desc, tc := range map[string]struct {
		version  int64
		conflict bool
	}{
		"before the first": {first - 1, true}, "the first": {first, false}, "the present": {last, false}, "a later one": {last + 1, true},
	} {
		_, err := r.Preview(t.Context(), by("s1"), sessionctx.Patch{Base: version(tc.version), Language: sessionctx.Set("fr")})
		assert.Equal(t, tc.conflict, errors.Is(err, sessionctx.ErrConflict), desc)
	}
}

// A session shows the cart of its site. Switching the site shows that site's cart, and switching
// back the first.
func TestUpdate_CartsAreOfASite(t *testing.T) {
	r := newResolver(t)
	set := sessionctx.Set
	update(t, r, by("s1"), sessionctx.Patch{CartID: set("cart-main")})
	base := update(t, r, by("s1"), sessionctx.Patch{Site: set("ch")})
	assert.Equal(t, "ch ", base.Site+" "+base.CartID)
	s := update(t, r, by("s1"), sessionctx.Patch{CartID: set("cart-ch")})
	assert.Equal(t, "ch cart-ch", s.Site+" "+s.CartID)
	s = update(t, r, by("s1"), sessionctx.Patch{Site: set("us"), CartID: set("cart-us")})
	assert.Equal(t, "us cart-us", s.Site+" "+s.CartID, "a patch with both sets the cart of the new site")
	for site, cart := range map[string]string{"main": "cart-main", "ch": "cart-ch", "us": "cart-us"} {
		assert.Equal(t, cart, update(t, r, by("s1"), sessionctx.Patch{Site: set(site)}).CartID)
		req := by("s1")
		req.Site = site
		assert.Equal(t, cart, resolve(t, r, req).CartID)
	}
	for site, conflict := range map[string]bool{"main": false, "ch": true, "us": true} { // what has changed since base
		req := by("s1")
		req.Site = site
		_, err := r.Preview(t.Context(), req, sessionctx.Patch{Base: new(base.Revision()), CartID: set("other")})
		assert.Equal(t, conflict, errors.Is(err, sessionctx.ErrConflict), site)
	}
	s = update(t, r, by("s1"), sessionctx.Patch{Site: set("main"), CartID: sessionctx.Clear()})
	assert.Empty(t, s.CartID)
	assert.Equal(t, "cart-ch", update(t, r, by("s1"), sessionctx.Patch{Site: set("ch")}).CartID, "another site's cart stays")
}
