package memstore

import (
	"bytes"
	"strings"
	"unique"

	"github.com/sessionctx/storefront/sessionctx/store"
)

// cloneKey returns the key with its texts copied: they may be parts of something much larger.
func cloneKey(key store.Key) store.Key {
	return store.Key{Tenant: unique.Make(key.Tenant).Value(), Kind: key.Kind, ID: strings.Clone(key.ID)}
}

// cloneRecord returns the record with everything copied that it refers to. Its times lose their
// monotonic reading: that clock stands still while the machine is suspended, and does not follow
// the wall clock.
func cloneRecord(rec store.Record) store.Record {
	rec.CreatedAt, rec.ModifiedAt, rec.ExpiresAt = rec.CreatedAt.Round(0), rec.ModifiedAt.Round(0), rec.ExpiresAt.Round(0)
	rec.Tenant = unique.Make(rec.Tenant).Value()
	for _, text := range [...]*string{
		&rec.CustomerID, &rec.Company, &rec.Choices.Site, &rec.Choices.Currency, &rec.Choices.Country, &rec.Choices.Language,
	} {
		*text = strings.Clone(*text)
	}
	rec.Heir, rec.Unknown = bytes.Clone(rec.Heir), bytes.Clone(rec.Unknown)
	if rec.Carts != nil {
		carts := make([]store.Cart, len(rec.Carts))
		for i, c := range rec.Carts {
			carts[i] = store.Cart{
				Site: strings.Clone(c.Site), ID: strings.Clone(c.ID),
				Country: strings.Clone(c.Country), Currency: strings.Clone(c.Currency), Changed: c.Changed,
			}
		}
		rec.Carts = carts
	}
	if rec.Dimensions != nil {
		dimensions := make([]store.Dimension, len(rec.Dimensions))
		for i, d := range rec.Dimensions {
			dimensions[i] = store.Dimension{Name: strings.Clone(d.Name), Value: strings.Clone(d.Value), Changed: d.Changed}
		}
		rec.Dimensions = dimensions
	}
	if rec.Attributes != nil {
		attrs := make([]store.Attribute, len(rec.Attributes))
		for i, a := range rec.Attributes {
			attrs[i] = store.Attribute{Name: strings.Clone(a.Name), Value: bytes.Clone(a.Value), Changed: a.Changed}
		}
		rec.Attributes = attrs
	}
	return rec
}
