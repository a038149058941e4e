package defaults

// Source says why a value is what it is. The zero Source is none, and its text is empty.
type Source uint8

// The sources. The comment of each is its text.
const (
	SourceChoice            Source = iota + 1 // "choice"
	SourceRequestSite                         // "request.site"
	SourcePreferredSite                       // "customer.preferredSite"
	SourceDefaultSite                         // "site.default"
	SourcePreferredCurrency                   // "customer.preferredCurrency"
	SourceSiteCurrency                        // "site.currency"
	SourceShippingAddress                     // "customer.shippingAddress"
	SourceBillingAddress                      // "customer.billingAddress"
	SourceGeo                                 // "request.geo"
	SourceHomeBase                            // "site.homeBase"
	SourcePreferredLanguage                   // "customer.preferredLanguage"
	SourceAcceptLanguage                      // "request.acceptLanguage"
	SourceSiteLanguage                        // "site.defaultLanguage"
	SourceRequestLanguage                     // "request.language"
)

var sourceNames = []string{
	SourceChoice:            "choice",
	SourceRequestSite:       "request.site",
	SourcePreferredSite:     "customer.preferredSite",
	SourceDefaultSite:       "site.default",
	SourcePreferredCurrency: "customer.preferredCurrency",
	SourceSiteCurrency:      "site.currency",
	SourceShippingAddress:   "customer.shippingAddress",
	SourceBillingAddress:    "customer.billingAddress",
	SourceGeo:               "request.geo",
	SourceHomeBase:          "site.homeBase",
	SourcePreferredLanguage: "customer.preferredLanguage",
	SourceAcceptLanguage:    "request.acceptLanguage",
	SourceSiteLanguage:      "site.defaultLanguage",
	SourceRequestLanguage:   "request.language",
}

// stored reports whether the value is a currency, a language or an address of the customer's
// profile. judge reads such a value generously. A preferred site is not among them: siteOf reads
// it.
func (s Source) stored() bool {
	switch s {
	case SourcePreferredCurrency, SourceShippingAddress, SourceBillingAddress, SourcePreferredLanguage:
		return true
	}
	return false
}

// String returns the source as the wire and the logs show it, such as "customer.preferredCurrency".
// The zero Source is "".
func (s Source) String() string { return nameOf("Source", sourceNames, uint8(s)) }

// MarshalText returns what String returns, and an error for a value that is no source.
func (s Source) MarshalText() ([]byte, error) { return textOf("Source", sourceNames, uint8(s)) }

// UnmarshalText reads what MarshalText wrote. Any other text is an error and leaves s alone.
func (s *Source) UnmarshalText(text []byte) error {
	i, err := parseName("Source", sourceNames, text)
	if err == nil {
		*s = Source(i)
	}
	return err
}
