package sessionctx

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// on returns the revision of a version of incarnation 7.
func on(version int64) *Revision { return &Revision{Incarnation: 7, Version: version} }

func TestBaseOf_KnowsTheVersionsOfARecord(t *testing.T) {
	there := store.Record{Incarnation: 7, First: 10, Version: 20}
	for _, tc := range []struct {
		desc string
		rec  store.Record
		base Revision
		want int64
	}{
		{"no record: all that was ever set has changed since", there, Revision{}, 0},
		{"the first version", there, *on(10), 10},
		{"the present version", there, *on(20), 20},
		{"a version alone is of the present incarnation", there, Revision{Version: 15}, 15},
		{"a version before the first", there, *on(9), unknownBase},
		{"a version of the future", there, *on(21), unknownBase},
		{"a version alone, before the first", there, Revision{Version: 9}, unknownBase},
		{"another incarnation", there, Revision{Incarnation: 8, Version: 15}, unknownBase},
		{"no record, and there is none", store.Record{}, Revision{}, 0},
		{"an incarnation without a version", store.Record{}, Revision{Incarnation: 7}, unknownBase},
		{"a version alone of a record that is gone", store.Record{}, Revision{Version: 15}, unknownBase},
		{"a version that cannot be", store.Record{}, Revision{Version: -5}, unknownBase},
	} {
		t.Run(tc.desc, func(t *testing.T) { assert.Equal(t, tc.want, baseOf(tc.base, &tc.rec)) })
	}
}

func TestConflicts_NameWhatHasChangedSinceTheBase(t *testing.T) {
	// Site and language were never set.
	rec := store.Record{
		Incarnation: 7, First: 10, Version: 20, Changed: [store.NumChanged]int64{1: 12, 2: 15},
		Attributes: []store.Attribute{attribute("a", "1", 13)}, Carts: []store.Cart{cart("ch", "c1", 19)},
	}
	fr, gbp, at, a := Set("fr"), Set("GBP"), Set("AT"), values("a", "2")
	for _, tc := range []struct {
		desc  string
		patch Patch
		want  string // the fields; empty: no conflict
	}{
		{"without a base nothing conflicts", Patch{Currency: gbp, Country: at, Attributes: a}, ""},
		{"on the present version nothing conflicts", Patch{Base: on(20), Currency: gbp, Country: at, Attributes: a, ReplaceAttributes: true}, ""},
		{"the base has the change", Patch{Base: on(12), Currency: gbp}, ""},
		{"the change came after the base", Patch{Base: on(11), Currency: gbp}, "currency"},
		{"a clear conflicts like a value", Patch{Base: on(11), Currency: Clear()}, "currency"},
		{"a change of a field that the patch leaves alone", Patch{Base: on(11), Language: fr}, ""},
		{"one of two fields has changed", Patch{Base: on(12), Currency: gbp, Country: at}, "country"},
		{"all are named, in the order of the fields", Patch{Base: on(10), Attributes: a, Language: fr, Country: at, Currency: gbp}, "currency country attributes"},
		{"an attribute has changed", Patch{Base: on(12), Attributes: a}, "attributes"},
		{"the cart is left to cartConflicts, which knows its site", Patch{Base: on(18), CartID: Set("c2")}, ""},
		{"the base was no record: what has been set conflicts", Patch{Base: new(Revision), Language: fr, Currency: gbp}, "currency"},
		{"the base was no record: what was never set does not", Patch{Base: new(Revision), Language: fr, Attributes: values("b", "1")}, ""},
		{"an unknown base: each field of the patch, set before or not", Patch{Base: on(9), Language: fr, Currency: gbp}, "currency language"},
		{"an unknown base: attributes that are there or not", Patch{Base: on(9), Attributes: values("b", "1")}, "attributes"},
		{"an unknown base: the cart, at whatever site", Patch{Base: on(9), Site: Set("us"), CartID: Set("c2")}, "site cart"},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			fields, found := tc.patch.conflicts(&rec)
			assert.Equal(t, tc.want, strings.Join(fields, " "))
			assert.Equal(t, tc.want != "", found)
		})
	}
	_, found := (&Patch{Base: on(9), Upsert: true}).conflicts(&rec)
	assert.True(t, found, "an unknown base conflicts even if the patch touches nothing")
}

func TestAttributesConflict_ComparesWhatThePatchTouches(t *testing.T) {
	// The base is version 15.
	a, b := attribute("a", "1", 15), attribute("b", "1", 16)
	for _, tc := range []struct {
		desc       string
		attributes []store.Attribute
		removed    int64 // version of the last removal
		patch      Patch
		want       bool
	}{
		{"the attribute has not changed since", []store.Attribute{a}, 0, Patch{Attributes: values("a", "2")}, false},
		{"one of two has changed since", []store.Attribute{a, b}, 0, Patch{Attributes: values("a", "2", "b", "2")}, true},
		{"a removal touches the attribute", []store.Attribute{a, b}, 0, Patch{Attributes: values("b", "null")}, true},
		{"another one has changed since", []store.Attribute{a, b}, 0, Patch{Attributes: values("a", "2")}, false},
		{"another one was removed since", []store.Attribute{a}, 16, Patch{Attributes: values("a", "2")}, false},
		{"the attribute is not there, and may be what was removed since", []store.Attribute{a}, 16, Patch{Attributes: values("b", "2")}, true},
		{"the attribute is not there, and nothing was removed since", []store.Attribute{a}, 15, Patch{Attributes: values("b", "2")}, false},
		{"replace touches those that it does not name", []store.Attribute{a, b}, 0, Patch{Attributes: values("a", "2"), ReplaceAttributes: true}, true},
		{"replace touches those that are gone", []store.Attribute{a}, 16, Patch{Attributes: values("a", "2"), ReplaceAttributes: true}, true},
		{"replace, and nothing has changed since", []store.Attribute{a}, 15, Patch{Attributes: values("a", "2"), ReplaceAttributes: true}, false},
		{"no attribute is touched", []store.Attribute{a, b}, 16, Patch{Currency: Set("EUR")}, false},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			rec := store.Record{Attributes: tc.attributes, RemovedAttributes: tc.removed}
			assert.Equal(t, tc.want, tc.patch.attributesConflict(&rec, 15))
		})
	}
}

func TestCartConflicts_ComparesTheCartOfTheSite(t *testing.T) {
	carts := []store.Cart{cart("ch", "c1", 15), cart("us", "u1", 16)}
	for _, tc := range []struct {
		desc    string
		base    *Revision
		site    string
		removed int64 // version of the last removal
		want    bool
	}{
		{"without a base nothing conflicts", nil, "us", 16, false},
		{"the cart has not changed since, another site's has", on(15), "ch", 0, false},
		{"the cart has changed since", on(15), "us", 0, true},
		{"the cart is there: it was not removed", on(15), "ch", 16, false},
		{"the site has no cart, and its cart may be what was removed since", on(15), "main", 16, true},
		{"the site has no cart, and none was removed since", on(15), "main", 15, false},
		{"the base was no record, and the site has a cart now", new(Revision), "ch", 0, true},
		{"an unknown base: nobody knows what the cart was", on(9), "main", 0, true},
	} {
		t.Run(tc.desc, func(t *testing.T) {
			rec := store.Record{Incarnation: 7, First: 10, Version: 20, Carts: carts, RemovedCarts: tc.removed}
			assert.Equal(t, tc.want, (&Patch{Base: tc.base, CartID: Set("c2")}).cartConflicts(&rec, tc.site))
		})
	}
}
