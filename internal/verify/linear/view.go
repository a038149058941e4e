package linear

import (
	"fmt"

	"github.com/sessionctx/storefront/defaults"
	"github.com/sessionctx/storefront/sessionctx"
)

// attributeNames are all the attributes that shoppers set.
var attributeNames = [...]string{"a", "b"}

// view is what a client sees of a session.
type view struct {
	ID, Customer                  string
	Currency, Country, Language   string
	CurrencySource, CountrySource defaults.Source
	Cart                          string
	Attributes                    [len(attributeNames)]string
	Version                       int64
	Incarnation                   uint64
	Created, Modified             int64
	Wrong                         string // what no session of this shop can show
}

func viewOf(tenant string, s sessionctx.Session) view {
	v := view{
		ID: s.ID, Customer: s.CustomerID, Currency: s.Currency, Country: s.Country, Language: s.Language,
		CurrencySource: s.Source(defaults.FieldCurrency), CountrySource: s.Source(defaults.FieldCountry),
		Cart: s.CartID, Version: s.Version, Incarnation: s.Revision().Incarnation,
	}
	if !s.CreatedAt.IsZero() {
		v.Created, v.Modified = s.CreatedAt.UnixMilli(), s.ModifiedAt.UnixMilli()
	}
	n := 0
	for name, value := range s.Attributes() {
		n++
		for i, known := range attributeNames {
			if name == known {
				v.Attributes[i] = string(value)
				n--
			}
		}
	}
	if s.Tenant != tenant || s.Degraded || s.Site != "main" || n != 0 {
		v.Wrong = fmt.Sprintf("tenant %q, site %q, degraded %v, %d foreign attributes", s.Tenant, s.Site, s.Degraded, n)
	}
	return v
}

// bounds are the versions of each topic of the directory that an answer may show.
type bounds [numTopics]struct{ lo, hi int }

// shows reports whether v is the session of rec, under the id and for the customer, within b.
func (v *view) shows(rec *record, id string, customer int, b bounds) bool {
	if v.Wrong != "" || v.ID != id || v.Customer != customers[customer] {
		return false
	}
	if v.Cart != rec.cart || v.Version != rec.version || v.Incarnation != rec.incarnation || v.Created != rec.created || v.Modified != rec.modified {
		return false
	}
	for i, a := range rec.attributes {
		if v.Attributes[i] != a.value {
			return false
		}
	}
	return v.resolves(rec, customer, b)
}

// resolves reports whether the values of v are those of rec's choices, the customer's profile and
// the sites.
func (v *view) resolves(rec *record, customer int, b bounds) bool {
	site := -1
	for i, l := range siteLanguages {
		if l == v.Language {
			site = i
		}
	}
	if site < b[0].lo || site > b[0].hi {
		return false
	}
	country, countrySource := siteCountries[site], defaults.SourceHomeBase
	if rec.country != "" {
		country, countrySource = rec.country, defaults.SourceChoice
	}
	if v.Country != country || v.CountrySource != countrySource {
		return false
	}
	switch {
	case rec.currency != "":
		return v.Currency == rec.currency && v.CurrencySource == defaults.SourceChoice
	case customer == 0:
		return v.Currency == siteCurrency && v.CurrencySource == defaults.SourceSiteCurrency
	}
	for _, c := range profileCurrencies[b[customer].lo : b[customer].hi+1] {
		if v.Currency == c {
			return v.CurrencySource == defaults.SourcePreferredCurrency
		}
	}
	return false
}
