package defaults

// Input is all that a resolution depends on, besides the sites.
type Input struct {
	// RequestSite is the site that the server derived from host or path by a mapping of its own, or empty. It
	// outranks the shopper's choice, so it must never be what a client merely sent.
	RequestSite string
	// Choices are what the shopper set, in the spelling in which it was stored.
	Choices Choices
	// Weak marks choices that rank below the profile.
	Weak    [NumFields]bool
	HasCart bool
	// Customer is nil for an anonymous shopper and for a customer of whom nothing is known. It is only read.
	Customer *Customer
	// Hints are what the request suggests. The zero Hints suggest nothing.
	Hints Hints
}

// Choices are the values that a shopper set explicitly. An empty string is no choice.
type Choices struct {
	Site, Currency, Country, Language string
}

// of returns the choice for a field.
func (c *Choices) of(f Field) *string {
	return [NumFields]*string{&c.Site, &c.Currency, &c.Country, &c.Language}[f]
}

// Hints are what a single request suggests. They are untrusted, decide only where neither the shopper nor
// the customer's profile does, and are never persisted.
type Hints struct {
	// Country is where the shopper seems to be, ISO 3166-1 alpha-2, as a CDN's country header says.
	Country string
	// AcceptLanguage is the value of the request's Accept-Language header (RFC 9110 section 12.5.4). Its first 256 bytes and 16
	// languages are read, tag by tag: one that is malformed or unknown does not spoil the others. The languages are tried by
	// descending weight, those of equal weight in order; "*" and languages of weight 0 suggest nothing, and a language
	// of the site that is named with weight 0 is not taken for another one.
	AcceptLanguage string
}
