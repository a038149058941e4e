package sessionctx

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// In the tables below a record is at version 9, and show tells what it has: "main=m1@4" is the cart
// m1 at the site main, which version 4 has set.

func cart(site, id string, changed int64) store.Cart {
	return store.Cart{Site: site, ID: id, Changed: changed}
}

func attribute(name, value string, changed int64) store.Attribute {
	return store.Attribute{Name: name, Value: json.RawMessage(value), Changed: changed}
}

// values returns the attributes of a patch, from names and values in turn.
func values(pairs ...string) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage)
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return m
}

// show returns the part of a record that the edits change.
func show(rec *store.Record) string {
	var all []string
	add := func(name, value string, changed int64) {
		if value != "" || changed != 0 {
			all = append(all, fmt.Sprintf("%s%s@%d", name, value, changed))
		}
	}
	for f, value := range [...]string{rec.Choices.Site, rec.Choices.Currency, rec.Choices.Country, rec.Choices.Language} {
		add(defaults.Field(f).String()+"=", value, rec.Changed[f])
	}
	for _, c := range rec.Carts {
		add(c.Site+"=", c.ID+c.Country+c.Currency, c.Changed)
	}
	add("cart removed", "", rec.RemovedCarts)
	for _, a := range rec.Attributes {
		add(a.Name+"=", string(a.Value), a.Changed)
	}
	add("attribute removed", "", rec.RemovedAttributes)
	add("login", "", rec.Login)
	return strings.Join(all, " ")
}

// edited returns what edit makes of a copy of old. The slices of old have room behind their end, as
// those of a record may have. The test fails if edit has changed anything that they refer to.
func edited(t *testing.T, old store.Record, edit func(next *store.Record)) store.Record {
	t.Helper()
	old.Carts = append(slices.Clone(old.Carts), cart("~", "room", 1))[:len(old.Carts)]
	old.Attributes = append(slices.Clone(old.Attributes), attribute("~", "0", 1))[:len(old.Attributes)]
	all := func() string {
		return fmt.Sprint(old.Carts[:cap(old.Carts)], old.Attributes[:cap(old.Attributes)])
	}
	before, next := all(), old
	edit(&next)
	assert.Equal(t, before, all(), "the old record")
	return next
}

// writing is the time of a write, and written what a record has of it.
var (
	writing = time.Date(2026, 3, 1, 12, 0, 0, 1_999_999, time.FixedZone("CET", 3600))
	written = time.Date(2026, 3, 1, 11, 0, 0, 1_000_000, time.UTC)
)

func TestNewRecord_BeginsAtARandomVersion(t *testing.T) {
	firsts, incarnations := make(map[int64]bool), make(map[uint64]bool)
	for range 100 {
		rec := newRecord("demoshop", true, writing)
		firsts[rec.First], incarnations[rec.Incarnation] = true, true
		assert.True(t, rec.First >= 1 && rec.First < 1<<30, rec.First)
		assert.NotZero(t, rec.Incarnation)
		assert.Equal(t, store.Record{
			Tenant: "demoshop", Secret: true, Incarnation: rec.Incarnation,
			First: rec.First, Version: rec.First - 1, CreatedAt: written,
		}, rec, "nextVersion makes it the first version")
	}
	assert.Greater(t, len(firsts), 1)
	assert.Greater(t, len(incarnations), 1)
}

func TestNextVersion_IsOneHigherUpToTheHighest(t *testing.T) {
	rec := store.Record{First: 1, Version: math.MaxInt64 - 1, CreatedAt: written.Add(-time.Hour)}
	want := rec
	want.Version, want.ModifiedAt = math.MaxInt64, written
	assert.NoError(t, nextVersion(&rec, writing))
	assert.Equal(t, want, rec)
	assert.ErrorIs(t, nextVersion(&rec, writing.Add(time.Hour)), ErrUnavailable)
	assert.Equal(t, want, rec, "no version follows")
}

func TestSetChoices_ChangesTheFieldsThatThePatchTouches(t *testing.T) {
	old := store.Record{Version: 9, Choices: defaults.Choices{Site: "ch", Currency: "CHF"}, Changed: [store.NumChanged]int64{3, 4}}
	for _, tc := range []struct {
		desc  string
		patch Patch
		want  string
		sent  [defaults.NumFields]bool
	}{
		{"a patch without a field changes none", Patch{CartID: Set("c"), Attributes: values("a", "1")}, "site=ch@3 currency=CHF@4", [4]bool{}},
		{"the same value is a change", Patch{Currency: Set("CHF")}, "site=ch@3 currency=CHF@9", [4]bool{1: true}},
		{"a field that is cleared has changed", Patch{Site: Clear()}, "site=@9 currency=CHF@4", [4]bool{0: true}},
		{"a cleared field that had no choice has changed, too", Patch{Language: Clear()}, "site=ch@3 currency=CHF@4 language=@9", [4]bool{3: true}},
		{"two fields", Patch{Country: Set("US"), Language: Set("es")}, "site=ch@3 currency=CHF@4 country=US@9 language=es@9", [4]bool{2: true, 3: true}},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			rec := edited(t, old, func(next *store.Record) { assert.Equal(t, tc.sent, setChoices(next, &tc.patch)) })
			assert.Equal(t, tc.want, show(&rec))
		})
	}
}

func TestSetCart_ChangesTheCartOfOneSite(t *testing.T) {
	carts := []store.Cart{cart("ch", "c1", 3), cart("main", "m1", 4), cart("us", "u1", 2)}
	carts[0].Country, carts[0].Currency = "+LI", "+CHF"
	for _, tc := range []struct {
		desc     string
		carts    []store.Cart
		site, id string
		want     string
	}{
		{"a site that had no cart: carts are sorted by site", carts, "de", "d1", "ch=c1+LI+CHF@3 de=d1@9 main=m1@4 us=u1@2 cart removed@5"},
		{"a new cart lacks what was stated with the old one", carts, "ch", "c2", "ch=c2@9 main=m1@4 us=u1@2 cart removed@5"},
		{"the same cart again is a change", carts, "main", "m1", "ch=c1+LI+CHF@3 main=m1@9 us=u1@2 cart removed@5"},
		{"an empty id removes the cart", carts, "main", "", "ch=c1+LI+CHF@3 us=u1@2 cart removed@9"},
		{"an empty id where there is no cart is a removal, too", carts, "de", "", "ch=c1+LI+CHF@3 main=m1@4 us=u1@2 cart removed@9"},
		{"the only cart is removed", carts[1:2], "main", "", "cart removed@9"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			old := store.Record{Version: 9, Carts: tc.carts, RemovedCarts: 5}
			rec := edited(t, old, func(next *store.Record) { setCart(next, tc.site, tc.id) })
			assert.Equal(t, tc.want, show(&rec))
		})
	}
}

func TestSetAttributes_MergesByName(t *testing.T) {
	had := []store.Attribute{attribute("a", "1", 3), attribute("c", "2", 4)}
	for _, tc := range []struct {
		desc    string
		patch   Patch
		want    string
		changed bool
	}{
		{"a patch without attributes changes none", Patch{Currency: Set("EUR")}, "a=1@3 c=2@4 attribute removed@5", false},
		{"a new name joins the others: attributes are sorted by name", Patch{Attributes: values("b", "7")}, "a=1@3 b=7@9 c=2@4 attribute removed@5", true},
		{"the same value is a change", Patch{Attributes: values("c", "2")}, "a=1@3 c=2@9 attribute removed@5", true},
		{"null removes, whatever blanks are around it", Patch{Attributes: values("a", " null\n")}, "c=2@4 attribute removed@9", true},
		{"removing what is absent changes nothing", Patch{Attributes: values("b", "null")}, "a=1@3 c=2@4 attribute removed@5", false},
		{"replace removes what the patch does not name", Patch{Attributes: values("c", "7"), ReplaceAttributes: true}, "c=7@9 attribute removed@9", true},
		{"null removes, also where the patch replaces", Patch{Attributes: values("c", "null"), ReplaceAttributes: true}, "attribute removed@9", true},
		{"replace by nothing removes all", Patch{ReplaceAttributes: true}, "attribute removed@9", true},
		{"replace of all that there is removes nothing", Patch{Attributes: values("a", "7", "c", "8"), ReplaceAttributes: true}, "a=7@9 c=8@9 attribute removed@5", true},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			old := store.Record{Version: 9, Attributes: had, RemovedAttributes: 5}
			rec := edited(t, old, func(next *store.Record) { assert.Equal(t, tc.changed, setAttributes(next, &tc.patch)) })
			for _, v := range tc.patch.Attributes {
				copy(v, "#") // the caller may change its bytes after the call
			}
			assert.Equal(t, tc.want, show(&rec))
		})
	}
}

func TestCopyChoices_CountAsMadeNow(t *testing.T) {
	rec := store.Record{Version: 9}
	copyChoices(&rec, defaults.Choices{Currency: "CHF", Language: "it"})
	assert.Equal(t, "currency=CHF@9 language=it@9", show(&rec), "a field without a choice has not changed")
}

func TestInherit_TakesWhatTheRecordLacks(t *testing.T) {
	const had = "currency=CHF@4 main=m1@4 b=1@3 login@2"
	old := store.Record{
		Version: 9, Login: 2, Choices: defaults.Choices{Currency: "CHF"}, Changed: [store.NumChanged]int64{1: 4},
		Carts: []store.Cart{cart("main", "m1", 4)}, Attributes: []store.Attribute{attribute("b", "1", 3)},
	}
	carts := []store.Cart{cart("ch", "c2", 6), cart("main", "m2", 6), cart("us", "u2", 6)}
	attributes := []store.Attribute{attribute("a", "2", 6), attribute("b", "2", 6), attribute("c", "2", 6)}
	for _, tc := range []struct {
		desc           string
		from           store.Record
		withAttributes bool
		want           string
	}{
		{"a guest's record without data gives nothing", store.Record{RemovedCarts: 6, RemovedAttributes: 6, Login: 6}, true, had},
		{"choices win, and the login is as new as they are", store.Record{Choices: defaults.Choices{Currency: "EUR", Country: "AT"}}, true, "currency=EUR@9 country=AT@9 main=m1@4 b=1@3 login@9"},
		{"carts come to sites that have none, and are no login", store.Record{Carts: carts}, true, "currency=CHF@4 ch=c2@9 main=m1@4 us=u2@9 b=1@3 login@2"},
		{"attributes come under new names, and are no login", store.Record{Attributes: attributes}, true, "currency=CHF@4 main=m1@4 a=2@9 b=1@3 c=2@9 login@2"},
		{"without attributes the rest comes", store.Record{Carts: carts, Attributes: attributes}, false, "currency=CHF@4 ch=c2@9 main=m1@4 us=u2@9 b=1@3 login@2"},
		{"without attributes nothing may be left", store.Record{Attributes: attributes}, false, had},
		{"what the record has already stays as it is", store.Record{Carts: carts[1:2], Attributes: attributes[1:2]}, true, had},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			edited(t, tc.from, func(from *store.Record) {
				rec := edited(t, old, func(next *store.Record) {
					assert.Equal(t, tc.want != had, inherit(next, from, tc.withAttributes), "it says whether the record has changed")
				})
				assert.Equal(t, tc.want, show(&rec))
			})
		})
	}
}

func TestWeakChoices_AreThoseUpToTheLogin(t *testing.T) {
	for _, tc := range []struct {
		desc          string
		preferProfile bool
		customerID    string // who asks
		want          string
	}{
		{"without PreferProfile none is weak", false, "C100", ""},
		{"a guest has no profile", true, "", ""},
		{"the choices of the login's version, and older ones", true, "C100", "site currency"},
		{"all, if the login of the customer who asks is not recorded", true, "C101", "site currency country language"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			rec := store.Record{Version: 9, Changed: [store.NumChanged]int64{4, 5, 6, 9}}
			assignCustomer(&rec, "C100", 77, 5)
			var weak []string
			for f, is := range weakChoices(tc.preferProfile, &rec, tc.customerID) {
				if is {
					weak = append(weak, defaults.Field(f).String())
				}
			}
			assert.Equal(t, tc.want, strings.Join(weak, " "))
		})
	}
}
