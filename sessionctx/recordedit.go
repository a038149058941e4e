package sessionctx

import (
	"bytes"
	crand "crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx/store"
)

// The edits of a record. They are pure but for what is random, and never change what a slice of the
// old record refers to.

// newSecretID returns 256 random bits as 43 characters that need no quoting in a cookie.
func newSecretID() string {
	var b [32]byte
	_, _ = crand.Read(b[:]) // never fails, says crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func randomNonZero() uint64 {
	for {
		if x := rand.Uint64(); x != 0 {
			return x
		}
	}
}

// newRecord returns a record without a version: nextVersion makes it the first one. Versions begin
// at a random number, so that an earlier incarnation under the same id rarely had the same version.
func newRecord(tenant string, secret bool, now time.Time) store.Record {
	first := 1 + rand.Int64N(1<<30-1)
	return store.Record{
		Tenant: tenant, Secret: secret, Incarnation: randomNonZero(),
		First: first, Version: first - 1, CreatedAt: wholeMilliseconds(now),
	}
}

// nextVersion makes rec the next version of itself.
func nextVersion(rec *store.Record, now time.Time) error {
	if rec.Version == math.MaxInt64 {
		return fmt.Errorf("%w: the record has no more versions", ErrUnavailable)
	}
	rec.Version++
	rec.ModifiedAt = wholeMilliseconds(now)
	return nil
}

func wholeMilliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// assignCustomer makes rec the session of a customer who has logged in at a version.
func assignCustomer(rec *store.Record, customerID string, generation, login int64) {
	rec.CustomerID, rec.Generation, rec.Login = customerID, generation, login
}

// copyChoices gives choices to a new record.
func copyChoices(rec *store.Record, choices defaults.Choices) {
	rec.Choices = choices
	for f := range defaults.NumFields {
		if *choice(&choices, defaults.Field(f)) != "" {
			rec.Changed[f] = rec.Version
		}
	}
}

// inherit gives rec, which is a next version, what another session of the same shopper has: its
// choices, which count as made before this login; its carts at sites where rec has none; and the
// attributes that rec lacks. It reports whether rec has changed.
func inherit(rec, from *store.Record, withAttributes bool) (changed bool) {
	choices := from.Choices
	for f := range defaults.NumFields {
		if c := *choice(&choices, defaults.Field(f)); c != "" {
			*choice(&rec.Choices, defaults.Field(f)) = c
			rec.Changed[f], rec.Login, changed = rec.Version, rec.Version, true
		}
	}
	for _, c := range from.Carts {
		if i, taken := findCart(rec.Carts, c.Site); !taken {
			c.Changed, changed = rec.Version, true
			rec.Carts = slices.Insert(slices.Clone(rec.Carts), i, c)
		}
	}
	for _, a := range from.Attributes {
		if i, taken := findAttribute(rec.Attributes, a.Name); withAttributes && !taken {
			a.Changed, changed = rec.Version, true
			rec.Attributes = slices.Insert(slices.Clone(rec.Attributes), i, a)
		}
	}
	return changed
}

// choice returns a pointer to the choice of a field.
func choice(c *defaults.Choices, f defaults.Field) *string {
	return [...]*string{&c.Site, &c.Currency, &c.Country, &c.Language}[f]
}

// setChoices sets the four fields that p touches, and reports which.
func setChoices(rec *store.Record, p *Patch) (sent [defaults.NumFields]bool) {
	for f, c := range p.fields() {
		if c.set {
			sent[f] = true
			*choice(&rec.Choices, defaults.Field(f)) = strings.Clone(c.value)
			rec.Changed[f] = rec.Version
		}
	}
	return sent
}

// setCart sets the cart of a site, or removes it if id is empty.
func setCart(rec *store.Record, site, id string) {
	i, found := findCart(rec.Carts, site)
	carts := slices.Clone(rec.Carts)
	switch {
	case id == "":
		if found {
			carts = slices.Delete(carts, i, i+1)
		}
		rec.RemovedCarts = rec.Version
	case found:
		carts[i] = store.Cart{Site: site, ID: strings.Clone(id), Changed: rec.Version}
	default:
		carts = slices.Insert(carts, i, store.Cart{Site: strings.Clone(site), ID: strings.Clone(id), Changed: rec.Version})
	}
	rec.Carts = carts
}

func findCart(carts []store.Cart, site string) (int, bool) {
	return slices.BinarySearchFunc(carts, site, func(c store.Cart, site string) int { return strings.Compare(c.Site, site) })
}

// setAttributes merges the attributes of p, and reports whether any was set or removed.
func setAttributes(rec *store.Record, p *Patch) (changed bool) {
	if !p.touchesAttributes() {
		return false
	}
	var merged []store.Attribute
	for _, a := range rec.Attributes {
		v, named := p.Attributes[a.Name]
		switch {
		case named && removes(v), !named && p.ReplaceAttributes:
			rec.RemovedAttributes, changed = rec.Version, true
		case !named:
			merged = append(merged, a)
		}
	}
	for name, v := range p.Attributes {
		if !removes(v) {
			merged = append(merged, store.Attribute{Name: strings.Clone(name), Value: json.RawMessage(bytes.Clone(v)), Changed: rec.Version})
			changed = true
		}
	}
	slices.SortFunc(merged, func(a, b store.Attribute) int { return strings.Compare(a.Name, b.Name) })
	rec.Attributes = merged
	return changed
}

func findAttribute(attributes []store.Attribute, name string) (int, bool) {
	return slices.BinarySearchFunc(attributes, name, func(a store.Attribute, name string) int { return strings.Compare(a.Name, name) })
}
